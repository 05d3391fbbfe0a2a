"""One round of the adaptive search: fit the surface to all proxies so far, propose mixtures, train their proxies.

A round that has too little to gain trains none, and so do all after it: its tables are empty.
"""

import logging

import numpy as np
import polars as pl

from trex import proxies, search
from trex.bpe import Workspace
from trex.files import read_json, write_json, write_table
from trex.measured import Measured
from trex.mixtures import sampling_law
from trex.regression import fit_with_residuals
from trex.run.job import job
from trex.targets import evaluation_sets
from trex.wordindex import WordIndex

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    number = int(snakemake.wildcards.round)
    index = WordIndex.load(files.word_index, params.corpora)
    compression_files = [files.training_set, *files.round_compression]
    ledger_files = [files.training_ledger, *files.round_ledgers]
    measured = Measured.read(compression_files, ledger_files, params.objective, params.corpora)
    targets = measured.targets
    models = read_json(files.models)
    surface, errors = fit_with_residuals(
        measured.shares,
        measured.flat,
        models["surfaces"][models["searched"]]["kind"],
        own=targets.own,
        seed=params.seed,
    )
    law = sampling_law(params.sampling, params.seed, params.corpora, index.available_bytes)
    low, high = search.limits_from_config(index, law, params.search)
    evaluation = proxies.evaluation_arrays(index, params.objective["evaluation_sets"])
    baselines = search.with_inferred(params.baselines, files.inference)
    references = search.reference_mixtures(index, targets, evaluation, baselines, low, high)
    measure = search.measurer(
        index,
        evaluation_sets(params.objective),
        params.sampling["bytes"],
        params.vocab_size,
        params.tokenizer,
    )
    limits = search.objective_limits(params.objective, params.corpora, references, measure)
    problem = search.Problem(surface, targets, low, high, constraints=limits, errors=errors)
    batch = search.propose_batch(
        problem,
        measured.shares,
        measured.flat,
        params.search["per_round"],
        seed=1000 * params.seed + number,
        starts=references["matched"][None],
    )
    gain = search.expected_gain(problem, batch, measured.flat)
    stopped = gain < params.search["tolerance"] or any(read_json(path)["stopped"] for path in files.rounds)
    logging.info("expected gain %.4f %%, tolerance %.4f %%", 100 * gain, 100 * params.search["tolerance"])

    compression, ledgers, workspace = [], [], Workspace()
    for i, shares in enumerate([] if stopped else batch):
        name = pl.lit(f"a{number:02d}_{i:03d}").alias("mixture_id")
        training = index.slice(shares, params.sampling["bytes"])
        model = proxies.train(index, training, params.vocab_size, params.tokenizer, workspace)
        compression.append(proxies.compression(index, model, params.vocab_grid).select(name, pl.all()))
        ledgers.append(training.ledger.select(name, pl.all()))
    empty = [pl.read_parquet(paths[0]).clear() for paths in (compression_files, ledger_files)]
    write_table(pl.concat([empty[0], *compression]), output.compression)
    write_table(pl.concat([empty[1], *ledgers]), output.ledger)
    write_json(
        {
            "round": number,
            "stopped": bool(stopped),
            "expected_gain": float(gain),
            "best_before": float(np.min(measured.values)),
            "trained": len(compression),
        },
        output.notes,
    )
