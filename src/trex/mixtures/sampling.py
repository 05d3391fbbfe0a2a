"""Training mixtures: baselines, random draws around a prior, and limits from the text there is.

A mixture is an array of k shares of training bytes, one per corpus in the config's order, that sums to 1.
Corpora are known by position here; callers check the order by name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

SUM_TOLERANCE = 1e-9

# Bulk draws come in blocks with one random stream each, so that draw number i does not depend on how many
# draws are asked for at a time. 10,000 x 20 corpora are 1.6 MB: small for a cache, large for numpy.
DRAW_BLOCK = 10_000

# First word of the bulk draws' stream key (the second is the block), which keeps them apart from the
# mixtures' streams, whose key is one word.
BULK_STREAM = 1


def _normalized(weights: np.ndarray, what: str) -> np.ndarray:
    """`weights` [k] divided by their sum; ValueError that names `what` if that gives no mixture."""
    weights = np.asarray(weights, float)
    if weights.ndim != 1 or not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() <= 0:
        raise ValueError(
            f"{what} must be one non-negative number per corpus, not all zero; got {weights.tolist()}"
        )
    return weights / weights.sum()


def uniform(k: int) -> np.ndarray:
    """The same share for each of `k` corpora."""
    return np.full(k, 1 / k)


def natural(available_bytes: np.ndarray) -> np.ndarray:
    """Shares proportional to the bytes [k] there are of each corpus."""
    return _normalized(available_bytes, "available bytes")


def tempered(available_bytes: np.ndarray, temperature: float) -> np.ndarray:
    """`natural ** temperature`, renormalised: 1 is natural, 0 is uniform. [k]

    The exponent is what multilingual language models call the temperature or alpha of language sampling
    (Conneau & Lample 2019, arXiv 1901.07291, equation 1).
    """
    if temperature < 0:
        raise ValueError(
            f"temperature is an exponent of at least 0 (0: uniform, 1: natural); got {temperature}"
        )
    return _normalized(natural(available_bytes) ** temperature, "available bytes")


def matched(weights: np.ndarray, eval_bytes: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
    """The mixture that looks like the evaluation text as a linear objective weighs it.

    The objective sum_i v_i tokens_i / reference_tokens_i counts a token of corpus i v_i / reference_tokens_i
    times. Greedy BPE minimises the tokens of its own training text, so train on text of that composition:
    share_i proportional to v_i * bytes_i / reference_tokens_i. It needs no proxies.

    Args:
        weights: v, the objective's weight of each corpus (`Objective.linear_weights`). [k], or [sets, k].
        eval_bytes: bytes of the evaluation text. Same shape.
        reference_tokens: its tokens by the reference tokenizer. Same shape.

    Returns:
        Shares [k]; several evaluation sets are summed, which matches the mean of their objectives.

    >>> matched(np.array([0.5, 0.5]), np.array([400, 600]), np.array([100, 100]))
    array([0.4, 0.6])
    """
    terms = np.asarray(weights, float) * eval_bytes / reference_tokens
    return _normalized(np.atleast_2d(terms).sum(axis=0), "weights * evaluation bytes / reference tokens")


def resolve(spec: str | Mapping, corpora: Sequence[str], available_bytes: np.ndarray) -> np.ndarray:
    """The mixture that the config describes.

    Args:
        spec: "uniform", "natural", {"tempered": exponent}, or {"shares": {corpus: share}}, where corpora that
            are not named get 0 and the sum is brought to 1 (percentages will do).
        corpora: the k corpus ids in the config's order.
        available_bytes: bytes there are of each. [k]

    Returns:
        Shares [k].

    Raises:
        ValueError: for a spec of another form or a corpus that is not in `corpora`.
    """
    match spec:
        case "uniform":
            return uniform(len(corpora))
        case "natural":
            return natural(available_bytes)
        case {"tempered": temperature, **rest} if not rest:
            return tempered(available_bytes, temperature)
        case {"shares": shares, **rest} if not rest:
            if unknown := sorted(set(shares) - set(corpora)):
                raise ValueError(f"shares name unknown corpora {unknown}; the config has {list(corpora)}")
            return _normalized(np.array([shares.get(corpus, 0.0) for corpus in corpora]), "shares")
    raise ValueError(
        f"a mixture is uniform, natural, {{tempered: 0.3}} or {{shares: {{corpus: share}}}}; got {spec!r}"
    )


def share_caps(available_bytes: np.ndarray, train_bytes: float, max_epochs: float) -> np.ndarray:
    """The largest share [k] each corpus can have: max_epochs * bytes_i / S, at most 1.

    Raises:
        ValueError: if all the text, repeated `max_epochs` times, is less than `train_bytes` (S).
    """
    available_bytes = np.asarray(available_bytes, float)
    if (total := available_bytes.sum()) * max_epochs < train_bytes * (1 - SUM_TOLERANCE):
        raise ValueError(
            f"S of {train_bytes:,.0f} bytes needs at least {train_bytes / total:.3g} epochs of the "
            f"{total:,.0f} bytes there are; raise max_epochs from {max_epochs:g}, or lower S to "
            f"{total * max_epochs:,.0f} or less"
        )
    # At the limit the caps may add up to a hair less than 1, which `cap` allows for.
    return np.minimum(max_epochs * available_bytes / train_bytes, 1.0)


def cap(shares: np.ndarray, caps: np.ndarray, floor: float = 0.0) -> np.ndarray:
    """Limit shares to `caps` by water-filling.

    What a corpus has above its cap goes to the uncapped corpora in proportion to their shares (above the
    floor), again and again until no cap is exceeded: min(caps, floor + x * (shares - floor)) with the x that
    makes the sum 1. If all that are left uncapped have nothing above the floor, the excess goes to them in
    proportion to their room. Mixtures within the limits are returned as they are.

    Args:
        shares: one mixture [k] or several [n, k], each with sum 1.
        caps: largest share of each corpus [k], see `share_caps`.
        floor: smallest share of every corpus; shares below it are raised to it.

    Returns:
        Shares of the same shape, floor <= share <= caps.

    Raises:
        ValueError: if no mixture can respect the limits.

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


def _draw(
    rng: np.random.Generator,
    n: int,
    prior: np.ndarray,
    strength: Sequence[float],
    min_share: float,
    caps: np.ndarray | None,
) -> np.ndarray:
    """`n` mixtures [n, k] from the stream `rng`; see `sample_mixture` for the law."""
    prior = _normalized(prior, "prior")
    k = len(prior)
    low, high = strength
    if not 0 < low <= high:
        raise ValueError(
            f"strength must be two numbers with 0 < low <= high, such as [0.3, 3]; got {list(strength)}"
        )
    if not 0 <= min_share <= 1 / k:
        raise ValueError(f"min_share must be between 0 and 1/{k} = {1 / k:.4g}; got {min_share}")
    strengths = np.exp(rng.uniform(np.log(low), np.log(high), size=(n, 1)))
    shares = min_share + (1 - k * min_share) * _dirichlet(rng, strengths * k * prior)
    return shares if caps is None else cap(shares, caps, floor=min_share)


def sampling_law(
    proxies: Mapping, seed: int, corpora: Sequence[str], available_bytes: np.ndarray
) -> dict[str, Any]:
    """The settings of `sample_mixture` and `draw_block` from the config: seed, prior, strength, min_share, caps.

    proxies: the keys prior, strength, min_share, max_epochs and bytes of the config's section of that name.
    """
    return {
        "seed": seed,
        "prior": resolve(proxies["prior"], corpora, available_bytes),
        "strength": proxies["strength"],
        "min_share": proxies["min_share"],
        "caps": share_caps(available_bytes, proxies["bytes"], proxies["max_epochs"]),
    }


def sample_mixture(
    mixture_id: int,
    *,
    seed: int,
    prior: np.ndarray,
    strength: Sequence[float],
    min_share: float = 0.0,
    caps: np.ndarray | None = None,
) -> np.ndarray:
    """Random mixture number `mixture_id`: a pure function of the arguments, with a random stream of its own.

    Args:
        mixture_id: 0, 1, 2, ...; asking for more mixtures never changes the earlier ones.
        seed: of the whole series.
        prior: mean of the Dirichlet. [k], brought to sum 1.
        strength: (low, high). s is log-uniform between them and alpha = s * k * prior, so with a uniform
            prior s is alpha itself: below 1 a few corpora dominate, far above 1 mixtures stay close to the
            prior.
        min_share: smallest share of every corpus: w = min_share + (1 - k * min_share) * dirichlet.
        caps: largest share of each corpus [k], met by water-filling (`cap`).

    Returns:
        Shares [k].
    """
    return _draw(_stream(seed, mixture_id), 1, prior, strength, min_share, caps)[0]


def sample_mixtures(ids: Sequence[int], **settings) -> np.ndarray:
    """`sample_mixture` for each id, [n, k]; `settings` are its keyword arguments."""
    return np.stack([sample_mixture(mixture_id, **settings) for mixture_id in ids])


def draw_block(
    block: int,
    size: int = DRAW_BLOCK,
    *,
    seed: int,
    prior: np.ndarray,
    strength: Sequence[float],
    min_share: float = 0.0,
    caps: np.ndarray | None = None,
) -> np.ndarray:
    """`size` mixtures [size, k] at once, with the law of `sample_mixture` but other random streams.

    A pure function of its arguments, `size` among them: a smaller block is not the start of a larger one.
    """
    return _draw(_stream(seed, BULK_STREAM, block), size, prior, strength, min_share, caps)


def draw_range(start: int, n: int, **settings) -> np.ndarray:
    """The bulk draws number `start` to `start + n - 1`, [n, k], whatever the chunks they are asked for in.

    `settings` are the keyword arguments of `draw_block`. Cheapest when `start` and `n` are multiples of
    DRAW_BLOCK.
    """
    blocks = range(start // DRAW_BLOCK, (start + n - 1) // DRAW_BLOCK + 1)
    offset = start - blocks.start * DRAW_BLOCK
    return np.concatenate([draw_block(block, **settings) for block in blocks])[offset : offset + n]


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
