"""Hash the documents of one part of a corpus, so that later parts can leave them out and a sample can be drawn."""

from pathlib import Path

from trex.corpora import DocumentLimit, read_documents
from trex.counting.sampling import draw_part
from trex.files import write_array
from trex.run.job import job

with job(snakemake):
    params = snakemake.params
    limit = DocumentLimit(params.max_document_bytes)
    documents = read_documents(params.source, Path.cwd(), limit=limit, may_be_empty=True)
    hashes, sizes = draw_part(documents, params.source, params.seed, copies=not params.deduplicate)
    write_array(hashes, snakemake.output.hashes)
    write_array(sizes, snakemake.output.sizes)
