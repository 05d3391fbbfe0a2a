"""Local minimisation of a predicted objective on the simplex, with constraints, by sequential quadratic programming.

Worst corpora make the objective a maximum. It is minimised in its epigraph form: one more variable per evaluation set
that no NSL of the set may exceed, which turns the kink into constraints.

With more than MANY corpora these are hundreds of constraints, and one minimisation took minutes. Then a smooth maximum
takes the place of the largest NSL, a penalty that of the limits, and L-BFGS minimises over the logs of the shares.
"""

from dataclasses import dataclass

import numpy as np

from trex.objective.constraints import FEASIBLE
from trex.search.problem import Problem
from trex.surfaces.base import MANY

# Minimisations begin at the most promising starts. From 8 random ones on a Gaussian process of 64 proxies and 20
# corpora, all ended in the same minimum to within 1e-5.
MINIMISATIONS = 4

MAX_ITERATIONS = 200
PRECISION = 1e-7  # of the objective; measurements of NSL differ by 1e-4 between draws of text

# Of many corpora, one after the other: sharpness of the maximum (log(mean(exp(sharpness * NSL))) / sharpness), and
# weight of the squared excess over a limit. The last leave .001 of NSL and some 1e-5 of a limit.
SMOOTH = ((100.0, 1e2), (1000.0, 1e4))
SMALLEST = 1e-7  # share; a share of 0 has no logarithm


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a minimisation ended.

    shares [k]; value: the objective there, of the shifted targets; violation: of the constraints, likewise.
    """

    shares: np.ndarray
    value: float
    violation: float

    @property
    def rank(self) -> tuple[float, float]:
        """Smaller is better: what meets the constraints comes first."""
        return (max(self.violation, FEASIBLE), self.value)


class Program:
    """One minimisation in the variables (shares, largest NSL of every counted set), as SLSQP wants it."""

    def __init__(self, problem: Problem, shift: np.ndarray, worst_weight: float):
        self.problem, self.shift, self.worst_weight = problem, shift, worst_weight
        self.k = len(problem.bounds.low)
        set_of_target = np.array([row for row, _ in problem.objective.columns])
        self.sets = len(problem.objective.counted_tokens) if worst_weight else 0
        self.members = [
            np.flatnonzero(set_of_target == row) for row in range(self.sets)
        ]  # targets of each set
        self._at: np.ndarray | None = None

    def predicted(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shifted targets [t] and their derivatives [t, k] at the shares in x; those of the last x are kept."""
        if self._at is None or not np.array_equal(x[: self.k], self._at):
            self._at = x[: self.k].copy()
            # SLSQP steps a rounding error out of its bounds
            shares = np.clip(self._at, self.problem.bounds.low, self.problem.bounds.high)[None]
            mean, std, mean_slope, std_slope = self.problem.surface.gradient(shares)
            self._targets = mean[0] + self.shift * std[0]
            self._slope = mean_slope[0] + self.shift[:, None] * std_slope[0]
        return self._targets, self._slope

    def value(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        gradient = np.zeros_like(x)
        result = 0.0
        if self.worst_weight < 1:
            targets, slope = self.predicted(x)
            result = (1 - self.worst_weight) * float(self.problem.objective(targets))
            gradient[: self.k] = (1 - self.worst_weight) * (self.problem.objective.gradient(targets) @ slope)
        if self.sets:
            result += self.worst_weight * float(x[self.k :].mean())
            gradient[self.k :] = self.worst_weight / self.sets
        return result, gradient

    def room(self, x: np.ndarray) -> np.ndarray:
        """What must not become negative: room below the largest NSLs, and below the limits of the constraints."""
        targets, _ = self.predicted(x)
        below = [x[self.k + s] - targets[members] for s, members in enumerate(self.members)]
        return np.concatenate([*below, -self.problem.excess(targets)])

    def room_gradient(self, x: np.ndarray) -> np.ndarray:
        targets, slope = self.predicted(x)
        rows = [np.zeros((0, len(x)))]
        for s, members in enumerate(self.members):
            row = np.zeros((len(members), len(x)))
            row[:, : self.k], row[:, self.k + s] = -slope[members], 1.0
            rows.append(row)
        limits = -self.problem.excess_gradient(targets) @ slope
        rows.append(np.pad(limits, ((0, 0), (0, self.sets))))
        return np.concatenate(rows)

    def start(self, shares: np.ndarray) -> np.ndarray:
        shares = self.problem.bounds.project(shares)
        targets, _ = self.predicted(shares)
        return np.concatenate([shares, [targets[members].max() for members in self.members]])


def minimise(
    problem: Problem,
    start: np.ndarray,
    *,
    shift: np.ndarray | float = 0.0,
    worst_weight: float | None = None,
) -> Minimum:
    """The local minimum that is reached from a mixture.

    Args:
        problem: objective, constraints and bounds.
        start: where to begin; brought into the bounds of the shares. [k]
        shift: standard deviations that are added to the predicted targets, [t] or one number for all: above 0, what is
            uncertain looks bad. Objective and constraints are those of the shifted targets.
        worst_weight: minimise (1 - worst_weight) * the objective + worst_weight * the largest NSL; None: the objective.

    Returns:
        The minimum; its violation is above 0 if no mixture near it meets the constraints.
    """
    if worst_weight is None:
        worst_weight = float(problem.objective.aggregate.kind == "worst")
    shift = np.broadcast_to(np.asarray(shift, float), len(problem.objective.columns))
    program = Program(problem, shift, worst_weight)
    found = _of_many(program, start) if program.k > MANY else _slsqp(program, start)
    shares = problem.bounds.project(found)
    targets, _ = program.predicted(shares)
    value = program.value(np.concatenate([shares, [targets[members].max() for members in program.members]]))[
        0
    ]
    return Minimum(shares, value, float(problem.violation(targets)))


def _slsqp(program: Program, start: np.ndarray) -> np.ndarray:
    """Shares [k], which rounding may leave outside of the bounds."""
    from scipy.optimize import minimize  # slow to import

    problem, k, sets = program.problem, program.k, program.sets
    constraints = [{
        "type": "eq",
        "fun": lambda x: x[:k].sum() - 1,
        "jac": lambda x: np.concatenate([np.ones(k), np.zeros(sets)]),
    }]  # fmt: skip
    if sets or problem.constraints:
        constraints.append({"type": "ineq", "fun": program.room, "jac": program.room_gradient})
    found = minimize(
        program.value,
        program.start(start),
        jac=True,
        method="SLSQP",
        bounds=[*zip(problem.bounds.low, problem.bounds.high, strict=True), *[(None, None)] * sets],
        constraints=constraints,
        options={"maxiter": MAX_ITERATIONS, "ftol": PRECISION},
    )
    return found.x[:k]


def _of_many(program: Program, start: np.ndarray) -> np.ndarray:
    """The same by a smooth maximum and penalties. A penalty also keeps the sum of the shares near 1."""
    from scipy.optimize import minimize

    problem = program.problem
    bounds = problem.bounds
    logs = np.log(np.maximum(np.stack([bounds.low, bounds.high], axis=1), SMALLEST))

    def loss(x: np.ndarray, sharpness: float, weight: float) -> tuple[float, np.ndarray]:
        shares = np.exp(x)
        total = shares.sum()
        shares = shares / total
        targets, slope = program.predicted(shares)
        value, by_target = 0.0, np.zeros_like(targets)
        if program.worst_weight < 1:
            value = (1 - program.worst_weight) * float(problem.objective(targets))
            by_target = (1 - program.worst_weight) * problem.objective.gradient(targets)
        for members in program.members:
            largest = targets[members].max()
            heavy = np.exp(sharpness * (targets[members] - largest))
            part = program.worst_weight / program.sets
            value += part * (largest + np.log(heavy.mean()) / sharpness)
            by_target[members] += part * heavy / heavy.sum()
        if problem.constraints:
            over = np.maximum(problem.excess(targets), 0)
            value += weight * float(over @ over)
            by_target = by_target + 2 * weight * over @ problem.excess_gradient(targets)
        by_share = by_target @ slope
        by_log = shares * (by_share - by_share @ shares) + 2 * np.log(total) * shares
        return value + np.log(total) ** 2, by_log

    x = np.log(np.maximum(bounds.project(start), SMALLEST))
    stages = SMOOTH if program.sets or problem.constraints else SMOOTH[-1:]
    for stage in stages:
        found = minimize(
            loss,
            x,
            args=stage,
            jac=True,
            method="L-BFGS-B",
            bounds=logs,
            options={"maxiter": MAX_ITERATIONS, "ftol": PRECISION / 100, "gtol": PRECISION},
        )
        x = found.x
    return np.exp(x)


def random_starts(problem: Problem, n: int, seed: int) -> np.ndarray:
    """Mixtures to start from, spread over the simplex. [n, k]"""
    return np.random.default_rng(seed).dirichlet(np.full(len(problem.bounds.low), 2.0), n)


def best_minimum(
    problem: Problem,
    starts: np.ndarray,
    *,
    shift: np.ndarray | float = 0.0,
    worst_weight: float | None = None,
    minimisations: int = MINIMISATIONS,
) -> Minimum:
    """The best of the minima reached from the most promising starts [m, k]; arguments as of `minimise`."""
    mean, std = problem.surface.predict(problem.bounds.project(starts))
    targets = mean + shift * std
    order = np.argsort(problem.objective(targets) + problem.violation(targets), kind="stable")[:minimisations]
    found = [minimise(problem, starts[i], shift=shift, worst_weight=worst_weight) for i in order]
    return min(found, key=lambda minimum: minimum.rank)
