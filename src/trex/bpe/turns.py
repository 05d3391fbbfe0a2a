"""Whose turn it is in parity-aware BPE: the settings, and the rule in plain Python."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

VARIANTS = ("base", "window")


@dataclass(frozen=True)
class Turns:
    """How corpora take turns, by the names of `tokenizers`.

    variant: `base`: the corpus that compresses worst. `window`: the same among those that had no more than
    alpha / corpora of the last window_size turns. global_merges: so many merges come first, by the pair counts of all
    corpora together. ratio: [corpora], the compression that each corpus is meant to have in relation to the others, in
    bytes per token of its training text. units: [corpora], what a corpus's tokens are divided by before they are
    compared, such as the reference's tokens of the same text, which compares NSL; None: they are compared as they are,
    which asks for parallel text.
    """

    variant: Literal["base", "window"] = "base"
    global_merges: int = 0
    window_size: int = 100
    alpha: float = 2.0
    ratio: Sequence[float] | None = None
    units: Sequence[float] | None = None

    def check(self, n_corpora: int, development: bool) -> None:
        """ValueError if the settings do not fit so many corpora, or one another."""
        if self.variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, not {self.variant!r}")
        if self.global_merges < 0:
            raise ValueError(f"global_merges must not be negative: {self.global_merges}")
        if self.window_size < 1:
            raise ValueError(f"window_size must be at least 1, not {self.window_size}")
        if not 0 < self.alpha < np.inf:
            raise ValueError(f"alpha must be a positive number, not {self.alpha}")
        for name in ("ratio", "units"):
            values = getattr(self, name)
            if values is None:
                continue
            numbers = np.asarray(values, dtype=float)
            if numbers.shape != (n_corpora,) or not np.all((numbers > 0) & np.isfinite(numbers)):
                raise ValueError(f"{name} must be {n_corpora} positive numbers, one a corpus, not {values}")
        if self.ratio is not None and (development or self.units is not None):
            other = "a development set" if development else "units"
            raise ValueError(
                f"give either ratio, which measures training text by its bytes per token, or {other}"
            )


def choose(turns: Turns, scores: Sequence[float], exhausted: Collection[int], recent: Sequence[int]) -> int:
    """The corpus whose turn it is; it may be an exhausted one, whose turn passes without a merge.

    scores: [corpora], the largest compresses worst. exhausted: corpora without a pair to merge, never all. recent:
    the last window_size turns.
    """
    worst_first = sorted(set(range(len(scores))) - set(exhausted), key=lambda c: (-scores[c], c))
    if turns.variant == "base":
        return worst_first[0]

    def had_its_share(c: int) -> bool:
        return list(recent).count(c) / turns.window_size > turns.alpha / len(scores)

    for c in worst_first:
        if not had_its_share(c):
            return c
    if not exhausted:
        return worst_first[-1]  # only if alpha < 1
    if set(exhausted) == {0} or not had_its_share(0):
        return 0  # as in `tokenizers`: the turn passes
    return worst_first[0]  # here `tokenizers` never returns (docs/parity.md)
