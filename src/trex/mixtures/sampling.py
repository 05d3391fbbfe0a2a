"""Random mixtures around a prior, within what the available text allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from trex.mixtures.baselines import normalized, resolve
from trex.mixtures.bounds import SUM_TOLERANCE, share_caps

# Bulk draws come in blocks with one random stream each, so that draw number i does not depend on how many
# draws are asked for at a time. 10,000 x 20 corpora are 1.6 MB: small for a cache, large for numpy.
DRAW_BLOCK = 10_000

# First word of the bulk draws' stream key (the second is the block), which keeps them apart from the
# mixtures' streams, whose key is one word.
BULK_STREAM = 1


def cap(shares: np.ndarray, caps: np.ndarray, floor: float = 0.0) -> np.ndarray:
    """Limit shares to `caps` by water-filling.

    What a corpus has above its cap goes to the uncapped corpora in proportion to their shares (above the
    floor), again and again until no cap is exceeded: min(caps, floor + x * (shares - floor)) with the x that
    makes the sum 1. If all that are left uncapped have nothing above the floor, the excess goes to them in
    proportion to their room. Mixtures within the caps and the floor are returned as they are.

    (Searches use `Bounds.project` instead. Sampled mixtures keep this rule, as another one would change them all.)

    Args:
        shares: one mixture [k] or several [n, k], each with sum 1.
        caps: largest share of each corpus [k], see `share_caps`.
        floor: smallest share of every corpus; shares below it are raised to it.

    Returns:
        Shares of the same shape, floor <= share <= caps.

    Raises:
        ValueError: if no mixture can respect them.

    >>> cap(np.array([0.5, 0.3, 0.2]), np.array([0.4, 1, 1]))
    array([0.4 , 0.36, 0.24])
    """
    shares = np.asarray(shares, float)
    caps = np.minimum(np.asarray(caps, float), 1.0)
    k = len(caps)
    if caps.sum() < 1 - SUM_TOLERANCE:
        raise ValueError(
            f"the caps add up to {caps.sum():.4g}, less than 1: S of this size needs "
            f"{1 / caps.sum():.3g} times the epochs; raise max_epochs by that factor or divide S by it"
        )
    if k * floor > 1 + SUM_TOLERANCE:
        raise ValueError(
            f"{k} corpora with at least {floor:g} each exceed 1; the floor can be at most {1 / k:.4g}"
        )
    if (caps < floor).any():
        raise ValueError(
            f"the text of corpus number {caps.argmin()} allows a share of at most {caps.min():.4g}, below "
            f"the floor of {floor:g}; lower the floor, raise max_epochs, or drop the corpus"
        )
    result = np.atleast_2d(shares).copy()
    rows = ((result > caps) | (result < floor)).any(axis=1)
    if rows.any():
        result[rows] = floor + _fill(np.maximum(result[rows] - floor, 0), caps - floor, 1 - k * floor)
    # Sums of rounded numbers may end a rounding error above a cap.
    return np.minimum(result, caps).reshape(shares.shape)


def _fill(weights: np.ndarray, room: np.ndarray, total: float) -> np.ndarray:
    """Pour `total` into vessels of size `room` [k], in proportion to `weights` [n, k]."""
    full = np.zeros(weights.shape, bool)
    poured = np.zeros(weights.shape)
    # Each round fills at least one vessel of every row that is not finished.
    for _ in range(weights.shape[1] + 1):
        rate = np.where(full, 0, weights)
        rate = np.where(rate.sum(axis=1, keepdims=True) > 0, rate, np.where(full, 0, room))
        rate_sum = rate.sum(axis=1, keepdims=True)
        left = total - np.where(full, room, 0).sum(axis=1, keepdims=True)
        # Divided first: the weights may be so small that left / rate_sum overflows.
        poured = left * np.divide(rate, rate_sum, out=np.zeros_like(rate), where=rate_sum > 0)
        poured = np.where(full, room, poured)
        over = (poured > room) & ~full
        if not over.any():
            break
        full |= over
    return poured


def _stream(seed: int, *key: int) -> np.random.Generator:
    """A random stream of its own for each seed and key."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def _dirichlet(rng: np.random.Generator, alpha: np.ndarray) -> np.ndarray:
    """One Dirichlet draw for each row of `alpha` [n, k]; corpora with alpha 0 get 0.

    Gamma variates in log space, log G(a) = log G(a + 1) + log(U) / a (Marsaglia & Tsang 2000, section 6),
    never underflow: a tiny alpha gives a mixture of one corpus, where the direct way gives 0 / 0.
    """
    positive = alpha > 0
    shape = np.where(positive, alpha, 1.0)
    logs = np.log(rng.standard_gamma(shape + 1.0)) - rng.standard_exponential(shape.shape) / shape
    logs[~positive] = -np.inf
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


@dataclass(frozen=True, eq=False)
class MixtureSampler:
    """Random mixtures: each a pure function of these settings and its number.

    Attributes:
        seed: of the whole series.
        prior: mean of the Dirichlet. [k], brought to sum 1.
        strength: (low, high). s is log-uniform between them and alpha = s * k * prior, so with a uniform
            prior s is alpha itself: below 1 a few corpora dominate, far above 1 mixtures stay close to the
            prior.
        min_share: smallest share of every corpus: w = min_share + (1 - k * min_share) * dirichlet.
        caps: largest share of each corpus [k], met by water-filling (`cap`); None: no limit.
    """

    seed: int
    prior: np.ndarray
    strength: Sequence[float]
    min_share: float = 0.0
    caps: np.ndarray | None = None

    def __post_init__(self) -> None:
        k = len(normalized(self.prior, "prior"))
        low, high = self.strength
        if not 0 < low <= high:
            raise ValueError(
                "strength must be two numbers with 0 < low <= high, such as [0.3, 3]; got "
                f"{list(self.strength)}"
            )
        if not 0 <= self.min_share <= 1 / k:
            raise ValueError(f"min_share must be between 0 and 1/{k} = {1 / k:.4g}; got {self.min_share}")

    @classmethod
    def from_config(
        cls, proxies: Mapping[str, Any], seed: int, corpora: Sequence[str], available_bytes: np.ndarray
    ) -> Self:
        """proxies: the keys prior, strength, min_share, max_epochs and bytes of the config's section of that name."""
        return cls(
            seed,
            resolve(proxies["prior"], corpora, available_bytes),
            proxies["strength"],
            proxies["min_share"],
            share_caps(available_bytes, proxies["bytes"], proxies["max_epochs"]),
        )

    def mixture(self, number: int) -> np.ndarray:
        """Mixture `number`, 0, 1, 2, ..., from a random stream of its own. [k]"""
        return self._draw(_stream(self.seed, number), 1)[0]

    def mixtures(self, numbers: Sequence[int]) -> np.ndarray:
        """`mixture` for each number. [n, k]"""
        return np.stack([self.mixture(number) for number in numbers])

    def block(self, number: int, size: int = DRAW_BLOCK) -> np.ndarray:
        """`size` mixtures [size, k] at once, with the law of `mixture` but other random streams.

        A pure function of its arguments, `size` among them: a smaller block is not the start of a larger one.
        """
        return self._draw(_stream(self.seed, BULK_STREAM, number), size)

    def draws(self, start: int, n: int) -> np.ndarray:
        """The bulk draws number `start` to `start + n - 1`, [n, k], whatever the chunks they are asked for in.

        Cheapest when `start` and `n` are multiples of DRAW_BLOCK.
        """
        blocks = range(start // DRAW_BLOCK, (start + n - 1) // DRAW_BLOCK + 1)
        offset = start - blocks.start * DRAW_BLOCK
        return np.concatenate([self.block(block) for block in blocks])[offset : offset + n]

    def _draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """`n` mixtures [n, k] from the stream `rng`."""
        prior = normalized(self.prior, "prior")
        k = len(prior)
        low, high = self.strength
        strengths = np.exp(rng.uniform(np.log(low), np.log(high), size=(n, 1)))
        shares = self.min_share + (1 - k * self.min_share) * _dirichlet(rng, strengths * k * prior)
        return shares if self.caps is None else cap(shares, self.caps, floor=self.min_share)


def asked_shares(
    mixtures: Mapping[str, int | Mapping[str, float]],
    sampler: MixtureSampler,
    corpora: Sequence[str],
    available_bytes: np.ndarray,
) -> dict[str, np.ndarray]:
    """The shares [k] that proxies are asked to have, by mixture id.

    mixtures: by id, the number of a sampled mixture, or the shares of an explicit one.
    """
    return {
        mixture_id: sampler.mixture(mixture)
        if isinstance(mixture, int)
        else resolve({"shares": mixture}, corpora, available_bytes)
        for mixture_id, mixture in mixtures.items()
    }


def support(shares: np.ndarray, corpora: Sequence[str]) -> pl.DataFrame:
    """How far mixtures [n, k] reach: for each corpus the min, 5 %, median, 95 %, max and sd of its share."""
    low, p05, median, p95, high = np.quantile(shares, [0, 0.05, 0.5, 0.95, 1], axis=0)
    return pl.DataFrame(
        {
            "corpus": list(corpora),
            "min": low,
            "p05": p05,
            "median": median,
            "p95": p95,
            "max": high,
            "sd": np.std(shares, axis=0),
        }
    )
