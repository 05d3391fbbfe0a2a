"""What every kind of surface has, and what some kinds share."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import ClassVar, Self

import numpy as np

# Joint held-out residuals that stand for the distribution of errors.
RESIDUALS = 256

# With more corpora than this, surfaces learn less about each and take less time for it: hundreds of corpora and 64
# proxies are otherwise hours of CPU time, for predictions that are no better.
MANY = 64

NO_OWN = -1  # `own` for a target that belongs to no corpus: an aggregate, or a loss that no share belongs to


class Surface(ABC):
    """A fitted regression with k shares in and t targets out.

    A kind is a dataclass with a field `spread` [t], a factor on the standard deviations of each target. `fit`
    leaves it at 1, and what `predict` then says need not be more than a unit for residuals (1, or the
    prediction itself); `trex.surfaces.fit.fit_surface` sets it to what held-out residuals call for.

    What a kind needs or does differently from others is said by the kind: `fewest_rows`, `has_gradient`, `refit`.
    """

    kind: ClassVar[str]
    has_gradient: ClassVar[bool]
    spread: np.ndarray

    @classmethod
    def fewest_rows(cls, **settings) -> int:
        """How many mixtures a fit takes at least."""
        return 1

    @classmethod
    @abstractmethod
    def fit(cls, shares: np.ndarray, targets: np.ndarray, *, own: np.ndarray, seed: int, **settings) -> Self:
        """Fit to shares [n, k] and targets [n, t]; deterministic for a seed.

        own: the corpus whose share is each target's own, or NO_OWN. int [t]
        """

    def refit(
        self, shares: np.ndarray, targets: np.ndarray, *, own: np.ndarray, seed: int, **settings
    ) -> Self:
        """Fit to a part of the mixtures that this surface was fitted to, as cross-validation does for each fold."""
        return self.fit(shares, targets, own=own, seed=seed, **settings)

    @abstractmethod
    def mean(self, shares: np.ndarray) -> np.ndarray:
        """Predicted targets [n, t] at shares [n, k], the fast way for millions of mixtures."""

    @abstractmethod
    def predict(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of a new measurement, each [n, t], in the targets' unit.

        Kinds that work on logs give the median as the mean, and its product with the standard deviation of
        the log: the same to second order.
        """

    def gradient(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """`predict`, and the derivatives of both with respect to each share on its own, each [n, t, k].

        Shares sum to 1, so that only derivatives along differences of shares mean anything. Kinds with
        `has_gradient` have it.
        """
        raise NotImplementedError(f"a surface of kind {self.kind} has no gradient")

    @abstractmethod
    def to_json(self) -> dict:
        """All that `from_json` needs, in types that JSON has."""

    @classmethod
    @abstractmethod
    def from_json(cls, data: Mapping) -> Self:
        """The surface again, with exactly the same predictions."""


class OfArrays(Surface):
    """`to_json` and `from_json` of a kind that is a dataclass of arrays alone."""

    def to_json(self) -> dict:
        return {"kind": self.kind} | {
            field.name: getattr(self, field.name).tolist() for field in fields(self)
        }

    @classmethod
    def from_json(cls, data: Mapping) -> Self:
        return cls(**{field.name: np.array(data[field.name]) for field in fields(cls)})


def check_positive(targets: np.ndarray, kind: str) -> None:
    """ValueError for targets that have no logarithm."""
    if not (targets > 0).all():
        raise ValueError(
            f"a surface of kind {kind} needs positive targets, as it works on their logarithms; the smallest is "
            f"{targets.min():g} (leave out corpora that an evaluation set does not have)"
        )
