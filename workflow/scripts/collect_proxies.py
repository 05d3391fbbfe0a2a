"""Collect all proxies into the training set of the regression, joined by id."""

import polars as pl

from trex.files import write_table
from trex.proxies.tables import collect
from trex.run.job import job

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    training_set, ledger = collect(
        [pl.read_parquet(path) for path in files.compression],
        [pl.read_parquet(path) for path in files.ledgers],
        pl.read_parquet(files.mixtures),
        params.corpora,
        params.vocab_grid,
    )
    write_table(ledger, snakemake.output.ledger)
    write_table(training_set, snakemake.output.training_set)
