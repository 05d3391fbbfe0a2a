"""From what the candidates and baselines measured to the choice of one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from trex.mixtures.bounds import Bounds
from trex.objective.constraints import violation
from trex.objective.objective import Objective
from trex.objective.resampling import resample
from trex.proxies.tables import nsl_array
from trex.search.choose import choose


def choose_measured(
    candidates: pl.DataFrame,
    compression: pl.DataFrame,
    documents: Mapping[str, pl.DataFrame],
    objective: Objective,
    bounds: Bounds | None,
    seed: int,
    existing: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> dict[str, Any]:
    """Choose the mixture of the best measured objective, baselines included (`choose.choose`).

    Args:
        candidates: of search/candidates.parquet.
        compression: of their proxies, with the columns name and replicate, the same replicates for all.
        documents: of every candidate and baseline, tokens of some evaluation documents (`resampling.resample`).
        objective: with its limits and the vocabulary size.
        bounds: floors and ceilings of shares; None: there are none.
        seed: of the resampled documents.
        existing: NSL [sets, k] of existing tokenizers that limits compare with (`limits.existing_nsl`).
    """
    corpora, names = list(objective.corpora), candidates["name"].to_list()
    sets = objective.evaluation_sets
    keys, nsl, reference = nsl_array(compression, ["name", "replicate"], sets, corpora, objective.vocab_size)
    rows = keys.with_row_index("row").sort("name", "replicate")
    at = {name: rows.filter(name=name)["row"].to_list() for name in names}
    values = objective.on(reference).of_nsl(nsl)
    baselines = candidates.filter(role="baseline")["name"].to_list()
    over = _violations({name: nsl[at[name]] for name in names}, baselines, existing, objective, reference)
    if bounds is not None:
        # a baseline is as the config says it, whatever the shares that candidates are held to
        outside = bounds.excess(candidates.select(corpora).to_numpy())
        over = {
            name: (over or {}).get(name, 0.0) + float(excess)
            for name, excess in zip(names, outside, strict=True)
        }
    drawn = resample(documents, sets, corpora, seed)
    of_documents = objective.of_tokens(drawn.tokens, drawn.reference_tokens, sets)

    def column(name: str) -> dict[str, Any]:
        return dict(zip(names, candidates[name], strict=True))

    return choose(
        {name: values[at[name]].tolist() for name in names},
        *map(column, ("role", "strategy", "predicted")),
        over,
        {name: of_documents[1:, number] for number, name in enumerate(documents)},
    )


def _violations(
    nsl: Mapping[str, np.ndarray],
    baselines: list[str],
    existing: Mapping[str, np.ndarray],
    objective: Objective,
    reference_tokens: np.ndarray,
) -> dict[str, float] | None:
    """By how much mixtures exceed the limits of the objective, mean over replicates; None: there are no limits.

    Limits hold against the baselines as they were measured on the same draws of text. nsl: [replicates, sets, k] each
    """
    replicates = {len(values) for values in nsl.values()}
    if len(replicates) != 1:
        return None  # `choose` says what is wrong
    (n,) = replicates
    limits = [
        objective.constraints({name: nsl[name][r] for name in baselines} | dict(existing)) for r in range(n)
    ]
    if not any(limits):
        return None
    return {
        name: float(np.mean([violation(limits[r], values[r], reference_tokens) for r in range(n)]))
        for name, values in nsl.items()
    }
