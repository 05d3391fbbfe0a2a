# Proxies of the candidates and the baselines: the best measured one is chosen.
CANDIDATES = (["trex", "best_draw"] if "trex" in STRATEGIES else []) + ["matched"]
CANDIDATES += [strategy for strategy in STRATEGIES if strategy != "trex"]
CANDIDATES += ["best_proxy"] if "adaptive" in STRATEGIES else []
MIXTURES = CANDIDATES + list(config["baselines"])
# the text that the objective is measured on, by which the noise of its documents is estimated
MEASURED_ON = [
    (name, corpus)
    for name, corpus in EVALUATION
    if name in OBJECTIVE["evaluation_sets"]
]


rule train_candidate:
    input:
        word_index=INDEX,
        candidates=RESULTS / "search/candidates.parquet",
        documents=expand(
            RESULTS / "evaluation/{at[0]}/{at[1]}.documents.parquet", at=MEASURED_ON
        ),
    output:
        compression=RESULTS / "verification/proxies/{name}.parquet",
        ledger=RESULTS / "verification/proxies/{name}.ledger.parquet",
        documents=RESULTS / "verification/proxies/{name}.documents.parquet",
    log:
        LOGS / "train_candidate/{name}.log",
    benchmark:
        BENCHMARKS / "train_candidate/{name}.tsv"
    wildcard_constraints:
        name="|".join(MIXTURES),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(700, 1.5),
        runtime=minutes(10, 0.02),
    params:
        code=code_of("train_candidate"),
        corpora=CORPORA,
        replicates=config["verification"]["replicates"],
        n_bytes=config["proxies"]["bytes"],
        vocab_size=config["proxies"]["vocab_size"],
        vocab_grid=config["proxies"]["vocab_grid"],
        tokenizer=lambda wildcards: TOKENIZER,
        evaluation=MEASURED_ON,
    message:
        "Measuring candidate {wildcards.name}"
    script:
        "../scripts/train_candidate.py"


rule verify_candidates:
    input:
        candidates=RESULTS / "search/candidates.parquet",
        compression=expand(
            RESULTS / "verification/proxies/{name}.parquet", name=MIXTURES
        ),
        ledgers=expand(
            RESULTS / "verification/proxies/{name}.ledger.parquet", name=MIXTURES
        ),
        documents=expand(
            RESULTS / "verification/proxies/{name}.documents.parquet", name=MIXTURES
        ),
    output:
        compression=RESULTS / "verification/compression.parquet",
        ledger=RESULTS / "verification/ledger.parquet",
        choice=RESULTS / "verification/choice.json",
    log:
        LOGS / "verify_candidates.log",
    benchmark:
        BENCHMARKS / "verify_candidates.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(800, 10.0),
        runtime=minutes(5),
    params:
        code=code_of("verify_candidates"),
        seed=config["seed"],
        corpora=CORPORA,
        mixtures=MIXTURES,
        floors=config["search"]["floors"],
        ceilings=config["search"]["ceilings"],
        objective=OBJECTIVE,
    message:
        "Choosing the best measured mixture"
    script:
        "../scripts/verify_candidates.py"
