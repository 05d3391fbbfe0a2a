"""Do small proxies order mixtures as the full scale does? The assumption that every search with proxies rests on.

The same mixtures are trained at several scales (S, V); Spearman correlations between scales say how well their orders
agree (TREX, arXiv 2601.13588, reports .974 to .997), and what the mixture that one scale finds best costs at the full
scale.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from trex.objective.objective import Objective
from trex.proxies.tables import nsl_array
from trex.validation.scales import Scale


def measured_at(
    at: Sequence[Scale],
    table: pl.DataFrame,
    mixtures: Sequence[str],
    objective: Mapping,
    corpora: list[str],
) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """What the mixtures measured at every scale.

    Args:
        table: compression with columns mixture_id and n_bytes (null: all there are).
        objective: the section of the config.

    Returns:
        (mixture_id, scale, objective as a table; the objective [scales, mixtures]; NSL on the first evaluation set of
        the objective [scales, mixtures, k]).
    """
    wanted = Objective.from_config(objective, corpora)
    sets = list(wanted.counted_sets)
    values, nsl = [], []
    for scale in at:
        rows = table.filter(
            pl.col("n_bytes").eq_missing(scale.n_bytes) & pl.col("mixture_id").is_in(list(mixtures))
        )
        keys, of_scale, reference = nsl_array(rows, ["mixture_id"], sets, corpora, scale.vocab_size)
        if keys["mixture_id"].to_list() != sorted(mixtures):
            raise ValueError(
                f"not all of the {len(mixtures)} mixtures were measured at {scale.name}; run again"
            )
        values.append(wanted.aggregate.mean_over_sets(of_scale, reference))
        nsl.append(of_scale[:, 0])
    tables = [
        pl.DataFrame({"mixture_id": sorted(mixtures), "scale": scale.name, "objective": value})
        for scale, value in zip(at, values, strict=True)
    ]
    return pl.concat(tables), np.array(values), np.array(nsl)


def agreement(
    objective: np.ndarray, nsl: np.ndarray, names: Sequence[str], corpora: Sequence[str]
) -> pl.DataFrame:
    """Spearman correlations between all pairs of scales.

    Args:
        objective: of every mixture at every scale. [scales, mixtures]
        nsl: on the first evaluation set of the objective. [scales, mixtures, k]
        names: of the scales; the last is the full scale.

    Returns:
        One row per pair, both ways and with itself: scale, other, spearman (of the objective), lowest and median (of
        the corpora's), lowest_corpus; regret: by how much, in %, the objective at scale `other` of the mixture that is
        best at `scale` is above the best there.
    """
    from scipy.stats import spearmanr  # slow to import

    def spearman(a: np.ndarray, b: np.ndarray) -> float:
        return float(spearmanr(a, b).statistic)

    rows = []
    for a, scale in enumerate(names):
        for b, other in enumerate(names):
            of_corpora = np.array([spearman(nsl[a, :, c], nsl[b, :, c]) for c in range(len(corpora))])
            found = objective[b, objective[a].argmin()]
            rows.append(
                {
                    "scale": scale,
                    "other": other,
                    "spearman": spearman(objective[a], objective[b]),
                    "lowest": float(of_corpora.min()),
                    "lowest_corpus": corpora[int(of_corpora.argmin())],
                    "median": float(np.median(of_corpora)),
                    "regret": float(100 * (found / objective[b].min() - 1)),
                }
            )
    return pl.DataFrame(rows)
