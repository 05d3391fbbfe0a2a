"""Search without a surface: reweight the mixture by what its proxy measures, round after round."""

import logging

import polars as pl

from trex import proxies, search
from trex.bpe import Workspace
from trex.files import write_json, write_table
from trex.job import job
from trex.metrics import Objective
from trex.mixtures import sampling_law
from trex.wordindex import WordIndex

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    corpora, sets = params.corpora, params.objective["evaluation_sets"]
    index = WordIndex.load(snakemake.input.word_index, corpora)
    objective = Objective.from_config(params.objective, corpora)
    law = sampling_law(params.sampling, params.seed, corpora, index.available_bytes)
    low, high = search.limits_from_config(index, law, params.search)
    eval_bytes, reference_tokens = proxies.evaluation_arrays(index, sets)
    workspace = Workspace()

    def measure(shares):
        training = index.slice(shares, params.sampling["bytes"])
        model = proxies.train(index, training, params.vocab_size, params.tokenizer, workspace)
        table = proxies.compression(index, model, [params.vocab_size]).with_columns(name=pl.lit("direct"))
        _, nsl, reference = proxies.nsl_array(table, ["name"], sets, corpora, params.vocab_size)
        logging.info("objective %.5f", objective.mean_over_sets(nsl, reference)[0])
        return nsl[0]

    (start,) = search.matched_candidate(objective, eval_bytes, reference_tokens).candidates
    found = search.direct(
        objective,
        measure,
        start.shares,
        reference_tokens,
        low,
        high,
        rounds=params.search["direct_rounds"],
        seed=params.seed,
    )
    (best,) = found.candidates
    row = dict(zip(corpora, best.shares.tolist(), strict=True))
    write_table(pl.DataFrame([{"name": best.name, "measured": best.predicted, **row}]), output.candidate)
    write_json({**found.notes, "rounds_table": found.table}, output.notes)
