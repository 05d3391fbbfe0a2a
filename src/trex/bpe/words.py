"""Distinct words one after another, and their counts in evaluation text."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from trex.arrow import bytes_of, frozen


class WordArrays(NamedTuple):
    """`FlatWords` as kernels take them, every array read-only."""

    text: np.ndarray
    sizes: np.ndarray


@dataclass(frozen=True)
class FlatWords:
    """Distinct words: text uint8, their bytes one word after another; sizes uint32 [words], bytes of each."""

    text: np.ndarray
    sizes: np.ndarray

    @classmethod
    def build(cls, words: pa.LargeBinaryArray) -> "FlatWords":
        """Distinct, non-empty words. OverflowError if one has 2^32 bytes or more."""
        data, offsets = bytes_of(words)
        sizes = np.diff(offsets)
        if sizes.size and sizes.max() >= 2**32:
            raise OverflowError(f"a word has {sizes.max()} bytes; the most are {2**32 - 1}")
        return cls(data[offsets[0] : offsets[-1]], sizes.astype(np.uint32))

    def __len__(self) -> int:
        return len(self.sizes)

    def arrays(self) -> WordArrays:
        """What kernels take."""
        return WordArrays(frozen(self.text), frozen(self.sizes))


class EvalCounts(NamedTuple):
    """Counts of the words in evaluation columns: word words[i] (uint32, rising) has
    columns[offsets[i]:offsets[i + 1]] (int32) with counts[...] (int64). Other words have none."""

    words: np.ndarray
    offsets: np.ndarray
    columns: np.ndarray
    counts: np.ndarray
    n_columns: int

    @classmethod
    def empty(cls) -> "EvalCounts":
        """No column."""
        none = np.empty(0, np.uint32)
        return cls(none, np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.int64), 0)

    @classmethod
    def from_entries(
        cls, word: np.ndarray, column: np.ndarray, count: np.ndarray, n_columns: int
    ) -> "EvalCounts":
        """Entries sorted by word."""
        first = np.flatnonzero(np.diff(word, prepend=-1))
        offsets = np.append(first, len(word)).astype(np.int64)
        words = word[first].astype(np.uint32)
        return cls(words, offsets, column.astype(np.int32), count.astype(np.int64), n_columns)

    @classmethod
    def from_dense(cls, table: np.ndarray) -> "EvalCounts":
        """table: int64 [columns, words]."""
        word, column = np.nonzero(table.T)
        return cls.from_entries(word, column, table.T[word, column], len(table))

    def arrays(self) -> "EvalCounts":
        """What kernels take: the same counts in read-only arrays."""
        return EvalCounts(*map(frozen, self[:-1]), self.n_columns)
