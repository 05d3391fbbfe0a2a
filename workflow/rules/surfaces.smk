# From mixture to objective: surfaces fitted on the proxies, cross-validated by mixture.
from trex.search.registry import STRATEGIES, described


rule fit_surfaces:
    input:
        training_set=FILES.training_set,
        ledger=FILES.training_ledger,
    output:
        models=FILES.models,
        other_sizes=FILES.models_of_other_sizes,
        metrics=FILES.surfaces("metrics"),
        corpus_metrics=FILES.surfaces("corpus_metrics"),
        learning_curve=FILES.surfaces("learning_curve"),
        vocabulary=FILES.surfaces("vocabulary"),
        predictions=FILES.surfaces("predictions"),
    log:
        LOGS / "fit_surfaces.log",
    benchmark:
        BENCHMARKS / "fit_surfaces.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 10.0),
        runtime=minutes(10),
    params:
        code=code_of("fit_surfaces"),
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
        "../scripts/fit_surfaces.py"
