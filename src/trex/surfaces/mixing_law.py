"""A parametric mixing law: a power law in the effective own share, with transfer from the other shares.

    target = (floor + rise * e^-exponent) * exp(sum_j other_j share_j),    e = sum_j transfer_j share_j + base

The own share has transfer 1, so the others' transfer says how much a byte of theirs is worth to the target, and the
second factor is what they do besides (they compete for the same vocabulary). Without an own share all transfers
are free. After the data mixing laws of Ye et al. 2024 (arXiv 2403.16952), who have an exponential in the place of
the power law; for compression by own share, a power law is what BPE gives.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.optimize import minimize

from trex.surfaces.base import MANY, NO_OWN, OfArrays, check_positive

# Weak priors (mean, sd) of the parameters, without which 64 proxies could not hold 2 k of them: logs of rise / floor
# at e = 1, exponent, base and transfers, and the competition as it is.
RISE = (-1.0, 1.5)
EXPONENT = (-1.0, 1.0)
BASE = (np.log(0.003), 1.5)
TRANSFER = (np.log(0.01), 1.5)
OTHER = (0.0, 0.3)
# On the 20 corpora 100 iterations predict held-out mixtures no worse than 500 (macro MAPE .50 % and .53 % with 64
# proxies, .77 % and .88 % with 32).
MAX_ITERATIONS = 100
MAX_ITERATIONS_OF_MANY = 12  # on 300 corpora and 64 proxies no worse than 100: macro MAPE 1.7 %


@dataclass(frozen=True, eq=False)
class MixingLawSurface(OfArrays):
    """One mixing law per target (see the module), fitted to the logs by least squares with priors."""

    floor: np.ndarray  # [t]
    rise: np.ndarray  # [t], as a multiple of the floor
    exponent: np.ndarray  # [t]
    base: np.ndarray  # [t]
    transfer: np.ndarray  # [t, k], 1 for the own share
    other: np.ndarray  # [t, k]
    spread: np.ndarray  # [t]

    kind: ClassVar[str] = "mixing_law"
    has_gradient: ClassVar[bool] = True

    @classmethod
    def fit(cls, shares: np.ndarray, targets: np.ndarray, *, own: np.ndarray, seed: int) -> Self:
        """Fit to positive targets."""
        check_positive(targets, cls.kind)
        laws = [_fit_one(shares, np.log(y), o) for y, o in zip(targets.T, own, strict=True)]
        stacked = {name: np.array([law[name] for law in laws]) for name in laws[0]}
        return cls(**stacked, spread=np.ones(targets.shape[1]))

    def _parts(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictions, and the part of the power law in floor + power law (as a multiple of the floor), [n, t]."""
        power = self.rise * self._effective(shares) ** -self.exponent
        return self.floor * (1 + power) * np.exp(shares @ self.other.T), power

    def _effective(self, shares: np.ndarray) -> np.ndarray:
        return np.asarray(shares, float) @ self.transfer.T + self.base

    def mean(self, shares: np.ndarray) -> np.ndarray:
        return self._parts(shares)[0]

    def predict(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = self.mean(shares)
        return mean, mean * self.spread

    def gradient(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        mean, power = self._parts(shares)
        steep = -self.exponent * power / (1 + power) / self._effective(shares)
        slope = mean[..., None] * (steep[..., None] * self.transfer + self.other)
        return mean, mean * self.spread, slope, slope * self.spread[:, None]


def _fit_one(shares: np.ndarray, logs: np.ndarray, own: int) -> dict[str, np.ndarray]:
    """The law of one target: n / 2 log(mean squared residual) + priors at their least, the noise profiled out.

    Parameters: log rise, log exponent, log base, log transfer [k], other [k]; the floor follows in closed form.
    """
    n, k = shares.shape
    mean, sd = np.array([RISE, EXPONENT, BASE, *[TRANSFER] * k, *[OTHER] * k]).T
    free = np.ones(k, bool)
    if own != NO_OWN:
        free[own] = False
        mean[3 + own] = 0.0

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        rise, exponent, base = np.exp(parameters[:3])
        transfer = np.exp(parameters[3 : 3 + k])
        effective = shares @ transfer + base
        power = rise * effective**-exponent
        residual = logs - np.log1p(power) - shares @ parameters[3 + k :]
        residual -= residual.mean()
        squares = residual @ residual + 1e-12 * n
        off = (parameters - mean) / sd
        pull = -n / squares * residual  # d loss / d prediction
        at_power = pull * power / (1 + power)
        at_effective = -exponent * at_power / effective
        gradient = np.concatenate(
            [
                [at_power.sum(), -exponent * (at_power * np.log(effective)).sum(), base * at_effective.sum()],
                np.where(free, transfer * (at_effective @ shares), 0.0),
                pull @ shares,
            ]
        )
        return n / 2 * np.log(squares / n) + off @ off / 2, gradient + off / sd

    found = minimize(
        loss,
        mean,
        jac=True,
        method="L-BFGS-B",
        bounds=np.stack([mean - 5 * sd, mean + 5 * sd], axis=1),
        options={"maxiter": MAX_ITERATIONS if k <= MANY else MAX_ITERATIONS_OF_MANY},
    ).x
    rise, exponent, base = np.exp(found[:3])
    transfer, other = np.exp(found[3 : 3 + k]), found[3 + k :]
    power = rise * (shares @ transfer + base) ** -exponent
    floor = np.exp((logs - np.log1p(power) - shares @ other).mean())
    return {
        "floor": floor,
        "rise": rise,
        "exponent": exponent,
        "base": base,
        "transfer": transfer,
        "other": other,
    }
