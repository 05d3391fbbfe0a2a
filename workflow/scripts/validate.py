"""One tidy table of every metric of every full-scale and existing tokenizer."""

import polars as pl

from trex.files import write_table
from trex.run.job import job
from trex.validation.validate import validate

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output

    def tables(paths):
        return dict(zip(params.tokenizers, map(pl.read_parquet, paths), strict=True))

    table = validate(
        tables(files.corpora), tables(files.documents), params.corpora, params.objective, params.seed
    )
    scripts = [
        rows.select(pl.lit(name).alias("tokenizer"), pl.all()) for name, rows in tables(files.scripts).items()
    ]
    write_table(pl.concat(scripts), output.scripts)
    write_table(table, output.validation)
