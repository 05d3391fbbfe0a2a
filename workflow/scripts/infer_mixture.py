"""Infer the training mixture of an existing tokenizer, as far as the corpora tell."""

import logging
import os
from dataclasses import asdict
from pathlib import Path

from trex.corpora import read_documents
from trex.existing import load_existing
from trex.files import write_json, write_table
from trex.inference import CorpusWords, count_words, infer_mixture
from trex.run.job import job

with job(snakemake):
    params, settings = snakemake.params, snakemake.params.settings
    os.environ["RAYON_NUM_THREADS"] = str(snakemake.threads)  # read by `tokenizers` when it first counts
    existing = load_existing(settings["tokenizer"], Path.cwd())
    tables = {}
    for corpus, source in params.sources.items():
        tables[corpus] = count_words(existing, read_documents(source, Path.cwd()))
        logging.info("%s: %s distinct words", corpus, f"{tables[corpus].height:,}")
    words = CorpusWords.build(tables)
    found = infer_mixture(existing.merges, words, n_merges=settings["merges"], seed=params.seed)
    write_table(found.shares, snakemake.output.shares)
    summary = {**asdict(found), "shares": dict(found.shares.select("corpus", "share").iter_rows())}
    write_json({"tokenizer": existing.name, **summary}, snakemake.output.summary)
