"""The search problem that a config asks for."""

from collections.abc import Mapping

import numpy as np

from trex import constraints
from trex.mixtures import resolve
from trex.search.closed_form import matched_candidate
from trex.search.limits import project, share_limits
from trex.search.problem import Problem
from trex.surfaces.base import Surface
from trex.targets import Targets, evaluation_sets
from trex.wordindex import WordIndex


def limits_from_config(index: WordIndex, law: Mapping, search: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest share [k]: what the text allows, proxies.min_share, search.floors and search.ceilings.

    law: `mixtures.sampling_law`. search: the section of the config.
    """
    return share_limits(
        index.corpora,
        law["caps"],
        min_share=law["min_share"],
        floors=search["floors"],
        ceilings=search["ceilings"],
    )


def reference_mixtures(
    index: WordIndex,
    targets: Targets,
    evaluation: tuple[np.ndarray, np.ndarray],
    baselines: Mapping,
    low: np.ndarray,
    high: np.ndarray,
) -> dict[str, np.ndarray]:
    """The matched mixture, within the limits, and the baselines of the config. [k] each

    evaluation: bytes and reference tokens of the sets that the objective counts, `proxies.evaluation_arrays`.
    """
    (matched,) = matched_candidate(targets.objective, *evaluation).candidates
    resolved = {name: resolve(spec, index.corpora, index.available_bytes) for name, spec in baselines.items()}
    return {"matched": project(matched.shares, low, high), **resolved}


def build_problem(
    surface: Surface,
    errors: np.ndarray,
    targets: Targets,
    objective: Mapping,
    references: Mapping[str, np.ndarray],
    index: WordIndex,
    low: np.ndarray,
    high: np.ndarray,
) -> Problem:
    """With the limits of the objective's section of the config. What a baseline's NSL is, the surface says; the
    verification measures it."""
    predicted = {name: targets.nsl(surface.mean(shares[None]))[0] for name, shares in references.items()}
    found = constraints.from_config(objective, index.corpora, evaluation_sets(objective), predicted)
    return Problem(surface, targets, low, high, constraints=found, errors=errors)
