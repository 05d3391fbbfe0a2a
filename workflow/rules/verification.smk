# Proxies of the candidates and the baselines: the best measured one is chosen.
CANDIDATES = (["trex", "best_draw"] if "trex" in STRATEGIES else []) + ["matched"]
CANDIDATES += [strategy for strategy in STRATEGIES if strategy != "trex"]
CANDIDATES += ["best_proxy"] if "adaptive" in STRATEGIES else []
MIXTURES = CANDIDATES + list(config["baselines"])


rule train_candidate:
    input:
        word_index=INDEX,
        candidates=RESULTS / "search/candidates.parquet",
    output:
        compression=RESULTS / "verification/proxies/{name}.parquet",
        ledger=RESULTS / "verification/proxies/{name}.ledger.parquet",
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
        corpora=CORPORA,
        objective=OBJECTIVE,
    message:
        "Choosing the best measured mixture"
    script:
        "../scripts/verify_candidates.py"
