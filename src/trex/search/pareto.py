"""Mixtures between the best average and the best worst corpus."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from trex.layout import FRONT_POINTS
from trex.objective.metrics import worst
from trex.objective.objective import Objective
from trex.objective.targets import TargetObjective
from trex.proxies.tables import evaluation_arrays
from trex.search.minimise import best_minimum, minimise, random_starts
from trex.search.problem import Problem

if TYPE_CHECKING:
    from trex.proxies.train import Trainer

ROUNDING = 1e-6  # a point of the front that is so little below the line through its ends is on it
MEASURED = {
    "name": pl.String,
    "point": pl.String,
    "replicate": pl.Int64,
    "average": pl.Float64,
    "worst": pl.Float64,
}


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
    average, largest = average_and_worst(problem.objective, predicted)
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


def average_and_worst(objective: TargetObjective, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The objective, or macro if that is itself about the worst corpus, and the largest NSL, mean over the sets that
    count. [..., t] -> [...], [...]"""
    average = replace(objective, aggregate=objective.aggregate.average())
    return average(targets), worst(objective.counted_nsl(targets)).mean(axis=-1)


def points_to_measure(front: pl.DataFrame) -> dict[str, str]:
    """Names of the front's rows that stand for it: its two ends and its knee, by FRONT_POINTS.

    The knee is the point farthest from the straight line through the ends, with both numbers scaled to run from 0 to 1
    between these (Das 1999, Structural Optimization 18). A front of one point has that alone, and one without a point
    below the line has no knee.

    >>> rows = {"name": ["a", "b", "c"], "average": [1.0, 1.1, 2.0], "worst": [3.0, 2.1, 2.0]}
    >>> points_to_measure(pl.DataFrame(rows))
    {'front_average': 'a', 'front_knee': 'b', 'front_worst': 'c'}
    """
    names = front["name"].to_list()
    at_average, at_knee, at_worst = FRONT_POINTS
    found = {at_average: names[0]}
    if len(names) > 1:
        average, largest = front["average"].to_numpy(), front["worst"].to_numpy()
        cost = (average - average[0]) / (average[-1] - average[0])
        left = (largest - largest[-1]) / (largest[0] - largest[-1])
        below = 1 - cost - left
        if below.max() > ROUNDING:
            found[at_knee] = names[int(below.argmax())]
        found[at_worst] = names[-1]
    return found


def measured_front(
    name: str, front: pl.DataFrame, trainer: "Trainer", objective: Objective, replicates: int
) -> pl.DataFrame:
    """Proxies of one of FRONT_POINTS: name, point (the front's row), replicate, average, worst.

    No rows if the front has no such point.

    trainer: of proxies; the objective is taken at its last vocabulary size.
    """
    point = points_to_measure(front).get(name)
    if point is None:
        return pl.DataFrame(schema=MEASURED)
    corpora = list(objective.corpora)
    shares = front.filter(name=point).select(corpora).to_numpy()[0]
    sets, rows = objective.evaluation_sets, trainer.index.evaluation_rows
    of_targets = objective.on(evaluation_arrays(rows, sets, corpora)[1])
    nsl = np.stack([trainer.nsl(shares, sets, replicate) for replicate in range(replicates)])
    average, largest = average_and_worst(of_targets, of_targets.flat(nsl))
    return pl.DataFrame(
        {
            "name": [name] * replicates,
            "point": [point] * replicates,
            "replicate": range(replicates),
            "average": average,
            "worst": largest,
        },
        schema=MEASURED,
    )


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
