"""The vocabulary size as an input: surfaces at the sizes that were measured, and straight lines between them."""

from collections.abc import Mapping, Sequence

import numpy as np

from trex.proxies.training_set import TrainingSet
from trex.surfaces.fit import scores
from trex.surfaces.select import CrossValidation

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
    by_size: Mapping[int, TrainingSet], validations: Mapping[int, CrossValidation]
) -> list[dict[str, float | int | bool | None]]:
    """How well every vocabulary size is predicted from the others alone, at mixtures that were held out, too.

    Args:
        by_size: the same mixtures and their targets at three or more vocabulary sizes, rising.
        validations: at the same sizes, of one regression that predicts the targets.

    Returns:
        One row per size: vocab_size, outermost (extrapolated), mape and spearman of the objective, mape_corpora and
        spearman_corpora (means over the targets), mape_with and spearman_with (the objective, with the size's own
        measurements). Rank correlations are None where one is undefined.
    """
    sizes = list(by_size)
    means = np.stack([validations[size].targets[1] for size in sizes])
    without = leave_one_size_out(means, sizes)
    rows = []
    for i, (vocab_size, training) in enumerate(by_size.items()):
        with_it, without_it = (
            scores(training.values, training.objective(values[i])) for values in (means, without)
        )
        each = [scores(*column) for column in zip(training.targets.T, without[i].T, strict=True)]
        ranks = [score["spearman"] for score in each]
        rows.append(
            {
                "vocab_size": int(vocab_size),
                "outermost": i in (0, len(sizes) - 1),
                "mape": without_it["mape"],
                "spearman": without_it["spearman"],
                "mape_corpora": float(np.mean([score["mape"] for score in each])),
                "spearman_corpora": None if None in ranks else float(np.mean(ranks)),
                "mape_with": with_it["mape"],
                "spearman_with": with_it["spearman"],
            }
        )
    return rows
