"""Mixtures that need no search: the baselines of a config, and the mixture that matches the evaluation text.

A mixture is an array of k shares of training bytes, one per corpus in the config's order, that sums to 1.
Corpora are known by position here; callers check the order by name.
"""

from collections.abc import Mapping, Sequence

import numpy as np


def normalized(weights: np.ndarray, what: str) -> np.ndarray:
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
    return normalized(available_bytes, "available bytes")


def tempered(available_bytes: np.ndarray, temperature: float) -> np.ndarray:
    """`natural ** temperature`, renormalised: 1 is natural, 0 is uniform. [k]

    The exponent is what multilingual language models call the temperature or alpha of language sampling
    (Conneau & Lample 2019, arXiv 1901.07291, equation 1).
    """
    if temperature < 0:
        raise ValueError(
            f"temperature is an exponent of at least 0 (0: uniform, 1: natural); got {temperature}"
        )
    return normalized(natural(available_bytes) ** temperature, "available bytes")


def matched(weights: np.ndarray, eval_bytes: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
    """The mixture that looks like the evaluation text as a linear objective weighs it.

    The objective sum_i v_i tokens_i / reference_tokens_i counts a token of corpus i v_i / reference_tokens_i
    times. Greedy BPE minimises the tokens of its own training text, so train on text of that composition:
    share_i proportional to v_i * bytes_i / reference_tokens_i. It needs no proxies.

    Args:
        weights: v, the objective's weight of each corpus (`Aggregate.linear_weights`). [k], or [sets, k].
        eval_bytes: bytes of the evaluation text. Same shape.
        reference_tokens: its tokens by the reference tokenizer. Same shape.

    Returns:
        Shares [k]; several evaluation sets are summed, which matches the mean of their objectives.

    >>> matched(np.array([0.5, 0.5]), np.array([400, 600]), np.array([100, 100]))
    array([0.4, 0.6])
    """
    terms = np.asarray(weights, float) * eval_bytes / reference_tokens
    return normalized(np.atleast_2d(terms).sum(axis=0), "weights * evaluation bytes / reference tokens")


# Kinds of mixtures. The user names the shares of `named`; `inferred` is what explains another tokenizer's merges, and
# comes after what a formula gives; `searched` is what a strategy found.
NAMED, UNIFORM, NATURAL, TEMPERED, MATCHED, INFERRED, SEARCHED = SIMPLEST_FIRST = (
    "named",
    "uniform",
    "natural",
    "tempered",
    "matched",
    "inferred",
    "searched",
)


def kind(name: str, baselines: Mapping[str, str | Mapping]) -> str:
    """Which of SIMPLEST_FIRST a mixture is. baselines: those of the config, to which `matched` is always added.

    >>> [kind(name, {"mine": {"tempered": 0.3}}) for name in ("matched", "mine", "surrogate")]
    ['matched', 'tempered', 'searched']
    """
    match baselines.get(name, MATCHED if name == MATCHED else SEARCHED):
        case str(word):
            return word
        case {"shares": _}:
            return NAMED
        case {"tempered": _}:
            return TEMPERED
    return INFERRED


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
            return normalized(np.array([shares.get(corpus, 0.0) for corpus in corpora]), "shares")
    raise ValueError(
        f"a mixture is uniform, natural, {{tempered: 0.3}} or {{shares: {{corpus: share}}}}; got {spec!r}"
    )
