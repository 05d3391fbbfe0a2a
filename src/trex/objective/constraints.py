"""Limits on the NSL of single corpora: constraints of the search.

A constraint says how far NSLs exceed its limits. Excesses are relative, so that .01 means 1 % too much in every
kind, and 0 or less means that the limit is met. Arrays are [..., sets, k]: evaluation sets, then corpora in the
config's order; a set that lacks a corpus has NSL 0 and 0 reference tokens there, which is no limit for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from trex.objective.metrics import gini, token_premium

# Limits may be exceeded by this much, relatively, before the choice counts it: less than replicates differ by.
SLACK = 0.001
FEASIBLE = 1e-4  # relative excess of a constraint that counts as rounding
TINY = 1e-9  # stands for a Gini coefficient of 0


class Constraint(Protocol):
    def excess(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        """How far each of m limits is exceeded, as a share of it. [..., sets, k], [sets, k] -> [..., m]"""
        ...

    def gradient(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        """Derivatives of the excesses with respect to every NSL. -> [..., m, sets, k]"""
        ...

    def ceilings(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        """NSLs that keep the limit if no corpus exceeds its own, as far as can be said from these; inf is no limit.
        [sets, k], [sets, k] -> [sets, k]"""
        ...


@dataclass(frozen=True, eq=False)
class NslLimit:
    """No NSL above `limits` [sets, k]; inf is no limit. For "no corpus worse than x % of a baseline"."""

    limits: np.ndarray

    def excess(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        limited = np.isfinite(self.limits) & (reference_tokens > 0)
        return nsl[..., limited] / self.limits[limited] - 1

    def gradient(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        at = np.argwhere(np.isfinite(self.limits) & (reference_tokens > 0))
        result = np.zeros((len(at), *self.limits.shape))
        result[np.arange(len(at)), *at.T] = 1 / self.limits[*at.T]
        return np.broadcast_to(result, (*nsl.shape[:-2], *result.shape))

    def ceilings(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        return self.limits


@dataclass(frozen=True, eq=False)
class PremiumLimit:
    """No corpus needs more than `at_most` times the tokens of the pivot for the same, parallel text."""

    evaluation_set: int
    pivot: int
    at_most: float

    def excess(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        present = reference_tokens[self.evaluation_set] > 0
        tokens = (nsl * reference_tokens)[..., self.evaluation_set, :]
        return (token_premium(tokens, self.pivot) / self.at_most - 1)[..., present]

    def gradient(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        reference = reference_tokens[self.evaluation_set]
        tokens = nsl[..., self.evaluation_set, :] * reference
        pivot = tokens[..., self.pivot, None]
        present, k = np.flatnonzero(reference > 0), len(reference)
        result = np.zeros((*nsl.shape[:-2], k, *reference_tokens.shape))
        result[..., np.arange(k), self.evaluation_set, np.arange(k)] = reference / (pivot * self.at_most)
        result[..., self.evaluation_set, self.pivot] -= (
            tokens * reference[self.pivot] / (pivot**2 * self.at_most)
        )
        return result[..., present, :, :]

    def ceilings(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        pivot_tokens = (nsl * reference_tokens)[self.evaluation_set, self.pivot]
        return _token_ceilings(self.at_most * pivot_tokens, self.evaluation_set, reference_tokens)


@dataclass(frozen=True, eq=False)
class GiniLimit:
    """The Gini coefficient over corpora of the tokens for the same, parallel text is at most `at_most`."""

    evaluation_set: int
    at_most: float

    def excess(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        present = reference_tokens[self.evaluation_set] > 0
        tokens = (nsl * reference_tokens)[..., self.evaluation_set, present]
        return gini(tokens)[..., None] / self.at_most - 1

    def gradient(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        reference = reference_tokens[self.evaluation_set]
        present = np.flatnonzero(reference > 0)
        tokens = (nsl[..., self.evaluation_set, :] * reference)[..., present]
        k, total = len(present), tokens.sum(axis=-1, keepdims=True)
        # gini = sum_i (2 rank_i - k - 1) x_i / (k total)
        rank = tokens.argsort(axis=-1).argsort(axis=-1) + 1
        slope = ((2 * rank - k - 1) / k - gini(tokens)[..., None]) / total
        result = np.zeros((*nsl.shape[:-2], 1, *reference_tokens.shape))
        result[..., 0, self.evaluation_set, present] = slope * reference[present] / self.at_most
        return result

    def ceilings(self, nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
        present = reference_tokens[self.evaluation_set] > 0
        tokens = (nsl * reference_tokens)[self.evaluation_set, present]
        # the coefficient is proportional to the distances from the mean
        mean = tokens.mean()
        allowed = mean + self.at_most / max(gini(tokens), TINY) * (tokens - mean)
        return _token_ceilings(
            np.where(tokens > mean, allowed, np.inf), self.evaluation_set, reference_tokens
        )


def _token_ceilings(
    tokens: np.ndarray | float, evaluation_set: int, reference_tokens: np.ndarray
) -> np.ndarray:
    """As NSL [sets, k]: so many tokens at most for the texts there are in an evaluation set."""
    result = np.full(reference_tokens.shape, np.inf)
    present = reference_tokens[evaluation_set] > 0
    result[evaluation_set, present] = tokens / reference_tokens[evaluation_set, present]
    return result


def excesses(constraints: Sequence[Constraint], nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
    """How far every limit of all constraints is exceeded. [..., sets, k], [sets, k] -> [..., limits]"""
    none = np.zeros((*np.shape(nsl)[:-2], 0))
    return np.concatenate([none, *(c.excess(nsl, reference_tokens) for c in constraints)], axis=-1)


def violation(constraints: Sequence[Constraint], nsl: np.ndarray, reference_tokens: np.ndarray) -> np.ndarray:
    """The largest excess, 0 if all limits are met. [..., sets, k], [sets, k] -> [...]"""
    return excesses(constraints, nsl, reference_tokens).max(axis=-1, initial=0.0)
