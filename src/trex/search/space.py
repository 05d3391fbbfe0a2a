"""What every search starts from: the mixtures it may choose, the objective and its limits, and known mixtures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl

from trex.files import read_json
from trex.mixtures.baselines import resolve
from trex.mixtures.bounds import Bounds
from trex.mixtures.sampling import MixtureSampler
from trex.objective.constraints import Constraint
from trex.objective.objective import Objective
from trex.objective.targets import TargetObjective
from trex.proxies.tables import evaluation_arrays
from trex.search.limits import with_existing
from trex.search.strategies.matched import MATCHED, matched_mixture

if TYPE_CHECKING:  # it trains, and rules import this module
    from trex.counting.word_index import WordIndex
    from trex.proxies.train import Trainer


@dataclass(frozen=True, eq=False)
class SearchSpace:
    """The mixtures of k corpora that a search may choose from, and what it wants of them.

    Attributes:
        objective: of the NSL of every evaluation set and corpus.
        bounds: of the shares: what the text allows, proxies.min_share, search.floors and search.ceilings.
        baselines: the matched mixture and the baselines of the config, by name. [k] each
        constraints: limits of the objective on NSL.
        sampler: of random mixtures.
        measure: trains a proxy on shares [k] and returns its NSL [sets, k].
    """

    objective: TargetObjective
    bounds: Bounds
    baselines: Mapping[str, np.ndarray]
    constraints: tuple[Constraint, ...]
    sampler: MixtureSampler
    measure: Callable[[np.ndarray], np.ndarray]

    @classmethod
    def from_params(
        cls, trainer: "Trainer", params: Any, inferred: Sequence[str] = (), limits: Sequence[str] = ()
    ) -> Self:
        """The search space that a config asks for.

        The baselines that limits compare with are measured, each with a proxy: a surface is off by more than what the
        choice lets pass.

        Args:
            trainer: of proxies.
            params: of a rule: seed, corpora; sections of the config: objective (with vocab_size), sampling, search (its
                floors and ceilings) and baselines.
            inferred: files of `infer_mixture` with the shares of baselines that are to be inferred.
            limits: the file of `measure_limits`, if limits compare with existing tokenizers.
        """
        index, corpora = trainer.index, list(params.corpora)
        objective = Objective.from_config(params.objective, corpora)
        objective = with_existing(objective, [*map(pl.read_parquet, limits)], "proxies")
        sampler = MixtureSampler.from_config(params.sampling, params.seed, corpora, index.available_bytes)
        bounds = Bounds.of_corpora(
            corpora,
            sampler.caps,
            min_share=sampler.min_share,
            floors=params.search["floors"],
            ceilings=params.search["ceilings"],
        )
        baselines = known_mixtures(index, objective, bounds, params.baselines, inferred)
        sets = objective.evaluation_sets
        measure = partial(trainer.nsl, evaluation_sets=sets)
        return cls(
            objective.on(evaluation_arrays(index.evaluation_rows, sets, corpora)[1]),
            bounds,
            baselines,
            objective.constraints(
                {name: measure(baselines[name]) for name in objective.max_loss if name in baselines}
            ),
            sampler,
            measure,
        )


def known_mixtures(
    index: "WordIndex",
    objective: Objective,
    bounds: Bounds,
    baselines: Mapping[str, Any],
    inferred: Sequence[str],
) -> dict[str, np.ndarray]:
    """The mixtures that need no search, by name: the matched one and the baselines of the config. [k] each

    bounds: of the matched mixture. inferred: files of `infer_mixture` with the shares of baselines that are to be
    inferred.
    """
    corpora = list(objective.corpora)
    counted = evaluation_arrays(index.evaluation_rows, objective.counted_sets, corpora)
    return {MATCHED: matched_mixture(objective.aggregate, *counted, bounds)} | {
        name: resolve(spec, corpora, index.available_bytes)
        for name, spec in _with_inferred(baselines, inferred).items()
    }


def _with_inferred(baselines: Mapping[str, Any], files: Sequence[str]) -> dict[str, Any]:
    """The baselines of the config; those to be inferred have the shares that `infer_mixture` wrote to the files."""
    found = {Path(file).stem: read_json(file)["shares"] for file in files}
    return {name: {"shares": found[name]} if name in found else spec for name, spec in baselines.items()}
