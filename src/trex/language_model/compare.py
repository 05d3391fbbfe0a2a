"""Bits per byte of all rows side by side, with intervals over seeds and documents.

All rows are trained with the same seeds and measured on the same documents, so differences are paired. Two sources of
noise count.

*Seeds*: how much the difference of two rows, in log(bits per byte), varies from seed to seed. Two or three seeds say
little about that, so other rows of the same kind help, with what is left of them after the mean of each row and of each
seed is taken away. But they count as 2 degrees of freedom at most, however many they are: their noise may be another
(a tokenizer of another algorithm), or the same one twice (tokenizers that are nearly the same). In simulations with 2
and 3 seeds, 95 % intervals hold the truth in 95 to 98 % of cases where all rows are equally noisy, in 82 to 90 % where
one or both of a pair are five times as noisy as all others or eight others are copies of each other, and in 68 to 74 %
there if all rows counted in full. Models that read raw bytes are a kind of their own.

*Documents*: the standard deviation over resampled documents, the same ones for all rows, with Student's t for their
number in the corpus that has fewest.

The half-widths are added as squares.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from trex.language_model.rows import kind

RESAMPLES = 400
OF_OTHERS = 2  # degrees of freedom
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

    values: [resamples + 1, rows, seeds, corpora]; resample 0 is the text as it is. documents, n_bytes: of each corpus.
    """

    rows: Sequence[str]
    corpora: Sequence[str]
    values: np.ndarray
    documents: Sequence[int]
    n_bytes: Sequence[int]


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
    counted: list[tuple[int, int]] = []
    for c, corpus in enumerate(corpora):
        there = (first["corpus"] == corpus).to_numpy()
        n = int(there.sum())
        rng = np.random.default_rng([seed, c])
        times = np.concatenate([np.ones((1, n)), rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)])
        n_bytes = times @ first["bytes"].to_numpy()[there]
        of_corpus = np.einsum("kd,rsd->krs", times, stacked[:, :, there]) / n_bytes[:, None, None]
        # resamples of n documents vary by sqrt((n - 1) / n) too little
        values[..., c] = of_corpus[0] * (of_corpus / of_corpus[0]) ** np.sqrt(n / max(n - 1, 1))
        counted.append((n, int(n_bytes[0])))
    return Measured(rows, corpora, values, *zip(*counted, strict=True))


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


def noise_of_pair(values: np.ndarray, others: np.ndarray) -> tuple[float, int]:
    """The same for two rows: values [2, seeds], with the help of others [rows, seeds] of their kind, which count as
    OF_OTHERS degrees of freedom at most.

    >>> pair = np.exp([[0.0, 1.0], [0.0, 3.0]])  # their difference varies by 2, so one of them by 2 / sqrt(2), or so
    >>> sd, freedom = noise_of_pair(pair, np.ones((0, 2)))
    >>> round(sd, 9), freedom
    (1.0, 1)
    >>> noise_of_pair(pair, np.exp([[0.0, 2.0]] * 9))[1]
    3
    """
    n_seeds = values.shape[1]
    if n_seeds < 2:
        return float("nan"), 0
    own, freedom = noise_of_seeds(values)
    together = noise_of_seeds(np.concatenate([values, others]))
    squares = own**2 * freedom
    of_others = len(others) * (n_seeds - 1)
    # the pair's difference is one of the contrasts of all rows
    rest = together[0] ** 2 * together[1] - squares
    if of_others:
        counted = min(of_others, OF_OTHERS)
        squares += rest / of_others * counted
        freedom += counted
    return float(np.sqrt(max(squares, 0.0) / freedom)), freedom


def gain(
    values: np.ndarray, row: int, other: int, alike: Sequence[int], documents: Sequence[int]
) -> tuple[float, float | None, float | None]:
    """(how many % fewer bits a row needs than another, low, high) of its 95 % interval; None for one seed, or where a
    corpus has one document.

    values: [resamples + 1, rows, seeds]. alike: rows of the kind of both. documents: of each corpus in the values.
    """
    logs = np.log(values).mean(axis=2)
    differences = logs[:, row] - logs[:, other]
    middle = float(differences[0])
    others = [i for i in alike if i not in (row, other)]
    sd, freedom = noise_of_pair(values[0][[row, other]], values[0][others])
    of_documents = min(documents) - 1  # the corpus of which least is known may vary most
    if row == other or not freedom or not of_documents:
        return _percent(middle), None, None
    from scipy import stats

    seeds = stats.t.ppf(0.975, freedom) * sd * np.sqrt(2 / values.shape[2])
    half = float(np.hypot(seeds, stats.t.ppf(0.975, of_documents) * differences[1:].std()))
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
        tokens_per_byte, documents and bytes by corpus, of what was measured; information_capacity, from bpb_macro:
        bits saved, of the 8 of a byte, over log2 of the floating-point operations of reading a byte (after Yuan et al.
        2025, arXiv 2511.08066, who take the tokenizer into the measure of a model's efficiency in this way);
        same_model, without a value: the row stands for `against` as well.
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
    kinds = [kind(row) for row in of_set.rows]
    for suffix, sum_up in _SUMS.items():
        columns = [
            (corpus, of_set.values[..., c], of_set.documents[c : c + 1])
            for c, corpus in enumerate(of_set.corpora)
        ]
        if suffix:
            columns = [(None, sum_up(of_set.values), of_set.documents)]
        for corpus, values, documents in columns:
            for r, row in enumerate(of_set.rows):
                key = {"row": row, "corpus": corpus}
                yield key | {"metric": f"bpb{suffix}", "value": float(values[0, r].mean())}
                for o, other in enumerate(of_set.rows):
                    if o != r:
                        alike = [i for i, k in enumerate(kinds) if k == kinds[r] == kinds[o]]
                        value, low, high = gain(values, r, o, alike, documents)
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
        for corpus, documents, n_bytes in zip(of_set.corpora, of_set.documents, of_set.n_bytes, strict=True):
            yield {"row": row, "corpus": corpus, "metric": "documents", "value": float(documents)}
            yield {"row": row, "corpus": corpus, "metric": "bytes", "value": float(n_bytes)}
        flops = about[row]["reading_flops_per_token"] * float(np.mean(per_byte))
        capacity = (8 - float(macro[r])) / float(np.log2(flops))
        yield {"row": row, "metric": "information_capacity", "value": capacity}
        yield {"row": row, "metric": "parameters", "value": float(about[row]["parameters"])}
