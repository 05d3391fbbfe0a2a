"""Write report.html, the results of the run as a page to look at and to try."""

from pathlib import Path

import polars as pl

from trex.files import read_json, write_text
from trex.layout import Layout
from trex.report.page import Parts, write_page
from trex.report.results import Results
from trex.run.job import job
from trex.tokenizer.existing import load_tokenizer

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    config = params.config
    tokenizers = {
        name: Path(path).read_text(encoding="utf-8")
        for name, path in zip(params.names, files.tokenizers, strict=True)
    }
    for name, spec in config["validation"]["tokenizers"].items():
        tokenizers[name] = load_tokenizer(spec, Path.cwd())[1].to_str()
    vocabularies = dict(zip(tokenizers, map(pl.read_parquet, files.vocabularies), strict=True))
    models = read_json(files.models) if files.models else None
    parts = Parts(list(map(Path, files.pages)), models, tokenizers, vocabularies, params.command)
    write_text(write_page(Results.load(Layout.of(config), config), parts), snakemake.output.page)
