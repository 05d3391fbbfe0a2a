"""Choose the vocabulary size of this run, by what a language model costs with the full-scale tokenizers."""

import logging

import polars as pl

from trex.files import read_json, write_json, write_table
from trex.language_model.cost import Run
from trex.language_model.vocab_size import best_over_sizes, choose, cost_curve, objective_curve
from trex.objective.objective import Objective
from trex.run.job import job

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    compression = pl.concat([pl.read_parquet(path) for path in files.compression])
    curve = cost_curve(
        Run.from_config(params.language_model, params.corpora),
        compression,
        pl.concat([pl.read_parquet(path) for path in files.uses]),
        params.corpora,
    ).join(
        objective_curve(compression, Objective.from_config(params.objective, params.corpora)),
        on=["name", "vocab_size"],
        maintain_order="left",
    )
    decides = read_json(files.finalists)["best"] or best_over_sizes(
        curve
    )  # without a search no proxy says which
    choice = choose(curve, decides, params.asked, params.sizes)
    logging.info(
        "vocabulary size %d; within 1 %% of the least cost: %s", choice["vocab_size"], choice["flat"]
    )
    write_table(curve, output.curve)
    write_json(choice, output.vocab_size)
