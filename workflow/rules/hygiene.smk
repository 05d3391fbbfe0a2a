# What is in the text of the corpora, and warnings about what looks wrong: from files that counting left, as soon as they
# are there.


# 0.1 to 0.5 s a corpus of 8 MB; words are read as a stream
rule write_hygiene:
    input:
        words=[FILES.words(corpus) for corpus in CORPORA],
        ledgers=[FILES.counts_ledger(corpus) for corpus in CORPORA],
        held_out=[FILES.held_out(corpus) for corpus in CORPORA],
    output:
        facts=FILES.hygiene,
        page=report(
            FILES.hygiene_page,
            caption="../report/hygiene.rst",
            category="Summary",
            labels={"figure": "the text of the corpora"},
        ),
    log:
        LOGS / "write_hygiene.log",
    benchmark:
        BENCHMARKS / "write_hygiene.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1000, 0),
        runtime=minutes(5, 0.01),
    params:
        code=code_of("write_hygiene"),
        corpora=CORPORA,
        pattern=verbatim(TOKENIZER["pattern"]),
        alphabet=TOKENIZER["alphabet"],
    message:
        "Looking at the text of the corpora"
    script:
        "../scripts/write_hygiene.py"
