"""Tabulate the sampled and the explicit mixtures, and the support that they cover."""

import logging

import numpy as np
import polars as pl

from trex.files import whole, write_table
from trex.mixtures import resolve, sample_mixtures, sampling_law, support
from trex.run.job import job
from trex.wordindex import WordIndex

with job(snakemake):
    params = snakemake.params
    available = WordIndex.load(snakemake.input.word_index, params.corpora).available_bytes
    law = sampling_law(params.sampling, params.seed, params.corpora, available)
    shares = sample_mixtures(range(params.n_mixtures), **law)
    explicit = [resolve({"shares": s}, params.corpora, available) for s in params.explicit.values()]
    shares = np.concatenate([shares, np.reshape(explicit, (-1, len(params.corpora)))])
    names = [f"m{number:05d}" for number in range(params.n_mixtures)] + list(params.explicit)
    mixtures = pl.DataFrame(shares, schema=params.corpora).insert_column(0, pl.Series("mixture_id", names))
    write_table(mixtures, snakemake.output.mixtures)
    covered = support(shares, params.corpora)
    with whole(snakemake.output.support) as part:
        covered.write_csv(part, float_precision=6)
    logging.info("support of the mixtures:\n%s", covered)
