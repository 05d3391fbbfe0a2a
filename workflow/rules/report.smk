# The pages that people read, summary.md first, and the figures. `snakemake --report` collects both in one file.
FIGURES = [
    "mixture_bars",
    "sampled_support",
    "predicted_measured",
    "pareto_front",
    "learning_curve",
    "nsl_by_corpus",
    "nsl_by_vocabulary",
    "full_scale_gains",
    "full_scale_nsl",
    *(["rank_invariance"] if GRID_BATCHES else []),
]
# all files that the pages and figures are made from; `trex.report.results` reads them from the results folder by name
REPORTED = {
    "candidates": RESULTS / "search/candidates.parquet",
    "notes": RESULTS / "search/notes.json",
    "tables": RESULTS / "search/tables.json",
    "pareto": RESULTS / "search/pareto.parquet",
    "metrics": RESULTS / "regression/metrics.parquet",
    "corpus_metrics": RESULTS / "regression/corpus_metrics.parquet",
    "learning_curve": RESULTS / "regression/learning_curve.parquet",
    "vocabulary": RESULTS / "regression/vocabulary.parquet",
    "predictions": RESULTS / "regression/predictions.parquet",
    "mixtures": RESULTS / "mixtures.parquet",
    "training_ledger": RESULTS / "training_ledger.parquet",
    "compression": RESULTS / "verification/compression.parquet",
    "ledger": RESULTS / "verification/ledger.parquet",
    "choice": RESULTS / "verification/choice.json",
    "validation": RESULTS / "validation/validation.parquet",
    "scripts": RESULTS / "validation/scripts.parquet",
    "ranks": [RESULTS / "validation/ranks.parquet"] if GRID_BATCHES else [],
    "full_scale_ledgers": expand(
        RESULTS / "tokenizers/{name}/ledger.parquet", name=FULL_SCALE
    ),
    "inference": INFERRED,
    "counts": expand(RESULTS / "counts/{corpus}/ledger.parquet", corpus=CORPORA),
    "evaluation_ledgers": expand(
        RESULTS / "evaluation/{at[0]}/{at[1]}.ledger.parquet", at=EVALUATION
    ),
}


rule plot_figures:
    input:
        **REPORTED,
    output:
        **{
            name: report(
                RESULTS / f"figures/{name}.svg",
                caption=f"../report/{name}.rst",
                category="Figures",
                labels={"figure": name.replace("_", " ")},
            )
            for name in FIGURES
        },
    log:
        LOGS / "plot_figures.log",
    benchmark:
        BENCHMARKS / "plot_figures.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1300, 10.0),
        runtime=minutes(10),
    params:
        code=code_of("plot_figures"),
        config=lambda wildcards: config,
    message:
        "Drawing the figures"
    script:
        "../scripts/plot_figures.py"


rule write_summary:
    input:
        **REPORTED,
    output:
        summary=report(
            RESULTS / "summary.md",
            caption="../report/summary.rst",
            category="Summary",
            labels={"figure": "summary"},
        ),
        details=report(
            RESULTS / "details.md",
            caption="../report/details.rst",
            category="Summary",
            labels={"figure": "details of the search"},
        ),
        validation=report(
            RESULTS / "validation.md",
            caption="../report/validation.rst",
            category="Summary",
            labels={"figure": "the full-scale tokenizers"},
        ),
        costs=report(
            RESULTS / "costs.md",
            caption="../report/costs.rst",
            category="Summary",
            labels={"figure": "what the searches cost"},
        ),
        candidates=report(
            RESULTS / "candidates.csv",
            caption="../report/candidates.rst",
            category="Summary",
            labels={"figure": "candidates and baselines"},
        ),
    log:
        LOGS / "write_summary.log",
    benchmark:
        BENCHMARKS / "write_summary.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(800, 10.0),
        runtime=minutes(10),
    params:
        code=code_of("write_summary"),
        config=lambda wildcards: config,
    message:
        "Writing the summary"
    script:
        "../scripts/write_summary.py"
