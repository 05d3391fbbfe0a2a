"""The best recipe by each objective, what can be claimed of it, and the simplest one that is as good.

All pairs of recipes are compared at once, so that a claim about the best one holds though it is the best of several. A
recipe is *measurably worse* if the best one gains more than TIE percent and more than the noise on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trex.objective.comparisons import Comparison
from trex.recipes.compare import AVERAGE, COST, FAIRNESS, WORST, Compared

GOALS = (AVERAGE, WORST, COST, FAIRNESS)


@dataclass(frozen=True, eq=False)
class Choice:
    """The best recipe by one objective.

    Attributes:
        goal: a name in `Compared.measures`.
        best: its name; of equal ones the simplest. value: its objective.
        runner_up: the next best and what the best gains on it; None with one recipe.
        equal: those that are not measurably worse than the best, with itself, best first.
        simplest: of `equal`.
        too_few: documents, evaluation set and corpus of a text with too few to claim anything; None if there is none.
    """

    goal: str
    best: str
    value: float
    runner_up: tuple[str, Comparison] | None
    equal: tuple[str, ...]
    simplest: str
    too_few: tuple[int, str, str] | None

    @property
    def is_claimed(self) -> bool:
        """Whether the best is measurably better than the runner-up."""
        return self.runner_up is not None and self.runner_up[0] not in self.equal


def eligible(compared: Compared) -> list[int]:
    """Positions of the recipes that pass their gates and keep the limits of their objectives; of all recipes if none
    does."""
    recipes = list(enumerate(compared.recipes))
    good = [i for i, recipe in recipes if not recipe.failed_gates and not recipe.over_limits]
    return good or [i for i, _ in recipes]


def choices(compared: Compared, goals: Sequence[str] = GOALS) -> list[Choice]:
    """The best recipe by each of these objectives, as far as they are measured."""
    return [_choose(compared, goal) for goal in goals if goal in compared.measures]


def _choose(compared: Compared, goal: str) -> Choice:
    measure, names, recipes = compared.measures[goal], compared.names, compared.recipes
    at, few = eligible(compared), compared.too_few(measure.sets)
    values = measure.draws[0]
    order = sorted(at, key=lambda i: (values[i], recipes[i].complexity, i))
    best = order[0]
    gains = compared.of_pairs(goal, at)
    equal = [i for i in order if i == best or few or not gains[best, i].is_gain]
    simplest = min(equal, key=lambda i: (*recipes[i].complexity, i))
    return Choice(
        goal,
        names[best],
        float(values[best]),
        (names[order[1]], gains[best, order[1]]) if len(order) > 1 else None,
        tuple(names[i] for i in equal),
        names[simplest],
        few[0] if few else None,
    )


def better_existing(compared: Compared, choice: Choice) -> list[str]:
    """Existing tokenizers that pass their gates and whose value of the choice's objective is smaller than that of the
    best recipe, best first. Not the reference, whose NSL is 1 by definition."""
    values = compared.measures[choice.goal].draws[0]
    n = len(compared.recipes)
    order = np.argsort(values[n:], kind="stable") + n
    config = compared.first.config
    better = [compared.tokenizers[i] for i in order if values[i] < choice.value]
    return [
        one.name
        for one in better
        if not one.failed_gates and config["validation"]["tokenizers"].get(one.name) != config["reference"]
    ]


def as_good(compared: Compared, choice: Choice) -> list[str]:
    """The other recipes that could be chosen and have the very value of the best one."""
    values = compared.measures[choice.goal].draws[0]
    names = [compared.names[i] for i in eligible(compared) if values[i] == choice.value]
    return [name for name in names if name != choice.best]
