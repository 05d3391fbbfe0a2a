"""Search without a surface: reweight the mixture by what its proxy measures, round after round."""

import logging

import polars as pl

from trex import proxies, search
from trex.files import write_json, write_table
from trex.metrics import Objective
from trex.mixtures import sampling_law
from trex.run.job import job
from trex.targets import Targets, evaluation_sets
from trex.wordindex import WordIndex

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    corpora, sets = params.corpora, evaluation_sets(params.objective)
    counted = params.objective["evaluation_sets"]
    index = WordIndex.load(snakemake.input.word_index, corpora)
    _, reference_tokens = proxies.evaluation_arrays(index, sets)
    objective = Objective.from_config(params.objective, corpora)
    targets = Targets(objective, reference_tokens, len(counted))
    law = sampling_law(params.sampling, params.seed, corpora, index.available_bytes)
    low, high = search.limits_from_config(index, law, params.search)
    evaluation = proxies.evaluation_arrays(index, counted)
    baselines = search.with_inferred(params.baselines, snakemake.input.inference)
    references = search.reference_mixtures(index, targets, evaluation, baselines, low, high)
    measure = search.measurer(index, sets, params.sampling["bytes"], params.vocab_size, params.tokenizer)
    limits = search.objective_limits(params.objective, corpora, references, measure)

    def measure_and_log(shares):
        nsl = measure(shares)
        logging.info("objective %.5f", targets.value(targets.flat(nsl)))
        return nsl

    found = search.direct(
        targets,
        measure_and_log,
        references["matched"],
        low,
        high,
        constraints=limits,
        rounds=params.search["direct_rounds"],
        seed=params.seed,
    )
    (best,) = found.candidates
    row = dict(zip(corpora, best.shares.tolist(), strict=True))
    write_table(pl.DataFrame([{"name": best.name, "measured": best.predicted, **row}]), output.candidate)
    write_json({**found.notes, "rounds_table": found.table}, output.notes)
