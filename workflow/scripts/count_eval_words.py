"""Count one evaluation set of one corpus, and its tokens by the reference tokenizer."""

import logging
from pathlib import Path

import numpy as np
import polars as pl

from trex.corpora import DocumentLimit, read_documents
from trex.counting.corpus import count_evaluation, evaluation_file
from trex.counting.text_caveats import MUCH_CHANGED, nfc_share
from trex.files import write_table
from trex.run.job import job
from trex.tokenizer.reference import load_reference

with job(snakemake), evaluation_file(snakemake.output.documents) as keep:
    params = snakemake.params
    limit = DocumentLimit(params.max_document_bytes)
    words, ledger = count_evaluation(
        read_documents(params.source, Path.cwd(), limit=limit),
        snakemake.wildcards.evaluation_set,
        snakemake.wildcards.corpus,
        load_reference(params.reference, Path.cwd()).count,
        keep,
        seed=params.seed,
        pattern=params.pattern,
        training_documents=np.load(snakemake.input.documents, mmap_mode="r"),
        max_bytes=params.max_bytes,
    )
    if (share := nfc_share(ledger)) > MUCH_CHANGED:
        logging.warning("NFC changes words with %.0f %% of the text; they are measured after it", 100 * share)
    write_table(words.summed(), snakemake.output.words)
    write_table(ledger.with_columns(too_long=pl.lit(limit.left_out)), snakemake.output.ledger)
