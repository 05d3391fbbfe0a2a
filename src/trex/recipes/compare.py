"""The numbers of a comparison of recipes: one tidy table, and which tokenizer is best by each objective.

Everything is about the test half of the evaluation text. Differences are paired by document, and their intervals are
simultaneous (`trex.objective.comparisons`) over all tokenizers; by corpus also over all corpora.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from trex.language_model.cost import Run, cost
from trex.language_model.vocab_size import MEASURED_ON
from trex.objective import metrics
from trex.objective.aggregate import Aggregate
from trex.objective.comparisons import FEWEST_DOCUMENTS, Comparison, DrawNoise, compare, is_gain, is_loss
from trex.objective.objective import Objective
from trex.objective.resampling import Resampled, degrees_of_freedom, resample
from trex.recipes.finished import RECIPE, Finished, aligned

AVERAGE, ALL_TEXT, WORST = COMMON = ("macro", "pooled", "worst")
COST, FAIRNESS = "cost", "gini_tokens"
PAIRS = f"{AVERAGE}_of_pair"  # differences of recipes from each other
FEWER, MORE = "fewer", "more"  # what can be claimed of tokens, operations or inequality
SCHEMA = {
    "tokenizer": pl.String,
    "kind": pl.String,
    "evaluation_set": pl.String,
    "corpus": pl.String,
    "metric": pl.String,
    "against": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "claim": pl.String,
}


@dataclass(frozen=True, eq=False)
class Measure:
    """One number of every tokenizer, to be made small.

    draws: on the text as it is and on resampled documents. [resamples + 1, tokenizers]
    freedom: degrees of freedom of the documents. sets: the evaluation sets that it is taken on.
    noise: of draws of training text.
    """

    draws: np.ndarray
    freedom: float
    sets: tuple[str, ...]
    noise: DrawNoise | None = None


@dataclass(frozen=True, eq=False)
class Compared:
    """Finished tokenizers on the same text, the recipes first.

    Attributes:
        tokenizers: all, with the reference tokens of the first one's text.
        corpora: their ids in the config's order. sets: those of the first recipe's objective, which all are compared
            on. parallel_set: None if the config names none.
    """

    tokenizers: list[Finished]
    corpora: list[str]
    sets: list[str]
    parallel_set: str | None
    seed: int = 0

    @classmethod
    def of(cls, tokenizers: Sequence[Finished]) -> "Compared":
        """ValueError if they were not measured on the same documents (`aligned`)."""
        config = tokenizers[0].config
        return cls(
            aligned(tokenizers),
            list(config["corpora"]),
            list(config["objective"]["evaluation_sets"]),
            config["objective"]["parallel_set"],
            config["seed"],
        )

    @property
    def names(self) -> list[str]:
        return [tokenizer.name for tokenizer in self.tokenizers]

    @property
    def recipes(self) -> list[Finished]:
        return [tokenizer for tokenizer in self.tokenizers if tokenizer.kind == RECIPE]

    @property
    def first(self) -> Finished:
        return self.tokenizers[0]

    @cached_property
    def all_sets(self) -> list[str]:
        return list(dict.fromkeys(self.first.corpora["evaluation_set"]))

    @cached_property
    def drawn(self) -> Resampled:
        documents = {tokenizer.name: tokenizer.documents for tokenizer in self.tokenizers}
        return resample(documents, self.all_sets, self.corpora, self.seed)

    @cached_property
    def n_documents(self) -> dict[tuple[str, str], int]:
        """Of the test half of every text."""
        counted = self.first.documents.group_by("evaluation_set", "corpus", maintain_order=True).len()
        return {(name, corpus): n for name, corpus, n in counted.iter_rows()}

    def too_few(self, sets: Sequence[str]) -> list[tuple[int, str, str]]:
        """(documents, evaluation set, corpus) of texts with too few to claim anything about them, fewest first."""
        return sorted(
            (n, *at) for at, n in self.n_documents.items() if at[0] in sets and n < FEWEST_DOCUMENTS
        )

    @cached_property
    def noise(self) -> DrawNoise | None:
        """Of draws of training text, pooled over the recipes that know it."""
        known = [tokenizer.noise for tokenizer in self.recipes if tokenizer.noise]
        freedom = sum(noise.freedom for noise in known)
        if not freedom:
            return None
        variance = sum(noise.freedom * noise.deviation**2 for noise in known) / freedom
        return DrawNoise(float(np.sqrt(variance)), freedom, 1)

    @cached_property
    def objectives(self) -> dict[str, Objective]:
        """The common ones, then those of recipes that differ from them, by what they are called."""
        ones = np.ones(len(self.corpora))
        found = {
            kind: Objective(Aggregate(kind, ones), tuple(self.corpora), tuple(self.sets)) for kind in COMMON
        }
        for recipe in self.recipes:
            own = Objective.from_config(recipe.config["objective"], self.corpora)
            if not any(_same(own, other) for other in found.values()):
                found[f"{own.aggregate.kind} of {recipe.name}"] = own
        return found

    def own_objective(self, recipe: Finished) -> str:
        """The name in `objectives` of what a recipe's search minimised."""
        own = Objective.from_config(recipe.config["objective"], self.corpora)
        return next(name for name, other in self.objectives.items() if _same(own, other))

    @cached_property
    def measures(self) -> dict[str, Measure]:
        """Every objective, the cost of a language model, and the Gini coefficient of tokens on the parallel set."""
        drawn, sets = self.drawn, self.all_sets
        found = {
            name: Measure(
                objective.of_tokens(drawn.tokens, drawn.reference_tokens, sets),
                objective.freedom(drawn, sets),
                objective.counted_sets,
                self.noise,
            )
            for name, objective in self.objectives.items()
        }
        found[COST] = self._cost()
        if self.parallel_set:
            found[FAIRNESS] = self._fairness(self.parallel_set)
        return found

    def _bytes_per_token(self, tokenizer: Finished) -> np.ndarray:
        """Bytes of the first recipe's text / tokens. [k]"""
        n_bytes, tokens = (
            dict(of.corpora.filter(evaluation_set=MEASURED_ON).select("corpus", column).iter_rows())
            for of, column in ((self.first, "bytes"), (tokenizer, "tokens"))
        )
        return np.array([n_bytes[corpus] / tokens[corpus] for corpus in self.corpora])

    @cached_property
    def run(self) -> Run:
        return Run.from_config(self.first.config["language_model"], self.corpora)

    @cached_property
    def costs(self) -> list[Any]:
        """`trex.language_model.cost.Cost` of every tokenizer."""
        return [cost(self.run, self._bytes_per_token(of), of.vocab_size) for of in self.tokenizers]

    def _cost(self) -> Measure:
        """Operations of training and serving."""
        nsl, _ = self.drawn.nsl(self.all_sets.index(MEASURED_ON))
        # tokens of the language model's text by the reference tokenizer, that NSL is a multiple of
        bytes_per_token = self._bytes_per_token(self.first) * nsl[0, 0]
        weights = self.run.training_bytes / bytes_per_token
        per_token = np.array([of.total_flops / of.tokens for of in self.costs])
        effective = self.drawn.effective[self.all_sets.index(MEASURED_ON)]
        freedom = degrees_of_freedom(weights, effective)
        return Measure(nsl @ weights * per_token, freedom, (MEASURED_ON,), self.noise)

    def _fairness(self, parallel_set: str) -> Measure:
        at = self.all_sets.index(parallel_set)
        tokens = self.drawn.tokens[:, :, at]
        there = self.drawn.reference_tokens[0, at] > 0
        # of a Gini coefficient of 0 the logarithm that comparisons take would be infinite
        gini = np.maximum(metrics.gini(tokens[..., there]), 1e-9)
        effective = self.drawn.effective[at][there]
        return Measure(gini, max(float(effective.min()) - 1, 0.0), (parallel_set,))

    def of_pairs(self, metric: str, at: Sequence[int]) -> Mapping[tuple[int, int], Comparison]:
        """What each of these tokenizers gains over each other one by a measure, all at once, in both directions."""
        measure = self.measures[metric]
        pairs = [(i, j) for i in at for j in at if i < j]
        return compare(
            measure.draws,
            [*pairs, *((j, i) for i, j in pairs)],
            measure.noise,
            self.seed,
            freedom=measure.freedom,
        )

    @cached_property
    def table(self) -> pl.DataFrame:
        """All numbers, columns of SCHEMA; differences are percent by which a value exceeds the first recipe's.

        Metrics of a tokenizer: entries, failed_gates, training_tokens, parameters, gpu_hours, serving_gpu_hours. Of an
        evaluation set: by corpus tokens, nsl, and premium on the parallel set; gini. Without an evaluation set: those
        of `measures`, and by corpus tokens (of `sets` together). `{metric}_difference`: of those without an evaluation
        set. worst_corpus: as worst, with the corpus. PAIRS: by which percent the average of a recipe exceeds that of
        another, with intervals that hold for all pairs together.
        """
        rows = [
            *self._facts(),
            *self._by_text(),
            *self._of_measures(),
            *self._differences_by_corpus(),
            *self._of_pairs(),
        ]
        order = {name: i for i, name in enumerate(self.names)}
        kinds = {of.name: of.kind for of in self.tokenizers}
        rows.sort(key=lambda row: order[row["tokenizer"]])
        return pl.DataFrame(
            [{"kind": kinds[row["tokenizer"]], **row} for row in rows], schema=SCHEMA, orient="row"
        )

    def _facts(self) -> Iterator[dict[str, Any]]:
        for of, price in zip(self.tokenizers, self.costs, strict=True):
            facts = {
                "entries": of.vocab_size,
                "failed_gates": len(of.failed_gates),
                "training_tokens": price.tokens,
                "parameters": price.parameters,
                "gpu_hours": price.gpu_hours,
                "serving_gpu_hours": price.serving_gpu_hours,
            }
            for metric, value in facts.items():
                yield {"tokenizer": of.name, "metric": metric, "value": float(value)}

    def _by_text(self) -> Iterator[dict[str, Any]]:
        tokens, reference = self.drawn.tokens[0], self.drawn.reference_tokens[0]
        for t, of in enumerate(self.tokenizers):
            for s, evaluation_set in enumerate(self.all_sets):
                there = np.flatnonzero(reference[s])
                nsl = tokens[t, s, there] / reference[s, there]
                key = {"tokenizer": of.name, "evaluation_set": evaluation_set}
                yield key | {"metric": "gini", "value": float(metrics.gini(nsl))}
                for c, value in zip(there, nsl, strict=True):
                    at = key | {"corpus": self.corpora[c]}
                    yield at | {"metric": "tokens", "value": float(tokens[t, s, c])}
                    yield at | {"metric": "nsl", "value": float(value)}
                if evaluation_set == self.parallel_set:
                    pivot = self.first.config["objective"]["pivot"] or self.corpora[there[0]]
                    premiums = metrics.token_premium(
                        tokens[t, s, there], list(there).index(self.corpora.index(pivot))
                    )
                    for c, value in zip(there, premiums, strict=True):
                        at = {"corpus": self.corpora[c], "against": pivot}
                        yield key | at | {"metric": "premium", "value": float(value)}
            in_sets = [self.all_sets.index(name) for name in self.sets]
            nsl = np.divide(
                tokens[t], reference, out=np.zeros_like(reference), where=reference > 0
            )[in_sets]  # fmt: skip
            s, c = np.unravel_index(nsl.argmax(), nsl.shape)
            yield {
                "tokenizer": of.name,
                "evaluation_set": self.sets[s],
                "corpus": self.corpora[c],
                "metric": "worst_corpus",
                "value": float(nsl[s, c]),
            }

    def _of_measures(self) -> Iterator[dict[str, Any]]:
        others = range(1, len(self.tokenizers))
        for metric, measure in self.measures.items():
            for name, value in zip(self.names, measure.draws[0], strict=True):
                yield {"tokenizer": name, "metric": metric, "value": float(value)}
            gains = compare(
                measure.draws,
                [(i, 0) for i in others],
                measure.noise,
                self.seed,
                freedom=measure.freedom,
            )
            known = not self.too_few(measure.sets)
            for (i, _), gain in gains.items():
                yield self._difference(i, metric, gain, known)

    def _of_pairs(self) -> Iterator[dict[str, Any]]:
        known = not self.too_few(self.measures[AVERAGE].sets)
        for (i, j), gain in self.of_pairs(AVERAGE, range(len(self.recipes))).items():
            yield self._difference(i, AVERAGE, gain, known) | {"metric": PAIRS, "against": self.names[j]}

    def _difference(self, i: int, metric: str, gain: Any, known: bool) -> dict[str, Any]:
        """A row: a difference is a gain with the other sign. known: whether anything may be claimed."""
        claim = None
        if known and is_gain(gain.percent, gain.low):
            claim = FEWER
        elif known and is_loss(gain.percent, gain.high):
            claim = MORE
        return {
            "tokenizer": self.names[i],
            "metric": f"{metric}_difference",
            "against": self.names[0],
            # 0 - 0 is 0, and -0 would be shown as such
            "value": 0 - gain.percent,
            "low": 0 - gain.high,
            "high": 0 - gain.low,
            "claim": claim,
        }

    def _differences_by_corpus(self) -> Iterator[dict[str, Any]]:
        """Of the tokens of all `sets`. Corpora whose documents are worth fewer than FEWEST_DOCUMENTS of the same length
        have no interval, as the interval of all would be theirs."""
        at = [self.all_sets.index(name) for name in self.sets]
        tokens = self.drawn.tokens[:, :, at].sum(axis=2)
        worth = np.where(self.drawn.effective[at] > 0, self.drawn.effective[at], np.inf).min(axis=0)
        there = self.drawn.reference_tokens[0, at].sum(axis=0) > 0
        wide = [c for c in np.flatnonzero(there) if worth[c] >= FEWEST_DOCUMENTS]
        m = len(self.tokenizers)
        flat = tokens[..., wide].reshape(len(tokens), m * len(wide))
        pairs = [(i * len(wide) + j, j) for i in range(1, m) for j in range(len(wide))]
        freedom = float(worth[wide].min()) - 1 if wide else 0.0
        gains = compare(flat, pairs, seed=self.seed, freedom=freedom)
        for c in np.flatnonzero(there):
            corpus = {"corpus": self.corpora[c]}
            for i, name in enumerate(self.names):
                value = tokens[0, i, c]
                yield corpus | {"tokenizer": name, "metric": "tokens", "value": float(value)}
                if not i:
                    continue
                if c in wide:
                    gain = gains[i * len(wide) + wide.index(c), wide.index(c)]
                    yield corpus | self._difference(i, "tokens", gain, True)
                else:
                    percent = 100 * float(value / tokens[0, 0, c] - 1)
                    row = {"metric": "tokens_difference", "against": self.names[0], "value": percent}
                    yield corpus | {"tokenizer": name} | row


def _same(one: Objective, other: Objective) -> bool:
    if one.counted_sets != other.counted_sets or one.aggregate.kind != other.aggregate.kind:
        return False
    a, b = one.aggregate, other.aggregate
    if a.kind == "weighted":
        return np.allclose(a.weights / a.weights.sum(), b.weights / b.weights.sum())
    return a.kind != "soft_worst" or a.sharpness == b.sharpness


def differences(table: pl.DataFrame, metric: str) -> Mapping[str, Mapping[str, Any]]:
    """The rows `{metric}_difference` without a corpus, by tokenizer."""
    rows = table.filter(pl.col("corpus").is_null(), metric=f"{metric}_difference")
    return {row["tokenizer"]: row for row in rows.iter_rows(named=True)}
