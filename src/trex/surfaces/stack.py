"""A stack: the weighted mean of surfaces of several kinds, with weights of its own for every target.

The weights minimise the squared errors of predictions at mixtures that the surfaces did not see, are not negative and
sum to 1: stacked regression (Breiman 1996, Machine Learning 24). What helps is that kinds err in different ways.
`trex.surfaces.select` cross-validates and fits it, as it has its members' held-out predictions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from trex.surfaces.base import Surface


@dataclass(frozen=True, eq=False)
class StackSurface(Surface):
    """Each target's mean is the weighted mean of the members' means.

    Its standard deviation is `spread` times the weighted mean of theirs, what it would be with spread 1 if the members
    always erred alike.
    """

    members: tuple[Surface, ...]  # m, with calibrated standard deviations
    weights: np.ndarray  # [m, t]
    spread: np.ndarray  # [t]

    kind: ClassVar[str] = "stack"

    @property
    def has_gradient(self) -> bool:
        """Whether all members have gradients."""
        return all(member.has_gradient for member in self.members)

    @classmethod
    def fit(cls, shares: np.ndarray, targets: np.ndarray, *, own: np.ndarray, seed: int, **settings) -> Self:
        raise NotImplementedError(
            "a stack is fitted by trex.surfaces.select.fit_objective, which cross-validates its members"
        )

    def mean(self, shares: np.ndarray) -> np.ndarray:
        return self._weighted([member.mean(shares) for member in self.members])

    def predict(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, std = map(
            self._weighted, zip(*(member.predict(shares) for member in self.members), strict=True)
        )
        return mean, self.spread * std

    def gradient(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        parts = zip(*(member.gradient(shares) for member in self.members), strict=True)
        mean, std, mean_slope, std_slope = map(self._weighted, parts)
        return mean, self.spread * std, mean_slope, self.spread[:, None] * std_slope

    def _weighted(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Sum over the members of weight times part, [n, t] or [n, t, k]."""
        shape = (-1,) + (1,) * (parts[0].ndim - 2)
        return sum(weight.reshape(shape) * part for weight, part in zip(self.weights, parts, strict=True))

    def to_json(self) -> dict:
        return {
            "kind": self.kind,
            "members": [member.to_json() for member in self.members],
            "weights": self.weights.tolist(),
            "spread": self.spread.tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping, load: Callable[[Mapping], Surface]) -> Self:
        """load: makes a member of what its `to_json` gave."""
        return cls(tuple(map(load, data["members"])), np.array(data["weights"]), np.array(data["spread"]))


def stack_weights(errors: np.ndarray) -> np.ndarray:
    """The weights of the least squared errors: not negative, sum 1. [m, t]

    errors: of m members' predictions of n unseen mixtures. [m, n, t]

    >>> stack_weights(np.array([[[1.0], [-1.0]], [[-3.0], [3.0]]])).T.tolist()
    [[0.75, 0.25]]
    """
    from scipy.optimize import nnls  # slow to import

    m, n, t = errors.shape
    result = np.empty((m, t))
    for j in range(t):
        each = errors[:, :, j].T
        unit = np.sqrt((each**2).mean(axis=0).min() * n)
        # minimise |E u|^2 + (sum u - 1)^2: for every sum of u, the best u is that multiple of the best weights
        system = np.vstack([each / (unit if unit > 0 else 1.0), np.ones(m)])
        found, _ = nnls(system, np.append(np.zeros(n), 1.0))
        result[:, j] = found / found.sum()
    return result


def stack_out_of_fold(
    measured: np.ndarray, means: np.ndarray, stds: np.ndarray, fold: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations of spread 1, each [n, t], of stacks whose weights come from the other folds.

    Args:
        measured: [n, t]
        means, stds: of m members that did not see a mixture's fold. [m, n, t]
        fold: [n]
    """
    mean, std = np.empty((2, *measured.shape))
    for held_out in (fold == f for f in np.unique(fold)):
        weights = stack_weights((means - measured)[:, ~held_out])[:, None]
        mean[held_out] = (weights * means[:, held_out]).sum(axis=0)
        std[held_out] = (weights * stds[:, held_out]).sum(axis=0)
    return mean, std
