"""Choose the simplest mixture that is not measurably worse than the best, at full scale, baselines included."""

import logging
from itertools import product

import polars as pl

from trex.files import read_json, write_json
from trex.mixtures.baselines import kind
from trex.objective.objective import Objective
from trex.proxies.full_scale import note_of
from trex.run.job import job
from trex.search.choose import choose
from trex.search.limits import with_existing
from trex.search.measurements import measure, share_limits

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    ranked = {row["name"]: row for row in read_json(files.finalists)["ranking"]}
    trained = [name for name, row in ranked.items() if row["why_no_finalist"] is None]
    objective = {**params.objective, "vocab_size": read_json(files.vocab_size)["vocab_size"]}
    candidates = pl.read_parquet(files.candidates)
    documents = dict(zip(product(params.mixtures, params.draws), files.documents, strict=True))
    notes = dict(zip(params.draws, map(note_of, files.notes), strict=True))
    draws = [draw for draw, note in notes.items() if note is None]
    measured = measure(
        candidates.filter(pl.col("name").is_in(trained)),
        pl.concat([pl.read_parquet(path) for path in files.compression]),
        {name: [pl.read_parquet(documents[name, draw]) for draw in draws] for name in trained},
        with_existing(
            Objective.from_config(objective, params.corpora),
            [*map(pl.read_parquet, files.limits)],
            "full",
        ),
        share_limits(params.corpora, params.floors, params.ceilings),
        params.seed,
    )
    choice = choose(
        measured,
        {name: kind(name, params.baselines) for name in ranked},
        {name: row["why_no_finalist"] for name, row in ranked.items() if name not in trained},
        params.seed,
    )
    about = candidates.filter(name=choice["chosen"]).row(0, named=True)
    not_drawn = [note for note in notes.values() if note is not None]
    why = next(row["why"] for row in choice["ranking"] if row["name"] == choice["chosen"])
    logging.info("%s: %s", choice["chosen"], why)
    write_json(
        {
            **choice,
            "role": about["role"],
            "strategy": about["strategy"],
            "draws_not_trained": not_drawn,
            "objective": objective,
        },
        snakemake.output.choice,
    )
