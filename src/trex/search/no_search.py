"""A run without a search: the baselines and the matched mixture are all that is compared, at full scale."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from trex.mixtures.bounds import Bounds, share_caps
from trex.objective.objective import Objective
from trex.search.space import known_mixtures

if TYPE_CHECKING:
    from trex.counting.word_index import WordIndex

BASELINE = "baseline"  # role and strategy of the mixtures that need no search


def baselines_alone(index: "WordIndex", params: Any, inferred: Sequence[str]) -> pl.DataFrame:
    """The mixtures of a run without a search, as the table search/candidates.parquet.

    The matched mixture keeps the bounds that it has in a search: `max_epochs` limits how often the text of a corpus is
    repeated at the proxies' S, or at what there is if that is less.

    Args:
        params: of a rule: corpora; sections of the config: objective, sampling, search (its floors and ceilings) and
            baselines.
        inferred: files of `infer_mixture` with the shares of baselines that are to be inferred.

    Returns:
        name, role, strategy, predicted and predicted_std (null: there is no surface), and a column for each corpus.
    """
    corpora, sampling = list(params.corpora), params.sampling
    available = index.available_bytes
    n_bytes = min(sampling["bytes"], sampling["max_epochs"] * available.sum())
    bounds = Bounds.of_corpora(
        corpora,
        share_caps(available, n_bytes, sampling["max_epochs"]),
        min_share=sampling["min_share"],
        floors=params.search["floors"],
        ceilings=params.search["ceilings"],
    )
    objective = Objective.from_config(params.objective, corpora)
    mixtures = known_mixtures(index, objective, bounds, params.baselines, inferred)
    rows = [
        {
            "name": name,
            "role": BASELINE,
            "strategy": BASELINE,
            **dict(zip(corpora, shares.tolist(), strict=True)),
        }
        for name, shares in mixtures.items()
    ]
    unknown = (pl.lit(None, pl.Float64).alias(name) for name in ("predicted", "predicted_std"))
    return pl.DataFrame(rows).select("name", "role", "strategy", *unknown, *corpora)


def all_finalists(names: Sequence[str]) -> Mapping[str, Any]:
    """What `search.finalists.finalists` returns of mixtures that no proxy was trained on: all go on to full scale."""
    of_proxies = dict.fromkeys(
        ("measured", "standard_error", "values", "predicted", "violation", "same_as", "why_no_finalist")
    )
    ranking = [{"name": name, "role": BASELINE, "strategy": BASELINE, **of_proxies} for name in names]
    return {"best": None, "finalists": list(names), "ranking": ranking, "gains": {}}
