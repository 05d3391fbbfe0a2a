"""Merge the counts of a corpus's parts into those of the corpus."""

import numpy as np
import polars as pl

from trex.corpora import BadRecords
from trex.counting.corpus import by_shard, check_bad_records, check_split, join_held_out
from trex.counting.documents import join_documents
from trex.counting.pretokenize import merge_runs
from trex.files import scratch, write_array, write_table
from trex.run.job import job

with job(snakemake):
    parts, output = snakemake.input, snakemake.output
    ledger, shard_of_cell = by_shard([pl.read_parquet(path) for path in parts.ledgers])
    check_bad_records(ledger, BadRecords.from_source(snakemake.params.sources[0]).max_share)
    check_split(ledger, snakemake.params.counting["held_out_share"])
    merge_runs(parts.words, output.words, shard_of_cell, scratch(output.words))
    write_table(ledger, output.ledger)
    join_held_out(parts.held_out, output.held_out)
    documents = join_documents(np.load(path, mmap_mode="r") for path in parts.documents)
    write_array(documents, output.documents)
