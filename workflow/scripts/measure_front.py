"""Measure one point of the front of average against worst corpus: an end or the knee."""

import polars as pl

from trex.files import write_table
from trex.objective.objective import Objective
from trex.proxies.trainers import load_trainer
from trex.run.job import job
from trex.search.pareto import measured_front

with job(snakemake):
    params, files, name = snakemake.params, snakemake.input, snakemake.wildcards.point
    objective = Objective.from_config(params.objective, params.corpora)
    trainer = load_trainer(files, params, params.n_bytes, [params.vocab_size])
    measured = measured_front(name, pl.read_parquet(files.pareto), trainer, objective, params.replicates)
    write_table(measured, snakemake.output.measured)
