"""Training Unigram and WordPiece tokenizers on mixtures, by `tokenizers` itself."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from trex.bpe.byte_alphabet import BYTE_CHARACTERS
from trex.bpe.memory import algorithm_bytes
from trex.bpe.training import BpeOptions
from trex.bpe.words import EvalCounts, FlatWords
from trex.counting.word_index import Slice
from trex.proxies.train import Trainer
from trex.tokenizer import other_algorithms

if TYPE_CHECKING:
    from tokenizers import Tokenizer, models

log = logging.getLogger(__name__)

_SPELLED = dict(enumerate(BYTE_CHARACTERS))
_BATCH = 1 << 16  # words that are spelled and encoded at a time


@dataclass(frozen=True)
class CountedModel:
    """A model of another algorithm and what its encodings count, in the words of `BpeModel`. It has one size.

    special_tokens: they have the ids 0, 1, ... in order. made_in_training: int64 [vocab_size], how often the training
    text has each entry.
    """

    model: "models.Model"
    vocab_size: int
    special_tokens: tuple[str, ...]
    made_in_training: np.ndarray
    _made: np.ndarray = field(repr=False)  # int64 [vocab_size, columns]: the same of evaluation text

    def token_counts(self, vocab_size: int | None = None) -> np.ndarray:
        """int64 [columns]: tokens of each evaluation column. ValueError if it is another size."""
        if vocab_size not in (None, self.vocab_size):
            raise ValueError(
                f"the vocabulary has {self.vocab_size} entries, and no smaller one is part of it"
            )
        return self._made.sum(axis=0)

    def made(self, columns: np.ndarray) -> np.ndarray:
        """int64 [vocab_size]: how often the evaluation text of some columns has each entry. columns: bool [columns]."""
        return self._made @ columns.astype(np.int64)

    def uses(self, made: np.ndarray, vocab_size: int) -> np.ndarray:
        """`made`: no entry is merged further."""
        return made[:vocab_size]


@dataclass(frozen=True, eq=False)
class AlgorithmTrainer(Trainer):
    """Trains Unigram or WordPiece (`trex.tokenizer.other_algorithms`), as `tokenizer["algorithm"]` says. vocab_sizes is
    one size: another one would be another training."""

    def _train(self, shares: np.ndarray, replicate: int, options: BpeOptions) -> tuple[CountedModel, Slice]:
        text = self.index.slice(shares, self._asked_bytes, replicate)
        [vocab_size] = self.vocab_sizes
        words, evaluation, algorithm = self.index.words, self.index.evaluation, self.tokenizer["algorithm"]
        trained = text.counts > 0
        n_words, n_bytes = int(trained.sum()), int(words.sizes[trained].sum(dtype=np.int64))
        self._check_memory(self.index, text.counts, vocab_size, algorithm_bytes(algorithm, n_words, n_bytes))
        counted = (
            (word, count)
            for numbers, spelled in _spelled(words, np.flatnonzero(trained))
            for word, count in zip(spelled, text.counts[numbers].tolist(), strict=True)
        )
        model = other_algorithms.train(
            algorithm,
            other_algorithms.cut_words(counted),
            vocab_size,
            options.special_tokens,
            min_frequency=options.min_frequency,
            max_token_length=options.max_token_length,
        )
        encoder = other_algorithms.of_words(model)
        size = encoder.get_vocab_size()
        training, made = count_entries(encoder, words, text.counts, evaluation)
        return CountedModel(model, size, tuple(options.special_tokens), training, made), text

    def finished(self, model: CountedModel) -> "Tokenizer":
        """The tokenizer of a model that this trainer trained: what `tokenizers` and `transformers` load."""
        return other_algorithms.build(
            model.model, model.special_tokens, self.tokenizer["pattern"], self.tokenizer["normalizer"]
        )


def count_entries(
    encoder: "Tokenizer", words: FlatWords, counts: np.ndarray, evaluation: EvalCounts
) -> tuple[np.ndarray, np.ndarray]:
    """How often words have each entry of a vocabulary when they are encoded.

    Args:
        encoder: of spelled words.
        counts: of the words in training text. int64 [words]

    Returns:
        int64 [entries] of training text, and int64 [entries, columns] of evaluation text.
    """
    n = encoder.get_vocab_size()
    training = np.zeros(n, np.int64)
    made = np.zeros((n, evaluation.n_columns), np.int64)
    used = counts > 0
    used[evaluation.words] = True
    place = np.full(len(words), -1, np.int64)
    place[evaluation.words] = np.arange(len(evaluation.words))
    for numbers, spelled in _spelled(words, np.flatnonzero(used)):
        encodings = encoder.encode_batch_fast(spelled, add_special_tokens=False)
        lengths = np.array([len(encoding) for encoding in encodings])
        ids = np.concatenate([np.array(encoding.ids, np.int64) for encoding in encodings])
        np.add.at(training, ids, np.repeat(counts[numbers], lengths))
        # every token of a word, in every column that has the word
        at = np.repeat(place[numbers], lengths)
        ids, at = ids[at >= 0], at[at >= 0]
        begins, n_columns = evaluation.offsets[at], np.diff(evaluation.offsets)[at]
        entry = np.repeat(begins - np.cumsum(n_columns) + n_columns, n_columns) + np.arange(n_columns.sum())
        np.add.at(made, (np.repeat(ids, n_columns), evaluation.columns[entry]), evaluation.counts[entry])
    return training, made


def _spelled(words: FlatWords, numbers: np.ndarray) -> Iterator[tuple[np.ndarray, list[str]]]:
    """Some words in the characters of their bytes, with their numbers [batch], some at a time."""
    ends = np.cumsum(words.sizes, dtype=np.int64)
    for first in range(0, len(numbers), _BATCH):
        batch = numbers[first : first + _BATCH]
        begins = (ends[batch] - words.sizes[batch]).tolist()
        low, high = begins[0], int(ends[batch[-1]])
        text = bytes(words.text[low:high]).decode("latin1").translate(_SPELLED)
        yield batch, [text[a - low : b - low] for a, b in zip(begins, ends[batch].tolist(), strict=True)]
