"""Count one corpus: words per shard, the ledger, and the documents held out for evaluation."""

from pathlib import Path

from trex.corpora import DocumentLimit, read_documents
from trex.counting.corpus import by_shard, check_split, count_corpus, held_out_file, with_too_long
from trex.files import scratch, write_array, write_table
from trex.run.job import job

with job(snakemake):
    limit = DocumentLimit(snakemake.params.max_document_bytes)
    params, output = snakemake.params, snakemake.output
    with held_out_file(output.held_out) as hold_out:
        counts = count_corpus(
            read_documents(params.source, Path.cwd(), limit=limit),
            snakemake.wildcards.corpus,
            hold_out,
            **params.counting,
            spill_to=scratch(output.words),
        )
        check_split(counts.ledger, params.counting["held_out_share"])
    ledger, shard_of_cell = by_shard([with_too_long(counts.ledger, limit.left_out)])
    counts.words.write(output.words, shard_of_cell)
    write_table(ledger, output.ledger)
    write_array(counts.documents, output.documents)
