"""What the surfaces predict: the NSL of every evaluation set and corpus that has text, as one row of numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trex.metrics import Objective


def evaluation_sets(objective: Mapping) -> list[str]:
    """The evaluation sets that a search needs: those that the objective is the mean over, then that of its limits.

    objective: the section of the config.
    """
    limited = objective["max_gini"] is not None or objective["max_premium"] is not None
    sets = [*objective["evaluation_sets"], *([objective["parallel_set"]] if limited else [])]
    return list(dict.fromkeys(sets))


@dataclass(frozen=True, eq=False)
class Targets:
    """The t targets of an objective and its limits: pairs of evaluation set and corpus, in order.

    "NSL" is the array [..., sets, k] of them, 0 where a set lacks a corpus.

    Attributes:
        objective: what is made small.
        reference_tokens: of the sets by the reference tokenizer, 0 where a set lacks a corpus. [sets, k]
        counted: the objective is the mean over so many sets, the first ones; None: all.
    """

    objective: Objective
    reference_tokens: np.ndarray
    counted: int | None = None

    @cached_property
    def there(self) -> np.ndarray:
        """bool [sets, k]"""
        return self.reference_tokens > 0

    @cached_property
    def columns(self) -> list[tuple[int, int]]:
        """(set, corpus) of every target. [t]"""
        return [(int(s), int(c)) for s, c in np.argwhere(self.there)]

    @cached_property
    def own(self) -> np.ndarray:
        """The corpus whose share is each target's own. int [t]"""
        return np.array([corpus for _, corpus in self.columns])

    @property
    def counted_tokens(self) -> np.ndarray:
        """Reference tokens of the sets that the objective counts. [counted, k]"""
        return self.reference_tokens[: self.counted]

    def flat(self, nsl: np.ndarray) -> np.ndarray:
        """[..., sets, k] -> [..., t]; also of gradients"""
        return nsl[..., self.there]

    def nsl(self, targets: np.ndarray) -> np.ndarray:
        """[..., t] -> [..., sets, k], 0 where a set lacks a corpus"""
        result = np.zeros((*targets.shape[:-1], *self.there.shape))
        result[..., self.there] = targets
        return result

    def counted_nsl(self, targets: np.ndarray) -> np.ndarray:
        """NSL on the sets that the objective counts. [..., t] -> [..., counted, k]"""
        return self.nsl(targets)[..., : self.counted, :]

    def value(self, targets: np.ndarray) -> np.ndarray:
        """The objective. [..., t] -> [...]"""
        return self.objective.mean_over_sets(self.counted_nsl(targets), self.counted_tokens)

    def value_gradient(self, targets: np.ndarray) -> np.ndarray:
        """Derivatives of the objective with respect to the targets. [..., t] -> [..., t]"""
        result = np.zeros((*targets.shape[:-1], *self.there.shape))
        result[..., : self.counted, :] = self.objective.gradient(
            self.counted_nsl(targets), self.counted_tokens
        )
        return self.flat(result)
