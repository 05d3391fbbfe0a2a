"""Search without a surface: reweighting by what the last proxies measured.

Each round trains one proxy, and the next mixture is a pure function of all rounds so far.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from trex.mixtures.bounds import Bounds
from trex.objective.constraints import FEASIBLE, Constraint, violation
from trex.objective.targets import TargetObjective
from trex.search.strategies.matched import MATCHED
from trex.search.strategy import Candidate, SearchResult, Strategy, Study

log = logging.getLogger(__name__)

# Multiplicative reweighting for the worst corpus: share_i times exp(eta * (NSL_i - mean NSL)), eta falling each round.
# Of these settings, 20 corpora have the same NSL to within .002 after 40 rounds.
ETA = 6.0
DECAY = 0.93

# Linear objectives: the shares are scaled at random by about this much in the first rounds, less and less, so that the
# elasticities can be estimated from the rounds.
JITTER = 0.3
# Part of the way to the optimum (in logs) that is gone at a time for soft_worst, whose derivatives change as it goes.
DAMPING = 0.25
# Prior of an elasticity, -d log NSL / d log share: mean and sd over 20 languages at V = 32k, and the sd of the log NSL
# around its line, which the other corpora's shares cause.
ELASTICITY = (0.10, 0.04)
SCATTER = 0.01

# Constraints are targeted with this margin in log NSL: rounding to whole shards moves an NSL by a part of it.
MARGIN = 0.001
MOST = 1.0  # log of the largest factor by which a round raises a share to meet them
TINY = 1e-9  # a share of 0 has no logarithm


@dataclass(frozen=True)
class Direct(Strategy):
    """Reweights the mixture by what its proxy measures, round after round, from the matched mixture.

    rounds: proxies to train. seed: of the jitter.
    """

    rounds: int = 40
    seed: int = 0

    name = "direct"
    candidates = ("direct",)
    needs = "space"
    settings = ("direct_rounds",)
    note_labels: ClassVar = {
        "rounds": "rounds",
        "best_round": "number of the best round, from 0",
        "nsl_range": "NSL between the best and the worst corpus",
        "violation": "measured excess over the limits",
    }
    trained_note = "rounds"

    @classmethod
    def from_config(cls, search: Mapping[str, Any], seed: int) -> Self:
        return cls(search["direct_rounds"], seed)

    def search(self, study: Study) -> SearchResult:
        space = study.space
        start = space.baselines[MATCHED]
        return self.optimise(space.objective, space.measure, start, space.bounds, space.constraints)

    def optimise(
        self,
        objective: TargetObjective,
        measure: Callable[[np.ndarray], np.ndarray],
        start: np.ndarray,
        bounds: Bounds,
        constraints: Sequence[Constraint] = (),
    ) -> SearchResult:
        """All rounds.

        Args:
            measure: trains a proxy on shares [k] and returns NSL [sets, k].
            start: a mixture such as matched. [k]
            others: as of `next_mixture`.

        Returns:
            Candidate `direct`: the best measured mixture of those that keep the constraints, or the one that exceeds
            them least. Notes: rounds, best_round, nsl_range (of the counted NSLs over corpora there) and, with
            constraints, violation. Table: round, value.
        """
        shares, nsl = [bounds.project(start)], []
        for i in range(self.rounds):
            nsl.append(measure(shares[i]))
            log.info("round %d: objective %.5f", i, objective.of_nsl(nsl[i]))
            if i + 1 < self.rounds:
                history = np.stack(shares), np.stack(nsl)
                shares.append(self.next_mixture(objective, *history, bounds, constraints))
        measured = np.stack(nsl)
        values = objective.of_nsl(measured)
        excess = violation(constraints, measured, objective.reference_tokens)
        best = int(np.lexsort((values, np.maximum(excess, FEASIBLE)))[0])
        notes = {
            "rounds": self.rounds,
            "best_round": best,
            "nsl_range": float(np.ptp(nsl[best][: objective.counted], axis=-1).max()),
        }
        if constraints:
            notes["violation"] = float(excess[best])
        return SearchResult(
            (Candidate("direct", shares[best]),),
            notes,
            [{"round": i, "value": float(value)} for i, value in enumerate(values)],
        )

    def next_mixture(
        self,
        objective: TargetObjective,
        shares: np.ndarray,
        nsl: np.ndarray,
        bounds: Bounds,
        constraints: Sequence[Constraint] = (),
    ) -> np.ndarray:
        """The next mixture to measure. [k]

        For `worst`, the last mixture reweighted: a corpus that is worse than the mean gets more. Where no limit binds,
        it ends when all NSLs are equal.

        For all others: where NSL_i falls like share_i ** -b_i, the optimum has share_i proportional to
        g_i * b_i * NSL_i, with g_i the objective's derivative (its weight, if it is linear). That is evaluated with the
        last NSLs and elasticities b_i that a Bayesian regression of log NSL on log share finds in all rounds. What a
        share does to other corpora is neglected.

        A constraint is a floor of shares: by the same power law, a corpus whose NSL must not exceed a ceiling needs a
        share of share_i * (NSL_i / ceiling_i) ** (1 / b_i) or more.

        Args:
            objective: what is not counted serves the constraints alone.
            shares: of all rounds so far, as they were asked for. [rounds, k], 1 or more
            nsl: what they measured. [rounds, sets, k]
            bounds: of the shares.
            constraints: on the NSL.
        """
        rounds, k = shares.shape
        elasticity = _elasticities(objective, shares, nsl)  # [t]
        if objective.aggregate.kind == "worst":
            mean_nsl = nsl[-1, : objective.counted].mean(axis=0)
            wanted = shares[-1] * np.exp(ETA * DECAY ** (rounds - 1) * (mean_nsl - mean_nsl.mean()))
        else:
            last = objective.flat(nsl[-1])
            pull = (
                objective.gradient(last) * last * elasticity
            )  # - d objective / d log share of the target's own
            wanted = np.bincount(objective.own, pull, minlength=k)
            wanted = wanted / wanted.sum()
            if objective.aggregate.kind == "soft_worst":
                wanted = shares[-1] ** (1 - DAMPING) * wanted**DAMPING
            jitter = np.random.default_rng([self.seed, rounds]).standard_normal(len(wanted))
            wanted = wanted * np.exp(JITTER * DECAY**rounds * jitter)
        if constraints:
            ceilings = np.min([c.ceilings(nsl[-1], objective.reference_tokens) for c in constraints], axis=0)
            over = np.log(objective.flat(nsl[-1])) - np.log(objective.flat(ceilings)) + MARGIN  # [t]
            needed = np.maximum(shares[-1], TINY)[objective.own] * np.exp(np.minimum(over / elasticity, MOST))
            floors = np.zeros(k)
            np.maximum.at(floors, objective.own, needed)
            floors = np.clip(floors, bounds.low, bounds.high)
            # floors that cannot all be kept are missed by the same factor
            bounds = replace(bounds, low=floors if floors.sum() < 1 else bounds.project(floors))
        return bounds.project(wanted)


def _elasticities(objective: TargetObjective, shares: np.ndarray, nsl: np.ndarray) -> np.ndarray:
    """-d log NSL / d log own share of every target, from all rounds. [rounds, k], [rounds, sets, k] -> [t]"""
    logs = np.log(np.maximum(shares, TINY))[:, objective.own]
    log_nsl = np.log(objective.flat(nsl))
    mean, sd = ELASTICITY
    x, y = logs - logs.mean(axis=0), log_nsl - log_nsl.mean(axis=0)
    precision = 1 / sd**2 + (x**2).sum(axis=0) / SCATTER**2
    return np.maximum((mean / sd**2 - (x * y).sum(axis=0) / SCATTER**2) / precision, mean / 10)
