"""The vocabulary size as an input: surfaces at the sizes that were measured, and straight lines between them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from trex.regression import STD_FOLDS, cross_validate, load_surface, scores
from trex.surfaces.base import Surface

# Columns of `left_out_scores`.
LEFT_OUT = {"vocab_size": int, "outermost": bool} | dict.fromkeys(
    ("mape", "spearman", "mape_corpora", "spearman_corpora", "mape_with", "spearman_with"), float
)


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


def left_out_scores(
    shares: np.ndarray,
    by_size: np.ndarray,
    vocab_sizes: Sequence[int],
    objective: Callable[[np.ndarray], np.ndarray],
    kind: str,
    *,
    own: Sequence[int] | None = None,
    folds: int = STD_FOLDS,
    seed: int = 0,
) -> list[dict[str, float | int | bool | None]]:
    """How well every vocabulary size is predicted from the others alone, at mixtures that were held out, too.

    Args:
        shares: of the proxies. [n, k]
        by_size: their targets at every size. [sizes, n, t]
        vocab_sizes: ascending, three or more.
        objective: [..., t] -> [...]
        kind, own, folds, seed: as of `regression.cross_validate`.

    Returns:
        One row per size: vocab_size, outermost (extrapolated), mape and spearman of the objective, mape_corpora and
        spearman_corpora (means over the targets), mape_with and spearman_with (the objective, with the size's own
        measurements). Rank correlations are None where one is undefined.
    """
    means = np.stack([cross_validate(shares, targets, kind, folds, seed, own=own)[0] for targets in by_size])
    without = leave_one_size_out(means, vocab_sizes)
    rows = []
    for i, vocab_size in enumerate(vocab_sizes):
        measured = objective(by_size[i])
        here, there = (scores(measured, objective(values[i])) for values in (means, without))
        each = [scores(*column) for column in zip(by_size[i].T, without[i].T, strict=True)]
        ranks = [score["spearman"] for score in each]
        rows.append(
            {
                "vocab_size": int(vocab_size),
                "outermost": i in (0, len(vocab_sizes) - 1),
                "mape": there["mape"],
                "spearman": there["spearman"],
                "mape_corpora": float(np.mean([score["mape"] for score in each])),
                "spearman_corpora": None if None in ranks else float(np.mean(ranks)),
                "mape_with": here["mape"],
                "spearman_with": here["spearman"],
            }
        )
    return rows
