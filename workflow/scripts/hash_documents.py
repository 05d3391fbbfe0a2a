"""Hash the documents of one part of a corpus, so that later parts can leave them out."""

from pathlib import Path

from trex.corpora import only_files, read_documents
from trex.counting import distinct_hashes
from trex.files import write_array
from trex.run.job import job

with job(snakemake):
    params = snakemake.params
    source = only_files(params.source, snakemake.input.files)
    documents = read_documents(source, Path.cwd(), may_be_empty=True)
    hashes = distinct_hashes(documents, snakemake.wildcards.corpus, params.seed)
    write_array(hashes, snakemake.output.hashes)
