"""Tabulate the sampled and the explicit mixtures, and the support that they cover."""

import logging

import numpy as np
import polars as pl

from trex.counting.word_index import WordIndex
from trex.files import whole, write_table
from trex.layout import sampled
from trex.mixtures.sampling import MixtureSampler, asked_shares, support
from trex.run.job import job

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    index = WordIndex.load(snakemake.input.word_index, params.corpora)
    available = index.available_bytes
    sampler = MixtureSampler.from_config(params.sampling, params.seed, params.corpora, available)
    asked = asked_shares(sampled(params.n_mixtures) | params.explicit, sampler, params.corpora, available)
    shares = np.stack(list(asked.values()))
    index.check_given(list(asked), shares, params.sampling["bytes"])
    mixtures = pl.DataFrame(shares, schema=params.corpora)
    write_table(mixtures.insert_column(0, pl.Series("mixture_id", list(asked))), output.mixtures)
    covered = support(shares, params.corpora)
    with whole(output.support) as temporary:
        covered.write_csv(temporary, float_precision=6)
    logging.info("support of the mixtures:\n%s", covered)
