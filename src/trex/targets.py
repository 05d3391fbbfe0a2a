"""What the surfaces predict: the NSL of every evaluation set and corpus that has text, as one row of numbers."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trex.metrics import Objective


@dataclass(frozen=True, eq=False)
class Targets:
    """The t targets of an objective: pairs of evaluation set and corpus, in order.

    reference_tokens: of the sets by the reference tokenizer, 0 where a set lacks a corpus. [sets, k]
    """

    objective: Objective
    reference_tokens: np.ndarray

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

    def flat(self, nsl: np.ndarray) -> np.ndarray:
        """[..., sets, k] -> [..., t]"""
        return nsl[..., self.there]

    def nsl(self, targets: np.ndarray) -> np.ndarray:
        """[..., t] -> [..., sets, k], 0 where a set lacks a corpus"""
        result = np.zeros((*targets.shape[:-1], *self.there.shape))
        result[..., self.there] = targets
        return result

    def value(self, targets: np.ndarray) -> np.ndarray:
        """The objective. [..., t] -> [...]"""
        return self.objective.mean_over_sets(self.nsl(targets), self.reference_tokens)
