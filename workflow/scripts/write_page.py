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
    ours = {
        name: Path(path).read_text(encoding="utf-8")
        for name, path in zip(params.names, files.tokenizers, strict=True)
    }
    existing = config["validation"]["tokenizers"]
    theirs = {name: load_tokenizer(spec, Path.cwd())[1].to_str() for name, spec in existing.items()}
    first = params.names[0]
    tokenizers = {first: ours[first], **theirs, **ours}  # by what readers compare first
    vocabularies = dict(zip([*ours, *theirs], map(pl.read_parquet, files.vocabularies), strict=True))
    models = {}
    if files.models:
        models = {int(size): of_size for size, of_size in read_json(files.other_sizes).items()}
        models[config["proxies"]["vocab_size"]] = read_json(files.models)
    parts = Parts(list(map(Path, files.pages)), models, tokenizers, vocabularies, params.command)
    write_text(write_page(Results.load(Layout.of(config), config), parts), snakemake.output.page)
