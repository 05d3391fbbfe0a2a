"""Count one part of a corpus, without the documents that an earlier part has."""

from pathlib import Path

import numpy as np

from trex.corpora import BadRecords, DocumentLimit, only_files, read_documents
from trex.counting.corpus import CountingOptions, count_corpus, held_out_file, with_left_out
from trex.counting.documents import hashes_shared
from trex.files import scratch, write_array, write_table
from trex.run.job import job

with job(snakemake):
    files, params, output = snakemake.input, snakemake.params, snakemake.output
    limit, bad = DocumentLimit(params.max_document_bytes), BadRecords.of(params.source)
    source = only_files(params.source, files.files)
    *earlier, own = [np.load(path, mmap_mode="r") for path in files.hashes] or [None]
    with held_out_file(output.held_out) as hold_out:
        counts = count_corpus(
            read_documents(source, Path.cwd(), limit=limit, bad=bad, may_be_empty=True),
            snakemake.wildcards.corpus,
            hold_out,
            CountingOptions(**params.counting),
            counted_before=None if own is None else hashes_shared(own, earlier),
            spill_to=scratch(output.words),
        )
    counts.words.write_run(output.words)
    left_out = {"too_long": limit.left_out, **bad.ledger()}
    write_table(with_left_out(counts.ledger, left_out), output.ledger)
    write_array(counts.documents, output.documents)
