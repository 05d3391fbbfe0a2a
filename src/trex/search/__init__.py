"""Search strategies: from predictions or measurements of the objective to candidate mixtures.

A strategy returns `Candidates`; whether a candidate is any good is for `verify_candidates` to measure. Which strategy
wins where is measured in docs/search.md.
"""

from trex.search.adaptive import adaptive, expected_gain, propose_batch
from trex.search.base import Candidate, Candidates
from trex.search.closed_form import matched_candidate
from trex.search.direct import direct, direct_next
from trex.search.limits import inside, project, share_limits, support_limits
from trex.search.problem import Problem
from trex.search.random_draws import brought_within, trex
from trex.search.setup import (
    limits_from_config,
    measurer,
    objective_limits,
    reference_mixtures,
    with_inferred,
)
from trex.search.surrogate import pareto_front, surrogate

__all__ = [
    "Candidate",
    "Candidates",
    "Problem",
    "adaptive",
    "brought_within",
    "direct",
    "direct_next",
    "expected_gain",
    "inside",
    "limits_from_config",
    "matched_candidate",
    "measurer",
    "objective_limits",
    "pareto_front",
    "project",
    "propose_batch",
    "reference_mixtures",
    "share_limits",
    "support_limits",
    "surrogate",
    "trex",
    "with_inferred",
]
