"""Mixtures and what proxies measured at them: what every regression and every round of a search begins with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from trex.counting.shards import MOST_ALIKE
from trex.objective.objective import Objective
from trex.proxies.tables import nsl_array, shares_array


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """n mixtures and t targets that their proxies measured.

    Attributes:
        shares: that the proxies were given. [n, k]
        targets: what they measured, such as the NSL of every corpus. [n, t]
        objective: of targets, smaller is better, any function [..., t] -> [...]; a `TargetObjective` where the training
            set was read from files.
        own: for each target the corpus whose share is its own, or -1. int [t]; None: no target has one.
        names: of the mixtures. [n]
        columns: (evaluation set, corpus) of every target. [t]
    """

    shares: np.ndarray
    targets: np.ndarray
    objective: Callable[[np.ndarray], np.ndarray]
    own: np.ndarray | None = None
    names: Sequence[str] = ()
    columns: Sequence[tuple[str, str]] = ()

    def __len__(self) -> int:
        return len(self.shares)

    def take(self, rows: np.ndarray) -> Self:
        """Some of the mixtures: their numbers, or bool [n]."""
        names = np.asarray(self.names)[rows].tolist() if len(self.names) else ()
        return replace(self, shares=self.shares[rows], targets=self.targets[rows], names=names)

    def check(self) -> None:
        """Check that the proxies differ.

        Raises:
            ValueError: many proxies were given the same mixture, or all measured the same. Says what to set.
        """
        distinct = len(np.unique(self.shares, axis=0))
        if distinct <= (1 - MOST_ALIKE) * len(self):
            raise ValueError(
                f"the mixtures that {len(self)} proxies were given are only {distinct}, so they do not show what a "
                "mixture does. Make proxies.bytes larger, give shorter documents, or lower proxies.strength"
            )
        for (name, corpus), measured in zip(self.columns, self.targets.T, strict=False):
            if np.ptp(measured) == 0:
                raise ValueError(
                    f"all {len(self)} proxies have the same NSL on evaluation set {name} of {corpus}, "
                    f"{measured[0]:.6g}, whatever its share. Give it more evaluation text or "
                    "a larger proxies.vocab_size. If the pattern leaves nothing to merge, as of digits one by one, "
                    "leave the corpus out or take another pattern"
                )

    @cached_property
    def values(self) -> np.ndarray:
        """The measured objective. [n]"""
        return self.objective(self.targets)


def read_training_set(
    compression: Sequence[Path], ledgers: Sequence[Path], objective: Objective
) -> TrainingSet:
    """From files of the columns of training_set.parquet and training_ledger.parquet; an empty file adds nothing.

    The targets are the NSL of the objective's evaluation sets at its vocabulary size.
    """
    table = pl.concat([pl.read_parquet(path) for path in compression])
    ledger = pl.concat([pl.read_parquet(path) for path in ledgers])
    sets, corpora = objective.evaluation_sets, list(objective.corpora)
    keys, nsl, reference_tokens = nsl_array(table, ["mixture_id"], sets, corpora, objective.vocab_size)
    names = keys["mixture_id"].to_list()
    of_targets = objective.on(reference_tokens)
    return TrainingSet(
        shares_array(ledger, names, corpora),
        of_targets.flat(nsl),
        of_targets,
        of_targets.own,
        names,
        [(sets[s], corpora[c]) for s, c in of_targets.columns],
    )
