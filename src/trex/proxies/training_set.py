"""Mixtures and what proxies measured at them: what every regression and every round of a search begins with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from trex.metrics import Objective
from trex.proxies import nsl_array, shares_array
from trex.targets import Targets, evaluation_sets


@dataclass(frozen=True, eq=False)
class Measured:
    """n mixtures and the NSL of their proxies on the evaluation sets of an objective and its limits.

    names [n]; shares [n, k] that the proxies were given; nsl [n, sets, k].
    """

    names: list[str]
    shares: np.ndarray
    nsl: np.ndarray
    targets: Targets

    @classmethod
    def read(
        cls, compression: Sequence[Path], ledgers: Sequence[Path], objective: Mapping, corpora: list[str]
    ) -> "Measured":
        """From files of the training set's columns; an empty file adds nothing.

        objective: the section of the config, with the vocab_size at which it is measured.
        """
        table = pl.concat([pl.read_parquet(path) for path in compression])
        ledger = pl.concat([pl.read_parquet(path) for path in ledgers])
        sets = evaluation_sets(objective)
        names, nsl, reference = nsl_array(table, ["mixture_id"], sets, corpora, objective["vocab_size"])
        names = names["mixture_id"].to_list()
        shares = shares_array(ledger, names, corpora)
        counted = len(objective["evaluation_sets"])
        targets = Targets(Objective.from_config(objective, corpora), reference, counted)
        return cls(names, shares, nsl, targets)

    @cached_property
    def values(self) -> np.ndarray:
        """The measured objective. [n]"""
        return self.targets.value(self.flat)

    @cached_property
    def flat(self) -> np.ndarray:
        """The targets of the surfaces. [n, t]"""
        return self.targets.flat(self.nsl)
