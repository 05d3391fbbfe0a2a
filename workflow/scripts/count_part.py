"""Count one part of a corpus, without the documents that an earlier part has."""

from pathlib import Path

import numpy as np

from trex.corpora import DocumentLimit, only_files, read_documents
from trex.counting.corpus import count_corpus, hashes_shared, held_out_file, with_too_long
from trex.files import scratch, write_array, write_table
from trex.run.job import job

with job(snakemake):
    limit = DocumentLimit(snakemake.params.max_document_bytes)
    files, params, output = snakemake.input, snakemake.params, snakemake.output
    counted_before = None
    if files.hashes:
        *earlier, own = (np.load(path, mmap_mode="r") for path in files.hashes)
        counted_before = hashes_shared(own, earlier)
    with held_out_file(output.held_out) as hold_out:
        counts = count_corpus(
            read_documents(
                only_files(params.source, files.files), Path.cwd(), limit=limit, may_be_empty=True
            ),
            snakemake.wildcards.corpus,
            hold_out,
            **params.counting,
            counted_before=counted_before,
            spill_to=scratch(output.words),
        )
    counts.words.write_run(output.words)
    write_table(with_too_long(counts.ledger, limit.left_out), output.ledger)
    write_array(counts.documents, output.documents)
