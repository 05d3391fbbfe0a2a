# What a run came from, and whether its tokenizers are fit for use.


# What the results came from: config, code, versions, texts, and the SHA-256 of every file on the way.
rule write_provenance:
    input:
        # without costs.md, whose times are never the same twice
        summary=rules.write_summary.output.summary,
        details=rules.write_summary.output.details,
        validation=rules.write_summary.output.validation,
        vocabulary=rules.write_vocabulary.output,
        candidates=rules.write_summary.output.candidates,
        hygiene=FILES.hygiene_page,
        corpora=rules.write_summary.output.corpora,
        figures=rules.plot_figures.output,
        language_models=LANGUAGE_MODELS,
        tokenizers=expand(rules.write_tokenizer.output, name=TOKENIZERS),
        tokenizer_configs=rules.write_tokenizer_configs.output,
        counts=REPORTED["counts"],
        tokenizer_ledgers=REPORTED["full_scale_ledgers"],
        training_ledger=FILES.training_ledger if SEARCHES else [],
    output:
        provenance=FILES.provenance,
    log:
        LOGS / "write_provenance.log",
    benchmark:
        BENCHMARKS / "write_provenance.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(500, 1.0),
        runtime=minutes(5),
    params:
        code=code_of("write_provenance"),
        reads_records=True,
        config=verbatim(config),
    message:
        "Writing down what the results came from"
    script:
        "../scripts/write_provenance.py"


# The last job: what it may find wrong with a tokenizer can be looked at in all pages and tables.
rule pass_gates:
    input:
        gates=FILES.gates,
        pages=[
            *rules.write_summary.output,
            *rules.write_vocabulary.output,
            FILES.hygiene,
            FILES.hygiene_page,
            *rules.plot_figures.output,
            *rules.write_provenance.output,
            *rules.write_page.output,
        ],
    output:
        passed=FILES.gates_passed,
    log:
        LOGS / "pass_gates.log",
    benchmark:
        BENCHMARKS / "pass_gates.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(300, 1.0),
        runtime=minutes(5),
    params:
        code=code_of("pass_gates"),
        names=TOKENIZERS,
        waived=config["validation"]["waived_gates"],
        extended=bool(TOKENIZER["base"]),
    message:
        "Whether every tokenizer of this run passed its gates"
    script:
        "../scripts/pass_gates.py"
