"""Bits per byte of all rows side by side, with intervals over seeds and documents.

All rows are trained with the same seeds and measured on the same documents, so differences are paired. Two sources of
noise count. *Seeds*: of log(bits per byte), what is left after the mean of each row and of each seed is taken away;
its variance is pooled over all rows, because two or three seeds say little about one row alone, and the interval uses
Student's t with (rows - 1) (seeds - 1) degrees of freedom. *Documents*: the standard deviation over resampled
documents, the same ones for all rows. The half-widths are added as squares.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

RESAMPLES = 400
SCHEMA = {
    "budget": pl.String,
    "row": pl.String,
    "evaluation_set": pl.String,
    "corpus": pl.String,
    "metric": pl.String,
    "against": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
_SUMS = {"": lambda bpb: bpb, "_macro": lambda bpb: bpb.mean(axis=-1), "_worst": lambda bpb: bpb.max(axis=-1)}


@dataclass(frozen=True, eq=False)
class Measured:
    """Bits per byte of one evaluation set in one budget.

    values: [resamples + 1, rows, seeds, corpora]; resample 0 is the text as it is.
    """

    rows: Sequence[str]
    corpora: Sequence[str]
    values: np.ndarray


def measured(
    bits: Mapping[tuple[str, int], pl.DataFrame], budget: str, evaluation_set: str, seed: int
) -> Measured:
    """From the tables `bits` of `jobs.Trained`, by (row, seed): every row with the same seeds.

    seed: of the resampled documents.

    Raises:
        ValueError: the rows were not measured on the same documents.
    """
    rows, seeds = (list(dict.fromkeys(key[i] for key in bits)) for i in (0, 1))
    chosen = {key: table.filter(budget=budget, evaluation_set=evaluation_set) for key, table in bits.items()}
    first = next(iter(chosen.values()))
    for (row, _), table in chosen.items():
        if not table.select("corpus", "document", "bytes").equals(
            first.select("corpus", "document", "bytes")
        ):
            raise ValueError(
                f"the language models of {row} and {rows[0]} were not measured on the same documents; delete the "
                "folder language_model of the results and run again"
            )
    stacked = np.stack([np.stack([chosen[row, s]["bits"].to_numpy() for s in seeds]) for row in rows])
    corpora = first["corpus"].unique(maintain_order=True).to_list()
    values = np.empty((RESAMPLES + 1, len(rows), len(seeds), len(corpora)))
    for c, corpus in enumerate(corpora):
        there = (first["corpus"] == corpus).to_numpy()
        n = int(there.sum())
        rng = np.random.default_rng([seed, c])
        times = np.concatenate([np.ones((1, n)), rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)])
        n_bytes = times @ first["bytes"].to_numpy()[there]
        of_corpus = np.einsum("kd,rsd->krs", times, stacked[:, :, there])
        values[..., c] = of_corpus / n_bytes[:, None, None]
    return Measured(rows, corpora, values)


def noise_of_seeds(values: np.ndarray) -> tuple[float, int]:
    """(standard deviation of log(values) of one training with the means of its row and its seed known, degrees of
    freedom). [rows, seeds]; (nan, 0) for one row or one seed.

    >>> sd, freedom = noise_of_seeds(np.exp([[0.0, 1.0, 2.0], [5.0, 6.0, 7.0]]))
    >>> round(sd, 9), freedom
    (0.0, 2)
    """
    logs = np.log(values)
    rest = logs - logs.mean(axis=1, keepdims=True) - logs.mean(axis=0) + logs.mean()
    freedom = (values.shape[0] - 1) * (values.shape[1] - 1)
    return (float(np.sqrt((rest**2).sum() / freedom)), freedom) if freedom else (float("nan"), 0)


def gain(values: np.ndarray, row: int, other: int) -> tuple[float, float | None, float | None]:
    """(how many % fewer bits a row needs than another, low, high) of its 95 % interval; None for one seed.

    values: [resamples + 1, rows, seeds]
    """
    logs = np.log(values).mean(axis=2)
    differences = logs[:, row] - logs[:, other]
    middle = float(differences[0])
    sd, freedom = noise_of_seeds(values[0])
    if row == other or not freedom:
        return _percent(middle), None, None
    from scipy import stats

    of_seeds = stats.t.ppf(0.975, freedom) * sd * np.sqrt(2 / values.shape[2])
    of_documents = stats.norm.ppf(0.975) * differences[1:].std()
    half = float(np.hypot(of_seeds, of_documents))
    return _percent(middle), _percent(middle + half), _percent(middle - half)


def _percent(log_ratio: float) -> float:
    return float(100 * (1 - np.exp(log_ratio)))


def compare(
    bits: Mapping[tuple[str, int], pl.DataFrame],
    about: Mapping[str, Mapping[str, Any]],
    seed: int,
    same: Mapping[str, str] = MappingProxyType({}),
) -> pl.DataFrame:
    """Every metric of every row, and what every row gains over every other one.

    Args:
        bits: by (row, seed), `bits` of `jobs.Trained`. about: by row, its `about`. seed: of the resampled documents.
        same: rows that others stand for, of `jobs.same_models`. They are not in `bits`: what one training gave must not
            count twice in the noise of seeds.

    Returns:
        Columns of SCHEMA. Metrics: bpb by corpus, bpb_macro (mean of the corpora), bpb_worst; gain (by corpus),
        gain_macro, gain_worst: by how many % the row needs fewer bits per byte than `against`, with a 95 % interval;
        tokens_per_byte by corpus; information_capacity, from bpb_macro: bits saved, of the 8 of a byte, over log2 of
        the floating-point operations of reading a byte. After Yuan et al. 2025, arXiv 2511.08066, who take the
        tokenizer into the measure of a model's efficiency in this way; same_model, without a value: the row stands for
        `against` as well.
    """
    first = next(iter(bits.values()))
    found: list[dict[str, Any]] = []
    for budget in first["budget"].unique(maintain_order=True):
        for evaluation_set in first["evaluation_set"].unique(maintain_order=True):
            at = {"budget": budget, "evaluation_set": evaluation_set}
            of_set = measured(bits, budget, evaluation_set, seed)
            found += [at | row for row in _metrics(of_set)]
            found += [at | row for row in _efficiency(of_set, bits, about, at)]
            found += [
                at | {"row": row, "metric": "same_model", "against": other} for other, row in same.items()
            ]
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def _metrics(of_set: Measured) -> Iterator[dict[str, Any]]:
    for suffix, sum_up in _SUMS.items():
        columns = [(corpus, of_set.values[..., c]) for c, corpus in enumerate(of_set.corpora)]
        if suffix:
            columns = [(None, sum_up(of_set.values))]
        for corpus, values in columns:
            for r, row in enumerate(of_set.rows):
                key = {"row": row, "corpus": corpus}
                yield key | {"metric": f"bpb{suffix}", "value": float(values[0, r].mean())}
                for o, other in enumerate(of_set.rows):
                    if o != r:
                        value, low, high = gain(values, r, o)
                        numbers = {"value": value, "low": low, "high": high}
                        yield key | {"metric": f"gain{suffix}", "against": other, **numbers}


def _efficiency(
    of_set: Measured,
    bits: Mapping[tuple[str, int], pl.DataFrame],
    about: Mapping[str, Mapping[str, Any]],
    at: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    macro = of_set.values[0].mean(axis=(1, 2))
    for r, row in enumerate(of_set.rows):
        table = next(table for (name, _), table in bits.items() if name == row).filter(**at)
        sums = table.group_by("corpus", maintain_order=True).agg(pl.col("tokens", "bytes").sum())
        per_byte = (sums["tokens"] / sums["bytes"]).to_list()
        for corpus, value in zip(sums["corpus"], per_byte, strict=True):
            yield {"row": row, "corpus": corpus, "metric": "tokens_per_byte", "value": value}
        flops = about[row]["reading_flops_per_token"] * float(np.mean(per_byte))
        capacity = (8 - float(macro[r])) / float(np.log2(flops))
        yield {"row": row, "metric": "information_capacity", "value": capacity}
        yield {"row": row, "metric": "parameters", "value": float(about[row]["parameters"])}
