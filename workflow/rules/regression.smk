# From mixture to objective: surfaces fitted on the proxies, cross-validated by mixture.
OBJECTIVE = {**config["objective"], "vocab_size": config["proxies"]["vocab_size"]}


rule fit_regression:
    input:
        training_set=RESULTS / "training_set.parquet",
        ledger=RESULTS / "training_ledger.parquet",
    output:
        models=RESULTS / "regression/models.json",
        metrics=RESULTS / "regression/metrics.parquet",
        corpus_metrics=RESULTS / "regression/corpus_metrics.parquet",
        learning_curve=RESULTS / "regression/learning_curve.parquet",
        vocabulary=RESULTS / "regression/vocabulary.parquet",
        predictions=RESULTS / "regression/predictions.parquet",
    log:
        LOGS / "fit_regression.log",
    benchmark:
        BENCHMARKS / "fit_regression.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 10.0),
        runtime=minutes(10),
    params:
        code=code_of("fit_regression"),
        seed=config["seed"],
        corpora=CORPORA,
        objective=OBJECTIVE,
        model=config["regression"]["model"],
        compare=config["regression"]["compare"],
        paper="trex" in config["search"]["strategies"],
        folds=config["regression"]["folds"],
        vocab_grid=config["proxies"]["vocab_grid"],
    message:
        "Fitting and comparing the surfaces"
    script:
        "../scripts/fit_regression.py"
