"""Search without a surface: reweighting by what the last proxies measured.

Each round trains one proxy, and the next mixture is a pure function of all rounds so far, so that rounds can be jobs.
"""

from collections.abc import Callable, Sequence

import numpy as np

from trex.constraints import Constraint, violation
from trex.search.base import Candidate, Candidates
from trex.search.limits import project
from trex.search.minimise import FEASIBLE
from trex.targets import Targets

# Multiplicative reweighting for the worst corpus: share_i times exp(eta * (NSL_i - mean NSL)), eta falling each round.
# Of these settings, 20 corpora have the same NSL to within .002 after 40 rounds.
ETA = 6.0
DECAY = 0.93

# Linear objectives: the shares are scaled at random by about this much in the first rounds, less and less, so that the
# elasticities can be told from the rounds.
JITTER = 0.3
# Part of the way to the optimum (in logs) that is gone at a time for soft_worst, whose derivatives change as it goes.
DAMPING = 0.25
# Prior of an elasticity, -d log NSL / d log share: mean and sd over 20 languages at V = 32k, and the sd of the log NSL
# around its line, which the other corpora's shares cause.
ELASTICITY = (0.10, 0.04)
SCATTER = 0.01

# Constraints are aimed at with so much of log NSL to spare: rounding to whole shards moves an NSL by a part of it.
MARGIN = 0.001
MOST = 1.0  # log of the largest factor by which a round raises a share to meet them
TINY = 1e-9  # a share of 0 has no logarithm


def direct_next(
    targets: Targets,
    shares: np.ndarray,
    nsl: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    constraints: Sequence[Constraint] = (),
    seed: int = 0,
) -> np.ndarray:
    """The next mixture to measure. [k]

    For `worst`, the last mixture reweighted: a corpus that is worse than the mean gets more. Where no limit binds, it
    ends when all NSLs are equal.

    For all others: where NSL_i falls like share_i ** -b_i, the optimum has share_i proportional to
    g_i * b_i * NSL_i, with g_i the objective's derivative (its weight, if it is linear). That is evaluated with the
    last NSLs and elasticities b_i that a Bayesian regression of log NSL on log share finds in all rounds. What a
    share does to other corpora is neglected.

    A constraint is a floor of shares: by the same power law, a corpus whose NSL must not exceed a ceiling needs a share
    of share_i * (NSL_i / ceiling_i) ** (1 / b_i) or more.

    Args:
        targets: with the objective; what is not counted serves the constraints alone.
        shares: of all rounds so far, as they were asked for. [rounds, k], 1 or more
        nsl: what they measured. [rounds, sets, k]
        low, high: limits of the shares. [k]
        constraints: on the NSL.
        seed: of the jitter.
    """
    rounds = len(shares)
    elasticity = _elasticities(targets, shares, nsl)  # [t]
    if targets.objective.aggregate == "worst":
        mean_nsl = nsl[-1, : targets.counted].mean(axis=0)
        wanted = shares[-1] * np.exp(ETA * DECAY ** (rounds - 1) * (mean_nsl - mean_nsl.mean()))
    else:
        last = targets.flat(nsl[-1])
        pull = (
            targets.value_gradient(last) * last * elasticity
        )  # - d objective / d log share of the target's own
        wanted = np.bincount(targets.own, pull, minlength=len(low))
        wanted = wanted / wanted.sum()
        if targets.objective.aggregate == "soft_worst":
            wanted = shares[-1] ** (1 - DAMPING) * wanted**DAMPING
        jitter = np.random.default_rng([seed, rounds]).standard_normal(len(wanted))
        wanted = wanted * np.exp(JITTER * DECAY**rounds * jitter)
    if constraints:
        ceilings = np.min([c.ceilings(nsl[-1], targets.reference_tokens) for c in constraints], axis=0)
        over = np.log(targets.flat(nsl[-1])) - np.log(targets.flat(ceilings)) + MARGIN  # [t]
        needed = np.maximum(shares[-1], TINY)[targets.own] * np.exp(np.minimum(over / elasticity, MOST))
        floors = np.zeros(len(low))
        np.maximum.at(floors, targets.own, needed)
        floors = np.clip(floors, low, high)
        # floors that cannot all be kept are missed by the same factor
        low = floors if floors.sum() < 1 else project(floors, low, high)
    return project(wanted, low, high)


def _elasticities(targets: Targets, shares: np.ndarray, nsl: np.ndarray) -> np.ndarray:
    """-d log NSL / d log own share of every target, from all rounds. [rounds, k], [rounds, sets, k] -> [t]"""
    logs = np.log(np.maximum(shares, TINY))[:, targets.own]
    log_nsl = np.log(targets.flat(nsl))
    mean, sd = ELASTICITY
    x, y = logs - logs.mean(axis=0), log_nsl - log_nsl.mean(axis=0)
    precision = 1 / sd**2 + (x**2).sum(axis=0) / SCATTER**2
    return np.maximum((mean / sd**2 - (x * y).sum(axis=0) / SCATTER**2) / precision, mean / 10)


def direct(
    targets: Targets,
    measure: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    constraints: Sequence[Constraint] = (),
    rounds: int = 40,
    seed: int = 0,
) -> Candidates:
    """All rounds in one process, from a mixture such as matched.

    Args:
        measure: trains a proxy on shares [k] and returns NSL [sets, k].
        rounds: proxies to train.
        others: as of `direct_next`.

    Returns:
        Candidate `direct`, the best measured mixture of those that keep the constraints, or that exceeds them least
        (predicted: its measurement). Notes: rounds, best_round, spread (of the counted NSLs over corpora there) and,
        with constraints, violation. Table: round, value.
    """
    shares, nsl = [project(start, low, high)], []
    for i in range(rounds):
        nsl.append(measure(shares[i]))
        if i + 1 < rounds:
            history = np.stack(shares), np.stack(nsl)
            shares.append(direct_next(targets, *history, low, high, constraints=constraints, seed=seed))
    measured = np.stack(nsl)
    values = targets.value(targets.flat(measured))
    excess = violation(constraints, measured, targets.reference_tokens)
    best = int(np.lexsort((values, np.maximum(excess, FEASIBLE)))[0])
    notes = {
        "rounds": rounds,
        "best_round": best,
        "spread": float(np.ptp(nsl[best][: targets.counted], axis=-1).max()),
    }
    if constraints:
        notes["violation"] = float(excess[best])
    return Candidates(
        (Candidate("direct", "direct", shares[best], float(values[best])),),
        notes,
        tuple({"round": i, "value": float(value)} for i, value in enumerate(values)),
    )
