"""The full-scale tokenizers and existing ones, side by side on the test half of the evaluation text: one tidy table of
every metric on every evaluation set."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from trex.layout import CHOSEN
from trex.objective import metrics
from trex.objective.aggregate import Aggregate
from trex.objective.comparisons import DrawNoise, compare
from trex.objective.objective import Objective
from trex.objective.resampling import Resampled, degrees_of_freedom, interval, resample

# of trex.validation.quality, each with its mean over the corpora that have it
QUALITIES = (
    "bytes_per_token",
    "fertility",
    "continued_word_rate",
    "strr",
    "renyi_efficiency",
    "vocabulary_use",
)
SCHEMA = {
    "tokenizer": pl.String,
    "evaluation_set": pl.String,
    "corpus": pl.String,
    "metric": pl.String,
    "against": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


def validate(
    corpora_of: Mapping[str, pl.DataFrame],
    documents_of: Mapping[str, pl.DataFrame],
    corpora: Sequence[str],
    objective: Mapping[str, Any],
    seed: int,
    noise: DrawNoise | None = None,
) -> pl.DataFrame:
    """All metrics of all tokenizers, and what the chosen one gains over each of the others.

    Args:
        corpora_of, documents_of: per tokenizer, the tables of `quality.Quality`. One is called `chosen`.
        corpora: the config's, in order.
        objective: its section of the config.
        seed: of the resampled documents.
        noise: of draws of training text, as far as it is known.

    Returns:
        Columns: tokenizer, evaluation_set (null: the objective's sets), corpus (null: all), metric, against (of gains:
        the other tokenizer), value, low, high (95 % interval over resampled documents, null where not computed; of
        gains, simultaneous over all other tokenizers, and with the noise of draws).
        Metrics: nsl by corpus, nsl_macro, nsl_pooled, nsl_worst, objective; gini, of NSL over corpora; those of
        QUALITIES by corpus and, without a corpus, their means; premium by corpus and gini_tokens on the parallel set;
        gain_macro, gain_pooled, gain_worst, gain_objective: 100 * (1 - tokenizer / against).

    Raises:
        ValueError: if the tokenizers were not measured on the same documents.
    """
    sets = list(dict.fromkeys(next(iter(corpora_of.values()))["evaluation_set"]))
    drawn = resample(documents_of, sets, corpora, seed)
    rows: list[dict[str, Any]] = []
    for name, table in corpora_of.items():
        rows += _qualities(name, table)
        rows += _parallel(name, table, objective)
    gains = partial(_gains, list(corpora_of), noise=noise, seed=seed)
    rows += _compressions(list(corpora_of), drawn, sets, Objective.from_config(objective, corpora), gains)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _qualities(name: str, table: pl.DataFrame) -> Iterator[dict[str, Any]]:
    for (evaluation_set,), rows in table.group_by(["evaluation_set"], maintain_order=True):
        key = {"tokenizer": name, "evaluation_set": evaluation_set}
        yield key | {"metric": "gini", "value": float(metrics.gini(rows["nsl"].to_numpy()))}
        for metric in QUALITIES:
            # fertility per character is not to be averaged with that per word
            counted = rows.filter("spaced") if metric == "fertility" else rows
            yield key | {"metric": metric, "value": counted[metric].mean()}
            for corpus, value in rows.select("corpus", metric).drop_nulls().iter_rows():
                yield key | {"corpus": corpus, "metric": metric, "value": value}


def _parallel(name: str, table: pl.DataFrame, objective: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    rows = table.filter(evaluation_set=objective["parallel_set"] or "")
    if not len(rows):
        return
    key = {"tokenizer": name, "evaluation_set": objective["parallel_set"]}
    tokens, pivot = rows["tokens"].to_numpy(), objective["pivot"] or rows["corpus"][0]
    yield key | {"metric": "gini_tokens", "value": float(metrics.gini(tokens))}
    premiums = metrics.token_premium(tokens, rows["corpus"].to_list().index(pivot))
    for corpus, premium in zip(rows["corpus"], premiums, strict=True):
        yield key | {"corpus": corpus, "metric": "premium", "against": pivot, "value": float(premium)}


def _compressions(
    names: list[str],
    drawn: Resampled,
    sets: list[str],
    objective: Objective,
    gains: Callable[..., Iterable[dict[str, Any]]],
) -> Iterator[dict[str, Any]]:
    for s, evaluation_set in enumerate(sets):
        nsl, reference = drawn.nsl(s)
        there = zip(objective.corpora, drawn.reference_tokens[0, s], strict=True)
        for c, corpus in enumerate(corpus for corpus, n in there if n > 0):
            yield from _with_interval(names, evaluation_set, corpus, "nsl", nsl[..., c])
        for key, aggregate in metrics.OVER_CORPORA.items():
            values = aggregate(nsl, reference[:, None])
            yield from _with_interval(names, evaluation_set, None, f"nsl_{key}", values)
            freedom = _freedom(key, nsl[0], reference[0], drawn.effective[s])
            yield from gains(evaluation_set, f"gain_{key}", values, freedom=freedom)
    values = objective.of_tokens(drawn.tokens, drawn.reference_tokens, sets)
    yield from _with_interval(names, None, None, "objective", values)
    yield from gains(None, "gain_objective", values, freedom=objective.freedom(drawn, sets))


def _freedom(kind: str, nsl: np.ndarray, reference: np.ndarray, effective: np.ndarray) -> float:
    """Degrees of freedom of the documents of one set. [tokenizers, k], [k] of its corpora, and [all corpora]"""
    weights = Aggregate(kind, np.ones(len(reference))).gradient(nsl.mean(axis=0)[None], reference[None])
    return degrees_of_freedom(weights[0], effective[effective > 0])


def _with_interval(
    names: list[str], evaluation_set: str | None, corpus: str | None, metric: str, draws: np.ndarray
) -> Iterator[dict[str, Any]]:
    """A row a tokenizer. draws: [resamples + 1, tokenizers]"""
    low, high = interval(draws)
    for t, name in enumerate(names):
        yield {
            "tokenizer": name,
            "evaluation_set": evaluation_set,
            "corpus": corpus,
            "metric": metric,
            "value": float(draws[0, t]),
            "low": float(low[t]),
            "high": float(high[t]),
        }


def _gains(
    names: list[str],
    evaluation_set: str | None,
    metric: str,
    draws: np.ndarray,
    *,
    noise: DrawNoise | None,
    seed: int,
    freedom: float,
) -> Iterator[dict[str, Any]]:
    """What the chosen tokenizer gains over every other one, in %, with simultaneous intervals. draws: [resamples + 1,
    tokenizers]"""
    chosen = names.index(CHOSEN)
    pairs = [(chosen, other) for other in range(len(names)) if other != chosen]
    for (_, other), gain in compare(draws, pairs, noise, seed, freedom=freedom).items():
        yield {
            "tokenizer": CHOSEN,
            "evaluation_set": evaluation_set,
            "metric": metric,
            "against": names[other],
            "value": gain.percent,
            "low": gain.low,
            "high": gain.high,
        }
