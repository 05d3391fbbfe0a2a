"""Which mixtures are trained at full scale, by what their proxies measured.

A replicate is one draw of training text, which begins with another group of documents of each corpus; it is the same
for every mixture. Mixtures share most of what a draw changes, so gains are taken replicate by replicate and only then
averaged. The noise of the evaluation text comes from its documents, resampled, the same ones for every mixture.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trex.mixtures.baselines import SEARCHED, SIMPLEST_FIRST
from trex.search.measurements import Measured

SAME = 1e-9  # shares that differ by no more are the same, as far as rounding goes


def same_shares(shares: Mapping[str, Sequence[float]], kinds: Mapping[str, str]) -> dict[str, str]:
    """Candidates that are other mixtures under another name, as a search may end where it began.

    Args:
        shares: of each mixture. [k] each
        kinds: of each, one of `mixtures.baselines.SIMPLEST_FIRST`.

    Returns:
        By candidate, the simplest mixture with the same shares. Of candidates that are the same and no baseline is,
        the first is not listed.

    >>> same_shares({"direct": [0.5, 0.5], "matched": [0.5, 0.5]}, {"direct": "searched", "matched": "matched"})
    {'direct': 'matched'}
    """
    found, distinct = {}, []
    for name in sorted(shares, key=lambda name: SIMPLEST_FIRST.index(kinds[name])):
        same = (other for other in distinct if np.allclose(shares[name], shares[other], rtol=0, atol=SAME))
        if kinds[name] == SEARCHED and (other := next(same, None)):
            found[name] = other
        else:
            distinct.append(name)
    return found


def finalists(
    measured: Measured,
    kinds: Mapping[str, str],
    strategies: Mapping[str, str],
    predicted: Mapping[str, float | None],
    same: Mapping[str, str],
    expected_excess: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Every baseline, and every candidate that keeps the limits and is within the noise of the best on proxies.

    The best is the mixture with the smallest mean, of those that keep the limits, and of equal ones the simplest. If
    none keeps them, it is the one that exceeds them least, and only what exceeds them no more is a finalist. A
    candidate with the shares of another mixture is ranked right after that one, and is neither the best nor a finalist.

    Args:
        measured: on proxies.
        kinds: of each mixture, one of `mixtures.baselines.SIMPLEST_FIRST`: a searched one is a candidate, any
            other a baseline.
        strategies: of each, the strategy it came from.
        predicted: of each, the objective that the surface expected, or None.
        same: of `same_shares`.
        expected_excess: of each, by how much it is expected to exceed limits that hold at full scale alone
            (`limits.expected_excess`). A candidate that comes nearer to keeping them than the best is a finalist.

    Returns:
        For `finalists.json`: best; finalists, in the order of the ranking; ranking, best first, of name, role,
        strategy, measured (the mean), standard_error (of the mean, None with 1 replicate), values, predicted,
        violation, same_as (the mixture with the same shares, or None), why_no_finalist (None: it is one);
        gains of the best over every other mixture, best first, as of `paired_gain`.

    >>> one = {"paper": "searched", "uniform": "uniform"}
    >>> finalists(Measured({"paper": [0.75], "uniform": [1.0]}), one, one, dict.fromkeys(one), {})["finalists"]
    ['paper', 'uniform']
    """
    by_value = measured.best_first(kinds)
    distinct = [name for name in by_value if name not in same]
    names = [name for one in distinct for name in (one, *(n for n in by_value if same.get(n) == one))]
    best = names[0]
    gains = {
        name: paired_gain(measured.values[best], measured.values[name], measured.of_documents(best, name))
        for name in names[1:]
    }

    def why_not(name: str) -> str | None:
        if name in same:
            return f"the same shares as {same[name]}"
        if name == best or kinds[name] != SEARCHED:
            return None
        if measured.excess(name) > measured.excess(best):
            return f"exceeds the limits on proxies, by {100 * measured.excess(name):.2f} %"
        if expected_excess and expected_excess[name] < expected_excess[best]:
            return None
        gain = gains[name]
        least = gain["percent"] if gain["low"] is None else gain["low"]
        return (
            f"on proxies, {best} is better by {gain['percent']:.2f} %, at least {least:.2f} %"
            if least > 0
            else None
        )

    reasons = {name: why_not(name) for name in names}
    found = [name for name, why in reasons.items() if why is None]
    return {
        "best": best,
        "finalists": found,
        "ranking": [
            {
                "name": name,
                "role": "candidate" if kinds[name] == SEARCHED else "baseline",
                "strategy": strategies[name],
                "measured": float(np.mean(measured.values[name])),
                "standard_error": _standard_error(measured.values[name]),
                "values": [float(value) for value in measured.values[name]],
                "predicted": predicted[name],
                "violation": measured.violations[name] if measured.violations else None,
                "same_as": same.get(name),
                "why_no_finalist": reasons[name],
            }
            for name in names
        ],
        "gains": gains,
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


def _standard_error(values: Sequence[float]) -> float | None:
    """Of the mean; None with 1 value."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
