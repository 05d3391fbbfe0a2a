"""The paper's search: the mean of the best of many random mixtures."""

from collections.abc import Callable

import numpy as np

from trex.search.base import Candidate, Candidates
from trex.search.limits import inside, project

# Bounded draws that are tried for one that is scored, at most.
MAX_TRIES = 20

# Draws after which a hopeless acceptance rate is an error: at a rate of 1 / MAX_TRIES, a million give it to
# within half a percent of itself.
PILOT_DRAWS = 1_000_000


def brought_within(
    sample: Callable[[int, int], np.ndarray], low: np.ndarray, high: np.ndarray
) -> Callable[[int, int], np.ndarray]:
    """`sample` with the draws outside of the limits [k] brought to them (`limits.project`).

    Floors and ceilings of single corpora may leave so few draws inside that discarding the others would not end.
    """

    def bounded(start: int, n: int) -> np.ndarray:
        shares = sample(start, n)
        outside = ~inside(shares, low, high)
        shares[outside] = project(shares[outside], low, high)
        return shares

    return bounded


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
        top_k, best_predicted and worst_predicted of the top_k, trex_predicted. Table: the k-curve, the prediction at
        the mean of the best k = 1, 2, 4, ... top_k.

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
    sizes = [*(2**i for i in range(top_k.bit_length()) if 2**i < top_k), top_k]
    curve = predict(np.stack([top[:size].mean(axis=0) for size in sizes]))
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
        tuple({"k": size, "predicted": float(value)} for size, value in zip(sizes, curve, strict=True)),
    )
