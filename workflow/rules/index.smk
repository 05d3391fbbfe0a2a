# One memory-mapped table of all distinct words of all corpora and evaluation sets.


rule index_words:
    message:
        "Building the word index"
    input:
        words=expand(RESULTS / "counts/{corpus}/words.parquet", corpus=CORPORA),
        ledgers=expand(RESULTS / "counts/{corpus}/ledger.parquet", corpus=CORPORA),
        eval_words=[RESULTS / f"evaluation/{name}/{corpus}.parquet" for name, corpus in EVALUATION],
        eval_ledgers=[RESULTS / f"evaluation/{name}/{corpus}.ledger.parquet" for name, corpus in EVALUATION],
    output:
        word_index=directory(INDEX),
    params:
        code=code_of("index_words"),
        corpora=CORPORA,
        evaluation=EVALUATION,
    log:
        LOGS / "index_words.log",
    benchmark:
        BENCHMARKS / "index_words.tsv"
    resources:
        mem_mb=megabytes(1500, 15.0),
        runtime=minutes(5, 0.05),
    conda:
        ENVIRONMENT
    script:
        "../scripts/index_words.py"
