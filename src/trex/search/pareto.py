"""Mixtures between the best average and the best worst corpus."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from trex.objective.metrics import worst
from trex.search.minimise import best_minimum, minimise, random_starts
from trex.search.problem import Problem


@dataclass(frozen=True, eq=False)
class FrontPoint:
    """A mixture [k] of the front, named by the weight of the worst corpus in %, with what the surface predicts.

    average: the objective, or macro if that is itself about the worst corpus. worst: the largest NSL, mean over the
    evaluation sets that count.
    """

    name: str
    weight: float
    average: float
    worst: float
    shares: np.ndarray


def pareto_front(
    problem: Problem, starts: np.ndarray, *, points: int = 11, kappa: float, seed: int = 0
) -> list[FrontPoint]:
    """Points `pareto_000` to `pareto_100`, each mixture once: the average rises from each to the next, the worst falls.

    (1 - weight) * average + weight * worst is minimised for `points` weights from 0 to 1, each from the minimum before,
    with every NSL taken `kappa` standard deviations worse, which keeps to mixtures that the surface is sure of. Every
    weight then takes the minimum of the best *predicted* value, which is the one that is shown, even where a
    minimisation ended early.

    Args:
        problem: its objective is the average; macro if it is itself about the worst corpus.
        starts: mixtures to start from. [m, k]
        seed: of further, random starts.
    """
    average_of = replace(problem.objective, aggregate=problem.objective.aggregate.average())
    problem = replace(problem, objective=average_of)
    weights = np.linspace(0, 1, points)
    starts = np.concatenate([np.atleast_2d(starts), random_starts(problem, 4, seed)])
    found = [best_minimum(problem, starts, shift=kappa, worst_weight=0.0)]
    for weight in weights[1:]:
        found.append(minimise(problem, found[-1].shares, shift=kappa, worst_weight=weight))
    feasible = min(minimum.rank[0] for minimum in found)
    shares = np.stack([minimum.shares for minimum in found if minimum.rank[0] <= feasible])
    predicted = problem.surface.mean(shares)
    average, largest = problem.objective(predicted), worst(problem.objective.counted_nsl(predicted)).mean(-1)
    # the end points leave the other objective open: a little of it decides
    inner = np.clip(weights, 1e-6, 1 - 1e-6)[:, None]
    best = ((1 - inner) * average + inner * largest).argmin(axis=1)
    front: list[FrontPoint] = []
    for weight, i in zip(weights, best, strict=True):
        if front and not (average[i] > front[-1].average and largest[i] < front[-1].worst):
            continue  # the same mixture again, or one that is no better in either
        name = f"pareto_{100 * weight:03.0f}"
        front.append(FrontPoint(name, float(weight), float(average[i]), float(largest[i]), shares[i]))
    return front


def front_table(front: Sequence[FrontPoint], corpora: Sequence[str]) -> pl.DataFrame:
    """Columns: name, weight, average, worst, and one per corpus."""
    rows = [
        {
            "name": point.name,
            "weight": point.weight,
            "average": point.average,
            "worst": point.worst,
            **dict(zip(corpora, point.shares.tolist(), strict=True)),
        }
        for point in front
    ]
    return pl.DataFrame(rows)
