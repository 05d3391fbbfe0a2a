"""Choose the mixtures that are trained at full scale, by what their proxies measured."""

import polars as pl

from trex.files import write_json, write_table
from trex.mixtures.baselines import kind
from trex.objective.objective import Objective
from trex.run.job import job
from trex.search.finalists import finalists, same_shares
from trex.search.limits import expected_excess, without_existing
from trex.search.measurements import measure, share_limits

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    candidates = pl.read_parquet(files.candidates)
    compression = pl.concat([pl.read_parquet(path) for path in files.compression])
    limits = [*map(pl.read_parquet, files.limits)]
    objective = Objective.from_config(params.objective, params.corpora)
    by_draw = compression.rename({"replicate": "draw"})
    measured = measure(
        candidates,
        by_draw,
        {name: [pl.read_parquet(file)] for name, file in zip(params.mixtures, files.documents, strict=True)},
        without_existing(objective, limits),
        share_limits(params.corpora, params.floors, params.ceilings),
        params.seed,
    )

    def column(name):
        return dict(candidates.select("name", name).iter_rows())

    expected = expected_excess(by_draw, objective, limits)
    kinds = {name: kind(name, params.baselines) for name in candidates["name"]}
    shares = {name: row for name, *row in candidates.select("name", *params.corpora).iter_rows()}
    same = same_shares(shares, kinds)
    found = finalists(measured, kinds, column("strategy"), column("predicted"), same, expected)
    write_table(compression, output.compression)
    write_table(pl.concat([pl.read_parquet(path) for path in files.ledgers]), output.ledger)
    write_json({**found, "objective": params.objective}, output.finalists)
