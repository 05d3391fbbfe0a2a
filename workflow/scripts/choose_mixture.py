"""Choose the mixture with the best measured objective, baselines included."""

import polars as pl

from trex.files import write_json, write_table
from trex.mixtures.bounds import Bounds
from trex.objective.objective import Objective
from trex.run.job import job
from trex.search.limits import existing_nsl
from trex.search.measurements import choose_measured

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    limited = params.floors or params.ceilings
    compression = pl.concat([pl.read_parquet(path) for path in files.compression])
    objective = Objective.from_config(params.objective, params.corpora)
    choice = choose_measured(
        pl.read_parquet(files.candidates),
        compression,
        dict(zip(params.mixtures, map(pl.read_parquet, files.documents), strict=True)),
        objective,
        Bounds.of_corpora(params.corpora, floors=params.floors, ceilings=params.ceilings)
        if limited
        else None,
        params.seed,
        existing_nsl([*map(pl.read_parquet, files.limits)], objective, "proxies"),
    )
    write_table(compression, output.compression)
    write_table(pl.concat([pl.read_parquet(path) for path in files.ledgers]), output.ledger)
    write_json({**choice, "objective": params.objective}, output.choice)
