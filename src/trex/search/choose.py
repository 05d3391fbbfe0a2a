"""Which mixture to recommend: the simplest that is not measurably worse than the best, at full scale.

*Measurably worse*: the whole interval of the difference to the best is on the wrong side of 0, and the difference is
more than TIE percent; the intervals are simultaneous over all pairs of finalists (`objective.comparisons`), since the
best of several is the best by luck as well.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from trex.mixtures.baselines import SIMPLEST_FIRST
from trex.objective.comparisons import Comparison, DrawNoise, compare
from trex.search.measurements import Measured

# Why a mixture was or was not recommended, as `choice.json` says it.
RECOMMENDED = "recommended"
WORSE = "worse"  # measurably, than the best
LESS_SIMPLE = "less simple"  # than the recommended one, and no better as far as can be measured
MEASURES_LESS = "measures less well"  # than the recommended one, which is as simple
OVER_LIMITS = "over limits"
NO_FINALIST = "no finalist"  # not trained at full scale


def choose(
    measured: Measured, kinds: Mapping[str, str], not_trained: Mapping[str, str], seed: int = 0
) -> dict[str, Any]:
    """Choose among mixtures that were measured at full scale on the selection half of the evaluation text.

    Of equally simple ones, the one that measures best is taken. If none keeps the limits, it is the one that exceeds
    them least.

    Args:
        measured: the finalists.
        kinds: of every mixture, one of `mixtures.baselines.SIMPLEST_FIRST`.
        not_trained: mixtures that are no finalists, best first, and why.
        seed: of the simulated noise of draws.

    Returns:
        For `choice.json`: chosen; best, the one that measures best of those that keep the limits; draws of text;
        draw_noise (None with one draw): deviation, freedom; ranking, best first and then those that were not trained,
        of name, kind, measured (the mean), values, violation, loss (against the best, percent with low and high),
        verdict, why; gains of the chosen over every other finalist, percent with low and high.
    """
    names, trained = measured.best_first(), list(measured.values)
    values = np.array(list(measured.values.values()))
    noise = DrawNoise.of(values)
    pairs = list(combinations(range(len(names)), 2))
    resampled = (
        np.repeat(values.mean(axis=1)[None], 2, axis=0) if measured.resampled is None else measured.resampled
    )
    comparisons = compare(resampled, pairs, noise, seed)

    def gain(of: str, over: str) -> Comparison:
        i, j = trained.index(of), trained.index(over)
        return comparisons[i, j] if i < j else comparisons[j, i].of_the_other

    best = names[0]
    possible = [name for name in names if measured.excess(name) == 0] or [best]
    equal = [name for name in possible if name == best or not gain(best, name).is_gain]
    chosen = min(equal, key=lambda name: SIMPLEST_FIRST.index(kinds[name]))

    def verdict(name: str) -> tuple[str, str]:
        if name == chosen:
            return RECOMMENDED, _why_recommended(chosen, best, equal)
        if name not in possible:
            return OVER_LIMITS, f"exceeds the limits by {100 * measured.excess(name):.2f} %"
        if name not in equal:
            against = gain(best, name)
            ends = f"{against.low:.2f} to {against.high:.2f} %"
            return WORSE, f"measurably worse than {best}, by {against.percent:.2f} % ({ends})"
        if kinds[name] == kinds[chosen]:
            return MEASURES_LESS, f"as simple as {chosen}, and measures less well"
        return LESS_SIMPLE, f"no better than {chosen}, as far as can be measured, and less simple"

    def row(name: str) -> dict[str, Any]:
        reason, why = verdict(name)
        return {
            "name": name,
            "kind": kinds[name],
            "measured": float(np.mean(measured.values[name])),
            "values": [float(value) for value in measured.values[name]],
            "violation": measured.violations[name] if measured.violations else None,
            "loss": None if name == best else vars(gain(best, name)),
            "verdict": reason,
            "why": why,
        }

    unmeasured = dict.fromkeys(("measured", "values", "violation", "loss"))
    return {
        "chosen": chosen,
        "best": best,
        "draws": values.shape[1],
        "draw_noise": None if noise is None else {"deviation": noise.deviation, "freedom": noise.freedom},
        "ranking": [
            *map(row, names),
            *(
                {"name": name, "kind": kinds[name], **unmeasured, "verdict": NO_FINALIST, "why": why}
                for name, why in not_trained.items()
            ),
        ],
        "gains": {name: vars(gain(chosen, name)) for name in names if name != chosen},
    }


def _why_recommended(chosen: str, best: str, equal: list[str]) -> str:
    if chosen == best:
        return "measures best" + (", and no simpler one measures as well" if len(equal) == 1 else "")
    return f"the simplest of {len(equal)} that are not measurably worse than the best, {best}"
