"""The gates of all tokenizers in one table, and the measures of their vocabularies in another."""

import polars as pl

from trex.files import write_table
from trex.run.job import job

with job(snakemake):
    for kind in ("gates", "composition"):
        tables = [
            pl.read_parquet(path).select(pl.lit(name).alias("tokenizer"), pl.all())
            for name, path in zip(snakemake.params.tokenizers, getattr(snakemake.input, kind), strict=True)
        ]
        write_table(pl.concat(tables), getattr(snakemake.output, kind))
