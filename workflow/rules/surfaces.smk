# From mixture to objective: surfaces fitted on the proxies, cross-validated by mixture.
from trex.search.registry import STRATEGIES, described

REGRESSION = {key: config["regression"][key] for key in ("model", "compare", "folds")}


rule fit_surfaces:
    input:
        training_set=FILES.training_set,
        ledger=FILES.training_ledger,
    output:
        models=FILES.models,
        metrics=FILES.surfaces("metrics"),
        corpus_metrics=FILES.surfaces("corpus_metrics"),
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
        **REGRESSION,
        code=code_of("fit_surfaces"),
        seed=config["seed"],
        corpora=CORPORA,
        objective=OBJECTIVE,
        paper=any(
            STRATEGIES[name].needs_paper for name in config["search"]["strategies"]
        ),
    message:
        "Fitting and comparing the surfaces"
    script:
        "../scripts/fit_surfaces.py"


# For the pages: no search waits for it.
rule validate_surfaces:
    input:
        training_set=FILES.training_set,
        ledger=FILES.training_ledger,
        models=FILES.models,
    output:
        other_sizes=FILES.models_of_other_sizes,
        selected_metrics=FILES.surfaces("selected_metrics"),
        selected_predictions=FILES.surfaces("selected_predictions"),
        learning_curve=FILES.surfaces("learning_curve"),
        vocabulary=FILES.surfaces("vocabulary"),
    log:
        LOGS / "validate_surfaces.log",
    benchmark:
        BENCHMARKS / "validate_surfaces.tsv"
    priority: BEHIND
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 10.0),
        runtime=minutes(15),
    params:
        **REGRESSION,
        code=code_of("validate_surfaces"),
        seed=config["seed"],
        corpora=CORPORA,
        objective=OBJECTIVE,
        vocab_grid=config["proxies"]["vocab_grid"],
    message:
        "Validating how surfaces are selected, and fitting them at the other vocabulary sizes"
    script:
        "../scripts/validate_surfaces.py"
