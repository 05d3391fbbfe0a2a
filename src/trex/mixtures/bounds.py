"""The mixtures that a search may choose from: sum 1, and every share between two limits."""

from collections.abc import Mapping, Sequence

import numpy as np

# A share is inside bounds that it exceeds by no more than rounding.
TOLERANCE = 1e-9

# Halvings of the interval of log c in `project`, from a width of about 1,500: to the last bit of a double.
BISECTIONS = 64


def inside(shares: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Which mixtures [n, k] have every share between low [k] and high [k], to within rounding. [n] bool"""
    return ((shares >= low - TOLERANCE) & (shares <= high + TOLERANCE)).all(axis=-1)


def share_limits(
    corpora: Sequence[str],
    caps: np.ndarray | None = None,
    *,
    min_share: float = 0.0,
    floors: Mapping[str, float] | None = None,
    ceilings: Mapping[str, float] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and highest share of every corpus, each [k].

    Args:
        corpora: the k corpus ids in the config's order.
        caps: what the text there is allows, `mixtures.share_caps`. [k]; None: no limit
        min_share: floor of all corpora.
        floors, ceilings: limits of single corpora, which can only tighten the others.

    Raises:
        ValueError: for an unknown corpus, or if no mixture lies within the limits.
    """
    low, high = np.full(len(corpora), min_share), np.ones(len(corpora))
    high = high if caps is None else np.minimum(high, caps)
    for what, named, limit, tighter in (
        ("floors", floors, low, np.maximum),
        ("ceilings", ceilings, high, np.minimum),
    ):
        if unknown := sorted(set(named or {}) - set(corpora)):
            raise ValueError(
                f"the {what} of shares name unknown corpora {unknown}; the config has {list(corpora)}"
            )
        for corpus, share in (named or {}).items():
            i = corpora.index(corpus)
            limit[i] = tighter(limit[i], share)
    check_limits(low, high, corpora)
    return low, high


def share_excess(
    shares: np.ndarray, corpora: Sequence[str], floors: Mapping[str, float], ceilings: Mapping[str, float]
) -> np.ndarray:
    """By how much mixtures [n, k] leave the floors and ceilings of corpora: the largest excess of a share. [n]"""
    low, high = share_limits(corpora, floors=floors, ceilings=ceilings)
    return np.maximum(np.maximum(low - shares, shares - high).max(axis=-1), 0.0)


def check_limits(low: np.ndarray, high: np.ndarray, corpora: Sequence[str] | None = None) -> None:
    """ValueError if no mixture has every share between low [k] and high [k]."""
    names = corpora or [f"corpus number {i}" for i in range(len(low))]
    if (crossed := np.flatnonzero(low > high + TOLERANCE)).size:
        i = crossed[0]
        raise ValueError(
            f"the share of {names[i]} must be at least {low[i]:.4g} and at most {high[i]:.4g}: lower its floor, "
            "raise its ceiling, or raise max_epochs if it is the text that is short"
        )
    if low.sum() > 1 + TOLERANCE or high.sum() < 1 - TOLERANCE:
        raise ValueError(
            f"no mixture lies within the limits: the floors add up to {low.sum():.4g} (at most 1 is possible), "
            f"the ceilings to {high.sum():.4g} (at least 1 is needed)"
        )


def support_limits(
    given: np.ndarray, low: np.ndarray, high: np.ndarray, stretch: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Limits [k] narrowed to the shares that proxies were given [n, k].

    A floor above, or a ceiling below, all that proxies were given holds all the same: there is no support to stay in.

    stretch: factor by which a share may leave their range, up or down; 1: not at all. Above 1, predictions at the
    edge are extrapolations, which only a strategy that measures what it proposes should make.
    """
    lowest, highest = (
        np.maximum(low, given.min(axis=0) / stretch),
        np.minimum(high, given.max(axis=0) * stretch),
    )
    low, high = np.minimum(lowest, high), np.maximum(highest, low)
    check_limits(low, high)
    return low, high


def project(shares: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The mixtures within the limits that are nearest to positive weights [..., k] in relative entropy.

    They are clip(c * weights, low, high) with the c that makes the sum 1: shares that no limit binds keep their
    proportions.

    >>> project(np.array([0.6, 0.3, 0.1]), np.array([0, 0, 0.2]), np.array([0.5, 1, 1]))
    array([0.5, 0.3, 0.2])
    """
    shares = np.maximum(
        np.asarray(shares, float), TOLERANCE**2
    )  # a weight of 0 can still be raised to fill the sum
    shares = shares / shares.sum(axis=-1, keepdims=True)
    least = np.full((*shares.shape[:-1], 1), np.log(TOLERANCE))
    most = np.full_like(least, -np.log(TOLERANCE**2))
    for _ in range(BISECTIONS):
        middle = (least + most) / 2
        short = np.clip(np.exp(middle) * shares, low, high).sum(axis=-1, keepdims=True) < 1
        least, most = np.where(short, middle, least), np.where(short, most, middle)
    return np.clip(np.exp((least + most) / 2) * shares, low, high)
