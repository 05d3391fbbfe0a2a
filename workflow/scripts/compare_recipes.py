"""Put finished recipes side by side: numbers, page, table of corpora, figures."""

import logging

import polars as pl

from trex.files import read_json, whole, write_table, write_text
from trex.layout import Layout
from trex.recipes.compare import Compared
from trex.recipes.finished import load
from trex.report.figures import save
from trex.report.recipes import corpora_table, main_scripts, write_recipes
from trex.report.recipes_figures import figures
from trex.report.recipes_page import write_recipes_page
from trex.run.job import job
from trex.run.packages import version

with job(snakemake):
    configs, files, output = snakemake.params.recipes, snakemake.input, snakemake.output
    layouts = {name: Layout.of(config) for name, config in configs.items()}
    compared = Compared.of(load([(name, configs[name], layouts[name]) for name in configs]))
    scripts = main_scripts(read_json(next(iter(layouts.values())).hygiene))
    write_table(compared.table, output.table)
    with whole(output.corpora) as temporary:
        corpora_table(compared, scripts).write_csv(temporary, float_precision=6)
    bits_per_byte = pl.read_parquet(files.bits_per_byte) if files.bits_per_byte else None
    for name, figure in figures(compared, scripts).items():
        save(figure, output[name])
    write_text(write_recipes_page(compared, scripts, version("trex"), bits_per_byte), output.html)
    write_text(write_recipes(compared, scripts, bits_per_byte), output.page)
    logging.info("compared %s; read %s", ", ".join(configs), output.page)
