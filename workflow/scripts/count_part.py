"""Count one part of a corpus, without the documents that an earlier part has."""

from pathlib import Path

import numpy as np

from trex.corpora import BadRecords, DocumentLimit, read_documents
from trex.counting.corpus import CountingOptions, count_corpus, held_out_file, with_left_out
from trex.counting.documents import hashes_shared
from trex.counting.sampling import sample_of_parts
from trex.files import scratch, write_array, write_table
from trex.run.job import job

with job(snakemake):
    files, params, output = snakemake.input, snakemake.params, snakemake.output
    limit, bad = DocumentLimit(params.max_document_bytes), BadRecords.from_source(params.source)
    hashes, sizes = (
        [np.load(path, mmap_mode="r") for path in paths] for paths in (files.hashes, files.sizes)
    )
    part, deduplicate = int(snakemake.wildcards.part), params.counting["deduplicate"]
    sample = sample_of_parts(zip(hashes, sizes, strict=True), params.source, copies=not deduplicate)
    with held_out_file(output.held_out) as hold_out:
        counts = count_corpus(
            read_documents(params.source, Path.cwd(), limit=limit, bad=bad, may_be_empty=True),
            snakemake.wildcards.corpus,
            hold_out,
            CountingOptions(**params.counting, sample=sample),
            counted_before=hashes_shared(hashes[part], hashes[:part]) if part and deduplicate else None,
            spill_to=scratch(output.words),
        )
    counts.words.write_run(output.words)
    left_out = {"too_long": limit.left_out, **bad.ledger()}
    write_table(with_left_out(counts.ledger, left_out), output.ledger)
    write_array(counts.documents, output.documents)
