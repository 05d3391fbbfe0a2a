"""Which way to predict the objective: regressions, their honest accuracy, and how it grows with the proxies.

A regression either predicts the targets and takes the objective of them, or predicts the objective's value itself, as
the paper's does; both give an `ObjectiveSurface`. A stack is a regression made of others (`trex.surfaces.stack`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

import numpy as np

from trex.proxies.training_set import TrainingSet
from trex.surfaces.base import NO_OWN, RESIDUALS, Surface
from trex.surfaces.fit import (
    STD_FOLDS,
    assign_folds,
    class_to_fit,
    fit_with_residuals,
    load_surface,
    out_of_fold,
    scores,
    standardise,
    surface_class,
)
from trex.surfaces.stack import StackSurface, stack_out_of_fold, stack_weights

# Of targets, [..., t] -> [...].
Function = Callable[[np.ndarray], np.ndarray]

# Numbers of joint residuals that are in memory at a time.
CHUNK = 4_000_000

SELECTED = "selected"  # in tables: selecting and fitting as a whole


@dataclass(frozen=True)
class Regression:
    """A kind of surface, and what it is fitted to: the targets, or the objective's value. Of a stack, its members."""

    kind: str
    predicts_objective: bool = False
    settings: Mapping = field(default_factory=dict)
    members: tuple["Regression", ...] = ()

    @property
    def name(self) -> str:
        return f"{self.kind}_objective" if self.predicts_objective else self.kind

    @property
    def has_gradient(self) -> bool:
        """Whether its surface predicts the targets with their gradients, as searches by gradients need them."""
        if self.members:
            return all(member.has_gradient for member in self.members)
        return not self.predicts_objective and surface_class(self.kind).has_gradient

    def fewest(self, folds: int) -> int:
        """Mixtures that cross-validating it takes at least."""
        if self.members:
            return max(member.fewest(folds) for member in self.members)
        least = surface_class(self.kind).fewest_rows(**self.settings)
        return max(folds, math.ceil(least * folds / (folds - 1)))

    def outcomes(self, training: TrainingSet) -> tuple[np.ndarray, np.ndarray]:
        """What the surface is fitted to, [n, t] or [n, 1], and the corpora whose share is its columns' own."""
        if self.predicts_objective:
            return training.values[:, None], np.array([NO_OWN])
        no_own = np.full(training.targets.shape[1], NO_OWN)
        return training.targets, no_own if training.own is None else np.asarray(training.own, int)

    def to_json(self) -> dict[str, Any]:
        """In types that JSON has."""
        return {
            "kind": self.kind,
            "predicts_objective": self.predicts_objective,
            "settings": dict(self.settings),
            "members": [member.to_json() for member in self.members],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "members": tuple(map(cls.from_json, data["members"]))})


def stack_of(regressions: Sequence[Regression]) -> Regression | None:
    """The stack of all that predict the targets; None of fewer than two."""
    members = tuple(r for r in regressions if not (r.predicts_objective or r.members))
    return Regression(StackSurface.kind, members=members) if len(members) > 1 else None


PAPER = Regression("lightgbm", predicts_objective=True)
REGRESSIONS = {
    regression.name: regression
    for regression in (
        Regression("gaussian_process"),
        Regression("lightgbm"),
        Regression("mixing_law"),
        Regression("linear"),
        PAPER,
    )
}


def objective_std(
    mean: np.ndarray, std: np.ndarray, residuals: np.ndarray, objective: Function
) -> np.ndarray:
    """Standard deviation of the objective, [n], from that of its targets and from how their errors go together.

    Each row of residuals is a joint error that was seen at a held-out mixture; the objective is taken of the
    targets with every one of these errors. Errors of corpora are correlated, and the objective may be a maximum.

    Args:
        mean, std: of the targets. [n, t]
        residuals: held-out errors in units of std. [r, t]
    """
    result = np.empty(len(mean))
    step = max(1, CHUNK // residuals.size)
    for start in range(0, len(mean), step):
        rows = slice(start, start + step)
        errors = std[rows, None] * residuals
        off = objective(mean[rows, None] + errors) - objective(mean[rows])[:, None]
        result[rows] = np.sqrt((off**2).mean(axis=1))
    return result


def _of_objective(
    regression: Regression, objective: Function, mean: np.ndarray, std: np.ndarray, residuals: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the objective, each [n], from what its surface predicts, [n, t or 1]."""
    if regression.predicts_objective:
        return mean[:, 0], std[:, 0]
    return objective(mean), objective_std(mean, std, residuals, objective)


@dataclass(frozen=True, eq=False)
class ObjectiveSurface:
    """A fitted regression: the objective at any mixture, with uncertainty."""

    regression: Regression
    surface: Surface
    residuals: np.ndarray  # [r, t or 1], held-out errors in units of the surface's std
    objective: Function

    @property
    def name(self) -> str:
        """Of its regression."""
        return self.regression.name

    def predict(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the objective, each [n], at shares [n, k]."""
        mean, std = self.surface.predict(shares)
        return _of_objective(self.regression, self.objective, mean, std, self.residuals)

    def mean(self, shares: np.ndarray) -> np.ndarray:
        """The objective [n] at shares [n, k], the fast way for millions of mixtures."""
        mean = self.surface.mean(shares)
        return mean[:, 0] if self.regression.predicts_objective else self.objective(mean)

    def to_json(self) -> dict[str, Any]:
        """All but the objective, in types that JSON has."""
        return {
            "regression": self.regression.to_json(),
            "surface": self.surface.to_json(),
            "residuals": self.residuals.tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], objective: Function) -> Self:
        """The same again, with exactly the same predictions if the objective is the same."""
        regression = Regression.from_json(data["regression"])
        return cls(regression, load_surface(data["surface"]), np.array(data["residuals"]), objective)


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Predictions of mixtures by surfaces that did not see them, and how good they are."""

    regression: str
    measured: np.ndarray  # [n], the objective
    mean: np.ndarray  # [n]
    std: np.ndarray  # [n]
    # measured, mean, std of the targets, each [n, t]; None for a regression that predicts none
    targets: tuple[np.ndarray, np.ndarray, np.ndarray] | None
    z: np.ndarray | None = None  # [n, t or 1], residuals in units of `fit.out_of_fold`'s std
    members: tuple["CrossValidation", ...] = ()  # of a stack

    def scores(self) -> dict[str, float | int | None]:
        """`fit.scores` of the objective, with coverage90."""
        return scores(self.measured, self.mean, self.std)

    def target_scores(self) -> list[dict[str, float | int | None]]:
        """`fit.scores` of every target; empty for a regression that predicts none."""
        columns = zip(*(a.T for a in self.targets), strict=True) if self.targets else ()
        return [scores(*column) for column in columns]


def fit_objective(
    training: TrainingSet, regression: Regression, seed: int = 0, validation: CrossValidation | None = None
) -> ObjectiveSurface:
    """Fit a regression.

    validation: of the same regression and mixtures; its residuals save cross-validating once more.
    """
    if regression.members:
        validation = validation or cross_validate_objective(training, regression, seed=seed)
        surface, residuals = _fit_stack(training, regression, seed, validation)
    else:
        outcomes, own = regression.outcomes(training)
        z = validation.z if validation else None
        surface, residuals = fit_with_residuals(
            training.shares, outcomes, regression.kind, own=own, seed=seed, z=z, **regression.settings
        )
    return ObjectiveSurface(regression, surface, residuals[:RESIDUALS], training.objective)


def _fit_stack(
    training: TrainingSet, regression: Regression, seed: int, validation: CrossValidation
) -> tuple[StackSurface, np.ndarray]:
    """As `fit.fit_with_residuals`. A member that weighs nothing for any target is left out."""
    of_members = [v.targets for v in validation.members]
    weights = stack_weights(np.stack([mean - measured for measured, mean, _ in of_members]))
    weighs = weights.any(axis=1)
    members = tuple(
        fit_objective(training, member, seed, known).surface
        for member, known, some in zip(regression.members, validation.members, weighs, strict=True)
        if some
    )
    spread, residuals = standardise(validation.z)
    return StackSurface(members, weights[weighs], spread), residuals


def cross_validate_objective(
    training: TrainingSet,
    regression: Regression,
    folds: int = STD_FOLDS,
    seed: int = 0,
    known: Sequence[CrossValidation] = (),
) -> CrossValidation:
    """Cross-validate a regression. The spread and the joint residuals used in a fold come from the other folds, and so
    do the weights of a stack.

    known: cross-validations of other regressions, with the same mixtures, folds and seed, which spare a stack those of
        its members.
    """
    outcomes, own = regression.outcomes(training)
    fold = assign_folds(len(training), folds, seed)
    by_name = {validation.regression: validation for validation in known}
    members = tuple(
        by_name.get(member.name) or cross_validate_objective(training, member, folds, seed)
        for member in regression.members
    )
    if members:
        _, means, stds = map(np.stack, zip(*(v.targets for v in members), strict=True))
        mean, std = stack_out_of_fold(outcomes, means, stds, fold)
    else:
        kind = class_to_fit(regression.kind, training.shares, own)
        fit = partial(kind.fit, own=own, seed=seed, **regression.settings)
        mean, std = out_of_fold(training.shares, outcomes, fit, fold)
    z = np.divide(outcomes - mean, std, out=np.zeros_like(mean), where=std > 0)
    value, value_std = np.empty(len(training)), np.empty(len(training))
    for held_out in (fold == f for f in range(folds)):
        spread, residuals = standardise(z[~held_out])
        std[held_out] *= spread
        value[held_out], value_std[held_out] = _of_objective(
            regression, training.objective, mean[held_out], std[held_out], residuals[:RESIDUALS]
        )
    targets = None if regression.predicts_objective else (training.targets, mean, std)
    return CrossValidation(regression.name, training.values, value, value_std, targets, z, members)


@dataclass(frozen=True, eq=False)
class Selection:
    """The regression that predicts the objective best, and the cross-validations of all of them."""

    chosen: ObjectiveSurface
    validations: tuple[CrossValidation, ...]  # one per regression


def select_surface(
    training: TrainingSet,
    regressions: Sequence[Regression] = tuple(REGRESSIONS.values()),
    use: Regression | None = None,
    folds: int = STD_FOLDS,
    seed: int = 0,
) -> Selection:
    """Select by cross-validation the regression with the least MAPE on the objective, and fit it.

    Args:
        regressions: what to validate, and to choose from, a stack after its members; where there are fewer mixtures
            than one needs, from the others.
        use: one of them that is chosen whatever the others can do; None: the best.
        folds: of the cross-validation.
        seed: of fits and folds.
    """
    able = [regression for regression in regressions if len(training) >= regression.fewest(folds)]
    found: list[CrossValidation] = []
    for regression in able:
        found.append(cross_validate_objective(training, regression, folds, seed, found))
    least = able.index(use) if use else int(np.argmin([v.scores()["mape"] for v in found]))
    return Selection(fit_objective(training, able[least], seed, found[least]), tuple(found))


def validate_selection(
    training: TrainingSet,
    regressions: Sequence[Regression] = tuple(REGRESSIONS.values()),
    use: Regression | None = None,
    folds: int = STD_FOLDS,
    seed: int = 0,
) -> tuple[CrossValidation, tuple[str, ...]]:
    """Nested cross-validation of `select_surface` as a whole: each outer fold is predicted by what is selected without
    it. So the accuracy has not been picked as the best of several. Arguments as there; folds of both.

    Returns:
        The cross-validation, and the name of what was selected in each outer fold.
    """
    if use:  # nothing is selected, so that its own validation is honest
        own = cross_validate_objective(training, use, folds, seed)
        return replace(own, regression=SELECTED), (use.name,) * folds
    n = len(training)
    fold = assign_folds(n, folds, seed)
    value, value_std = np.empty(n), np.empty(n)
    mean, std = np.full(training.targets.shape, np.nan), np.full(training.targets.shape, np.nan)
    selected = []
    for held_out in (fold == f for f in range(folds)):
        fitted = select_surface(training.take(~held_out), regressions, None, folds, seed).chosen
        value[held_out], value_std[held_out] = fitted.predict(training.shares[held_out])
        if not fitted.regression.predicts_objective:
            mean[held_out], std[held_out] = fitted.surface.predict(training.shares[held_out])
        selected.append(fitted.regression)
    no_targets = any(regression.predicts_objective for regression in selected)
    targets = None if no_targets else (training.targets, mean, std)
    nested = CrossValidation(SELECTED, training.values, value, value_std, targets)
    return nested, tuple(regression.name for regression in selected)


def learning_sizes(n: int, regression: Regression) -> list[int]:
    """Numbers of proxies for a learning curve of n: 16, 32, 64, ... and three quarters of all, which leaves the others
    to test on; those that the regression can be cross-validated with.

    >>> learning_sizes(64, Regression("linear"))
    [16, 32, 48]
    """
    most = 3 * n // 4
    sizes = {*(16 << i for i in range(20)), most}
    return sorted(size for size in sizes if regression.fewest(STD_FOLDS) <= size <= most)


# of the learning curves' table, which is empty where there are too few proxies
CURVE = {"model": str, "proxies": int, "repeat": int} | dict.fromkeys(("mape", "spearman", "r2"), float)
CURVE |= {"n": int, "coverage90": float}


def learning_curve(
    training: TrainingSet, regression: Regression, sizes: Sequence[int], repeats: int = 5, seed: int = 0
) -> list[dict[str, float | int | None]]:
    """Scores of the objective on all mixtures that a regression did not see, by how many it did.

    Every repeat shuffles the mixtures and fits to the first 16, 32, ... (`sizes`) of them.

    Returns:
        One row per size and repeat: `proxies`, `repeat` and `fit.scores`.

    Raises:
        ValueError: for a size that leaves fewer than 2 mixtures to test on.
    """
    n = len(training)
    if max(sizes) > n - 2:
        raise ValueError(
            f"a learning curve up to {max(sizes)} needs mixtures to test on; there are {n} in all"
        )
    rows = []
    for repeat in range(repeats):
        order = np.random.default_rng([seed, repeat]).permutation(n)
        for size in sizes:
            fitted = fit_objective(training.take(order[:size]), regression, seed)
            unseen = training.take(order[size:])
            found = scores(unseen.values, *fitted.predict(unseen.shares))
            rows.append({"model": regression.name, "proxies": size, "repeat": repeat, **found})
    return rows
