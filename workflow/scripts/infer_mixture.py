"""Infer the training mixture of an existing tokenizer, as far as the corpora tell."""

import logging
import os
from dataclasses import asdict
from pathlib import Path

from trex.corpora import DocumentLimit, read_documents
from trex.files import write_json, write_table
from trex.inference.mixture import infer_mixture
from trex.inference.words import CorpusWords, count_words_as
from trex.run.job import job
from trex.tokenizer.existing import load_existing

with job(snakemake):
    params, settings = snakemake.params, snakemake.params.settings
    os.environ["RAYON_NUM_THREADS"] = str(snakemake.threads)  # read by `tokenizers` when it first counts
    existing = load_existing(settings["tokenizer"], Path.cwd())
    tables = {}
    for corpus, source in params.sources.items():
        limit = DocumentLimit(params.max_document_bytes)
        tables[corpus] = count_words_as(existing, read_documents(source, Path.cwd(), limit=limit))
        logging.info("%s: %s distinct words", corpus, f"{tables[corpus].height:,}")
    words = CorpusWords.build(tables)
    found = infer_mixture(existing.merges, words, n_merges=settings["merges"], seed=params.seed)
    write_table(found.shares, snakemake.output.shares)
    summary = {**asdict(found), "shares": dict(found.shares.select("corpus", "share").iter_rows())}
    write_json({"tokenizer": existing.name, **summary}, snakemake.output.summary)
