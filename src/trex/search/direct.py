"""Search without a surface: reweighting by what the last proxies measured.

Each round trains one proxy, and the next mixture is a pure function of all rounds so far, so that rounds can be jobs.
"""

from collections.abc import Callable

import numpy as np

from trex.metrics import Objective
from trex.search.base import Candidate, Candidates
from trex.search.limits import project

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


def direct_next(
    objective: Objective,
    shares: np.ndarray,
    nsl: np.ndarray,
    reference_tokens: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    seed: int = 0,
) -> np.ndarray:
    """The next mixture to measure. [k]

    For `worst`, the last mixture reweighted: a corpus that is worse than the mean gets more. Where no limit binds, it
    ends when all NSLs are equal.

    For all others: where NSL_i falls like share_i ** -b_i, the optimum has share_i proportional to
    g_i * b_i * NSL_i, with g_i the objective's derivative (its weight, if it is linear). That is evaluated with the
    last NSLs and elasticities b_i that a Bayesian regression of log NSL on log share finds in all rounds. What a
    share does to other corpora is neglected.

    Args:
        objective: constraints have no place here.
        shares: of all rounds so far, as they were asked for. [rounds, k], 1 or more
        nsl: what they measured, on the evaluation sets that count. [rounds, sets, k]
        reference_tokens: of these sets. [sets, k]
        low, high: limits of the shares. [k]
        seed: of the jitter.
    """
    rounds = len(shares)
    if objective.aggregate == "worst":
        mean_nsl = nsl[-1].mean(axis=0)
        step = ETA * DECAY ** (rounds - 1) * (mean_nsl - mean_nsl.mean())
        return project(shares[-1] * np.exp(step), low, high)
    logs = np.log(np.maximum(shares, 1e-9))
    weights = objective.gradient(nsl, reference_tokens) * nsl  # d objective / d log NSL
    mean, sd = ELASTICITY
    x = logs - logs.mean(axis=0)
    y = np.log(nsl) - np.log(nsl).mean(axis=0)
    precision = 1 / sd**2 + (x**2).sum(axis=0) / SCATTER**2
    elasticity = (mean / sd**2 - (x[:, None] * y).sum(axis=0) / SCATTER**2) / precision  # [sets, k]
    target = (weights[-1] * np.maximum(elasticity, mean / 10)).sum(axis=0)
    target = target / target.sum()
    if objective.aggregate == "soft_worst":
        target = shares[-1] ** (1 - DAMPING) * target**DAMPING
    jitter = np.random.default_rng([seed, rounds]).standard_normal(len(target))
    return project(target * np.exp(JITTER * DECAY**rounds * jitter), low, high)


def direct(
    objective: Objective,
    measure: Callable[[np.ndarray], np.ndarray],
    start: np.ndarray,
    reference_tokens: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    rounds: int = 40,
    seed: int = 0,
) -> Candidates:
    """All rounds in one process, from a mixture such as matched.

    Args:
        measure: trains a proxy on shares [k] and returns NSL [sets, k].
        rounds: proxies to train.
        others: as of `direct_next`.

    Returns:
        Candidate `direct`, the best measured mixture (predicted: its measurement). Notes: rounds, best_round, spread
        (of the NSL over corpora there). Table: round, value.
    """
    shares, nsl = [project(start, low, high)], []
    for i in range(rounds):
        nsl.append(measure(shares[i]))
        if i + 1 < rounds:
            history = np.stack(shares), np.stack(nsl)
            shares.append(direct_next(objective, *history, reference_tokens, low, high, seed=seed))
    values = objective.mean_over_sets(np.stack(nsl), reference_tokens)
    best = int(values.argmin())
    return Candidates(
        (Candidate("direct", "direct", shares[best], float(values[best])),),
        {"rounds": rounds, "best_round": best, "spread": float(np.ptp(nsl[best], axis=-1).max())},
        tuple({"round": i, "value": float(value)} for i, value in enumerate(values)),
    )
