# The full-scale tokenizers: one of every candidate and baseline and each draw of text, by which one mixture is chosen, and
# those that are written for use. Which mixtures are finalists is known when the jobs run; those of others train nothing.
TOKENIZERS = [CHOSEN] + (
    list(config["baselines"]) + ["matched"] if config["training"]["baselines"] else []
)


rule train_tokenizer:
    input:
        word_index=INDEX,
        candidates=FILES.candidates,
        finalists=FILES.finalists,
    output:
        tokenizer=FILES.trained_tokenizer("{name}", "{draw}"),
        compression=FILES.full_scale("{name}", "{draw}", "compression"),
        ledger=FILES.full_scale("{name}", "{draw}", "ledger"),
    log:
        LOGS / "train_tokenizer/{name}/{draw}.log",
    benchmark:
        BENCHMARKS / "train_tokenizer/{name}/{draw}.tsv"
    wildcard_constraints:
        name=one_of(MIXTURES),
        draw=one_of(map(str, DRAWS)),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=training_megabytes(1000, config["training"]["bytes"], VOCAB_SIZE),
        runtime=minutes(15, 0.05),
    params:
        code=code_of("train_tokenizer"),
        corpora=CORPORA,
        n_bytes=config["training"]["bytes"],
        vocab_sizes=[VOCAB_SIZE],
        tokenizer=verbatim(TOKENIZER),
    message:
        "Training the full-scale tokenizer of {wildcards.name}, draw {wildcards.draw}"
    script:
        "../scripts/train_tokenizer.py"


rule encode_selection:
    input:
        tokenizer=FILES.trained_tokenizer("{name}", "{draw}"),
        compression=FILES.full_scale("{name}", "{draw}", "compression"),
        selection=[FILES.selection_documents(*at) for at in EVALUATION],
    output:
        documents=FILES.full_scale("{name}", "{draw}", "documents"),
    log:
        LOGS / "encode_selection/{name}/{draw}.log",
    benchmark:
        BENCHMARKS / "encode_selection/{name}/{draw}.tsv"
    wildcard_constraints:
        name=one_of(MIXTURES),
        draw=one_of(map(str, DRAWS)),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 2.0),
        runtime=minutes(10, 0.1),
    params:
        code=code_of("encode_selection"),
        evaluation=EVALUATION,
        vocab_size=VOCAB_SIZE,
    message:
        "Encoding the selection half with the tokenizer of {wildcards.name}, draw {wildcards.draw}"
    script:
        "../scripts/encode_selection.py"


rule write_tokenizer:
    input:
        trained=trained_tokenizers,
        choice=lambda wildcards: [FILES.choice] if wildcards.name == CHOSEN else [],
    output:
        tokenizer=FILES.tokenizer("{name}"),
    log:
        LOGS / "write_tokenizer/{name}.log",
    benchmark:
        BENCHMARKS / "write_tokenizer/{name}.tsv"
    wildcard_constraints:
        name=one_of(TOKENIZERS),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(500, 10.0),
        runtime=minutes(5),
    params:
        code=code_of("write_tokenizer"),
        mixtures=mixtures_of_tokenizer,
        vocab_size=VOCAB_SIZE,
    message:
        "Writing the tokenizer of {wildcards.name}"
    script:
        "../scripts/write_tokenizer.py"
