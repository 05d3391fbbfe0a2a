"""The objective as a function of what surfaces predict: one row of numbers instead of NSL by set and corpus."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trex.objective.aggregate import Aggregate


@dataclass(frozen=True, eq=False)
class TargetObjective:
    """The objective of t targets: the NSL of every pair of evaluation set and corpus that has text, in order.

    "NSL" is the array [..., sets, k] of them, 0 where a set lacks a corpus.

    Attributes:
        aggregate: of the NSL of one set; the objective is its mean over the sets that count.
        reference_tokens: of the sets by the reference tokenizer, 0 where a set lacks a corpus. [sets, k]
        counted: the number of leading sets that are averaged; None: all. The others serve limits.
    """

    aggregate: Aggregate
    reference_tokens: np.ndarray
    counted: int | None = None

    @cached_property
    def has_text(self) -> np.ndarray:
        """bool [sets, k]"""
        return self.reference_tokens > 0

    @cached_property
    def columns(self) -> list[tuple[int, int]]:
        """(set, corpus) of every target. [t]"""
        return [(int(s), int(c)) for s, c in np.argwhere(self.has_text)]

    @cached_property
    def own(self) -> np.ndarray:
        """The corpus whose share is each target's own. int [t]"""
        return np.array([corpus for _, corpus in self.columns])

    @property
    def counted_tokens(self) -> np.ndarray:
        """Reference tokens of the sets that the objective counts. [counted, k]"""
        return self.reference_tokens[: self.counted]

    def flat(self, nsl: np.ndarray) -> np.ndarray:
        """The targets: [..., sets, k] -> [..., t]; also of gradients"""
        return nsl[..., self.has_text]

    def nsl(self, targets: np.ndarray) -> np.ndarray:
        """[..., t] -> [..., sets, k], 0 where a set lacks a corpus"""
        result = np.zeros((*targets.shape[:-1], *self.has_text.shape))
        result[..., self.has_text] = targets
        return result

    def counted_nsl(self, targets: np.ndarray) -> np.ndarray:
        """NSL on the sets that the objective counts. [..., t] -> [..., counted, k]"""
        return self.nsl(targets)[..., : self.counted, :]

    def __call__(self, targets: np.ndarray) -> np.ndarray:
        """The objective. [..., t] -> [...]"""
        return self.aggregate.mean_over_sets(self.counted_nsl(targets), self.counted_tokens)

    def of_nsl(self, nsl: np.ndarray) -> np.ndarray:
        """The objective. [..., sets, k] -> [...]"""
        return self(self.flat(nsl))

    def gradient(self, targets: np.ndarray) -> np.ndarray:
        """Derivatives of the objective with respect to the targets. [..., t] -> [..., t]"""
        result = np.zeros((*targets.shape[:-1], *self.has_text.shape))
        result[..., : self.counted, :] = self.aggregate.gradient(
            self.counted_nsl(targets), self.counted_tokens
        )
        return self.flat(result)
