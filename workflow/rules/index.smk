# One memory-mapped table of all distinct words of all corpora and evaluation sets.


# Memory: words and counts are merged as streams; 4 GB are enough for any number of them.
rule index_words:
    input:
        words=[FILES.words(corpus) for corpus in CORPORA],
        ledgers=[FILES.counts_ledger(corpus) for corpus in CORPORA],
        eval_words=[FILES.evaluation_words(*at) for at in EVALUATION],
        eval_ledgers=[FILES.evaluation_ledger(*at) for at in EVALUATION],
    output:
        word_index=directory(INDEX),
    log:
        LOGS / "index_words.log",
    benchmark:
        BENCHMARKS / "index_words.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1000, 15.0, most=4000),
        runtime=minutes(5, 0.05),
    params:
        code=code_of("index_words"),
        corpora=CORPORA,
        evaluation=EVALUATION,
    message:
        "Building the word index"
    script:
        "../scripts/index_words.py"
