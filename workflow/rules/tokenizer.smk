# The full-scale tokenizers of the chosen mixture and of the baselines.
FULL_SCALE = [CHOSEN] + (
    list(config["baselines"]) + ["matched"] if config["training"]["baselines"] else []
)


rule train_tokenizer:
    input:
        word_index=INDEX,
        candidates=FILES.candidates,
        choice=lambda wildcards: ([FILES.choice] if wildcards.name == CHOSEN else []),
    output:
        tokenizer=FILES.tokenizer("{name}"),
        compression=FILES.tokenizer_compression("{name}"),
        ledger=FILES.tokenizer_ledger("{name}"),
    log:
        LOGS / "train_tokenizer/{name}.log",
    benchmark:
        BENCHMARKS / "train_tokenizer/{name}.tsv"
    wildcard_constraints:
        name=one_of(FULL_SCALE),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=training_megabytes(
            1000, config["training"]["bytes"], config["training"]["vocab_size"]
        ),
        runtime=minutes(15, 0.05),
    params:
        code=code_of("train_tokenizer"),
        corpora=CORPORA,
        n_bytes=config["training"]["bytes"],
        vocab_size=config["training"]["vocab_size"],
        tokenizer=verbatim(TOKENIZER),
    message:
        "Training the full-scale tokenizer of {wildcards.name}"
    script:
        "../scripts/train_tokenizer.py"
