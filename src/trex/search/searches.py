"""All searches of a run: candidates of every strategy, and the baselines."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from trex.files import read_json, write_text
from trex.proxies.training_set import TrainingSet
from trex.search.no_search import BASELINE
from trex.search.pareto import front_table, pareto_front
from trex.search.problem import Problem
from trex.search.registry import STRATEGIES
from trex.search.rounds import fit_problem
from trex.search.space import SearchSpace
from trex.search.strategy import SearchResult, Study
from trex.surfaces.fitted import FittedSurfaces
from trex.surfaces.select import ObjectiveSurface


@dataclass(frozen=True, eq=False)
class Searched:
    """What the strategies found.

    candidates: columns name, role (candidate or baseline), strategy, predicted, predicted_std, and one per corpus.
    results: by strategy. seconds: CPU time of each strategy that ran here.
    """

    candidates: pl.DataFrame
    results: Mapping[str, SearchResult]
    seconds: Mapping[str, float]

    @property
    def notes(self) -> dict[str, dict[str, float]]:
        """Numbers about each strategy's search."""
        return {strategy: dict(result.notes) for strategy, result in self.results.items()}

    @property
    def tables(self) -> dict[str, list[Mapping[str, Any]]]:
        """Rows of a table about each strategy's search."""
        return {strategy: list(result.table) for strategy, result in self.results.items()}


def read_finished(
    strategies: Sequence[str], files: Sequence[str], corpora: Sequence[str]
) -> dict[str, SearchResult]:
    """What strategies found in jobs of their own, from their files."""
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


def search(
    study: Study,
    settings: Mapping[str, Any],
    used: ObjectiveSurface,
    finished: Mapping[str, SearchResult],
    seed: int,
) -> Searched:
    """Run strategies and predict what they found.

    Args:
        settings: the config's section `search`; it names the strategies, and the registry says their order in the
            results.
        used: predicts the objective of all candidates and baselines.
        finished: what the strategies found that ran in jobs of their own.
    """
    results, seconds = {}, {}
    for name, strategy in STRATEGIES.items():
        if name in finished:
            results[name] = finished[name]
        elif name in settings["strategies"]:
            start = time.process_time()
            results[name] = strategy.from_config(settings, seed).search(study)
            seconds[name] = time.process_time() - start
    return Searched(_candidates_table(results, study.space, used), results, seconds)


def write_seconds(seconds: Mapping[str, float], folder: str | Path) -> None:
    """CPU seconds of each strategy, beside Snakemake's measurements and in their form; they are none of the results."""
    for strategy, number in seconds.items():
        write_text(f"cpu_time\n{number:.2f}\n", Path(folder) / f"{strategy}.tsv")


def _candidates_table(
    results: Mapping[str, SearchResult], space: SearchSpace, used: ObjectiveSurface
) -> pl.DataFrame:
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
