"""New proxies where they help most: Thompson sampling in batches, and when to stop."""

from dataclasses import replace

import numpy as np

from trex.search.base import Candidate, Candidates
from trex.search.limits import project
from trex.search.minimise import FEASIBLE
from trex.search.problem import Problem
from trex.search.surrogate import KAPPA, best_minimum, random_starts, surrogate

# Proposals stay within this factor of the shares that proxies were given. They are measured before anything is
# concluded, so that each round may reach beyond the last one.
STRETCH = 2.0

# A proposal whose shares differ by less than this in all (half the sum of |differences|) from another proxy is moved:
# whole shards of 1 % of a corpus would not tell the two apart.
SPACING = 0.01
TRIES = 20


def propose_batch(
    problem: Problem,
    given: np.ndarray,
    measured: np.ndarray,
    n: int,
    *,
    seed: int = 0,
    stretch: float = STRETCH,
    starts: np.ndarray | None = None,
) -> np.ndarray:
    """The next `n` mixtures to train proxies on. [n, k]

    The first is the predicted optimum. Each other one is the optimum of the targets shifted by a joint error that
    the surface made at a held-out mixture, in units of its standard deviation at the mixture that is proposed:
    Thompson sampling with draws whose errors go together over the whole simplex. A draw that is optimistic about a
    corpus goes where least is known about it, and different draws make the batch diverse.

    Args:
        problem: with errors; limits of the shares without regard to support.
        given: shares of the proxies so far. [m, k]
        measured: their targets. [m, t]
        n: size of the batch.
        seed: of this round; rounds need different ones.
        stretch: how far beyond the support, see STRETCH.
        starts: further mixtures to start from, such as matched. [s, k]
    """
    if problem.errors is None:
        raise ValueError("Thompson sampling needs the joint held-out errors of the surface (Problem.errors)")
    inner = problem.within_support(given, stretch)
    best = given[ranked(problem, measured)[:2]]
    starts = np.concatenate([best, random_starts(inner, 2, seed), *([] if starts is None else [starts])])
    random = np.random.default_rng([seed, 1])
    optimum = best_minimum(inner, starts).shares
    errors = problem.errors[random.permutation(len(problem.errors))]
    batch: list[np.ndarray] = []
    for i in range(n):
        shares = optimum
        if i:
            # The optimum is near: one start is enough, and a start at the optimum saves most of the steps.
            shares = best_minimum(inner, optimum[None], shift=errors[i % len(errors)], minimisations=1).shares
        batch.append(_apart(shares, np.concatenate([given, *(b[None] for b in batch)]), inner, random))
    return np.stack(batch)


def _apart(
    shares: np.ndarray, others: np.ndarray, problem: Problem, random: np.random.Generator
) -> np.ndarray:
    """The shares, scaled at random, a little more each time, until they are SPACING from all others (or TRIES over)."""
    moved = shares
    for i in range(TRIES):
        if (np.abs(others - moved).sum(axis=1) / 2).min() >= SPACING:
            break
        scaled = shares * np.exp(0.05 * (i + 1) * random.standard_normal(len(shares)))
        moved = project(scaled, problem.low, problem.high)
    return moved


def ranked(problem: Problem, measured: np.ndarray) -> np.ndarray:
    """Rows of measured targets [m, t], best objective first; those that exceed a limit come last, by how much. [m]"""
    return np.lexsort((problem.targets.value(measured), np.maximum(problem.violation(measured), FEASIBLE)))


def adaptive(
    problem: Problem, given: np.ndarray, measured: np.ndarray, *, kappa: float = KAPPA, seed: int = 0
) -> Candidates:
    """What to recommend after the last round: the optimum on the surface of all proxies, and the best proxy.

    Arguments as of `propose_batch`; the optimum stays within the support of all proxies, the proposals among them.

    Returns:
        Candidates `adaptive` and `best_proxy` (predicted: its measurement), the best of the proxies within the limits
        of the shares, brought to them where whole shards were off. Notes: those of `surrogate`, proxies, and
        expected_gain, what one more proxy at the optimum promises.
    """
    order = ranked(problem, measured)
    within = project(given, problem.low, problem.high)
    near = np.abs(within - given).sum(axis=1) / 2 < SPACING
    best = order[near[order]][0] if near.any() else order[0]
    inner = problem.within_support(given)
    found = surrogate(inner, given[best], kappa=kappa, seed=seed)
    optimum = found.candidates[0]
    gain = expected_gain(problem, optimum.shares[None], measured)
    value = float(problem.targets.value(measured[best]))
    return Candidates(
        (
            replace(optimum, name="adaptive", strategy="adaptive"),
            Candidate("best_proxy", "adaptive", within[best], value if near[best] else None),
        ),
        {**found.notes, "proxies": len(given), "expected_gain": gain},
    )


def expected_gain(problem: Problem, batch: np.ndarray, measured: np.ndarray) -> float:
    """Expected improvement of the best measurement by a batch [n, k], as a share of the best.

    E[max(0, best - min over the batch)] / best, over the surface's joint errors, the same at all mixtures of the batch.
    The best is of the measured targets [m, t] that keep the limits; if none does, all is to be gained, and it is the
    worst. What has not even this much to gain need not be trained: below a tolerance of .0005, say, it is less than the
    noise between draws of text.
    """
    values = problem.targets.value(measured)
    keeps = problem.violation(measured) <= FEASIBLE
    best = float(values[keeps].min() if keeps.any() else values.max())
    return float(np.maximum(best - problem.samples(batch).min(axis=0), 0).mean() / best)
