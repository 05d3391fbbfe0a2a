"""The mixtures that a search may choose from: sum 1, and every share between two bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

SUM_TOLERANCE = 1e-9

# A share is inside bounds that it exceeds by no more than rounding.
TOLERANCE = 1e-9

# Of more corpora than this, Newton's method finds the c of `Bounds.project`: as exact, and many times as fast.
MANY = 64
STEPS = 100  # of it at most; five or ten suffice

# Halvings of the interval of log c in `Bounds.project`, from a width of about 1,500: to the last bit of a double.
BISECTIONS = 64


def share_caps(available_bytes: np.ndarray, train_bytes: float, max_epochs: float) -> np.ndarray:
    """The largest share [k] each corpus can have: max_epochs * bytes_i / S, at most 1.

    Raises:
        ValueError: if all the text, repeated `max_epochs` times, is less than `train_bytes` (S).
    """
    available_bytes = np.asarray(available_bytes, float)
    if (total := available_bytes.sum()) * max_epochs < train_bytes * (1 - SUM_TOLERANCE):
        raise ValueError(
            f"S of {train_bytes:,.0f} bytes needs at least {train_bytes / total:.3g} epochs of the "
            f"{total:,.0f} bytes available; raise max_epochs from {max_epochs:g}, or lower S to "
            f"{total * max_epochs:,.0f} or less"
        )
    # At the bound the caps may add up to a hair less than 1, which `cap` allows for.
    return np.minimum(max_epochs * available_bytes / train_bytes, 1.0)


def inside(shares: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Which shares lie between low and high, to within rounding. [..., k], [k], [k] -> bool [..., k]"""
    return (shares >= low - TOLERANCE) & (shares <= high + TOLERANCE)


@dataclass(frozen=True, eq=False)
class Bounds:
    """The lowest and highest share of every corpus.

    Attributes:
        low, high: [k]
        corpora: ids, for messages.

    Raises:
        ValueError: if no mixture lies within the bounds.
    """

    low: np.ndarray
    high: np.ndarray
    corpora: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        low, high = self.low, self.high
        if (crossed := np.flatnonzero(low > high + TOLERANCE)).size:
            i = crossed[0]
            name = self.corpora[i] if self.corpora else f"corpus number {i}"
            raise ValueError(
                f"the share of {name} must be at least {low[i]:.4g} and at most {high[i]:.4g}: lower its floor, "
                "raise its ceiling, or raise max_epochs if it is the text that is short"
            )
        if low.sum() > 1 + TOLERANCE or high.sum() < 1 - TOLERANCE:
            raise ValueError(
                f"no mixture lies within the bounds of shares: the floors add up to {low.sum():.4g} (at most 1 is "
                f"possible), the ceilings to {high.sum():.4g} (at least 1 is needed)"
            )

    @classmethod
    def of_corpora(
        cls,
        corpora: Sequence[str],
        caps: np.ndarray | None = None,
        *,
        min_share: float = 0.0,
        floors: Mapping[str, float] | None = None,
        ceilings: Mapping[str, float] | None = None,
    ) -> Self:
        """The bounds that a config asks for.

        Args:
            corpora: the k corpus ids in the config's order.
            caps: what the available text allows, `share_caps`. [k]; None: none
            min_share: floor of all corpora.
            floors, ceilings: bounds of single corpora, which can only tighten the others.

        Raises:
            ValueError: for an unknown corpus, or if no mixture lies within the bounds.
        """
        low, high = np.full(len(corpora), min_share), np.ones(len(corpora))
        high = high if caps is None else np.minimum(high, caps)
        for what, named, bound, tighter in (
            ("floors", floors, low, np.maximum),
            ("ceilings", ceilings, high, np.minimum),
        ):
            if unknown := sorted(set(named or {}) - set(corpora)):
                raise ValueError(
                    f"the {what} of shares name unknown corpora {unknown}; the config has {list(corpora)}"
                )
            for corpus, share in (named or {}).items():
                i = list(corpora).index(corpus)
                bound[i] = tighter(bound[i], share)
        return cls(low, high, tuple(corpora))

    def contain(self, shares: np.ndarray) -> np.ndarray:
        """Which mixtures have every share inside. [..., k] -> bool [...]"""
        return inside(shares, self.low, self.high).all(axis=-1)

    def excess(self, shares: np.ndarray) -> np.ndarray:
        """By how much mixtures leave the bounds: the largest excess of a share. [n, k] -> [n]"""
        return np.maximum(np.maximum(self.low - shares, shares - self.high).max(axis=-1), 0.0)

    def within_support(self, given: np.ndarray, stretch: float = 1.0) -> Self:
        """Narrowed to the shares that proxies were given, [n, k].

        A floor above, or a ceiling below, all that proxies were given still applies; the support is empty there.

        stretch: factor by which a share may leave their range, up or down; 1: not at all. Above 1, predictions at the
        edge are extrapolations, which only a strategy that measures what it proposes should make.
        """
        lowest = np.maximum(self.low, given.min(axis=0) / stretch)
        highest = np.minimum(self.high, given.max(axis=0) * stretch)
        return replace(self, low=np.minimum(lowest, self.high), high=np.maximum(highest, self.low))

    def project(self, shares: np.ndarray) -> np.ndarray:
        """The mixtures within the bounds that are nearest to positive weights [..., k] in relative entropy.

        They are clip(c * weights, low, high) with the c that makes the sum 1: shares that no bound binds keep their
        proportions.

        >>> Bounds(np.array([0, 0, 0.2]), np.array([0.5, 1, 1])).project(np.array([0.6, 0.3, 0.1]))
        array([0.5, 0.3, 0.2])
        """
        shares = np.maximum(
            np.asarray(shares, float), TOLERANCE**2
        )  # a weight of 0 can still be raised to fill the sum
        shares = shares / shares.sum(axis=-1, keepdims=True)
        if shares.shape[-1] > MANY:
            return self._project_many(shares)
        least = np.full((*shares.shape[:-1], 1), np.log(TOLERANCE))
        most = np.full_like(least, -np.log(TOLERANCE**2))
        for _ in range(BISECTIONS):
            middle = (least + most) / 2
            short = np.clip(np.exp(middle) * shares, self.low, self.high).sum(axis=-1, keepdims=True) < 1
            least, most = np.where(short, middle, least), np.where(short, most, middle)
        return np.clip(np.exp((least + most) / 2) * shares, self.low, self.high)

    def _project_many(self, shares: np.ndarray) -> np.ndarray:
        """`project` of shares [..., k] that sum to 1: Newton's method for c, halving where it leaves the interval."""
        rows = shares.reshape(-1, shares.shape[-1])
        result = np.clip(rows, self.low, self.high)
        left = np.flatnonzero(np.abs(result.sum(axis=1) - 1) > SUM_TOLERANCE / 1e4)
        c, least, most = np.ones(len(rows)), np.full(len(rows), TOLERANCE), np.full(len(rows), TOLERANCE**-2)
        for _ in range(STEPS):
            if not left.size:
                break
            scaled = c[left, None] * rows[left]
            result[left] = np.clip(scaled, self.low, self.high)
            missing = 1 - result[left].sum(axis=1)
            least[left] = np.where(missing > 0, c[left], least[left])
            most[left] = np.where(missing < 0, c[left], most[left])
            free = (scaled > self.low) & (scaled < self.high)
            slope = np.where(free, rows[left], 0.0).sum(axis=1)
            step = c[left] + missing / np.where(slope > 0, slope, 1.0)
            outside = (slope == 0) | (step <= least[left]) | (step >= most[left])
            c[left] = np.where(outside, np.sqrt(least[left] * most[left]), step)
            left = left[np.abs(missing) > SUM_TOLERANCE / 1e4]
        return result.reshape(shares.shape)
