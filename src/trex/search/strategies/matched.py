"""The matched mixture: an optimum in closed form, without proxies."""

import numpy as np

from trex.mixtures.baselines import matched
from trex.mixtures.bounds import Bounds
from trex.objective.aggregate import Aggregate

MATCHED = "matched"  # its name among the baselines


def matched_mixture(
    aggregate: Aggregate, eval_bytes: np.ndarray, reference_tokens: np.ndarray, bounds: Bounds
) -> np.ndarray:
    """The matched mixture (`mixtures.baselines.matched`) of an objective, brought into the bounds of shares. [k]

    An objective that is not linear (about the worst corpus) has no weights to match: it gets those of macro.

    Args:
        aggregate: of the objective.
        eval_bytes: bytes of the evaluation text. [k] or [sets, k]
        reference_tokens: its tokens by the reference tokenizer. Same shape.
        bounds: of the shares.
    """
    weights = aggregate.linear_weights(reference_tokens)
    weights = np.ones_like(eval_bytes, float) if weights is None else weights
    return bounds.project(matched(weights, eval_bytes, reference_tokens))
