"""Hash the documents of one part of a corpus, so that later parts can leave them out."""

from pathlib import Path

from trex.corpora import DocumentLimit, only_files, read_documents
from trex.counting.documents import distinct_hashes
from trex.files import write_array
from trex.run.job import job

with job(snakemake):
    params = snakemake.params
    source = only_files(params.source, snakemake.input.files)
    limit = DocumentLimit(params.max_document_bytes)
    documents = read_documents(source, Path.cwd(), limit=limit, may_be_empty=True)
    hashes = distinct_hashes(documents, snakemake.wildcards.corpus, params.seed)
    write_array(hashes, snakemake.output.hashes)
