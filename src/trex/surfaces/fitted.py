"""The fitted surfaces of a run, as searches use them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from trex.objective.targets import TargetObjective
from trex.surfaces.select import ObjectiveSurface


@dataclass(frozen=True, eq=False)
class FittedSurfaces:
    """The surfaces of a run by the names of their regressions, as searches use them.

    used: the one that predicts best, or that the config asks for. searched: the best that has gradients. paper: the
    paper's, None if no strategy needs it.
    """

    used: ObjectiveSurface
    searched: ObjectiveSurface
    paper: ObjectiveSurface | None = None

    def with_threads(self, threads: int) -> Self:
        """The same, the paper's predicting with so many threads: its search is millions of predictions."""
        if self.paper is None:
            return self
        surface = replace(self.paper.surface, num_threads=threads)
        return replace(self, paper=replace(self.paper, surface=surface))

    def to_json(self) -> dict[str, Any]:
        """All but the objective, in types that JSON has."""
        surfaces = [surface for surface in (self.used, self.searched, self.paper) if surface]
        return {
            "used": self.used.regression.name,
            "searched": self.searched.regression.name,
            "paper": self.paper and self.paper.regression.name,
            "surfaces": {surface.regression.name: surface.to_json() for surface in surfaces},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], objective: TargetObjective) -> Self:
        """The same again, with exactly the same predictions if the objective is the same."""
        by_name = {
            name: ObjectiveSurface.from_json(surface, objective) for name, surface in data["surfaces"].items()
        }
        paper = by_name[data["paper"]] if data["paper"] else None
        return cls(by_name[data["used"]], by_name[data["searched"]], paper)
