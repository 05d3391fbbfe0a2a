"""The matched mixture: an optimum without proxies."""

from collections.abc import Callable

import numpy as np

from trex.metrics import Objective
from trex.mixtures import cap, matched
from trex.search.base import Candidate, Candidates


def matched_candidate(
    objective: Objective,
    eval_bytes: np.ndarray,
    reference_tokens: np.ndarray,
    *,
    caps: np.ndarray | None = None,
    min_share: float = 0.0,
    predict: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Candidates:
    """The matched mixture (`mixtures.matched`) of an objective, within the limits; it needs no proxies.

    An objective that is not linear (worst) has no weights to match: it gets those of macro, and the note
    `objective_is_linear` is 0.

    Args:
        objective: what is minimised.
        eval_bytes: bytes of the evaluation text. [k] or [sets, k]
        reference_tokens: its tokens by the reference tokenizer. Same shape.
        caps, min_share: limits of the shares, as of `mixtures.cap`.
        predict: the objective [n] at mixtures [n, k], for the table; it has no part in the choice.
    """
    weights = objective.linear_weights(reference_tokens)
    linear = weights is not None
    shares = matched(weights if linear else np.ones_like(eval_bytes, float), eval_bytes, reference_tokens)
    shares = cap(shares, np.ones_like(shares) if caps is None else caps, min_share)
    predicted = float(predict(shares[None])[0]) if predict else None
    return Candidates(
        (Candidate("matched", "matched", shares, predicted),), {"objective_is_linear": float(linear)}
    )
