"""A round of the adaptive search: a surface fitted to all proxies so far, and the mixtures it proposes."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trex import layout
from trex.proxies.training_set import TrainingSet
from trex.search.problem import Problem
from trex.search.space import SearchSpace
from trex.search.strategies.adaptive import expected_gain, propose_batch
from trex.search.strategies.matched import MATCHED
from trex.surfaces.select import Regression, fit_objective

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Proposal:
    """What a round proposes: mixtures [k] by id, none if it has too little to gain; notes for its file."""

    mixtures: Mapping[str, np.ndarray]
    notes: Mapping[str, Any]


@dataclass(frozen=True)
class Round:
    """One round: its number, how many proxies it trains, and the expected gain below which it trains none."""

    number: int
    per_round: int
    tolerance: float
    seed: int

    def propose(
        self,
        training: TrainingSet,
        regression: Regression,
        space: SearchSpace,
        earlier: Sequence[Mapping[str, Any]],
    ) -> Proposal:
        """The mixtures that promise most.

        A round that has too little to gain trains none, and so do all after it.

        Args:
            training: all proxies so far.
            regression: one with gradients.
            earlier: notes of the rounds before.
        """
        problem = fit_problem(training, regression, space, self.seed)
        batch = propose_batch(
            problem,
            training,
            self.per_round,
            seed=1000 * self.seed + self.number,
            starts=space.baselines[MATCHED][None],
        )
        gain = expected_gain(problem, batch, training.targets)
        log.info("expected gain %.4f %%, tolerance %.4f %%", 100 * gain, 100 * self.tolerance)
        stopped = gain < self.tolerance or any(row["stopped"] for row in earlier)
        trained = [] if stopped else batch
        notes = {
            "round": self.number,
            "stopped": bool(stopped),
            "expected_gain": float(gain),
            "best_before": float(np.min(training.values)),
            "trained": len(trained),
        }
        ids = (layout.round_mixture_id(self.number, i) for i in range(len(trained)))
        return Proposal(dict(zip(ids, trained, strict=True)), notes)


def fit_problem(training: TrainingSet, regression: Regression, space: SearchSpace, seed: int) -> Problem:
    """The search problem on a surface fitted to proxies, with its joint held-out errors."""
    fitted = fit_objective(training, regression, seed)
    return Problem(fitted.surface, space.objective, space.bounds, space.constraints, fitted.residuals)
