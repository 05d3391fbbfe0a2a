# Read every corpus once, as a stream, into word counts per shard; count the evaluation sets.
# A corpus is counted in counting.parts jobs, if the config asks for more than one, which merge_counts adds up; what comes
# out is the same. Of a corpus with max_bytes, all is read and hashed first, to draw the sample.
# recipes.smk and pieces.smk use these rules as a module, once for each split of the text.
if "FILES" not in globals():  # a module has names of its own

    include: "common.smk"


from trex.run.tasks import batches_of_small

COUNTING = {
    "seed": config["seed"],
    "held_out_share": config["evaluation"]["held_out_share"],
    "deduplicate": config["counting"]["deduplicate"],
    "pattern": TOKENIZER["pattern"],
    "by_line": TOKENIZER["unit"] == "line",
    "normalizer": TOKENIZER["normalizer"],
    "alphabet": TOKENIZER["alphabet"],
}
COUNTING_PARAMS = {
    "code": code_of("count_words"),
    "max_document_bytes": config["counting"]["max_document_bytes"],
    "counting": COUNTING,
}
EVALUATION_PARAMS = {
    "code": code_of("count_eval_words"),
    "seed": config["seed"],
    "pattern": TOKENIZER["pattern"],
    "normalizer": TOKENIZER["normalizer"],
    "alphabet": TOKENIZER["alphabet"],
    "reference": config["reference"],
    "max_document_bytes": config["evaluation"]["max_document_bytes"],
}
COUNTED = {
    "words": FILES.words,
    "ledger": FILES.counts_ledger,
    "held_out": FILES.held_out,
    "documents": FILES.document_hashes,
}
EVALUATED = {
    "words": FILES.evaluation_words,
    "selection": FILES.selection_documents,
    "test": FILES.test_documents,
    "ledger": FILES.evaluation_ledger,
}
# Small corpora share jobs, by number: starting one takes longer than counting them. So do their evaluation sets.
COUNTED_TOGETHER = batches_of_small(
    {corpus: bytes_to_read(corpus) for corpus in CORPORA if corpus not in IN_PARTS}
)
EVALUATED_TOGETHER = [
    [corpus for corpus in corpora if not is_on_hub(corpus)]
    for corpora in COUNTED_TOGETHER
]


# Memory: imports and batches of text, a table of words of 512 MB, which takes half of that again while it is sorted,
# and up to 33 bytes a document. 2 GB of text were counted in 1.4 GB; 0.05 is for documents that take 660 bytes of
# a file or more, such as 2 kB of text compressed.
rule count_words:
    input:
        files=corpus_files,
    output:
        **{name: path("{corpus}") for name, path in COUNTED.items()},
    log:
        LOGS / "count_words/{corpus}.log",
    benchmark:
        BENCHMARKS / "count_words/{corpus}.tsv"
    wildcard_constraints:
        corpus=one_of(
            corpus
            for corpus in CORPORA
            if corpus not in sum(COUNTED_TOGETHER, IN_PARTS)
        ),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(2000, 0.05, source=corpus_source),
        runtime=minutes(5, 0.01, source=corpus_source),
    params:
        **{name: verbatim(value) for name, value in COUNTING_PARAMS.items()},
        source=corpus_source,
    message:
        "Counting the words of {wildcards.corpus}"
    script:
        "../scripts/count_words.py"


for number, corpora in enumerate(COUNTED_TOGETHER):
    tasks = counting_tasks(corpora)

    rule:
        name:
            f"count_words_batch_{number:03d}"
        input:
            [file for task in tasks for file in task.inputs],
        output:
            [file for task in tasks for file in task.outputs],
        log:
            LOGS / f"count_words/batches/{number:03d}.log",
        benchmark:
            BENCHMARKS / f"count_words/batches/{number:03d}.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=megabytes(2000, 0.05),
            runtime=minutes(5, 0.01),
        params:
            tasks=verbatim(tasks),
        message:
            f"Counting the words of {len(corpora)} corpora, {corpora[0]} to {corpora[-1]}"
        script:
            "../scripts/count_words.py"


rule hash_documents:
    input:
        files=part_files,
    output:
        hashes=temp(FILES.part("{corpus}", "{part}", "hashes.npy")),
        sizes=temp(FILES.part("{corpus}", "{part}", "sizes.npy")),
    log:
        LOGS / "hash_documents/{corpus}/{part}.log",
    benchmark:
        BENCHMARKS / "hash_documents/{corpus}/{part}.tsv"
    wildcard_constraints:
        corpus=one_of(IN_PARTS),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1000, 0.05, source=part_source),
        runtime=minutes(5, 0.002, source=part_source),
    params:
        code=code_of("hash_documents"),
        source=part_source,
        max_document_bytes=config["counting"]["max_document_bytes"],
        seed=config["seed"],
        deduplicate=config["counting"]["deduplicate"],
    message:
        "Hashing the documents of part {wildcards.part} of {wildcards.corpus}"
    script:
        "../scripts/hash_documents.py"


rule count_part:
    input:
        files=part_files,
        hashes=of_parts_before("hashes.npy"),
        sizes=of_parts_before("sizes.npy"),
    output:
        words=temp(FILES.part("{corpus}", "{part}", "words.arrow")),
        ledger=temp(FILES.part("{corpus}", "{part}", "ledger.parquet")),
        held_out=temp(FILES.part("{corpus}", "{part}", "held_out.parquet")),
        documents=temp(FILES.part("{corpus}", "{part}", "documents.npy")),
    log:
        LOGS / "count_part/{corpus}/{part}.log",
    benchmark:
        BENCHMARKS / "count_part/{corpus}/{part}.tsv"
    wildcard_constraints:
        corpus=one_of(IN_PARTS),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(2000, 0.05, source=part_source),
        runtime=minutes(5, 0.01, source=part_source),
    params:
        code=code_of("count_part"),
        source=part_source,
        max_document_bytes=config["counting"]["max_document_bytes"],
        counting=verbatim(COUNTING),
    message:
        "Counting the words of part {wildcards.part} of {wildcards.corpus}"
    script:
        "../scripts/count_part.py"


# Snakemake does not ask whether the jobs of files that are gone would be different today. So everything that decides
# about the parts is an input or a parameter here too.
rule merge_counts:
    input:
        files=corpus_files,
        words=of_all_parts("words.arrow"),
        ledgers=of_all_parts("ledger.parquet"),
        held_out=of_all_parts("held_out.parquet"),
        documents=of_all_parts("documents.npy"),
    output:
        words=FILES.words("{corpus}"),
        ledger=FILES.counts_ledger("{corpus}"),
        held_out=FILES.held_out("{corpus}"),
        documents=FILES.document_hashes("{corpus}"),
    log:
        LOGS / "merge_counts/{corpus}.log",
    benchmark:
        BENCHMARKS / "merge_counts/{corpus}.tsv"
    wildcard_constraints:
        corpus=one_of(IN_PARTS),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 4.0, of="documents"),  # words are merged as streams
        runtime=minutes(5, 0.002),
    params:
        code=code_of("merge_counts"),
        code_of_parts=[code_of("hash_documents"), code_of("count_part")],
        sources=corpus_sources,
        max_document_bytes=config["counting"]["max_document_bytes"],
        counting=verbatim(COUNTING),
    message:
        "Merging the counts of the parts of {wildcards.corpus}"
    script:
        "../scripts/merge_counts.py"


rule count_eval_words:
    input:
        files=evaluation_files,
        documents=FILES.document_hashes("{corpus}"),
        reference=tokenizer_files(config["reference"]),
    output:
        **{
            name: path("{evaluation_set}", "{corpus}")
            for name, path in EVALUATED.items()
        },
    log:
        LOGS / "count_eval_words/{evaluation_set}/{corpus}.log",
    benchmark:
        BENCHMARKS / "count_eval_words/{evaluation_set}/{corpus}.tsv"
    wildcard_constraints:
        corpus=one_of(
            corpus for corpus in CORPORA if corpus not in sum(EVALUATED_TOGETHER, [])
        ),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(1500, 1.0, of="files"),
        runtime=minutes(5, 0.05),
    params:
        **{name: verbatim(value) for name, value in EVALUATION_PARAMS.items()},
        source=evaluation_source,
        parallel=is_parallel,
    message:
        "Dealing and counting evaluation set {wildcards.evaluation_set} of {wildcards.corpus}"
    script:
        "../scripts/count_eval_words.py"


for number, corpora in enumerate(EVALUATED_TOGETHER):
    if not corpora:
        continue
    tasks = evaluation_tasks(corpora)

    rule:
        name:
            f"count_eval_words_batch_{number:03d}"
        input:
            [file for task in tasks for file in task.inputs],
        output:
            [file for task in tasks for file in task.outputs],
        log:
            LOGS / f"count_eval_words/batches/{number:03d}.log",
        benchmark:
            BENCHMARKS / f"count_eval_words/batches/{number:03d}.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=megabytes(1500, 1.0),
            runtime=minutes(5, 0.05),
        params:
            tasks=verbatim(tasks),
            reference=verbatim(config["reference"]),
            alphabet=TOKENIZER["alphabet"],
        message:
            f"Counting the evaluation sets of {len(corpora)} corpora, {corpora[0]} to {corpora[-1]}"
        script:
            "../scripts/count_eval_words.py"


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
