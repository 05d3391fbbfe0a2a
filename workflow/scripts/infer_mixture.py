"""Infer the training mixture of an existing tokenizer, as far as the corpora tell."""

import os
from dataclasses import asdict
from pathlib import Path

from trex.files import write_json, write_table
from trex.inference.mixture import infer_mixture
from trex.inference.words import CorpusWords
from trex.run.job import job
from trex.tokenizer.existing import load_existing

with job(snakemake):
    params, settings = snakemake.params, snakemake.params.settings
    os.environ["RAYON_NUM_THREADS"] = str(snakemake.threads)  # read by `tokenizers` when it first counts
    existing = load_existing(settings["tokenizer"], Path.cwd())
    words = CorpusWords.count(existing, params.sources, Path.cwd(), params.max_document_bytes, params.seed)
    found = infer_mixture(existing.merges, words, n_merges=settings["merges"], seed=params.seed)
    write_table(found.shares, snakemake.output.shares)
    summary = {**asdict(found), "shares": dict(found.shares.select("corpus", "share").iter_rows())}
    write_json({"tokenizer": existing.name, **summary}, snakemake.output.summary)
