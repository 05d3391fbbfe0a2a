"""What candidates and baselines measured, on proxies or at full scale, as the choice among them takes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from trex.mixtures.baselines import SIMPLEST_FIRST
from trex.mixtures.bounds import Bounds
from trex.objective.constraints import SLACK, violation
from trex.objective.objective import Objective
from trex.objective.resampling import resample
from trex.proxies.tables import nsl_array


@dataclass(frozen=True, eq=False)
class Measured:
    """The objective of m mixtures.

    values: by name, one number for each draw of training text, the same draws for all. violations: of each, by how
    much it exceeds the limits of the objective, relatively (mean over draws), and the bounds of shares; None: neither
    is set. resampled: the objective on the evaluation documents as they are and resampled, the same ones for all, mean
    over the draws that were encoded; None: not known. [resamples + 1, m] freedom: degrees of freedom of these documents
    (`resampling.degrees_of_freedom`); None: so many that they do not matter.
    """

    values: Mapping[str, Sequence[float]]
    violations: Mapping[str, float] | None = None
    resampled: np.ndarray | None = None
    freedom: float | None = None

    def __post_init__(self) -> None:
        counts = {name: len(values) for name, values in self.values.items()}
        if len(set(counts.values())) != 1 or 0 in counts.values():
            raise ValueError(f"every mixture needs the same draws of text, 1 or more; got {counts}")

    def excess(self, name: str) -> float:
        """By how much it exceeds limits; 0 if it keeps them."""
        over = self.violations[name] if self.violations else 0.0
        return over if over > SLACK else 0.0

    def best_first(self, kinds: Mapping[str, str]) -> list[str]:
        """Names by mean objective, those that exceed limits last; of equal ones the simplest first. kinds: of each, one
        of `mixtures.baselines.SIMPLEST_FIRST`."""

        def key(name: str) -> tuple[float, float, int]:
            return self.excess(name), float(np.mean(self.values[name])), SIMPLEST_FIRST.index(kinds[name])

        return sorted(self.values, key=key)

    def of_documents(self, *names: str) -> tuple[np.ndarray, ...] | None:
        """Of some mixtures, the objective on resampled documents. [resamples] each"""
        if self.resampled is None:
            return None
        at = list(self.values)
        return tuple(self.resampled[1:, at.index(name)] for name in names)


def measure(
    candidates: pl.DataFrame,
    compression: pl.DataFrame,
    documents: Mapping[str, Sequence[pl.DataFrame]],
    objective: Objective,
    bounds: Bounds | None,
    seed: int,
) -> Measured:
    """The objective of some candidates and baselines, their noise, and by how much they exceed limits.

    Args:
        candidates: their rows of search/candidates.parquet, with every baseline that a limit compares with.
        compression: of their tokenizers, with the columns name and draw, the same draws for all.
        documents: of each, tokens of evaluation documents (`resampling.resample`), a table for each draw that was
            encoded.
        objective: with its limits and the vocabulary size.
        bounds: floors and ceilings of shares; None: there are none.
        seed: of the resampled documents.
    """
    corpora, names = list(objective.corpora), candidates["name"].to_list()
    sets = objective.evaluation_sets
    keys, nsl, reference = nsl_array(compression, ["name", "draw"], sets, corpora, objective.vocab_size)
    rows = keys.with_row_index("row").sort("name", "draw")
    at = {name: rows.filter(name=name)["row"].to_list() for name in names}
    values = objective.on(reference).of_nsl(nsl)
    baselines = candidates.filter(role="baseline")["name"].to_list()
    over = _violations({name: nsl[at[name]] for name in names}, baselines, objective, reference)
    if bounds is not None:
        # a baseline is as the config says it, whatever the shares that candidates are held to
        outside = bounds.excess(candidates.select(corpora).to_numpy())
        over = {
            name: (over or {}).get(name, 0.0) + float(excess)
            for name, excess in zip(names, outside, strict=True)
        }
    encoded = {f"{name} {draw}": table for name in names for draw, table in enumerate(documents[name])}
    drawn = resample(encoded, sets, corpora, seed)
    of_draws = objective.of_tokens(drawn.tokens, drawn.reference_tokens, sets)
    logs = np.log(of_draws).reshape(len(of_draws), len(names), -1)
    return Measured(
        {name: values[at[name]].tolist() for name in names},
        over,
        np.exp(logs.mean(axis=-1)),
        objective.freedom(drawn, sets),
    )


def share_limits(
    corpora: Sequence[str], floors: Mapping[str, float], ceilings: Mapping[str, float]
) -> Bounds | None:
    """The floors and ceilings of shares that a config sets; None: there are none."""
    return Bounds.of_corpora(corpora, floors=floors, ceilings=ceilings) if floors or ceilings else None


def _violations(
    nsl: Mapping[str, np.ndarray], baselines: list[str], objective: Objective, reference_tokens: np.ndarray
) -> dict[str, float] | None:
    """By how much mixtures exceed the limits of the objective, mean over draws; None: there are no limits.

    Limits hold against the baselines as they were measured on the same draws of text. nsl: [draws, sets, k] each
    """
    draws = {len(values) for values in nsl.values()}
    if len(draws) != 1:
        return None  # `Measured` says what is wrong
    (n,) = draws
    limits = [objective.constraints({name: nsl[name][r] for name in baselines}) for r in range(n)]
    if not any(limits):
        return None
    return {
        name: float(np.mean([violation(limits[r], values[r], reference_tokens) for r in range(n)]))
        for name, values in nsl.items()
    }
