"""Compare the order of the same mixtures at several scales."""

import polars as pl

from trex.files import write_table
from trex.run.job import job
from trex.validation.rank_invariance import agreement, measured_at
from trex.validation.scales import Scale

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    proxies = pl.read_parquet(files.training_set).with_columns(n_bytes=pl.lit(params.proxy_bytes, pl.Int64))
    table = pl.concat([proxies, *map(pl.read_parquet, files.grid)], how="diagonal")
    scales = [Scale(*scale) for scale in params.scales]
    values, objective, nsl = measured_at(scales, table, params.mixtures, params.objective, params.corpora)
    write_table(agreement(objective, nsl, [scale.name for scale in scales], params.corpora), output.ranks)
    write_table(values, output.values)
