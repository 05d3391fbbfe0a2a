"""The objective as a config describes it: an aggregate, the evaluation sets it is taken on, and limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from trex.objective.aggregate import Aggregate
from trex.objective.constraints import Constraint, GiniLimit, NslLimit, PremiumLimit
from trex.objective.resampling import Resampled, degrees_of_freedom
from trex.objective.targets import TargetObjective


@dataclass(frozen=True, eq=False)
class Objective:
    """What is made small, where, and within which limits.

    Attributes:
        aggregate: of the NSL of all corpora on one evaluation set.
        corpora: the k corpus ids in the config's order.
        counted_sets: the evaluation sets whose mean is the objective.
        vocab_size: at which proxies are measured; None where that is not said.
        max_loss: {name: percent}: no corpus may need so many percent more tokens than with the baseline or the
            existing tokenizer of that name.
        existing: NSL [sets, k] of `evaluation_sets` of every existing tokenizer that max_loss names
            (`search.limits.with_existing`).
        max_gini, max_premium, pivot, parallel_set: limits of the tokens for the same, parallel text.
    """

    aggregate: Aggregate
    corpora: tuple[str, ...]
    counted_sets: tuple[str, ...]
    vocab_size: int | None = None
    max_loss: Mapping[str, float] = field(default_factory=dict)
    max_gini: float | None = None
    max_premium: float | None = None
    pivot: str | None = None
    parallel_set: str | None = None
    existing: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def from_config(cls, section: Mapping[str, Any], corpora: Sequence[str]) -> Self:
        """From the config's section `objective`, to which rules add vocab_size. ValueError as of `Aggregate`."""
        limits = ("max_gini", "max_premium", "pivot", "parallel_set")
        return cls(
            Aggregate.from_config(section, corpora),
            tuple(corpora),
            tuple(section["evaluation_sets"]),
            section.get("vocab_size"),
            section.get("max_loss") or {},
            **{name: section.get(name) for name in limits},
        )

    @property
    def evaluation_sets(self) -> list[str]:
        """The sets that a search needs: those that the objective is the mean over, then that of its limits."""
        limited = self.max_gini is not None or self.max_premium is not None
        return list(dict.fromkeys([*self.counted_sets, *([self.parallel_set] if limited else [])]))

    def on(self, reference_tokens: np.ndarray) -> TargetObjective:
        """The objective as a function of targets. reference_tokens: of `evaluation_sets`. [sets, k]"""
        return TargetObjective(self.aggregate, reference_tokens, len(self.counted_sets))

    def of_tokens(self, tokens: np.ndarray, reference_tokens: np.ndarray, sets: Sequence[str]) -> np.ndarray:
        """The objective of n tokenizers in r resamples of the evaluation text.

        Args:
            tokens: [r, n, sets, k], 0 where a set lacks a corpus.
            reference_tokens: [r, sets, k]
            sets: names of the evaluation sets in the arrays.

        Returns:
            [r, n]
        """
        at = [list(sets).index(name) for name in self.counted_sets]
        tokens, reference = tokens[:, :, at], reference_tokens[:, at]
        nsl = np.divide(tokens, reference[:, None], out=np.zeros_like(tokens), where=reference[:, None] > 0)
        return np.array([self.aggregate.mean_over_sets(*both) for both in zip(nsl, reference, strict=True)])

    def freedom(self, drawn: Resampled, sets: Sequence[str]) -> float:
        """Degrees of freedom of the documents, for the noise of the objective. sets: names of those in `drawn`."""
        at = [list(sets).index(name) for name in self.counted_sets]
        tokens, reference = drawn.tokens[0][:, at].mean(axis=0), drawn.reference_tokens[0, at]
        nsl = np.divide(tokens, reference, out=np.zeros_like(tokens), where=reference > 0)
        return degrees_of_freedom(self.aggregate.gradient(nsl, reference), drawn.effective[at])

    def constraints(self, baselines: Mapping[str, np.ndarray]) -> tuple[Constraint, ...]:
        """The limits on NSL [sets, k] of `evaluation_sets`.

        baselines: NSL [sets, k] of every baseline that max_loss names, measured as what is compared with them.
        ValueError for an unknown corpus, evaluation set, baseline or tokenizer.
        """
        sets, found, compared = self.evaluation_sets, [], {**baselines, **self.existing}
        for name, percent in self.max_loss.items():
            _number(name, list(compared), "baseline")
            limits = np.full(np.shape(compared[name]), np.inf)
            counted = slice(len(self.counted_sets))
            limits[counted] = (1 + percent / 100) * compared[name][counted]
            found.append(NslLimit(limits))
        if self.max_gini is not None:
            found.append(GiniLimit(_number(self.parallel_set, sets, "parallel_set"), self.max_gini))
        if self.max_premium is not None:
            pivot = _number(self.pivot, self.corpora, "pivot")
            found.append(
                PremiumLimit(_number(self.parallel_set, sets, "parallel_set"), pivot, self.max_premium)
            )
        return tuple(found)


def _number(name: str | None, known: Sequence[str], what: str) -> int:
    if name not in known:
        raise ValueError(f"the objective's {what} {name!r} is unknown; write one of {', '.join(known)}")
    return list(known).index(name)
