# Candidates of every strategy, and the baselines that they must beat.


rule search_mixture:
    input:
        word_index=INDEX,
        models=RESULTS / "regression/models.json",
        ledger=RESULTS / "training_ledger.parquet",
    output:
        candidates=RESULTS / "search/candidates.parquet",
        notes=RESULTS / "search/notes.json",
    log:
        LOGS / "search_mixture.log",
    benchmark:
        BENCHMARKS / "search_mixture.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=2000,
        runtime=minutes(10 + config["search"]["draws"] // 1_000_000),
    params:
        code=code_of("search_mixture"),
        seed=config["seed"],
        corpora=CORPORA,
        objective=OBJECTIVE,
        sampling=SAMPLING,
        search=config["search"],
        baselines=config["baselines"],
    message:
        "Searching the mixture space with {params.search[draws]} draws"
    script:
        "../scripts/search_mixture.py"
