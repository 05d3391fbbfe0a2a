"""New proxies where they help most: Thompson sampling in batches, and when to stop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from trex.objective.constraints import FEASIBLE
from trex.proxies.training_set import TrainingSet
from trex.search.minimise import best_minimum, random_starts
from trex.search.problem import Problem
from trex.search.strategies.surrogate import KAPPA, Surrogate
from trex.search.strategy import Candidate, SearchResult, Strategy, Study

# Proposals stay within this factor of the shares that proxies were given. They are measured before anything is
# concluded, so that each round may reach beyond the last one.
STRETCH = 2.0

# A proposal whose shares differ by less than this in all (half the sum of |differences|) from another proxy is moved:
# it would measure hardly anything new.
SPACING = 0.01
TRIES = 20


def propose_batch(
    problem: Problem,
    training: TrainingSet,
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
        problem: with errors; bounds of the shares without regard to support.
        training: the proxies so far.
        n: size of the batch.
        seed: of this round; rounds need different ones.
        stretch: how far beyond the support, see STRETCH.
        starts: further mixtures to start from, such as matched. [s, k]
    """
    if problem.errors is None:
        raise ValueError("Thompson sampling needs the joint held-out errors of the surface (Problem.errors)")
    given = training.shares
    inner = problem.within_support(given, stretch)
    best = given[ranked(problem, training.targets)[:2]]
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
        moved = problem.bounds.project(scaled)
    return moved


def ranked(problem: Problem, measured: np.ndarray) -> np.ndarray:
    """Rows of measured targets [m, t], best objective first; those that exceed a limit come last, by how much. [m]"""
    return np.lexsort((problem.objective(measured), np.maximum(problem.violation(measured), FEASIBLE)))


def expected_gain(problem: Problem, batch: np.ndarray, measured: np.ndarray) -> float:
    """Expected improvement of the best measurement by a batch [n, k], as a share of the best.

    E[max(0, best - min over the batch)] / best, over the surface's joint errors, the same at all mixtures of the batch.
    The best is that of the measured targets [m, t] that keep the limits; if none does, the worst of all takes its
    place, so the gain is large. A batch that promises less than a tolerance need not be trained: .0005, say, is less
    than the noise between draws of text.
    """
    values = problem.objective(measured)
    keeps = problem.violation(measured) <= FEASIBLE
    best = float(values[keeps].min() if keeps.any() else values.max())
    return float(np.maximum(best - problem.samples(batch).min(axis=0), 0).mean() / best)


@dataclass(frozen=True)
class Adaptive(Strategy):
    """Recommends after the last round (`trex.search.rounds`) the optimum on the surface of all proxies.

    kappa, seed: as of `Surrogate`.
    """

    kappa: float = KAPPA
    seed: int = 0

    name = "adaptive"
    candidates = ("adaptive", "best_proxy")
    needs = "rounds"
    settings = ("kappa",)
    note_labels: ClassVar = Surrogate.note_labels | {
        "rounds": "rounds",
        "trained": "proxies trained in them",
        "proxies": "proxies in all",
        "expected_gain": "expected gain of one more round",
    }
    trained_note = "trained"

    @classmethod
    def from_config(cls, search: Mapping[str, Any], seed: int) -> Self:
        return cls(search["kappa"], seed)

    def search(self, study: Study) -> SearchResult:
        found = self.recommend(study.refit(study.proxies), study.proxies)
        notes = {
            "rounds": sum(not row["stopped"] for row in study.rounds),
            "trained": sum(row["trained"] for row in study.rounds),
        }
        return SearchResult(found.candidates, {**notes, **found.notes}, study.rounds)

    def recommend(self, problem: Problem, training: TrainingSet) -> SearchResult:
        """The optimum within the support of all proxies, the proposals among them, and the best proxy.

        problem: on a surface fitted to these proxies, with errors.

        Returns:
            Candidates `adaptive` and `best_proxy`, the best of the proxies within the bounds
            of the shares, brought to them where whole shards were off. Notes: those of `Surrogate.optimise`, proxies,
            and expected_gain, what one more proxy at the optimum promises.
        """
        given, measured = training.shares, training.targets
        order = ranked(problem, measured)
        within = problem.bounds.project(given)
        near = np.abs(within - given).sum(axis=1) / 2 < SPACING
        best = order[near[order]][0] if near.any() else order[0]
        surrogate = Surrogate(self.kappa, seed=self.seed)
        found = surrogate.optimise(problem.within_support(given), given[best])
        (optimum,) = found.candidates
        return SearchResult(
            (
                Candidate("adaptive", optimum.shares),
                Candidate("best_proxy", within[best]),
            ),
            {
                **found.notes,
                "proxies": len(given),
                "expected_gain": expected_gain(problem, optimum.shares[None], measured),
            },
        )
