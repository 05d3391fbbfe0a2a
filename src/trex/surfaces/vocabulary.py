"""The vocabulary size as an input: surfaces at the sizes that were measured, and straight lines between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from trex.regression import load_surface
from trex.surfaces.base import Surface


def line_weights(vocab_sizes: Sequence[int], vocab_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Which two of `vocab_sizes` (ascending) a prediction at `vocab_size` comes from, and their weights.

    The two that lie around it, or the outermost two, are joined by a straight line in log V. Parabolas and cubics
    through more sizes were no better between sizes, and worse beyond them (docs/decisions.md).
    """
    log_sizes = np.log(np.asarray(vocab_sizes, float))
    if len(log_sizes) < 2 or (np.diff(log_sizes) <= 0).any():
        raise ValueError(f"two or more ascending vocabulary sizes are needed; got {list(vocab_sizes)}")
    low = int(np.clip(np.searchsorted(log_sizes, np.log(vocab_size), "right") - 1, 0, len(log_sizes) - 2))
    upper = (np.log(vocab_size) - log_sizes[low]) / (log_sizes[low + 1] - log_sizes[low])
    return np.array([low, low + 1]), np.array([1 - upper, upper])


@dataclass(frozen=True, eq=False)
class VocabularySurface:
    """Surfaces of the same targets at several vocabulary sizes; logs of targets are linear in log V between them."""

    vocab_sizes: tuple[int, ...]  # ascending
    surfaces: tuple[Surface, ...]

    def predict(self, shares: np.ndarray, vocab_size: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation, each [n, t], at shares [n, k] and one vocabulary size, measured or not.

        The standard deviation takes errors at the two sizes to go together, as they nearly do, and knows nothing of
        the error of the straight line.
        """
        if vocab_size in self.vocab_sizes:
            return self.surfaces[self.vocab_sizes.index(vocab_size)].predict(shares)
        near, weights = line_weights(self.vocab_sizes, vocab_size)
        parts = [self.surfaces[i].predict(shares) for i in near]
        mean = np.exp(sum(w * np.log(mean) for w, (mean, _) in zip(weights, parts, strict=True)))
        return mean, mean * sum(abs(w) * std / m for w, (m, std) in zip(weights, parts, strict=True))

    def to_json(self) -> dict:
        """All that `from_json` needs, in types that JSON has."""
        return {"vocab_sizes": list(self.vocab_sizes), "surfaces": [s.to_json() for s in self.surfaces]}

    @classmethod
    def from_json(cls, data: Mapping) -> Self:
        """The same again, with exactly the same predictions."""
        return cls(tuple(data["vocab_sizes"]), tuple(load_surface(surface) for surface in data["surfaces"]))


def leave_one_size_out(means: np.ndarray, vocab_sizes: Sequence[int]) -> np.ndarray:
    """What each size's predictions would be without its own measurements. [sizes, n, t]

    means: predictions at every size of mixtures that the surfaces did not see, [sizes, n, t]; the outermost sizes
    are extrapolated.
    """
    logs = np.log(means)
    result = np.empty_like(logs)
    for i, vocab_size in enumerate(vocab_sizes):
        others = np.delete(np.arange(len(vocab_sizes)), i)
        near, weights = line_weights(np.asarray(vocab_sizes)[others], vocab_size)
        result[i] = np.tensordot(weights, logs[others[near]], axes=1)
    return np.exp(result)
