"""Write down what the results came from."""

import logging

from trex.files import write_json
from trex.run.job import job
from trex.run.provenance import ledgers_of, provenance

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    ledgers = ledgers_of(files.counts, files.training_ledger or None, files.tokenizer_ledgers)
    made = provenance(params.config, list(files), ledgers)
    write_json(made, snakemake.output.provenance)
    logging.info("%d files, sha256 of all: %s", len(made["run"]["files"]), made["sha256"])
