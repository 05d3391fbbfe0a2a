"""Choose the mixture with the best measured objective, baselines included."""

import polars as pl

from trex.files import write_json, write_table
from trex.job import job
from trex.metrics import Objective
from trex.proxies import nsl_array
from trex.verification import choose

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    candidates = pl.read_parquet(files.candidates)
    compression = pl.concat([pl.read_parquet(path) for path in files.compression])
    objective = Objective.from_config(params.objective, params.corpora)
    sets, vocab_size = params.objective["evaluation_sets"], params.objective["vocab_size"]
    keys, nsl, reference = nsl_array(compression, ["name", "replicate"], sets, params.corpora, vocab_size)
    values = keys.with_columns(value=pl.Series(objective.mean_over_sets(nsl, reference)))
    measured = {
        name: values.filter(name=name).sort("replicate")["value"].to_list() for name in candidates["name"]
    }

    def column(name):
        return dict(zip(candidates["name"], candidates[name], strict=True))

    choice = choose(measured, column("role"), column("strategy"), column("predicted"))
    write_table(compression, output.compression)
    write_table(pl.concat([pl.read_parquet(path) for path in files.ledgers]), output.ledger)
    write_json({**choice, "objective": params.objective}, output.choice)
