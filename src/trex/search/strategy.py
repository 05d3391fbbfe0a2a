"""What a strategy returns."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Candidate:
    """A mixture to verify."""

    name: str
    strategy: str
    shares: np.ndarray  # [k]
    predicted: float | None = None  # objective, smaller is better; None without a surface
    predicted_std: float | None = None  # None where the strategy knows none


@dataclass(frozen=True)
class Candidates:
    """What a strategy found, best guess first, and how, for the report.

    notes: numbers about the search. table: rows of a table about it, with the same keys each: the k-curve of `trex`,
    the points of `pareto_front`, the rounds of `direct`.
    """

    candidates: tuple[Candidate, ...]
    notes: dict[str, float] = field(default_factory=dict)
    table: tuple[dict[str, float | str], ...] = ()
