"""Training tokenizers on mixtures by parity-aware BPE: corpora take turns to choose the next merge."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from trex.bpe.memory import parity_bytes
from trex.bpe.parity import ParityModel, train_parity
from trex.bpe.training import BpeOptions
from trex.bpe.turns import Turns
from trex.bpe.words import EvalCounts
from trex.counting.word_index import Slice, WordIndex
from trex.proxies.train import Trainer
from trex.tokenizer.sizes import ALPHABET_SIZE


@dataclass(frozen=True)
class Parity:
    """The config's section `tokenizer.parity`, but for the corpora's names.

    global_merges: so many merges come first, by the counts of all corpora together; below 1, that share of all merges.
    development: the evaluation set whose selection half is compared; None: training text is, by ratio [k].
    compare: development text by `nsl`, or by its number of `tokens`, which is right for parallel text only.
    variant, window_size, alpha: of `Turns`.
    """

    variant: str = "base"
    global_merges: float = 0
    development: str | None = "held_out"
    compare: str = "nsl"
    ratio: Sequence[float] | None = None
    window_size: int = 100
    alpha: float = 2.0


@dataclass(frozen=True, eq=False, kw_only=True)
class ParityTrainer(Trainer):
    """Trains parity-aware BPE (`trex.bpe.parity`) on the text of mixtures, each corpus's counts by themselves."""

    parity: Parity

    def _train(self, shares: np.ndarray, replicate: int, options: BpeOptions) -> tuple[ParityModel, Slice]:
        counts, ledger = self.index.slice_by_corpus(shares, self._asked_bytes, replicate)
        text = Slice(_of_all_corpora(counts, len(self.index.words)), ledger)
        development, turns = self._turns()
        vocab_size = self.vocab_sizes[-1]
        if 0 < turns.global_merges < 1:
            merges = vocab_size - ALPHABET_SIZE - len(options.special_tokens)
            turns = replace(turns, global_merges=round(turns.global_merges * merges))
        in_text = text.counts
        if development is not None:
            in_text = in_text.copy()
            in_text[development.words] += 1
        entries = len(counts.counts) + (0 if development is None else len(development.counts))
        more = parity_bytes(entries, counts.n_columns, vocab_size)
        self._check_memory(self.index, in_text, vocab_size, more)
        model = train_parity(
            self.index.words,
            counts,
            vocab_size,
            turns,
            options,
            development=development,
            evaluation=self.index.evaluation,
            workspace=self._workspace,
            count_uses=self.count_uses,
        )
        return model, text

    def _turns(self) -> tuple[EvalCounts | None, Turns]:
        """Development text and how corpora take turns; global_merges may still be a share."""
        parity = self.parity
        turns = Turns(
            parity.variant, parity.global_merges, parity.window_size, parity.alpha, ratio=parity.ratio
        )
        if parity.development is None:
            return None, turns
        development, reference = selection_half(self.index, parity.development)
        units = None if parity.compare == "tokens" else np.maximum(reference, 1).tolist()
        return development, replace(turns, units=units)


def selection_half(index: WordIndex, evaluation_set: str) -> tuple[EvalCounts, np.ndarray]:
    """The words of an evaluation set's selection half by corpus, and the reference's tokens of it, int64 [k].

    ValueError if a corpus does not have the set.
    """
    rows = index.evaluation_rows.with_row_index("column").filter(evaluation_set=evaluation_set)
    of_corpus = {row["corpus"]: row for row in rows.iter_rows(named=True)}
    if without := [corpus for corpus in index.corpora if corpus not in of_corpus]:
        raise ValueError(f"evaluation set {evaluation_set} has no text of {', '.join(without)}")
    number = np.full(index.evaluation.n_columns, -1, np.int32)
    number[[of_corpus[corpus]["column"] for corpus in index.corpora]] = np.arange(len(index.corpora))
    words, offsets, columns, counts, _ = index.evaluation
    column = number[columns]
    here = column >= 0
    word = np.repeat(words.astype(np.int64), np.diff(offsets))[here]
    reference = np.array([of_corpus[corpus]["reference_tokens"] for corpus in index.corpora], np.int64)
    return EvalCounts.from_entries(word, column[here], counts[here], len(index.corpora)), reference


def _of_all_corpora(counts: EvalCounts, n_words: int) -> np.ndarray:
    """int64 [n_words]: the counts of all columns together."""
    total = np.zeros(n_words, np.int64)
    total[counts.words] = np.add.reduceat(counts.counts, counts.offsets[:-1]) if len(counts.words) else 0
    return total
