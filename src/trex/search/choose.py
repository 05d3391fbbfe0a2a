"""Which mixture to recommend: measured objectives of the candidates and baselines, compared in pairs.

A replicate is one draw of training text, which begins with another group of documents of each corpus; it is the same
for every mixture. Mixtures share most of what a draw changes, so gains are taken replicate by replicate and only then
averaged. The noise of the evaluation text comes from its documents, resampled, the same ones for every mixture.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trex.objective.constraints import SLACK


def choose(
    measured: Mapping[str, Sequence[float]],
    roles: Mapping[str, str],
    strategies: Mapping[str, str],
    predicted: Mapping[str, float | None],
    violations: Mapping[str, float] | None = None,
    resampled: Mapping[str, np.ndarray] | None = None,
) -> dict[str, Any]:
    """Choose the mixture with the smallest mean of the measured objective, of those that keep the limits.

    Of equal means a baseline's wins, as it is the simpler choice, then the one named first. If none keeps the limits,
    the one that exceeds them least is chosen.

    Args:
        measured: the objective of every mixture, one number per replicate, in the same order for all.
        roles: of each, candidate | baseline.
        strategies: of each, the strategy it came from.
        predicted: of each, the objective that the surface expected, or None.
        violations: of each, by how much it exceeds the limits of the objective, relatively (mean over replicates),
            and the bounds of shares. None: neither is set.
        resampled: of each, the objective on resampled evaluation documents, the same for all. [resamples] None: the
            documents are taken as they are.

    Returns:
        For `choice.json`: chosen, role, strategy; best_baseline (None without baselines, and the chosen one
        itself if a baseline is chosen); ranking, best first, of name, role, strategy, measured (the mean),
        standard_error (of the mean, None with 1 replicate), values, predicted, violation; gains, over every other
        mixture, best first, as of `paired_gain`.

    >>> roles = {"paper": "candidate", "uniform": "baseline"}
    >>> choose({"paper": [0.75], "uniform": [1.0]}, roles, roles, dict.fromkeys(roles))["gains"]["uniform"]["percent"]
    25.0

    Raises:
        ValueError: without mixtures or replicates, or if mixtures have different numbers of replicates.
    """
    counts = {name: len(values) for name, values in measured.items()}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        raise ValueError(f"every mixture needs the same replicates, 1 or more; got {counts}")
    ranking = [
        {
            "name": name,
            "role": roles[name],
            "strategy": strategies[name],
            "measured": float(np.mean(values)),
            "standard_error": _standard_error(values),
            "values": [float(value) for value in values],
            "predicted": predicted[name],
            "violation": violations[name] if violations else None,
        }
        for name, values in measured.items()
    ]

    def excess(row):
        violation = row["violation"] or 0.0
        return violation if violation > SLACK else 0.0

    ranking.sort(key=lambda row: (excess(row), row["measured"], row["role"] != "baseline"))
    best = ranking[0]
    baselines = [row["name"] for row in ranking if row["role"] == "baseline"]
    return {
        "chosen": best["name"],
        "role": best["role"],
        "strategy": best["strategy"],
        "best_baseline": next(iter(baselines), None),
        "ranking": ranking,
        "gains": {
            row["name"]: paired_gain(
                best["values"], row["values"], _pair(resampled, best["name"], row["name"])
            )
            for row in ranking[1:]
        },
    }


def paired_gain(
    chosen: Sequence[float],
    other: Sequence[float],
    resampled: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict[str, float | None]:
    """How much smaller `chosen` is than `other`, and how sure that is.

    Args:
        chosen, other: the objective, one number per replicate.
        resampled: of both, on resampled evaluation documents. [resamples], [resamples]

    Returns:
        percent: mean of 100 * (1 - chosen / other) over replicates; standard_error of that, by the replicates (None
        with one); documents_error, its standard deviation over resampled documents (None without); low, high: 95 %
        interval of both by Student's t (None where neither is known), with Satterthwaite's degrees of freedom, as the
        replicates are few and the resamples many.
    """
    from scipy.special import stdtrit  # quantile of Student's t; slow to import

    gains = 100 * (1 - np.asarray(chosen, float) / np.asarray(other, float))
    percent, by_replicates = float(gains.mean()), _standard_error(gains)
    by_documents = (
        None if resampled is None else float(np.std(100 * (1 - resampled[0] / resampled[1]), ddof=1))
    )
    variance = (by_replicates or 0.0) ** 2 + (by_documents or 0.0) ** 2
    low = high = None
    if variance > 0:
        freedom = variance**2 * (len(gains) - 1) / by_replicates**4 if by_replicates else np.inf
        half = float(stdtrit(min(freedom, 1e6), 0.975) * np.sqrt(variance))
        low, high = percent - half, percent + half
    return {
        "percent": percent,
        "standard_error": by_replicates,
        "documents_error": by_documents,
        "low": low,
        "high": high,
    }


def _pair(resampled: Mapping[str, np.ndarray] | None, *names: str) -> tuple[np.ndarray, ...] | None:
    return None if resampled is None else tuple(resampled[name] for name in names)


def _standard_error(values: Sequence[float]) -> float | None:
    """Of the mean; None with 1 value."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
