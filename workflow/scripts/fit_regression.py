"""Fit and cross-validate the surfaces from mixture to compression, and select the one that searches use."""

import logging

import numpy as np
import polars as pl

from trex.files import write_json, write_table
from trex.measured import Measured
from trex.regression import KINDS
from trex.run.job import job
from trex.selection import (
    CURVE,
    PAPER,
    RECIPES,
    fit_objective,
    learning_curve,
    learning_sizes,
    select_surface,
)
from trex.surfaces.vocabulary import LEFT_OUT, left_out_scores
from trex.targets import evaluation_sets

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    files = snakemake.input
    measured = Measured.read([files.training_set], [files.ledger], params.objective, params.corpora)
    targets, sets = measured.targets, evaluation_sets(params.objective)
    data = measured.shares, measured.flat, targets.value

    by_name = {recipe.name: recipe for recipe in RECIPES}
    use = None if params.model == "auto" else by_name[params.model]
    recipes = [by_name[name] for name in params.compare]
    paper = PAPER if params.paper else None
    recipes += [recipe for recipe in (use, paper) if recipe and recipe not in recipes]
    selection = select_surface(
        *data, recipes=recipes, use=use, own=targets.own, folds=params.folds, seed=params.seed
    )
    used = selection.chosen.recipe

    def smooth(validation):
        recipe = by_name[validation.recipe]
        return not recipe.direct and KINDS[recipe.kind].has_gradient

    # searches by gradients use the best surface that has them, which need not be the best of all
    searched = used
    if used.direct or not KINDS[used.kind].has_gradient:
        candidates = [v for v in selection.validations if smooth(v)]
        searched = min(candidates, key=lambda v: v.scores()["mape"]).recipe if candidates else None
        searched = by_name[searched or "gaussian_process"]
    fitted = {used.name: selection.chosen}
    for recipe in (searched, paper):
        if recipe and recipe.name not in fitted:
            fitted[recipe.name] = fit_objective(*data, recipe, own=targets.own, seed=params.seed)

    metrics, predictions = [], []
    for validation in (*selection.validations, selection.nested):
        metrics.append(
            {"model": validation.recipe, "used": validation.recipe == used.name, **validation.scores()}
        )
        logging.info("%s, held out: %s", validation.recipe, metrics[-1])
        predictions.append(
            pl.DataFrame(
                {
                    "mixture_id": measured.names,
                    "model": validation.recipe,
                    "measured": validation.measured,
                    "predicted": validation.mean,
                    "predicted_std": validation.std,
                }
            )
        )
    by_corpus = [
        {"model": validation.recipe, "evaluation_set": sets[s], "corpus": params.corpora[c], **scores}
        for validation in selection.validations
        for (s, c), scores in zip(targets.columns, validation.target_scores(), strict=False)
    ]
    curves = []
    for recipe in [used] + [paper] * (paper not in (None, used)):
        if sizes := learning_sizes(len(measured.names), recipe):
            curves += learning_curve(*data, recipe, sizes, own=targets.own, seed=params.seed)
    vocabulary = []
    if len(params.vocab_grid) > 2:
        by_size = [
            Measured.read(
                [files.training_set], [files.ledger], {**params.objective, "vocab_size": size}, params.corpora
            ).flat
            for size in params.vocab_grid
        ]
        vocabulary = left_out_scores(
            measured.shares,
            np.stack(by_size),
            params.vocab_grid,
            targets.value,
            searched.kind,
            own=targets.own,
            folds=params.folds,
            seed=params.seed,
        )
    write_table(pl.DataFrame(metrics), output.metrics)
    write_table(pl.DataFrame(by_corpus, infer_schema_length=None), output.corpus_metrics)
    write_table(pl.DataFrame(curves, schema=CURVE), output.learning_curve)
    write_table(pl.DataFrame(vocabulary, schema=LEFT_OUT), output.vocabulary)
    write_table(pl.concat(predictions), output.predictions)
    write_json(
        {
            "used": used.name,
            "searched": searched.name,
            "nested": selection.nested_recipes,
            "surfaces": {name: surface.to_json() for name, surface in fitted.items()},
        },
        output.models,
    )
