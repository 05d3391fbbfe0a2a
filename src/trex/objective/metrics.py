"""Compression and quality metrics of tokenizers, one function each.

Arrays hold one number per corpus on the last axis, in the config's order; leading axes (mixtures, evaluation
sets) are kept. Every function also takes plain numbers where that makes sense.
"""

import numpy as np

# Of soft_worst: a corpus whose NSL is .1 larger counts e^2 = 7 times as much, and soft_worst of 20 corpora is at most
# log(20) / 20 = .15 below worst.
SHARPNESS = 20.0


def nsl(tokens: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
    """Normalized sequence length: tokens / reference tokens on the same text. Smaller is better."""
    return np.asarray(tokens) / np.asarray(reference_tokens)


def macro(nsl: np.ndarray) -> np.ndarray:
    """Mean NSL over corpora. [..., k] -> [...]"""
    return np.mean(nsl, axis=-1)


def pooled(tokens: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
    """NSL of all text together: sum of tokens / sum of reference tokens. [..., k] -> [...]"""
    return np.sum(tokens, axis=-1) / np.sum(reference_tokens, axis=-1)


def worst(nsl: np.ndarray) -> np.ndarray:
    """NSL of the corpus that is served worst. [..., k] -> [...]"""
    return np.max(nsl, axis=-1)


def soft_worst(nsl: np.ndarray, sharpness: float = SHARPNESS) -> np.ndarray:
    """A smooth maximum, log(mean(exp(sharpness * nsl))) / sharpness. [..., k] -> [...]

    Between macro, its limit at sharpness 0, and worst, its limit at infinity: worst - log(k) / sharpness <= soft_worst
    <= worst. It improves the corpora that are served badly, and not the last one alone.
    """
    nsl = np.asarray(nsl, float)
    largest = nsl.max(axis=-1)
    return largest + np.log(np.exp(sharpness * (nsl - largest[..., None])).mean(axis=-1)) / sharpness


def weighted(nsl: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean NSL with the given weights, which need not sum to 1. [..., k], [k] -> [...]"""
    return np.average(nsl, axis=-1, weights=np.broadcast_to(weights, np.shape(nsl)))


def bytes_per_token(n_bytes: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """UTF-8 bytes per token: compression without a reference. Larger is better."""
    return np.asarray(n_bytes) / np.asarray(tokens)


def fertility(tokens: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Tokens per word (Rust et al. 2021, arXiv 2012.15613); pass characters where words are not spaced."""
    return np.asarray(tokens) / np.asarray(words)


def gini(values: np.ndarray) -> np.ndarray:
    """Gini coefficient over corpora of a value such as NSL: 0 if all have the same, towards 1 if one has it all.

    sum_ij |x_i - x_j| / (2 k^2 mean(x)). [..., k] -> [...]
    """
    x = np.sort(np.asarray(values, float), axis=-1)
    k = x.shape[-1]
    # Over all pairs, the i-th smallest is added i - 1 times and subtracted k - i times, both ways.
    return (x * (2 * np.arange(1, k + 1) - k - 1)).sum(axis=-1) / (k * x.sum(axis=-1))


def renyi_efficiency(token_frequencies: np.ndarray, alpha: float = 2.5) -> float:
    """Renyi entropy of the token distribution as a share of its largest possible value, log V.

    H_alpha / log V with H_alpha = log(sum p^alpha) / (1 - alpha); Zouhar et al. 2023 (arXiv 2306.16842) found
    that alpha 2.5 goes with downstream quality.

    Args:
        token_frequencies: occurrences of every vocabulary entry, unused ones (0) included. [V], V > 1
        alpha: order; 1 is the Shannon entropy.
    """
    p = np.asarray(token_frequencies, float)
    vocab_size = p.size
    p = p[p > 0] / p.sum()
    entropy = -(p * np.log(p)).sum() if alpha == 1 else np.log((p**alpha).sum()) / (1 - alpha)
    return float(entropy / np.log(vocab_size))


def vocabulary_use(token_frequencies: np.ndarray) -> float:
    """Share of the vocabulary entries that occur at all. [V] -> number"""
    return float(np.mean(np.asarray(token_frequencies) > 0))


def token_premium(tokens: np.ndarray, pivot_index: int) -> np.ndarray:
    """Tokens / the pivot corpus's tokens on parallel text (Petrov et al. 2023, arXiv 2305.15425). [..., k]"""
    tokens = np.asarray(tokens)
    return tokens / tokens[..., pivot_index, None]


def continued_word_rate(word_tokens: np.ndarray, word_frequencies: np.ndarray) -> float:
    """Share of running words that are split into two tokens or more (Rust et al. 2021, arXiv 2012.15613).

    Args:
        word_tokens: tokens of each distinct word. [words]
        word_frequencies: occurrences of each. [words]
    """
    return float(np.average(np.asarray(word_tokens) > 1, weights=word_frequencies))


def strr(word_tokens: np.ndarray, word_frequencies: np.ndarray) -> float:
    """Single token retention rate: share of the *distinct* words that are one token.

    Nayeem et al. 2025 (arXiv 2510.09947), there on a list of frequent words. Of running words,
    1 - continued_word_rate is the share.

    Args:
        word_tokens: tokens of each distinct word. [words]
        word_frequencies: occurrences of each; words with 0 are not counted. [words]
    """
    return float(np.mean(np.asarray(word_tokens)[np.asarray(word_frequencies) > 0] == 1))


# A few numbers that sum up the corpora, each of (nsl [..., k], reference tokens [k]).
OVER_CORPORA = {
    "macro": lambda nsl, reference: macro(nsl),
    "pooled": lambda nsl, reference: pooled(nsl * reference, reference),
    "worst": lambda nsl, reference: worst(nsl),
}
