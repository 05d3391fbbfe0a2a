"""Distinct words laid out for compiled code, and their counts in evaluation text."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from trex.arrow import bytes_of, frozen
from trex.compiled.kernel import kernel


class WordArrays(NamedTuple):
    """`FlatWords` as kernels take them, every array read-only."""

    text: np.ndarray
    starts: np.ndarray
    pair_offsets: np.ndarray
    pair_places: np.ndarray


@kernel
def _flatten(data, offsets):
    """The arrays of FlatWords."""
    n_words = offsets.size - 1
    size = offsets[n_words] - offsets[0] + n_words + 1
    text = np.zeros(size, dtype=np.uint8)
    starts = np.empty(n_words, dtype=np.int64)
    pair_offsets = np.zeros(65537, dtype=np.int64)
    slot = 1
    for w in range(n_words):
        starts[w] = slot
        for k in range(offsets[w], offsets[w + 1]):
            text[slot] = data[k]
            if k > offsets[w]:
                pair_offsets[np.int64(data[k - 1]) * 256 + data[k] + 1] += 1
            slot += 1
        slot += 1
    for pair in range(65536):
        pair_offsets[pair + 1] += pair_offsets[pair]
    filled = pair_offsets.copy()
    pair_places = np.empty(pair_offsets[65536], dtype=np.uint64)
    for w in range(n_words):
        for p in range(starts[w], starts[w] + offsets[w + 1] - offsets[w] - 1):
            pair = np.int64(text[p]) * 256 + text[p + 1]
            pair_places[filled[pair]] = np.uint64(p) | np.uint64(w) << np.uint64(32)
            filled[pair] += 1
    return text, starts, pair_offsets, pair_places


@dataclass(frozen=True)
class FlatWords:
    """Distinct words laid out for the merge loop.

    text uint8 [slots]: every word's bytes with a separator slot before, between and after the words;
    starts int64 [words]; byte pair a * 256 + b occurs at pair_places[pair_offsets[pair]:pair_offsets[pair + 1]]
    (uint64: its first slot | its word << 32, rising).
    """

    text: np.ndarray
    starts: np.ndarray
    pair_offsets: np.ndarray
    pair_places: np.ndarray

    @classmethod
    def build(cls, words: pa.LargeBinaryArray) -> "FlatWords":
        """Lay out distinct, non-empty words. OverflowError beyond 2^31 bytes."""
        data, offsets = bytes_of(words)
        if offsets[-1] - offsets[0] + len(words) >= 2**31 - 1:
            raise OverflowError(
                f"{len(words)} distinct words of {offsets[-1] - offsets[0]} bytes in all: a word table holds at "
                "most 2^31 bytes. Use fewer or smaller corpora."
            )
        return cls(*_flatten(frozen(data), frozen(offsets)))

    def __len__(self) -> int:
        return len(self.starts)

    def arrays(self) -> WordArrays:
        """What kernels take."""
        return WordArrays(*(frozen(getattr(self, name)) for name in WordArrays._fields))

    def sizes(self) -> np.ndarray:
        """int64 [words]: bytes of each word."""
        return np.diff(self.starts, append=len(self.text)) - 1


class EvalCounts(NamedTuple):
    """Counts of the words in evaluation columns, row by row: word w has
    columns[offsets[w]:offsets[w + 1]] (int32) with counts[...] (int64)."""

    offsets: np.ndarray
    columns: np.ndarray
    counts: np.ndarray
    n_columns: int

    @classmethod
    def empty(cls, n_words: int) -> "EvalCounts":
        return cls(np.zeros(n_words + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.int64), 0)

    @classmethod
    def from_dense(cls, table: np.ndarray) -> "EvalCounts":
        """table: int64 [columns, words]."""
        word, column = np.nonzero(table.T)
        offsets = np.concatenate(([0], np.cumsum(np.bincount(word, minlength=table.shape[1]))))
        return cls(offsets.astype(np.int64), column.astype(np.int32), table.T[word, column], len(table))

    def arrays(self) -> "EvalCounts":
        """What kernels take: the same counts in read-only arrays."""
        return EvalCounts(frozen(self.offsets), frozen(self.columns), frozen(self.counts), self.n_columns)
