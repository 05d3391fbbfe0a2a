"""Fit and cross-validate the surfaces from mixture to compression, and select the one that searches use."""

import logging

import polars as pl

from trex.files import write_json, write_table
from trex.job import job
from trex.metrics import Objective
from trex.proxies import nsl_array, shares_array
from trex.selection import PAPER, RECIPES, fit_objective, learning_curve, learning_sizes, select_surface
from trex.targets import Targets

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    table = pl.read_parquet(snakemake.input.training_set)
    sets, vocab_size = params.objective["evaluation_sets"], params.objective["vocab_size"]
    names, nsl, reference = nsl_array(table, ["mixture_id"], sets, params.corpora, vocab_size)
    names = names["mixture_id"].to_list()
    shares = shares_array(pl.read_parquet(snakemake.input.ledger), names, params.corpora)
    targets = Targets(Objective.from_config(params.objective, params.corpora), reference)
    data = shares, targets.flat(nsl), targets.value

    by_name = {recipe.name: recipe for recipe in RECIPES}
    use = None if params.model == "auto" else by_name[params.model]
    recipes = [by_name[name] for name in params.compare]
    recipes += [recipe for recipe in (use, PAPER) if recipe and recipe not in recipes]
    selection = select_surface(
        *data, recipes=recipes, use=use, own=targets.own, folds=params.folds, seed=params.seed
    )
    used = selection.chosen.recipe
    paper = selection.chosen
    if used != PAPER:
        paper = fit_objective(*data, PAPER, own=targets.own, seed=params.seed)

    metrics, predictions = [], []
    for validation in (*selection.validations, selection.nested):
        metrics.append(
            {"model": validation.recipe, "used": validation.recipe == used.name, **validation.scores()}
        )
        logging.info("%s, held out: %s", validation.recipe, metrics[-1])
        predictions.append(
            pl.DataFrame(
                {
                    "mixture_id": names,
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
    for recipe in (used, PAPER) if used != PAPER else (PAPER,):
        if sizes := learning_sizes(len(shares), recipe):
            curves += learning_curve(*data, recipe, sizes, own=targets.own, seed=params.seed)
    write_table(pl.DataFrame(metrics), output.metrics)
    write_table(pl.DataFrame(by_corpus, infer_schema_length=None), output.corpus_metrics)
    write_table(pl.DataFrame(curves, infer_schema_length=None), output.learning_curve)
    write_table(pl.concat(predictions), output.predictions)
    surfaces = {fitted.recipe.name: fitted.to_json() for fitted in (selection.chosen, paper)}
    write_json({"used": used.name, "nested": selection.nested_recipes, "surfaces": surfaces}, output.models)
