"""Count one evaluation set of one corpus, and its tokens by the reference tokenizer."""

from pathlib import Path

import numpy as np

from trex.corpora import read_documents
from trex.counting import count_evaluation, evaluation_file
from trex.files import write_table
from trex.reference import load_reference
from trex.run.job import job

with job(snakemake), evaluation_file(snakemake.output.documents) as keep:
    params = snakemake.params
    words, ledger = count_evaluation(
        read_documents(params.source, Path.cwd()),
        snakemake.wildcards.evaluation_set,
        snakemake.wildcards.corpus,
        load_reference(params.reference, Path.cwd()).count,
        keep,
        seed=params.seed,
        pattern=params.pattern,
        training_documents=np.load(snakemake.input.documents, mmap_mode="r"),
        max_bytes=params.max_bytes,
    )
    write_table(words.summed(), snakemake.output.words)
    write_table(ledger, snakemake.output.ledger)
