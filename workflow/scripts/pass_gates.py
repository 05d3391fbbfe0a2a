"""End the run with an error if one of its tokenizers failed at a gate, after everything else was written."""

import polars as pl

from trex.files import write_text
from trex.run.job import job
from trex.validation.gates import failures

with job(snakemake):
    params = snakemake.params
    gates = pl.read_parquet(snakemake.input.gates)
    if problem := failures(gates, params.names, params.waived, params.extended):
        raise ValueError(problem)
    but = f" but those that the config accepts: {', '.join(params.waived)}" if params.waived else ""
    write_text(f"{', '.join(params.names)}: passed every gate{but}\n", snakemake.output.passed)
