"""Fit and cross-validate the regressions from mixture to objective."""

import logging

import polars as pl

from trex.files import write_json, write_table
from trex.job import job
from trex.metrics import Objective
from trex.proxies import nsl_array, shares_array
from trex.regression import KINDS, cross_validate, fit_surface, scores

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    objective = Objective.from_config(params.objective, params.corpora)
    table = pl.read_parquet(snakemake.input.training_set)
    sets, vocab_size = params.objective["evaluation_sets"], params.objective["vocab_size"]
    names, nsl, reference = nsl_array(table, ["mixture_id"], sets, params.corpora, vocab_size)
    names = names["mixture_id"].to_list()
    shares = shares_array(pl.read_parquet(snakemake.input.ledger), names, params.corpora)
    measured = objective.mean_over_sets(nsl, reference)
    models, metrics, predictions = {}, [], []
    for kind in KINDS:
        mean, std = cross_validate(shares, measured, kind, params.folds, params.seed)
        mean, std = mean[:, 0], std[:, 0]
        models[kind] = fit_surface(shares, measured, kind, seed=params.seed).to_json()
        metrics.append({"model": kind, "used": kind == params.model, **scores(measured, mean)})
        predictions.append(
            pl.DataFrame(
                {
                    "mixture_id": names,
                    "model": kind,
                    "measured": measured,
                    "predicted": mean,
                    "predicted_std": std,
                }
            )
        )
        logging.info("%s, held out: %s", kind, metrics[-1])
    write_table(pl.DataFrame(metrics), output.metrics)
    write_table(pl.concat(predictions), output.predictions)
    write_json({"used": params.model, "surfaces": models}, output.models)
