"""Search strategies: from a prediction of the objective to candidate mixtures.

A strategy returns `Candidates`; whether a candidate is any good is for `verify_candidates` to measure.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from trex.metrics import Objective
from trex.mixtures import cap, matched

# Bounded draws that are tried for one that is scored, at most.
MAX_TRIES = 20

# Draws after which a hopeless acceptance rate is an error: at a rate of 1 / MAX_TRIES, a million give it to
# within half a percent of itself.
PILOT_DRAWS = 1_000_000

# A draw is inside bounds that it exceeds by no more than rounding.
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Candidate:
    """A mixture to verify."""

    name: str
    strategy: str
    shares: np.ndarray  # [k]
    predicted: float | None = None  # objective, smaller is better; None without a surface
    predicted_std: float | None = None  # None where the strategy knows none


@dataclass(frozen=True)
class Candidates:
    """What a strategy found, best guess first, and numbers about how, for the report."""

    candidates: tuple[Candidate, ...]
    notes: dict[str, float] = field(default_factory=dict)


def inside(shares: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Which mixtures [n, k] have every share between low [k] and high [k], to within rounding. [n] bool"""
    return ((shares >= low - TOLERANCE) & (shares <= high + TOLERANCE)).all(axis=-1)


def trex(
    predict: Callable[[np.ndarray], np.ndarray],
    *,
    draws: int,
    top_k: int,
    sample: Callable[[int, int], np.ndarray],
    bounds: tuple[np.ndarray, np.ndarray] | None = None,
    chunk: int = 100_000,
    progress: Callable[[int, int], None] | None = None,
) -> Candidates:
    """The paper's search (arXiv 2601.13588): the mean of the best `top_k` of many random mixtures.

    Draws are scored chunk by chunk in constant memory. The result does not depend on `chunk`, provided that
    draw number i of `sample` does not; ties go to the earlier draw.

    Args:
        predict: the objective [n] at mixtures [n, k], smaller is better.
        draws: mixtures to score, 50 million in the paper.
        top_k: how many of the best are averaged, 1,024 in the paper.
        sample: draws number start to start + n - 1 as [n, k], from (start, n): `mixtures.draw_range`.
        bounds: lowest and highest share [k] the proxies were given. Draws outside are discarded, and `draws`
            counts those that are left. None: the prediction may extrapolate.
        chunk: mixtures in memory at a time.
        progress: called with (scored, draws) after each chunk.

    Returns:
        Candidates `trex` (the mean) and `best_draw` (the best one). Notes: scored, tried, acceptance_rate,
        top_k, best_predicted and worst_predicted of the top_k, trex_predicted.

    Raises:
        ValueError: if fewer than 1 in MAX_TRIES draws are inside the bounds.
    """
    if not 1 <= top_k <= draws:
        raise ValueError(f"top_k must be between 1 and the number of draws, {draws}; got {top_k}")
    top: np.ndarray | None = None  # [up to top_k, k], best first
    values = np.empty(0)
    tried = scored = 0
    while scored < draws:
        n = min(chunk, MAX_TRIES * draws - tried) if bounds else min(chunk, draws - scored)
        shares = sample(tried, n)
        if bounds:
            # The first `draws` accepted ones are scored, wherever the chunk ends.
            accepted = np.flatnonzero(inside(shares, *bounds))[: draws - scored]
            shares = shares[accepted]
            n = int(accepted[-1]) + 1 if scored + len(accepted) == draws else n
        tried += n
        scored += len(shares)
        if scored < draws and tried >= min(PILOT_DRAWS, MAX_TRIES * draws) and scored * MAX_TRIES <= tried:
            raise ValueError(
                f"only {scored:,} of {tried:,} random mixtures ({scored / tried:.2%}) lie between the "
                f"lowest and highest shares of the proxies, and a search needs 1 in {MAX_TRIES}; draw with "
                "the prior, strength, min_share and caps that the proxies' mixtures came from, or search "
                "without bounds, which extrapolates"
            )
        if len(shares):
            predicted = predict(shares)
            if len(values) == top_k:
                better = predicted < values[-1]
                shares, predicted = shares[better], predicted[better]
            top = shares if top is None else np.concatenate([top, shares])
            values = np.concatenate([values, predicted])
            order = np.argsort(values, kind="stable")[:top_k]
            top, values = top[order], values[order]
        if progress:
            progress(scored, draws)

    mean = top.mean(axis=0)
    predicted = float(predict(mean[None])[0])
    return Candidates(
        (
            Candidate("trex", "trex", mean, predicted),
            Candidate("best_draw", "trex", top[0], float(values[0])),
        ),
        {
            "scored": scored,
            "tried": tried,
            "acceptance_rate": scored / tried,
            "top_k": top_k,
            "best_predicted": float(values[0]),
            "worst_predicted": float(values[-1]),
            "trex_predicted": predicted,
        },
    )


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
