"""What a search strategy is: the interface, what it may use, and what it returns.

To add one, write a module in `trex.search.strategies` with a class that has `Strategy`'s attributes and methods, and
enter it in `trex.search.registry`. Rules and pages know no strategy by name. The config does: add the name to
`trex.config.models.Strategy`, and its candidates to the reserved names in `trex.config.fields`; a test compares them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self

import numpy as np

from trex.search.space import SearchSpace

if TYPE_CHECKING:  # strategies without a surface do not depend on them
    from trex.proxies.training_set import TrainingSet
    from trex.search.problem import Problem


@dataclass(frozen=True, eq=False)
class Candidate:
    """A mixture [k] to measure."""

    name: str
    shares: np.ndarray


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What a strategy found, best guess first, and how, for the report.

    notes: numbers about the search. table: rows of a table about it, with the same keys each.
    """

    candidates: tuple[Candidate, ...]
    notes: Mapping[str, float] = field(default_factory=dict)
    table: Sequence[Mapping[str, Any]] = ()

    def to_json(self, corpora: Sequence[str]) -> dict[str, Any]:
        """All that `from_json` needs, in types that JSON has."""
        candidates = [
            {"name": c.name, "shares": dict(zip(corpora, c.shares.tolist(), strict=True))}
            for c in self.candidates
        ]
        return {"candidates": candidates, "notes": dict(self.notes), "table": list(self.table)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], corpora: Sequence[str]) -> Self:
        """The result again, exactly."""
        candidates = tuple(
            Candidate(c["name"], np.array([c["shares"][corpus] for corpus in corpora]))
            for c in data["candidates"]
        )
        return cls(candidates, data["notes"], data["table"])


class Predictor(Protocol):
    """`surfaces.select.ObjectiveSurface`, as strategies use it."""

    @property
    def name(self) -> str:
        """Of its regression."""
        ...

    def mean(self, shares: np.ndarray) -> np.ndarray:
        """The objective [n] at shares [n, k], the fast way for millions of mixtures."""
        ...


@dataclass(frozen=True, eq=False)
class Study:
    """What strategies may use. A strategy that needs only the search space can run before anything else is known.

    Attributes:
        space: mixtures to choose from, the objective and its constraints, and how to measure a mixture.
        training: the sampled proxies.
        problem: on the best surface that has gradients, fitted to `training`.
        paper: the paper's regression on `training`; None if no strategy needs it.
        proxies: all proxies, those of the rounds of `adaptive` among them.
        rounds: notes of these rounds.
        refit: a problem as `problem` on a surface fitted to other proxies.
    """

    space: SearchSpace
    training: "TrainingSet | None" = None
    problem: "Problem | None" = None
    paper: Predictor | None = None
    proxies: "TrainingSet | None" = None
    rounds: Sequence[Mapping[str, Any]] = ()
    refit: "Callable[[TrainingSet], Problem] | None" = None

    @property
    def starts(self) -> np.ndarray:
        """Mixtures to start from: the best two proxies, matched and the baselines. [s, k]"""
        best = self.training.shares[np.argsort(self.training.values, kind="stable")[:2]]
        return np.stack([*best, *self.space.baselines.values()])


class Strategy(ABC):
    """A way to find good mixtures; its attributes are its settings.

    name: in the config and in the tables, the name of its module. candidates: names of the mixtures that it finds,
    which are known before it runs. needs: what has to be there before it runs: the search space alone; surfaces, fitted
    to the sampled proxies; or the rounds of `search_round`, too, which train proxies for it. settings: the keys of the
    config's section `search` that `from_config` reads. needs_paper: whether it uses `Study.paper`. note_labels: for
    people, what the keys of its notes mean. trained_note: the key of the note that counts the proxies that it trains.
    """

    name: ClassVar[str]
    candidates: ClassVar[tuple[str, ...]]
    settings: ClassVar[tuple[str, ...]]
    needs: ClassVar[Literal["space", "surfaces", "rounds"]]
    needs_paper: ClassVar[bool] = False
    note_labels: ClassVar[Mapping[str, str]] = {}
    trained_note: ClassVar[str | None] = None

    @classmethod
    @abstractmethod
    def from_config(cls, search: Mapping[str, Any], seed: int) -> Self:
        """search: the section of the config."""

    @abstractmethod
    def search(self, study: Study) -> SearchResult:
        """Find mixtures, deterministically for the strategy's settings."""


def by_name(name: str) -> type[Strategy]:
    """The strategy of that name, whatever others exist: what it finds depends on its own module and not on theirs."""
    module = import_module(f"trex.search.strategies.{name}")
    return next(value for value in vars(module).values() if getattr(value, "name", None) == name)
