"""Least squares on the shares: the simplest baseline."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from trex.surfaces.base import OfArrays


@dataclass(frozen=True, eq=False)
class LinearSurface(OfArrays):
    """Targets linear in the shares; as these sum to 1, it needs no intercept."""

    coefficients: np.ndarray  # [k, t]
    spread: np.ndarray  # [t]

    kind: ClassVar[str] = "linear"
    has_gradient: ClassVar[bool] = True

    @classmethod
    def fit(
        cls, shares: np.ndarray, targets: np.ndarray, *, own: np.ndarray | None = None, seed: int
    ) -> Self:
        coefficients = np.linalg.lstsq(shares, targets, rcond=None)[0]
        return cls(coefficients, np.ones(targets.shape[1]))

    def mean(self, shares: np.ndarray) -> np.ndarray:
        return shares @ self.coefficients

    def predict(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = self.mean(shares)
        return mean, np.broadcast_to(self.spread, mean.shape)

    def gradient(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        mean, std = self.predict(shares)
        slope = np.broadcast_to(self.coefficients.T, (*mean.shape, len(self.coefficients)))
        return mean, std, slope, np.zeros(slope.shape)
