"""Search the mixture space for candidates, and add the baselines."""

import logging
from dataclasses import replace
from functools import partial
from itertools import chain

import polars as pl

from trex import search
from trex.files import read_json, write_json, write_table
from trex.job import job
from trex.metrics import Objective
from trex.mixtures import draw_range, resolve, sampling_law
from trex.proxies import evaluation_arrays, shares_array
from trex.regression import load_surface
from trex.wordindex import WordIndex

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    corpora = params.corpora
    index = WordIndex.load(files.word_index, corpora)
    models = read_json(files.models)
    surface = load_surface(models["surfaces"][models["used"]])
    if hasattr(surface, "num_threads"):
        surface = replace(surface, num_threads=snakemake.threads)
    objective = Objective.from_config(params.objective, corpora)
    law = sampling_law(params.sampling, params.seed, corpora, index.available_bytes)
    given = shares_array(pl.read_parquet(files.ledger), None, corpora)

    def predict(shares):
        return surface.predict(shares)[0][:, 0]

    tenths = set()

    def report_progress(scored, draws):
        if (tenth := 10 * scored // draws) not in tenths:
            tenths.add(tenth)
            logging.info("%s of %s draws scored", f"{scored:,}", f"{draws:,}")

    found = search.trex(
        predict,
        draws=params.search["draws"],
        top_k=params.search["top_k"],
        sample=partial(draw_range, **{**law, "strength": params.search["strength"] or law["strength"]}),
        bounds=(given.min(axis=0), given.max(axis=0)) if params.search["within_support"] else None,
        progress=report_progress,
    )
    eval_bytes, reference_tokens = evaluation_arrays(index, params.objective["evaluation_sets"])
    matched = search.matched_candidate(
        objective, eval_bytes, reference_tokens, caps=law["caps"], min_share=law["min_share"], predict=predict
    )
    baselines = [
        search.Candidate(name, "baseline", resolve(spec, corpora, index.available_bytes))
        for name, spec in params.baselines.items()
    ]
    rows = []
    for candidate in chain(found.candidates, matched.candidates, baselines):
        mean, std = surface.predict(candidate.shares[None])
        rows.append(
            {
                "name": candidate.name,
                "role": "baseline" if candidate.strategy in ("baseline", "matched") else "candidate",
                "strategy": candidate.strategy,
                "predicted": float(mean[0, 0]),
                "predicted_std": float(std[0, 0]),
                **dict(zip(corpora, candidate.shares.tolist(), strict=True)),
            }
        )
    write_table(pl.DataFrame(rows), snakemake.output.candidates)
    write_json({"trex": found.notes, "matched": matched.notes}, snakemake.output.notes)
