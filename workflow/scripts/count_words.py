"""Count one corpus: words per shard, the ledger, and the documents held out for evaluation."""

from pathlib import Path

from trex.corpora import read_documents
from trex.counting import check_split, count_corpus, held_out_file
from trex.files import scratch, write_array, write_table
from trex.run.job import job

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    with held_out_file(output.held_out) as hold_out:
        counts = count_corpus(
            read_documents(params.source, Path.cwd()),
            snakemake.wildcards.corpus,
            hold_out,
            **params.counting,
            spill_to=scratch(output.words),
        )
        check_split(counts.ledger, params.counting["held_out_share"])
    counts.words.write(output.words)
    write_table(counts.ledger, output.ledger)
    write_array(counts.documents, output.documents)
