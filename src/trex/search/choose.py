"""Which mixture to recommend: the simplest that is not measurably worse than the best, at full scale.

A mixture is *measurably worse* if some other one is better by more than TIE percent and more than the noise. The lower
ends of the gains of all others over it are taken together (`objective.comparisons`): the best of several is the best by
luck as well. So a mixture that is as good as the best is left out with a chance of 5 % (Gupta's subset selection, with
the noise as it is measured). Where a corpus has one document, no noise is known and none is measurably worse.
"""

from collections.abc import Mapping
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
        For `choice.json`: chosen; best, the one that measures best of those that keep the limits, and of equal ones the
        simplest; draws of text;
        draw_noise (None with one draw): deviation, freedom; ranking, best first and then those that were not trained,
        of name, kind, measured (the mean), values, violation, behind (None for the best: how many percent the best
        gains, and the lower end `at_least`), verdict, why; gains of the chosen over every other finalist, percent with
        low and high, simultaneous.
    """
    names, trained = measured.best_first(kinds), list(measured.values)
    values = np.array(list(measured.values.values()))
    noise = DrawNoise.of(values)
    objectives = (
        np.repeat(values.mean(axis=1)[None], 3, axis=0) if measured.resampled is None else measured.resampled
    )

    def gains(pairs: list[tuple[str, str]], **how: bool) -> list[Comparison]:
        at = [(trained.index(of), trained.index(over)) for of, over in pairs]
        return list(compare(objectives, at, noise, seed, freedom=measured.freedom, **how).values())

    best = names[0]
    possible = [name for name in names if measured.excess(name) == 0] or [best]
    over = {
        name: dict(zip(others, gains([(other, name) for other in others], one_sided=True), strict=True))
        for name in names
        for others in [[other for other in dict.fromkeys([best, *possible]) if other != name]]
    }
    unknown = measured.freedom == 0
    better = {
        name: [other for other, gain in over[name].items() if gain.is_gain and not unknown]
        for name in possible
    }
    equal = [name for name in possible if not better[name]] or [best]
    chosen = min(equal, key=lambda name: SIMPLEST_FIRST.index(kinds[name]))

    def verdict(name: str) -> tuple[str, str]:
        if name == chosen:
            return RECOMMENDED, _why_recommended(chosen, best, equal, measured)
        if name not in possible:
            return OVER_LIMITS, f"exceeds the limits, by {100 * measured.excess(name):.2f} %"
        if name not in equal:
            other = max(better[name], key=lambda other: over[name][other].low)
            gain = over[name][other]
            return (
                WORSE,
                f"measurably worse: {other} gains {gain.percent:.2f} % on it, at least {gain.low:.2f} %",
            )
        if kinds[name] == kinds[chosen]:
            return MEASURES_LESS, f"as simple as {chosen}, and measures less well"
        return LESS_SIMPLE, f"not measurably better than {chosen}, and less simple"

    def row(name: str) -> dict[str, Any]:
        reason, why = verdict(name)
        return {
            "name": name,
            "kind": kinds[name],
            "measured": float(np.mean(measured.values[name])),
            "values": [float(value) for value in measured.values[name]],
            "violation": measured.violations[name] if measured.violations else None,
            "behind": None
            if name == best
            else {"percent": over[name][best].percent, "at_least": over[name][best].low},
            "verdict": reason,
            "why": why,
        }

    others = [name for name in names if name != chosen]
    unmeasured = dict.fromkeys(("measured", "values", "violation", "behind"))
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
        "gains": {
            name: vars(gain)
            for name, gain in zip(others, gains([(chosen, other) for other in others]), strict=True)
        },
    }


def _why_recommended(chosen: str, best: str, equal: list[str], measured: Measured) -> str:
    keep = [name for name in measured.values if measured.excess(name) == 0]
    if not keep:
        return "no mixture keeps the limits, and it exceeds them least"
    if len(measured.values) == 1:
        return "the only mixture that was trained"
    limited = len(keep) < len(measured.values)
    if limited and len(keep) == 1:
        return "the only one that keeps the limits"
    if chosen != best:
        that = "keep the limits and are" if limited else "are"
        return f"the simplest of {len(equal)} that {that} not measurably worse than the best, {best}"
    measures_best = f"measures best of the {len(keep)} that keep the limits" if limited else "measures best"
    if len(equal) > 1:
        return f"{measures_best}, and none of the {len(equal) - 1} that are as good is simpler"
    others = "the others of these" if limited else "all others"
    return f"{measures_best}, and {others} are measurably worse"
