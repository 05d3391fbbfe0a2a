"""Search on a surface: the mixture of the smallest predicted objective, with a reserve for what is uncertain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from trex.search.minimise import best_minimum, random_starts
from trex.search.problem import Problem
from trex.search.strategy import Candidate, SearchResult, Strategy, Study

# Standard deviations by which NSLs are taken to be worse than predicted.
KAPPA = 1.0


@dataclass(frozen=True)
class Surrogate(Strategy):
    """Minimises the predicted objective, with every NSL taken `kappa` standard deviations worse.

    Attributes:
        kappa: 0 trusts the surface, larger numbers stay where it is sure. Constraints are met with that reserve, too.
        within_support: whether shares stay between the lowest and highest that proxies were given.
        seed, n_random: of random starts, besides those of the study.
    """

    kappa: float = KAPPA
    within_support: bool = True
    seed: int = 0
    n_random: int = 4

    name = "surrogate"
    candidates = ("surrogate",)
    needs = "surfaces"
    settings = ("kappa", "within_support")
    note_labels: ClassVar = {
        "penalised_value": "predicted objective, with `search.kappa` standard deviations added to every NSL",
        "violation": "predicted excess over the limits",
        "starts": "starting points",
        "at_limits": "shares at their lower or upper bound",
    }

    @classmethod
    def from_config(cls, search: Mapping[str, Any], seed: int) -> Self:
        return cls(search["kappa"], search["within_support"], seed)

    def search(self, study: Study) -> SearchResult:
        problem = study.problem
        if self.within_support:
            problem = problem.within_support(study.training.shares)
        return self.optimise(problem, study.starts)

    def optimise(self, problem: Problem, starts: np.ndarray) -> SearchResult:
        """The optimum of a problem that is reached from mixtures [m, k] such as matched and the baselines.

        Returns:
            Candidate `surrogate`. Notes: penalised_value
            (what was minimised), violation (the largest relative excess of a constraint, with the reserve; above 0 if
            no mixture was found that meets them all), starts, at_limits (shares at a bound).
        """
        starts = np.concatenate([np.atleast_2d(starts), random_starts(problem, self.n_random, self.seed)])
        found = best_minimum(problem, starts, shift=self.kappa)
        at_limits = np.isclose(found.shares, problem.bounds.low, atol=1e-6) | np.isclose(
            found.shares, problem.bounds.high, atol=1e-6
        )
        notes = {
            "penalised_value": found.value,
            "violation": found.violation,
            "starts": len(starts),
            "at_limits": int(at_limits.sum()),
        }
        return SearchResult((Candidate("surrogate", found.shares),), notes)
