# Proxies of the candidates and the baselines: the best measured one is chosen.
MIXTURES = [name for search in SEARCHES for name in STRATEGIES[search].candidates]
MIXTURES += ["matched", *config["baselines"]]
# the text that the objective is measured on, by which the noise of its documents is estimated
MEASURED_ON = [
    (name, corpus)
    for name, corpus in EVALUATION
    if name in OBJECTIVE["evaluation_sets"]
]


rule train_candidate:
    input:
        word_index=INDEX,
        candidates=FILES.candidates,
        documents=[FILES.evaluation_documents(*at) for at in MEASURED_ON],
    output:
        compression=FILES.candidate_compression("{name}"),
        ledger=FILES.candidate_ledger("{name}"),
        documents=FILES.candidate_documents("{name}"),
    log:
        LOGS / "train_candidate/{name}.log",
    benchmark:
        BENCHMARKS / "train_candidate/{name}.tsv"
    wildcard_constraints:
        name=one_of(MIXTURES),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=training_megabytes(
            700, config["proxies"]["bytes"], config["proxies"]["vocab_grid"][-1]
        ),
        runtime=minutes(10, 0.02),
    params:
        code=code_of("train_candidate"),
        corpora=CORPORA,
        replicates=config["choice"]["replicates"],
        n_bytes=config["proxies"]["bytes"],
        vocab_grid=config["proxies"]["vocab_grid"],
        tokenizer=verbatim(TOKENIZER),
        evaluation=MEASURED_ON,
    message:
        "Measuring candidate {wildcards.name}"
    script:
        "../scripts/train_candidate.py"


rule choose_mixture:
    input:
        candidates=FILES.candidates,
        compression=[FILES.candidate_compression(name) for name in MIXTURES],
        ledgers=[FILES.candidate_ledger(name) for name in MIXTURES],
        documents=[FILES.candidate_documents(name) for name in MIXTURES],
    output:
        compression=FILES.choice_compression,
        ledger=FILES.choice_ledger,
        choice=FILES.choice,
    log:
        LOGS / "choose_mixture.log",
    benchmark:
        BENCHMARKS / "choose_mixture.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(800, 10.0),
        runtime=minutes(5),
    params:
        code=code_of("choose_mixture"),
        seed=config["seed"],
        corpora=CORPORA,
        mixtures=MIXTURES,
        floors=config["search"]["floors"],
        ceilings=config["search"]["ceilings"],
        objective=OBJECTIVE,
    message:
        "Choosing the best measured mixture"
    script:
        "../scripts/choose_mixture.py"
