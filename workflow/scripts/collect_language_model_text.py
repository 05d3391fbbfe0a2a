"""Collect training documents of one corpus, for language models to read."""

from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa

from trex.corpora import DocumentLimit, read_documents
from trex.files import write_table
from trex.language_model.documents import training_documents
from trex.run.job import job

with job(snakemake):
    params = snakemake.params
    limit = DocumentLimit(params.max_document_bytes)
    documents = chain.from_iterable(
        read_documents(source, Path.cwd(), limit=limit, may_be_empty=True) for source in params.sources
    )
    hashes = np.load(snakemake.input.documents, mmap_mode="r")
    texts = training_documents(documents, hashes, params.seed, params.normalizer, params.n_bytes)
    write_table(pa.table({"text": texts}), snakemake.output.text)
