"""Compare the language models of all rows: one tidy table, the page about it, and the figures."""

import polars as pl

from trex.files import read_json, write_table, write_text
from trex.language_model.compare import compare
from trex.report.figures import save
from trex.report.language_models import bits_figure, curves_figure, write_language_models
from trex.run.job import job

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    keys = [(row, seed) for row in params.rows for seed in params.seeds]
    bits = dict(zip(keys, map(pl.read_parquet, files.bits), strict=True))
    curves = dict(zip(keys, map(pl.read_parquet, files.curves), strict=True))
    about = {row: read_json(path) for (row, _), path in zip(keys, files.about, strict=True)}
    table = compare(bits, about, params.seed)
    write_table(table, output.bits_per_byte)
    write_text(write_language_models(table, about, params.check, read_json(files.budget)), output.page)
    save(bits_figure(table), output.gains)
    save(curves_figure(curves, about), output.curves)
