# Read every corpus once, as a stream, into word counts per shard; count the evaluation sets.


rule count_words:
    input:
        files=lambda wildcards: source_files(
            config["corpora"][wildcards.corpus]["source"], BASE
        ),
    output:
        words=RESULTS / "counts/{corpus}/words.parquet",
        ledger=RESULTS / "counts/{corpus}/ledger.parquet",
        held_out=RESULTS / "counts/{corpus}/held_out.parquet",
        documents=RESULTS / "counts/{corpus}/documents.npy",
    log:
        LOGS / "count_words/{corpus}.log",
    benchmark:
        BENCHMARKS / "count_words/{corpus}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 1.0),
        runtime=minutes(5, 0.01),
    params:
        code=code_of("count_words"),
        source=lambda wildcards: config["corpora"][wildcards.corpus]["source"],
        seed=config["seed"],
        held_out_share=config["evaluation"]["held_out_share"],
        counting=config["counting"],
        pattern=lambda wildcards: TOKENIZER["pattern"],
        unit=TOKENIZER["unit"],
    message:
        "Counting the words of {wildcards.corpus}"
    script:
        "../scripts/count_words.py"


rule count_eval_words:
    input:
        files=evaluation_files,
        documents=RESULTS / "counts/{corpus}/documents.npy",
    output:
        words=RESULTS / "evaluation/{evaluation_set}/{corpus}.parquet",
        ledger=RESULTS / "evaluation/{evaluation_set}/{corpus}.ledger.parquet",
    log:
        LOGS / "count_eval_words/{evaluation_set}/{corpus}.log",
    benchmark:
        BENCHMARKS / "count_eval_words/{evaluation_set}/{corpus}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 1.0),
        runtime=minutes(5, 0.05),
    params:
        code=code_of("count_eval_words"),
        source=evaluation_source,
        seed=config["seed"],
        pattern=lambda wildcards: TOKENIZER["pattern"],
        reference=lambda wildcards: config["reference"],
    message:
        "Counting evaluation set {wildcards.evaluation_set} of {wildcards.corpus}"
    script:
        "../scripts/count_eval_words.py"
