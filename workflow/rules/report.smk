# The pages that people read, summary.md first, and the figures. `snakemake --report` collects both in one file.
SEARCH_FIGURES = [
    "sampled_support",
    "predicted_measured",
    "pareto_front",
    "learning_curve",
    "nsl_by_corpus",
    "nsl_by_vocabulary",
]
FIGURES = [
    "mixture_bars",
    *(SEARCH_FIGURES if SEARCHES else []),
    *(["full_scale_choice"] if len(MIXTURES) > 1 else []),
    "full_scale_gains",
    "full_scale_nsl",
    "vocabulary_size",
    *(["rank_invariance"] if GRID_BATCHES else []),
]
# without what only the model cards tell, so that another license does not draw all figures again
TOLD = {key: value for key, value in config.items() if key != "release"}
# all files that the pages and figures are made from; `trex.report.results` reads them from the results folder by name
OF_SEARCH = {
    "notes": FILES.search_notes,
    "tables": FILES.search_tables,
    "pareto": FILES.pareto,
    "front": [FILES.front_point(name) for name in FRONT_POINTS],
    "metrics": [FILES.surfaces("metrics"), FILES.surfaces("selected_metrics")],
    "corpus_metrics": FILES.surfaces("corpus_metrics"),
    "learning_curve": FILES.surfaces("learning_curve"),
    "vocabulary": FILES.surfaces("vocabulary"),
    "predictions": [
        FILES.surfaces("predictions"),
        FILES.surfaces("selected_predictions"),
    ],
    "mixtures": FILES.mixtures,
    "training_ledger": FILES.training_ledger,
    "compression": FILES.choice_compression,
    "ledger": FILES.choice_ledger,
}
REPORTED = {
    **(OF_SEARCH if SEARCHES else {}),
    "candidates": FILES.candidates,
    "finalists": FILES.finalists,
    "choice": FILES.choice,
    "vocab_choice": FILES.vocab_size,
    "vocab_curve": FILES.vocab_curve,
    "validation": FILES.validation,
    "scripts": FILES.scripts,
    "gates": FILES.gates,
    "ranks": [FILES.ranks] if GRID_BATCHES else [],
    "full_scale_ledgers": [FILES.full_scale(*of, "ledger") for of in FULL_SCALE],
    # what new entries buy
    "extension": (
        [FILES.full_scale(name, 0, "compression") for name in MIXTURES]
        if BASE_TOKENIZER
        else []
    ),
    "inference": INFERRED,
    "hygiene": FILES.hygiene,
    "counts": [FILES.counts_ledger(corpus) for corpus in CORPORA],
    "evaluation_ledgers": [FILES.evaluation_ledger(*at) for at in EVALUATION],
}


rule plot_figures:
    input:
        **REPORTED,
    output:
        **{
            name: report(
                FILES.figure(name),
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
        config=verbatim(TOLD),
    message:
        "Drawing the figures"
    script:
        "../scripts/plot_figures.py"


rule write_summary:
    input:
        **REPORTED,
        bits_per_byte=FILES.bits_per_byte if ROWS else [],
    output:
        summary=report(
            FILES.page("summary"),
            caption="../report/summary.rst",
            category="Summary",
            labels={"figure": "summary"},
        ),
        details=report(
            FILES.page("details"),
            caption="../report/details.rst",
            category="Summary",
            labels={"figure": "details of the search"},
        ),
        validation=report(
            FILES.page("validation"),
            caption="../report/validation.rst",
            category="Summary",
            labels={"figure": "the full-scale tokenizers"},
        ),
        costs=report(
            FILES.page("costs"),
            caption="../report/costs.rst",
            category="Summary",
            labels={"figure": "what the searches cost"},
        ),
        candidates=report(
            FILES.candidates_csv,
            caption="../report/candidates.rst",
            category="Summary",
            labels={"figure": "candidates and baselines"},
        ),
        corpora=report(
            FILES.corpora_csv,
            caption="../report/corpora.rst",
            category="Summary",
            labels={"figure": "every corpus"},
        ),
        doubts=FILES.doubts,
    log:
        LOGS / "write_summary.log",
    benchmark:
        BENCHMARKS / "write_summary.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(800, 10.0),
        runtime=minutes(10),
    params:
        code=code_of("write_summary"),
        reads_records=True,
        config=verbatim(TOLD),
        strategies=described(SEARCHES),
    message:
        "Writing the summary"
    script:
        "../scripts/write_summary.py"


rule write_vocabulary:
    input:
        **BASE_TOKENIZER,
        gates=FILES.gates,
        composition=FILES.composition,
        entries=FILES.inspected("tokenizers", CHOSEN, "vocabulary"),
        words=FILES.tokenizer_quality(CHOSEN, "words"),
    output:
        page=report(
            FILES.page("vocabulary"),
            caption="../report/vocabulary_page.rst",
            category="Summary",
            labels={"figure": "the vocabularies"},
        ),
        figure=report(
            FILES.figure("vocabulary"),
            caption="../report/vocabulary.rst",
            category="Figures",
            labels={"figure": "vocabulary"},
        ),
    log:
        LOGS / "write_vocabulary.log",
    benchmark:
        BENCHMARKS / "write_vocabulary.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1000, 10.0),
        runtime=minutes(5),
    params:
        code=code_of("write_vocabulary"),
        keep=TOKENIZER["keep"],
        trained=TOKENIZERS,
        corpora=CORPORA,
        waived=config["validation"]["waived_gates"],
    message:
        "Writing about the vocabularies"
    script:
        "../scripts/write_vocabulary.py"


# For whoever gets the folder of a tokenizer alone. Not in provenance.json, whose hash they have.
rule write_model_cards:
    input:
        **REPORTED,
        tokenizers=[FILES.tokenizer(name) for name in TOKENIZERS],
        provenance=FILES.provenance,
    output:
        cards=[FILES.tokenizer_file(name, "README.md") for name in TOKENIZERS],
    log:
        LOGS / "write_model_cards.log",
    benchmark:
        BENCHMARKS / "write_model_cards.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(800, 10.0),
        runtime=minutes(5),
    params:
        code=code_of("write_model_cards"),
        config=verbatim(config),
        names=TOKENIZERS,
    message:
        "Writing the model cards of the tokenizers"
    script:
        "../scripts/write_model_cards.py"


# The run as a page to look at and to try. It comes last: it says what the run came from, too.
rule write_page:
    input:
        **REPORTED,
        bits_per_byte=FILES.bits_per_byte if ROWS else [],
        # without costs.md, whose times are never the same twice
        pages=[
            rules.write_summary.output.summary,
            rules.write_summary.output.validation,
            rules.write_summary.output.details,
            *([FILES.page("language_models")] if ROWS else []),
            rules.write_vocabulary.output.page,
            FILES.hygiene_page,
        ],
        training_set=FILES.training_set if SEARCHES else [],
        models=FILES.models if SEARCHES else [],
        other_sizes=FILES.models_of_other_sizes if SEARCHES else [],
        limits=LIMITS if SEARCHES else [],
        tokenizers=[FILES.tokenizer(name) for name in TOKENIZERS],
        vocabularies=[
            *(
                FILES.inspected("tokenizers", name, "vocabulary")
                for name in TOKENIZERS
            ),
            *(FILES.inspected("existing", name, "vocabulary") for name in EXISTING),
        ],
        existing=[file for spec in EXISTING.values() for file in tokenizer_files(spec)],
        provenance=FILES.provenance,
    output:
        page=report(
            FILES.report,
            caption="../report/page.rst",
            category="Summary",
            labels={"figure": "the page to look at and to try"},
        ),
    log:
        LOGS / "write_page.log",
    benchmark:
        BENCHMARKS / "write_page.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(900, 10.0),
        runtime=minutes(10),
    params:
        code=code_of("write_page"),
        config=verbatim(config),
        names=TOKENIZERS,
        command=verbatim(command_again()),
    message:
        "Writing the page"
    script:
        "../scripts/write_page.py"
