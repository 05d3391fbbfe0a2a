"""Search on a surface: minimise the predicted objective, and its front against the worst corpus."""

from dataclasses import replace

import numpy as np

from trex.metrics import worst
from trex.search.base import Candidate, Candidates
from trex.search.limits import project
from trex.search.minimise import Minimum, minimise
from trex.search.problem import Problem

# Minimisations begin at the most promising starts. From 8 random ones on a Gaussian process of 64 proxies and 20
# corpora, all ended in the same minimum to within 1e-5.
MINIMISATIONS = 4

# Standard deviations by which NSLs are taken to be worse than predicted.
KAPPA = 1.0


def random_starts(problem: Problem, n: int, seed: int) -> np.ndarray:
    """Mixtures to start from, spread over the simplex. [n, k]"""
    return np.random.default_rng(seed).dirichlet(np.full(len(problem.low), 2.0), n)


def best_minimum(
    problem: Problem,
    starts: np.ndarray,
    *,
    shift: np.ndarray | float = 0.0,
    worst_weight: float | None = None,
    minimisations: int = MINIMISATIONS,
) -> Minimum:
    """The best of the minima reached from the most promising starts [m, k]; arguments as of `minimise`."""
    mean, std = problem.surface.predict(project(starts, problem.low, problem.high))
    targets = mean + shift * std
    order = np.argsort(problem.targets.value(targets) + problem.violation(targets), kind="stable")[
        :minimisations
    ]
    found = [minimise(problem, starts[i], shift=shift, worst_weight=worst_weight) for i in order]
    return min(found, key=lambda minimum: minimum.rank)


def surrogate(
    problem: Problem, starts: np.ndarray, *, kappa: float = KAPPA, seed: int = 0, n_random: int = 4
) -> Candidates:
    """The mixture of the smallest predicted objective, with every NSL taken `kappa` standard deviations worse.

    Args:
        problem: `Problem.within_support` keeps it where proxies were.
        starts: mixtures to start from, such as matched, the baselines and the best proxies. [m, k]
        kappa: 0 trusts the surface, larger numbers stay where it is sure. Constraints are met with that reserve, too.
        seed, n_random: of further, random starts.

    Returns:
        Candidate `surrogate` with the objective that is predicted (without the reserve) and its standard deviation.
        Notes: penalised_value (what was minimised), violation (the largest relative excess of a constraint, with the
        reserve; above 0 if no mixture was found that meets them all), starts, at_limits (shares at a limit).
    """
    starts = np.concatenate([np.atleast_2d(starts), random_starts(problem, n_random, seed)])
    found = best_minimum(problem, starts, shift=kappa)
    value, std = problem.predict(found.shares[None])
    at_limits = np.isclose(found.shares, problem.low, atol=1e-6) | np.isclose(
        found.shares, problem.high, atol=1e-6
    )
    return Candidates(
        (Candidate("surrogate", "surrogate", found.shares, float(value[0]), float(std[0])),),
        {
            "penalised_value": found.value,
            "violation": found.violation,
            "starts": len(starts),
            "at_limits": int(at_limits.sum()),
        },
    )


def pareto_front(
    problem: Problem, starts: np.ndarray, *, points: int = 11, kappa: float = KAPPA, seed: int = 0
) -> Candidates:
    """Mixtures between the best average and the best worst corpus, from the same surface.

    (1 - weight) * average + weight * worst is minimised for `points` weights from 0 to 1, each from the minimum before.
    Every weight then takes the best of all minima found, so that along the front the average never falls and the worst
    never rises, even where a minimisation ended early.

    Args:
        problem: its objective is the average; macro if it is itself about the worst corpus.
        starts, kappa, seed: as of `surrogate`.

    Returns:
        Candidates `pareto_000` to `pareto_100`, by weight in %, each mixture once. Table: name, weight, average, worst
        (predicted, mean over the evaluation sets that count).
    """
    if problem.targets.objective.aggregate in ("worst", "soft_worst"):
        macro = replace(problem.targets.objective, aggregate="macro")
        problem = replace(problem, targets=replace(problem.targets, objective=macro))
    weights = np.linspace(0, 1, points)
    starts = np.concatenate([np.atleast_2d(starts), random_starts(problem, 4, seed)])
    found = [best_minimum(problem, starts, shift=kappa, worst_weight=0.0)]
    for weight in weights[1:]:
        found.append(minimise(problem, found[-1].shares, shift=kappa, worst_weight=weight))
    feasible = min(found, key=lambda minimum: minimum.rank[0]).rank[0]
    found = [minimum for minimum in found if minimum.rank[0] <= feasible]
    shares = np.stack([minimum.shares for minimum in found])
    mean, std = problem.surface.predict(shares)
    # the end points leave the other objective open: a little of it decides
    inner = np.clip(weights, 1e-6, 1 - 1e-6)[:, None]
    both = [(problem.targets.value(t), _mean_worst(problem, t)) for t in (mean + kappa * std, mean)]
    best = ((1 - inner) * both[0][0] + inner * both[0][1]).argmin(axis=1)
    average, largest = both[1]
    value_std = problem.predict(shares)[1]
    candidates, table = [], []
    for weight, i in zip(weights, best, strict=True):
        if any(np.array_equal(candidate.shares, shares[i]) for candidate in candidates):
            continue
        name = f"pareto_{100 * weight:03.0f}"
        candidates.append(Candidate(name, "pareto", shares[i], float(average[i]), float(value_std[i])))
        table.append(
            {"name": name, "weight": float(weight), "average": float(average[i]), "worst": float(largest[i])}
        )
    return Candidates(tuple(candidates), {"points": len(candidates)}, tuple(table))


def _mean_worst(problem: Problem, targets: np.ndarray) -> np.ndarray:
    """Largest NSL, mean over the evaluation sets that count. [n, t] -> [n]"""
    return worst(problem.targets.counted_nsl(targets)).mean(axis=-1)
