"""Compare the language models of all rows: one tidy table, the page about it, and the figures."""

import polars as pl

from trex.files import read_json, write_table, write_text
from trex.language_model.compare import compare
from trex.report.figures import save
from trex.report.language_model_sentence import labels
from trex.report.language_models import bits_figure, curves_figure, write_language_models
from trex.run.job import job

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    budget = read_json(files.budget)
    keys = [(row, seed) for row in params.rows for seed in params.seeds]

    def of_trained(paths):
        return {key: path for key, path in zip(keys, paths, strict=True) if key[0] not in budget["same"]}

    bits = {key: pl.read_parquet(path) for key, path in of_trained(files.bits).items()}
    curves = {key: pl.read_parquet(path) for key, path in of_trained(files.curves).items()}
    about = {row: read_json(path) for (row, _), path in of_trained(files.about).items()}
    table = compare(bits, about, params.seed, budget["same"])
    write_table(table, output.bits_per_byte)
    write_text(write_language_models(table, about, params.check, budget), output.page)
    save(bits_figure(table), output.gains)
    save(curves_figure(curves, about, labels(table)), output.curves)
