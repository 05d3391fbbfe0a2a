"""One tidy table of every metric of every full-scale and existing tokenizer."""

import polars as pl

from trex.files import read_json, write_table
from trex.objective.comparisons import DrawNoise
from trex.run.job import job
from trex.validation.validate import validate

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output

    def tables(paths):
        return dict(zip(params.tokenizers, map(pl.read_parquet, paths), strict=True))

    noise = read_json(files.choice)["draw_noise"]
    table = validate(
        tables(files.corpora),
        tables(files.documents),
        params.corpora,
        params.objective,
        params.seed,
        noise and DrawNoise(**noise, draws=1),  # of each mixture, one draw's tokenizer is validated
    )
    scripts = [
        rows.select(pl.lit(name).alias("tokenizer"), pl.all()) for name, rows in tables(files.scripts).items()
    ]
    write_table(pl.concat(scripts), output.scripts)
    write_table(table, output.validation)
