"""Several comparisons of tokenizers at once, and which differences can be claimed.

Of many comparisons without a true difference, one in twenty lies outside of its own 95 % interval. So intervals here
are *simultaneous*: with a chance of 95 %, all of a family hold the truth. Their width is that of the largest deviation
over the family (max-t): how far, in standard errors, resampled documents move the comparison that they move most.
Comparisons with the same tokenizer, or of tokenizers that are alike, move together, which this sees and a division of
the 5 % by the number of comparisons (Bonferroni) does not.

Of few documents, the standard error itself is uncertain. So the deviations are those of Student's t with the degrees of
freedom of the documents (`resampling.degrees_of_freedom`), a multivariate t with one estimate of the noise for all.

Objectives are compared as logarithms, so that a loss is the gain of the other one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
# Percent by which two tokenizers differ at least for one to be called better: trainings on other draws of the same text
# differ by a few hundredths, and of most there is one.
TIE = 0.03
# Of fewer documents of one corpus nothing is claimed: their largest ones decide, and no t helps where all are alike by
# chance.
FEWEST_DOCUMENTS = 10


@dataclass(frozen=True)
class DrawNoise:
    """What other draws of training text change.

    deviation: standard deviation of the log of an objective, of one draw. freedom: degrees of freedom of this estimate.
    draws: of every tokenizer, whose mean is compared.
    """

    deviation: float
    freedom: int
    draws: int

    @classmethod
    def of(cls, objectives: np.ndarray) -> "DrawNoise | None":
        """From m mixtures that were trained on the same n draws, [m, n]; None if m or n is 1.

        It is pooled over mixtures, as two or three draws say next to nothing about one mixture: the mean of every
        mixture and of every draw is taken away, and (m - 1)(n - 1) degrees of freedom are left.
        """
        logs = np.log(objectives)
        m, n = logs.shape
        if m == 1 or n == 1:
            return None
        rest = logs - logs.mean(axis=1, keepdims=True) - logs.mean(axis=0, keepdims=True) + logs.mean()
        freedom = (m - 1) * (n - 1)
        return cls(float(np.sqrt((rest**2).sum() / freedom)), freedom, n)


@dataclass(frozen=True, eq=False)
class Comparison:
    """How much smaller an objective is than another one, in percent, with the ends of its simultaneous interval."""

    percent: float
    low: float
    high: float

    @property
    def is_gain(self) -> bool:
        """Whether it can be claimed that it is smaller."""
        return is_gain(self.percent, self.low)


def is_gain(percent: float, low: float) -> bool:
    """Whether a gain of so many percent, with this lower end of its interval, can be claimed."""
    return low > 0 and percent > TIE


def is_loss(percent: float, high: float) -> bool:
    return high < 0 and percent < -TIE


def compare(
    objectives: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    noise: DrawNoise | None = None,
    seed: int = 0,
    *,
    freedom: float | None = None,
    one_sided: bool = False,
) -> Mapping[tuple[int, int], Comparison]:
    """What tokenizer i gains over tokenizer j, for every pair (i, j), all at once.

    Args:
        objectives: of every tokenizer, on the text as it is and on resampled documents, the same for all.
            [resamples + 1, m]
        noise: of draws of training text; None: the documents alone are noise.
        seed: of the simulated noise of draws.
        freedom: degrees of freedom of the documents, taken as 1 where less; None: so many that it does not matter.
        one_sided: the lower ends alone hold with a chance of 95 %, to ask whether any gain is more than 0; the upper
            ends are infinite.
    """
    if not pairs:
        return {}
    logs = np.log(objectives)
    first, second = np.array(pairs).T
    differences = logs[:, first] - logs[:, second]
    value, moved = differences[0], differences[1:] - differences[1:].mean(axis=0)
    variance = by_documents = moved.var(axis=0, ddof=1)
    rng = np.random.default_rng([seed, len(pairs)])
    variances = variance[None]  # as each resample would have estimated it
    if freedom is not None:
        variances = variances * _scale(rng, freedom, len(moved))
    if noise is not None:
        of_draws = rng.normal(0, noise.deviation / np.sqrt(noise.draws), (len(moved), logs.shape[1]))
        moved = moved + of_draws[:, first] - of_draws[:, second]
        by_draws = 2 * noise.deviation**2 / noise.draws
        variance = by_documents + by_draws
        variances = variances + by_draws * _scale(rng, noise.freedom, len(moved))
    deviations = np.divide(moved, np.sqrt(variances), out=np.zeros_like(moved), where=variance > 0)
    # a gain is a difference below 0
    largest = (-deviations if one_sided else np.abs(deviations)).max(axis=1)
    half = np.quantile(largest, LEVEL) * np.sqrt(variance)
    upper = np.full_like(value, -np.inf) if one_sided else value - half
    gains = (100 * (1 - np.exp(end)) for end in (value, value + half, upper))
    return {
        pair: Comparison(float(gain), float(low), float(high))
        for pair, gain, low, high in zip(pairs, *gains, strict=True)
    }


def _scale(rng: np.random.Generator, freedom: float, n: int) -> np.ndarray:
    """Estimates of a variance of 1 with so many degrees of freedom. [n, 1]"""
    freedom = max(freedom, 1.0)
    return rng.chisquare(freedom, (n, 1)) / freedom
