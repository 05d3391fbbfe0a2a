"""Which way to predict the objective: recipes, their honest accuracy, and how it grows with the proxies.

An objective is any function of the targets, [..., t] -> [...]. A recipe either predicts the targets and takes the
objective of them, or predicts the objective's value directly, as the paper does; both give an `ObjectiveSurface`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from trex.regression import (
    STD_FOLDS,
    assign_folds,
    fit_with_residuals,
    load_surface,
    out_of_fold,
    scores,
)
from trex.surfaces.base import Surface
from trex.surfaces.lightgbm import LIGHTGBM_SETTINGS, LightGBMSurface

Objective = Callable[[np.ndarray], np.ndarray]

# Joint residuals that stand for the distribution of errors, and how many numbers of them are in memory at a time.
RESIDUALS = 256
CHUNK = 4_000_000


@dataclass(frozen=True)
class Recipe:
    """A kind of surface, and what it is fitted to: the targets, or (direct) the objective's value."""

    kind: str
    direct: bool = False
    settings: Mapping = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.kind}_direct" if self.direct else self.kind

    def fewest(self, folds: int) -> int:
        """Mixtures that cross-validating it takes at least."""
        if self.kind != LightGBMSurface.kind:
            return folds
        least = 2 * {**LIGHTGBM_SETTINGS, **self.settings}["min_data_in_leaf"]
        return math.ceil(least * folds / (folds - 1))

    def outcomes(
        self, targets: np.ndarray, objective: Objective, own: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """What the surface is fitted to, [n, t] or [n, 1], and the corpora whose share is its columns' own."""
        return (objective(targets)[:, None], None) if self.direct else (targets, own)


PAPER = Recipe("lightgbm", direct=True)
RECIPES = (
    Recipe("gaussian_process"),
    Recipe("lightgbm"),
    Recipe("mixing_law"),
    Recipe("linear"),
    PAPER,
)


def objective_std(
    mean: np.ndarray, std: np.ndarray, residuals: np.ndarray, objective: Objective
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


@dataclass(frozen=True, eq=False)
class ObjectiveSurface:
    """A fitted recipe: the objective at any mixture, with uncertainty."""

    recipe: Recipe
    surface: Surface
    residuals: np.ndarray  # [r, t or 1], held-out errors in units of the surface's std
    objective: Objective

    def predict(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the objective, each [n], at shares [n, k]."""
        mean, std = self.surface.predict(shares)
        return _of_objective(self.recipe, mean, std, self.residuals, self.objective)

    def mean(self, shares: np.ndarray) -> np.ndarray:
        """The objective [n] at shares [n, k], the fast way for millions of mixtures."""
        mean = self.surface.mean(shares)
        return mean[:, 0] if self.recipe.direct else self.objective(mean)

    def to_json(self) -> dict:
        """All but the objective, in types that JSON has."""
        return {
            "kind": self.recipe.kind,
            "direct": self.recipe.direct,
            "settings": dict(self.recipe.settings),
            "surface": self.surface.to_json(),
            "residuals": self.residuals.tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping, objective: Objective) -> Self:
        """The same again, with exactly the same predictions if the objective is the same."""
        recipe = Recipe(data["kind"], data["direct"], data["settings"])
        return cls(recipe, load_surface(data["surface"]), np.array(data["residuals"]), objective)


def _of_objective(
    recipe: Recipe, mean: np.ndarray, std: np.ndarray, residuals: np.ndarray, objective: Objective
) -> tuple[np.ndarray, np.ndarray]:
    if recipe.direct:
        return mean[:, 0], std[:, 0]
    return objective(mean), objective_std(mean, std, residuals, objective)


def fit_objective(
    shares: np.ndarray,
    targets: np.ndarray,
    objective: Objective,
    recipe: Recipe,
    *,
    own: Sequence[int] | None = None,
    seed: int = 0,
    validation: "Validation | None" = None,
) -> ObjectiveSurface:
    """Fit a recipe to shares [n, k] and targets [n, t]; `own` and `seed` as of `regression.fit_surface`.

    validation: of the same recipe and mixtures; its residuals save cross-validating once more.
    """
    outcomes, own = recipe.outcomes(targets, objective, own)
    z = validation.z if validation else None
    surface, residuals = fit_with_residuals(
        shares, outcomes, recipe.kind, own=own, seed=seed, z=z, **recipe.settings
    )
    return ObjectiveSurface(recipe, surface, residuals[:RESIDUALS], objective)


@dataclass(frozen=True, eq=False)
class Validation:
    """Predictions of mixtures by surfaces that did not see them, and how good they are."""

    recipe: str
    measured: np.ndarray  # [n], the objective
    mean: np.ndarray  # [n]
    std: np.ndarray  # [n]
    targets: (
        tuple[np.ndarray, np.ndarray, np.ndarray] | None
    )  # measured, mean, std, each [n, t]; None if direct
    z: np.ndarray | None = None  # [n, t or 1], residuals in units of `regression.out_of_fold`'s std

    def scores(self) -> dict[str, float | int | None]:
        """`regression.scores` of the objective, with coverage90."""
        return scores(self.measured, self.mean, self.std)

    def target_scores(self) -> list[dict[str, float | int | None]]:
        """`regression.scores` of every target; empty for a recipe that predicts none."""
        columns = zip(*(a.T for a in self.targets), strict=True) if self.targets else ()
        return [scores(*column) for column in columns]


def validate(
    shares: np.ndarray,
    targets: np.ndarray,
    objective: Objective,
    recipe: Recipe,
    *,
    own: Sequence[int] | None = None,
    folds: int = STD_FOLDS,
    seed: int = 0,
) -> Validation:
    """Cross-validate a recipe. The spread and the joint residuals used in a fold come from the other folds."""
    outcomes, own = recipe.outcomes(targets, objective, own)
    fold = assign_folds(len(shares), folds, seed)
    mean, std = out_of_fold(shares, outcomes, recipe.kind, fold, own=own, seed=seed, **recipe.settings)
    z = (outcomes - mean) / std
    value, value_std = np.empty(len(shares)), np.empty(len(shares))
    for held_out in (fold == f for f in range(folds)):
        spread = np.sqrt((z[~held_out] ** 2).mean(axis=0))
        std[held_out] *= spread
        residuals = z[~held_out] / np.where(spread > 0, spread, 1.0)
        value[held_out], value_std[held_out] = _of_objective(
            recipe, mean[held_out], std[held_out], residuals[:RESIDUALS], objective
        )
    per_target = None if recipe.direct else (targets, mean, std)
    return Validation(recipe.name, objective(targets), value, value_std, per_target, z)


@dataclass(frozen=True, eq=False)
class Selection:
    """The recipe that predicts the objective best, and what all of them can do."""

    chosen: ObjectiveSurface
    validations: tuple[Validation, ...]  # one per recipe
    # Of selecting and fitting as a whole: in every outer fold the recipe was selected without it. Its accuracy has
    # not been picked as the best of several.
    nested: Validation
    nested_recipes: tuple[str, ...]  # what was selected in each outer fold


def select_surface(
    shares: np.ndarray,
    targets: np.ndarray,
    objective: Objective,
    *,
    recipes: Sequence[Recipe] = RECIPES,
    use: Recipe | None = None,
    own: Sequence[int] | None = None,
    folds: int = STD_FOLDS,
    seed: int = 0,
) -> Selection:
    """Select by nested cross-validation the recipe with the least MAPE on the objective, and fit it.

    Args:
        shares: the mixtures that the proxies were given. [n, k]
        targets: what they measured. [n, t]
        objective: from the targets' values to one number. [..., t] -> [...]
        recipes: what to validate, and to choose from; where a fold leaves fewer mixtures than one needs, from the
            others.
        use: one of them that is chosen whatever the others can do; None: the best.
        own, seed: as of `regression.fit_surface`.
        folds: of the outer and of the inner cross-validation.
    """

    def best(rows: np.ndarray) -> tuple[ObjectiveSurface, list[Validation]]:
        data = shares[rows], targets[rows], objective
        able = [recipe for recipe in recipes if rows.sum() >= recipe.fewest(folds)]
        found = [validate(*data, recipe, own=own, folds=folds, seed=seed) for recipe in able]
        least = able.index(use) if use else int(np.argmin([v.scores()["mape"] for v in found]))
        return fit_objective(*data, able[least], own=own, seed=seed, validation=found[least]), found

    n = len(shares)
    chosen, validations = best(np.ones(n, bool))
    if use:  # nothing was selected, so that its own validation is honest
        (own_validation,) = (v for v in validations if v.recipe == use.name)
        nested = replace(own_validation, recipe="selected")
        return Selection(chosen, tuple(validations), nested, (use.name,) * folds)
    fold = assign_folds(n, folds, seed)
    value, value_std = np.empty(n), np.empty(n)
    mean, std = np.full(targets.shape, np.nan), np.full(targets.shape, np.nan)
    selected = []
    for held_out in (fold == f for f in range(folds)):
        fitted, _ = best(~held_out)
        value[held_out], value_std[held_out] = fitted.predict(shares[held_out])
        if not fitted.recipe.direct:
            mean[held_out], std[held_out] = fitted.surface.predict(shares[held_out])
        selected.append(fitted.recipe)
    per_target = None if any(inner.direct for inner in selected) else (targets, mean, std)
    nested = Validation("selected", objective(targets), value, value_std, per_target)
    return Selection(chosen, tuple(validations), nested, tuple(inner.name for inner in selected))


def learning_sizes(n: int, recipe: Recipe) -> list[int]:
    """Numbers of proxies for a learning curve of n: 16, 32, 64, ... and three quarters of all, which leaves the others
    to test on; those that the recipe can be cross-validated with.

    >>> learning_sizes(64, Recipe("linear"))
    [16, 32, 48]
    """
    most = 3 * n // 4
    sizes = {*(16 << i for i in range(20)), most}
    return sorted(size for size in sizes if recipe.fewest(STD_FOLDS) <= size <= most)


# of the learning curves' table, which is empty where there are too few proxies
CURVE = {"recipe": str, "proxies": int, "repeat": int} | dict.fromkeys(("mape", "spearman", "r2"), float)
CURVE |= {"n": int, "coverage90": float}


def learning_curve(
    shares: np.ndarray,
    targets: np.ndarray,
    objective: Objective,
    recipe: Recipe,
    sizes: Sequence[int],
    *,
    own: Sequence[int] | None = None,
    repeats: int = 5,
    seed: int = 0,
) -> list[dict[str, float | int | None]]:
    """Scores of the objective on all mixtures that a recipe did not see, by how many it did.

    Every repeat deals the mixtures out anew and fits to the first 16, 32, ... (`sizes`) of them.

    Returns:
        One row per size and repeat: `proxies`, `repeat` and `regression.scores`.

    Raises:
        ValueError: for a size that leaves fewer than 2 mixtures to test on.
    """
    n = len(shares)
    if max(sizes) > n - 2:
        raise ValueError(
            f"a learning curve up to {max(sizes)} needs mixtures to test on; there are {n} in all"
        )
    rows = []
    for repeat in range(repeats):
        order = np.random.default_rng([seed, repeat]).permutation(n)
        for size in sizes:
            seen, unseen = order[:size], order[size:]
            fitted = fit_objective(shares[seen], targets[seen], objective, recipe, own=own, seed=seed)
            found = scores(objective(targets[unseen]), *fitted.predict(shares[unseen]))
            rows.append({"recipe": recipe.name, "proxies": size, "repeat": repeat, **found})
    return rows
