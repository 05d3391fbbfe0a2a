"""What a search on a surface minimises: predictions, objective, constraints and bounds of the shares together."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from trex.mixtures.bounds import Bounds
from trex.objective.constraints import Constraint, excesses, violation
from trex.objective.targets import TargetObjective
from trex.surfaces.base import RESIDUALS, Surface


@dataclass(frozen=True, eq=False)
class Problem:
    """Find the mixture of the smallest predicted objective.

    Attributes:
        surface: predicts the targets.
        objective: of the targets.
        bounds: of the shares.
        constraints: on the NSL of all sets.
        errors: joint held-out errors of the surface in units of its standard deviation, [r, t] with two or more rows
            (`surfaces.fit.fit_with_residuals`); needed for uncertainties.
    """

    surface: Surface
    objective: TargetObjective
    bounds: Bounds
    constraints: tuple[Constraint, ...] = ()
    errors: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not self.surface.has_gradient:
            raise ValueError(
                f"a search by gradients needs a surface that has them, such as gaussian_process; {self.surface.kind} "
                "has none: use the strategy paper with it"
            )

    def within_support(self, given: np.ndarray, stretch: float = 1.0) -> Self:
        """The same with bounds narrowed to the shares [n, k] that proxies were given (`Bounds.within_support`)."""
        return replace(self, bounds=self.bounds.within_support(given, stretch))

    def excess(self, targets: np.ndarray) -> np.ndarray:
        """By how much every limit of the constraints is exceeded, relatively. [..., t] -> [..., limits]"""
        return excesses(self.constraints, self.objective.nsl(targets), self.objective.reference_tokens)

    def excess_gradient(self, targets: np.ndarray) -> np.ndarray:
        """Derivatives of `excess` with respect to the targets. [..., t] -> [..., limits, t]"""
        nsl, tokens = self.objective.nsl(targets), self.objective.reference_tokens
        parts = [self.objective.flat(c.gradient(nsl, tokens)) for c in self.constraints]
        return np.concatenate([np.zeros((*targets.shape[:-1], 0, targets.shape[-1])), *parts], axis=-2)

    def violation(self, targets: np.ndarray) -> np.ndarray:
        """The largest excess, 0 if all constraints are met. [..., t] -> [...]"""
        return violation(self.constraints, self.objective.nsl(targets), self.objective.reference_tokens)

    def samples(self, shares: np.ndarray) -> np.ndarray:
        """Draws of what a proxy would measure: the objective at shares [n, k] with each of the joint errors. [n, r]

        Sampling and not the delta method: an objective may be a maximum, and at its best mixtures many corpora
        are equally bad, where a derivative sees one of them. Errors of corpora are correlated, and those that were
        seen together at a held-out mixture stay together.
        """
        if self.errors is None:
            raise ValueError("uncertainties need the joint held-out errors of the surface (Problem.errors)")
        mean, std = self.surface.predict(shares)
        errors = self.errors[:RESIDUALS]
        return np.stack([self.objective(m + s * errors) for m, s in zip(mean, std, strict=True)])
