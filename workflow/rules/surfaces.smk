# From mixture to objective: surfaces fitted on the proxies, cross-validated by mixture.
from trex.search.registry import STRATEGIES


rule fit_regression:
    input:
        training_set=FILES.training_set,
        ledger=FILES.training_ledger,
    output:
        models=FILES.models,
        metrics=FILES.regression("metrics"),
        corpus_metrics=FILES.regression("corpus_metrics"),
        learning_curve=FILES.regression("learning_curve"),
        vocabulary=FILES.regression("vocabulary"),
        predictions=FILES.regression("predictions"),
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
        paper=any(
            STRATEGIES[name].needs_paper for name in config["search"]["strategies"]
        ),
        folds=config["regression"]["folds"],
        vocab_grid=config["proxies"]["vocab_grid"],
    message:
        "Fitting and comparing the surfaces"
    script:
        "../scripts/fit_regression.py"
