"""Write down what the results came from."""

import logging

import polars as pl

from trex.files import write_json
from trex.run.job import job
from trex.run.provenance import provenance

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    ledgers = {
        "corpora": pl.concat([pl.read_parquet(path) for path in files.counts]),
        "proxies": pl.read_parquet(files.training_ledger),
        "tokenizers": pl.concat(
            [
                pl.read_parquet(path).select(pl.lit(name).alias("tokenizer"), pl.all())
                for name, path in zip(params.names, files.tokenizer_ledgers, strict=True)
            ]
        ),
    }
    made = provenance(params.config, list(files), ledgers)
    write_json(made, snakemake.output.provenance)
    logging.info("%d files, sha256 of all: %s", len(made["run"]["files"]), made["sha256"])
