"""What searches begin with, and what becomes of their results: candidates, beside the baselines, and the front."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from trex.files import read_json
from trex.proxies.training_set import TrainingSet
from trex.search.no_search import BASELINE
from trex.search.pareto import front_table, pareto_front
from trex.search.problem import Problem
from trex.search.rounds import fit_problem
from trex.search.space import SearchSpace
from trex.search.strategy import SearchResult, Study
from trex.surfaces.fitted import FittedSurfaces
from trex.surfaces.select import ObjectiveSurface


def read_results(
    strategies: Sequence[str], files: Sequence[str], corpora: Sequence[str]
) -> dict[str, SearchResult]:
    """What strategies found, from their files."""
    return {
        name: SearchResult.from_json(read_json(file), corpora)
        for name, file in zip(strategies, files, strict=True)
    }


def begin_study(
    space: SearchSpace,
    training: TrainingSet,
    surfaces: FittedSurfaces,
    proxies: TrainingSet,
    rounds: Sequence[Mapping[str, Any]] = (),
    seed: int = 0,
) -> Study:
    """What the strategies of a run may use. Arguments as of `Study`; seed: of refitted surfaces."""
    searched = surfaces.searched
    return Study(
        space,
        training,
        Problem(searched.surface, space.objective, space.bounds, space.constraints, searched.residuals),
        surfaces.paper,
        proxies,
        rounds,
        partial(fit_problem, regression=searched.regression, space=space, seed=seed),
    )


def candidates_table(
    results: Mapping[str, SearchResult], space: SearchSpace, used: ObjectiveSurface
) -> pl.DataFrame:
    """What strategies found and the baselines, with what is predicted of them: columns name, role (candidate or
    baseline), strategy, predicted, predicted_std, and one per corpus.

    results: by strategy. used: predicts the objective of all of them.
    """
    named = [
        (candidate.name, "candidate", strategy, candidate.shares)
        for strategy, result in results.items()
        for candidate in result.candidates
    ]
    named += [(name, BASELINE, BASELINE, shares) for name, shares in space.baselines.items()]
    mean, std = used.predict(np.stack([shares for *_, shares in named]))
    rows = [
        {
            "name": name,
            "role": role,
            "strategy": strategy,
            "predicted": float(m),
            "predicted_std": float(s),
            **dict(zip(space.bounds.corpora, shares.tolist(), strict=True)),
        }
        for (name, role, strategy, shares), m, s in zip(named, mean, std, strict=True)
    ]
    return pl.DataFrame(rows)


def front(study: Study, settings: Mapping[str, Any], seed: int) -> pl.DataFrame:
    """Mixtures between the best average and the best worst corpus, as `pareto.front_table`.

    settings: the config's section `search`.
    """
    problem = study.problem
    if settings["within_support"]:
        problem = problem.within_support(study.training.shares)
    points = pareto_front(problem, study.starts, kappa=settings["kappa"], seed=seed)
    return front_table(points, study.space.bounds.corpora)
