"""Count one evaluation set of one corpus, and its tokens by the reference tokenizer."""

from pathlib import Path

import numpy as np
import polars as pl

from trex.corpora import DocumentLimit, read_documents
from trex.counting.corpus import EvaluationOptions, count_evaluation, evaluation_file
from trex.files import write_table
from trex.run.job import job
from trex.tokenizer.reference import load_reference

with job(snakemake), evaluation_file(snakemake.output.documents) as keep:
    params, output, wildcards = snakemake.params, snakemake.output, snakemake.wildcards
    limit = DocumentLimit(params.max_document_bytes)
    words, ledger = count_evaluation(
        read_documents(params.source, Path.cwd(), limit=limit),
        (wildcards.evaluation_set, wildcards.corpus),
        load_reference(params.reference, Path.cwd()).count,
        keep,
        np.load(snakemake.input.documents, mmap_mode="r"),
        EvaluationOptions(params.seed, params.pattern, params.max_bytes, params.normalizer),
    )
    write_table(words.summed(), output.words)
    write_table(ledger.with_columns(too_long=pl.lit(limit.left_out)), output.ledger)
