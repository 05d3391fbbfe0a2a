"""Candidates of every strategy, and the baselines."""

import logging
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from trex import search
from trex.files import read_json, write_json, write_table, write_text
from trex.measured import Measured
from trex.mixtures import draw_range, sampling_law
from trex.proxies import evaluation_arrays
from trex.regression import fit_with_residuals
from trex.run.job import job
from trex.selection import PAPER, ObjectiveSurface
from trex.targets import evaluation_sets
from trex.wordindex import WordIndex

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    corpora, strategies = params.corpora, params.search["strategies"]
    index = WordIndex.load(files.word_index, corpora)
    measured = Measured.read([files.training_set], [files.ledger], params.objective, corpora)
    models = read_json(files.models)

    def fitted(name):
        return ObjectiveSurface.from_json(models["surfaces"][name], measured.targets.value)

    used, searched = fitted(models["used"]), fitted(models["searched"])
    law = sampling_law(params.sampling, params.seed, corpora, index.available_bytes)
    low, high = search.limits_from_config(index, law, params.search)
    evaluation = evaluation_arrays(index, params.objective["evaluation_sets"])
    baselines = search.with_inferred(params.baselines, files.inference)
    references = search.reference_mixtures(index, measured.targets, evaluation, baselines, low, high)
    measure = search.measurer(
        index,
        evaluation_sets(params.objective),
        params.sampling["bytes"],
        params.vocab_size,
        params.tokenizer,
    )
    limits = search.objective_limits(params.objective, corpora, references, measure)
    problem = search.Problem(
        searched.surface, measured.targets, low, high, constraints=limits, errors=searched.residuals
    )
    found = {}

    @contextmanager
    def timed(strategy):
        start = time.process_time()
        yield
        # beside Snakemake's measurements, as it is none of the results
        took = f"cpu_time\n{time.process_time() - start:.2f}\n"
        write_text(took, Path(params.benchmarks) / f"{strategy}.tsv")

    if "trex" in strategies:
        paper = fitted(PAPER.name)
        paper = replace(paper, surface=replace(paper.surface, num_threads=snakemake.threads))
        tenths = set()

        def report_progress(scored, draws):
            if (tenth := 10 * scored // draws) not in tenths:
                tenths.add(tenth)
                logging.info("%s of %s draws scored", f"{scored:,}", f"{draws:,}")

        sample = partial(draw_range, **{**law, "strength": params.search["strength"] or law["strength"]})
        bounds = low, high
        if params.search["within_support"]:
            bounds = search.support_limits(measured.shares, low, high)
        with timed("trex"):
            found["trex"] = search.trex(
                paper.mean,
                draws=params.search["draws"],
                top_k=params.search["top_k"],
                sample=search.brought_within(sample, low, high),
                bounds=bounds,
                progress=report_progress,
            )

    if params.search["within_support"]:
        problem = problem.within_support(measured.shares)
    best = measured.shares[np.argsort(measured.values, kind="stable")[:2]]
    starts = np.stack([*best, *references.values()])
    if "surrogate" in strategies:
        with timed("surrogate"):
            found["surrogate"] = search.surrogate(
                problem, starts, kappa=params.search["kappa"], seed=params.seed
            )
    front = search.pareto_front(problem, starts, kappa=params.search["kappa"], seed=params.seed)
    if "adaptive" in strategies:
        rounds = [read_json(path) for path in files.rounds]
        tried = Measured.read(
            [files.training_set, *files.round_compression],
            [files.ledger, *files.round_ledgers],
            params.objective,
            corpora,
        )
        with timed("adaptive"):
            surface, errors = fit_with_residuals(
                tried.shares, tried.flat, searched.recipe.kind, own=tried.targets.own, seed=params.seed
            )
            refitted = search.Problem(surface, tried.targets, low, high, constraints=limits, errors=errors)
            result = search.adaptive(
                refitted, tried.shares, tried.flat, kappa=params.search["kappa"], seed=params.seed
            )
        rounds_run = sum(not row["stopped"] for row in rounds)
        notes = {"rounds": rounds_run, "trained": sum(row["trained"] for row in rounds), **result.notes}
        found["adaptive"] = replace(result, notes=notes, table=tuple(rounds))
    if "direct" in strategies:
        row = pl.read_parquet(files.direct)
        candidate = search.Candidate("direct", "direct", row.select(corpora).to_numpy()[0])
        notes = read_json(files.direct_notes)
        table = notes.pop("rounds_table")
        found["direct"] = search.Candidates((candidate,), notes, tuple(table))

    candidates = [candidate for result in found.values() for candidate in result.candidates]
    candidates += [search.Candidate(name, "baseline", shares) for name, shares in references.items()]
    mean, std = used.predict(np.stack([candidate.shares for candidate in candidates]))
    rows = [
        {
            "name": candidate.name,
            "role": "baseline" if candidate.strategy == "baseline" else "candidate",
            "strategy": candidate.strategy,
            "predicted": float(m),
            "predicted_std": float(s),
            **dict(zip(corpora, candidate.shares.tolist(), strict=True)),
        }
        for candidate, m, s in zip(candidates, mean, std, strict=True)
    ]
    write_table(pl.DataFrame(rows), snakemake.output.candidates)
    points = {candidate.name: candidate.shares for candidate in front.candidates}
    write_table(
        pl.DataFrame(
            [{**row, **dict(zip(corpora, points[row["name"]].tolist(), strict=True))} for row in front.table]
        ),
        snakemake.output.pareto,
    )
    write_json(
        {name: result.notes for name, result in found.items()},
        snakemake.output.notes,
    )
    write_json({name: result.table for name, result in found.items()}, snakemake.output.tables)
