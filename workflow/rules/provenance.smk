# What the results came from: config, code, versions, texts, and the SHA-256 of every file on the way.
rule write_provenance:
    input:
        # without costs.md, whose times are never the same twice
        summary=rules.write_summary.output.summary,
        details=rules.write_summary.output.details,
        validation=rules.write_summary.output.validation,
        candidates=rules.write_summary.output.candidates,
        corpora=rules.write_summary.output.corpora,
        figures=rules.plot_figures.output,
        tokenizers=[FILES.tokenizer(name) for name in FULL_SCALE],
        counts=REPORTED["counts"],
        tokenizer_ledgers=REPORTED["full_scale_ledgers"],
        training_ledger=FILES.training_ledger,
    output:
        provenance=FILES.provenance,
    log:
        LOGS / "write_provenance.log",
    benchmark:
        BENCHMARKS / "write_provenance.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(500, 1.0),
        runtime=minutes(5),
    params:
        code=code_of("write_provenance"),
        config=verbatim(config),
        names=FULL_SCALE,
    message:
        "Writing down what the results came from"
    script:
        "../scripts/write_provenance.py"
