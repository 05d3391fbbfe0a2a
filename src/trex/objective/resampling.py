"""How much numbers depend on the evaluation documents at hand: the bootstrap over documents.

All tokenizers see the same resampled documents, so that differences between them are paired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

# Resamples: the ends of a 95 % interval are then good to a few percent of its width.
RESAMPLES = 1000
# Documents beyond this many are resampled in stretches of neighbours, which also keeps together what a file has
# together.
MAX_BLOCKS = 500
LOW, HIGH = 2.5, 97.5  # percentiles of the intervals


@dataclass(frozen=True, eq=False)
class Resampled:
    """Evaluation texts as they might also have been.

    tokens [resamples, tokenizers, sets, corpora] and reference_tokens [resamples, sets, corpora], both 0 where a set
    lacks a corpus. Resample 0 is the text as it is. effective: `effective_documents`, 0 where a set lacks a corpus.
    [sets, corpora]
    """

    tokens: np.ndarray
    reference_tokens: np.ndarray
    effective: np.ndarray

    def nsl(self, evaluation_set: int) -> tuple[np.ndarray, np.ndarray]:
        """(NSL [resamples, tokenizers, corpora of the set], their reference tokens [resamples, corpora of the set])."""
        reference = self.reference_tokens[:, evaluation_set]
        there = reference[0] > 0
        tokens = self.tokens[:, :, evaluation_set][..., there]
        return tokens / reference[:, None, there], reference[:, there]


def resample(
    documents: Mapping[str, pl.DataFrame],
    sets: Sequence[str],
    corpora: Sequence[str],
    seed: int,
    resamples: int = RESAMPLES,
) -> Resampled:
    """Draw documents of every evaluation set and corpus with replacement.

    Args:
        documents: per tokenizer, columns evaluation_set, corpus, document, tokens, reference_tokens; the same documents
            in all. Where they are a sample, `sampled` is its share of the text, and as many documents are drawn as the
            whole text has, so that intervals are as narrow as those of the whole text.

    One document less is drawn than there are: n that are drawn from n vary less than new ones would, by 1 / n of the
    variance (Rao & Wu 1988).

    Raises:
        ValueError: if the tokenizers did not see the same documents.
    """
    shape = (resamples + 1, len(sets), len(corpora))
    tokens = np.zeros((shape[0], len(documents), *shape[1:]))
    reference, effective = np.zeros(shape), np.zeros(shape[1:])
    key = ["evaluation_set", "corpus"]
    groups = [table.sort([*key, "document"]).partition_by(key, as_dict=True) for table in documents.values()]
    for s, evaluation_set in enumerate(sets):
        for c, corpus in enumerate(corpora):
            found = [group.get((evaluation_set, corpus)) for group in groups]
            if all(table is None for table in found):
                continue
            first = found[0]
            if any(
                table is None or not table[column].equals(first[column])
                for table in found
                for column in ("document", "reference_tokens")
            ):
                raise ValueError(
                    f"the tokenizers {', '.join(documents)} were not measured on the same documents of evaluation set "
                    f"{evaluation_set} of {corpus}; delete the results of validation and run again"
                )
            columns = np.stack([*(table["tokens"] for table in found), first["reference_tokens"]])
            blocks = _blocks(columns.astype(float))
            rng = np.random.default_rng([seed, s, c])
            sums = resampled_sums(
                blocks, rng, resamples, first["sampled"][0] if "sampled" in first.columns else 1.0
            )
            tokens[:, :, s, c], reference[:, s, c] = sums[:, :-1], sums[:, -1]
            effective[s, c] = effective_documents(blocks[-1])
    return Resampled(tokens, reference, effective)


def effective_documents(sizes: np.ndarray) -> float:
    """How many equally long documents say as much about a mean by the token: (sum of sizes)^2 / sum of sizes^2 (Kish).

    >>> effective_documents(np.array([5, 5, 5])), effective_documents(np.array([100, 0, 0]))
    (3.0, 1.0)
    """
    return float(sizes.sum() ** 2 / (sizes**2).sum()) if sizes.any() else 0.0


def degrees_of_freedom(weights: np.ndarray, effective: np.ndarray) -> float:
    """Of the variance of a weighted sum of the NSL of corpora, by Satterthwaite (1946).

    Every corpus's variance is taken as 1 / its effective documents, with one degree of freedom less than these: with
    the measured ones, a corpus whose few documents are alike by chance would not count.

    Args:
        weights: derivatives of the objective with respect to each NSL.
        effective: documents of each, 0 where a set lacks a corpus; in the shape of weights.

    Returns:
        0 if a corpus that counts has one document.
    """
    counts = (weights > 0) & (effective > 0)
    variances, freedom = weights[counts] ** 2 / effective[counts], effective[counts] - 1
    if not counts.any() or freedom.min() < 1e-9:
        return 0.0
    return float(variances.sum() ** 2 / (variances**2 / freedom).sum())


def resampled_sums(
    columns: np.ndarray, rng: np.random.Generator, resamples: int, sampled: float = 1.0
) -> np.ndarray:
    """Sums of columns over n documents, as they are and as resampled. [columns, n] -> [resamples + 1, columns]

    sampled: the share of the text that these documents are.
    """
    n = columns.shape[1]
    drawn = max(round((n - 1) / sampled), 1)
    times = np.concatenate([np.ones((1, n)), rng.multinomial(drawn, np.full(n, 1 / n), size=resamples)])
    return times @ columns.T


def interval(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % percentile interval of what was computed from all resamples. [resamples + 1, ...] -> [...], [...]"""
    return tuple(np.percentile(draws[1:], (LOW, HIGH), axis=0))


def _blocks(columns: np.ndarray) -> np.ndarray:
    """Sums of at most MAX_BLOCKS stretches of neighbouring documents. [columns, n] -> [columns, blocks]"""
    n = columns.shape[1]
    if n <= MAX_BLOCKS:
        return columns
    first = np.arange(MAX_BLOCKS) * n // MAX_BLOCKS
    return np.add.reduceat(columns, first, axis=1)
