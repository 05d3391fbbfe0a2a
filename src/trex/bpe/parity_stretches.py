"""A parity-aware training stretch by stretch (`trex.bpe.parity_loop`): what each counts and lists when it begins."""

import logging
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from trex.arrow import frozen
from trex.bpe.merge_step import HEAVY, MOST_HEAVY, MOST_SLOTS
from trex.bpe.pair_table import KEY
from trex.bpe.parity_loop import (
    EXHAUSTED,
    LOW_COUNTS,
    Limits,
    Rotation,
    TrackedByCorpus,
    enter_all,
    parity_loop,
    queue_all,
)
from trex.bpe.parity_queue import Names, Queues
from trex.bpe.parity_step import Lists, count_listed, share_lists
from trex.bpe.stretches import SKETCH, Initial, Workspace, empty_vocabulary, theta_that_fits
from trex.bpe.text_passes import (
    COUNT,
    END,
    START,
    Counted,
    N,
    Tokens,
    compact,
    extent,
    fill_slots,
    list_byte_pairs,
    list_pairs,
    sketch_pairs,
    weigh_pairs,
    widen,
)
from trex.bpe.words import EvalCounts, FlatWords

log = logging.getLogger(__name__)

SCALE = 1 << 20  # at most; a pair that just counts theta in one corpus has this weight
LOWER = 8  # a corpus whose best count is below theta goes on with one that is so much smaller
NEVER = 1 << 62  # theta of a corpus that is exhausted
# A corpus's first theta is the count of its word at rank V * WORDS / corpora. Only speed depends on it.
WORDS = 4


class Columns(NamedTuple):
    """The counts that decide, a sparse matrix words x columns: word w has columns[offsets[w]:offsets[w + 1]], int32,
    with counts int64, none 0. The first n_corpora columns are training text, the others, if any, development text."""

    offsets: np.ndarray
    columns: np.ndarray
    counts: np.ndarray
    n_corpora: int
    n_columns: int

    @classmethod
    def build(cls, n_words: int, corpora: EvalCounts, development: EvalCounts | None) -> "Columns":
        """ValueError if development text has other columns than training text, or counts are negative."""
        parts = [corpora] if development is None else [corpora, development]
        if any(part.n_columns != corpora.n_columns for part in parts):
            raise ValueError(
                f"the development set has {development.n_columns} columns; there are {corpora.n_columns} corpora"
            )
        word = np.concatenate([np.repeat(part.words, np.diff(part.offsets)) for part in parts])
        column = np.concatenate([part.columns + np.int32(i * part.n_columns) for i, part in enumerate(parts)])
        count = np.concatenate([part.counts for part in parts])
        if len(word) and int(word.max()) >= n_words:
            raise ValueError(f"the counts name word {word.max()}, but there are only {n_words}")
        if len(count) and int(count.min()) < 0:
            raise ValueError(f"counts must not be negative, and one is {count.min()}")
        if len(count) and int(count.min()) == 0:
            word, column, count = (array[count > 0] for array in (word, column, count))
        if len(parts) > 1:
            order = np.argsort(word, kind="stable")
            word, column, count = word[order], column[order], count[order]
        offsets = np.concatenate(([0], np.cumsum(np.bincount(word, minlength=n_words))))
        return cls(offsets, column, count, corpora.n_columns, len(parts) * corpora.n_columns)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """[words], of each word the sum of its values [entries]."""
        upto = np.concatenate(([0], np.cumsum(values)))
        return upto[self.offsets[1:]] - upto[self.offsets[:-1]]

    def tokens(self, sizes: np.ndarray) -> np.ndarray:
        """int64 [columns]: bytes of text. sizes [words]. OverflowError if they are too many."""
        each = np.repeat(sizes.astype(np.int64), np.diff(self.offsets))
        if float(self.counts.astype(float) @ each) >= 2.0**62:
            raise OverflowError("the words' text must be below 2^62 bytes")
        total = np.zeros(self.n_columns, np.int64)
        np.add.at(total, self.columns, self.counts * each)
        return total

    def first_thetas(self, vocab_size: int) -> np.ndarray:
        """int64 [corpora], where to start pruning pairs."""
        rank = vocab_size * WORDS // self.n_corpora
        return np.array([count_of_rank(self.counts[self.columns == c], rank) for c in range(self.n_corpora)])


def count_of_rank(counts: np.ndarray, rank: int) -> int:
    """The count that `rank` words reach."""
    return int(np.partition(counts, counts.size - rank)[counts.size - rank]) if 0 < rank < counts.size else 1


@dataclass
class ParityTraining:
    """A training on its way.

    evaluated: as of `Counted`. initial: spelled in ranks of bytes by code point.
    After `run`: tokens, counted, vocabulary and size (tokens, steps) are what was made; stretches is how many it took.
    """

    words: FlatWords
    columns: Columns
    evaluated: np.ndarray
    initial: Initial
    vocab_size: int
    workspace: Workspace

    def __post_init__(self) -> None:
        matrix = self.columns
        entries, starts = share_lists(*map(frozen, (matrix.offsets, matrix.columns, matrix.counts)))
        # an occurrence names its word's list where others have its weight
        self.counted = Counted(frozen(starts), self.evaluated)
        size = extent(frozen(self.words.sizes), self.counted)
        if size.slots > MOST_SLOTS or size.heavy > MOST_HEAVY:
            raise OverflowError(
                f"the distinct words have {size.slots:,} bytes, separators included, and {size.heavy:,} of them have "
                f"counts that few others share; a training holds at most {MOST_SLOTS:,} and {MOST_HEAVY:,}. Use less "
                "text"
            )
        self.n_slots = size.slots
        groups = np.full(matrix.n_columns, -1, np.int64)
        self.lists = Lists(entries, starts[starts >= int(HEAVY)], groups)
        self.vocabulary = empty_vocabulary(self.initial, self.vocab_size)
        self.size = np.array([self.initial.n_tokens, 0])
        self.stretches = 0
        narrow = self.workspace.most_narrow(self.n_slots, self.vocab_size)
        self._narrow = self.initial.n_tokens <= narrow
        self._until = min(self.vocab_size, narrow) if self._narrow else self.vocab_size
        self._arena = self.workspace.room(self.n_slots)
        slots = self.workspace.array("slots", self.n_slots, np.uint16 if self._narrow else np.uint32)
        self.tokens = Tokens(slots, np.ones(len(self.vocabulary.sizes), np.int32), self._until, self.n_slots)

    def run(self, rotation: Rotation, limits: Limits) -> None:
        """Merge until a limit is met or no corpus has a pair to merge. limits.n_steps: steps of this phase."""
        n_corpora = self.columns.n_corpora
        self.lists.groups[:n_corpora] = 0 if rotation.together else np.arange(n_corpora)
        thetas = np.maximum(limits.thetas, limits.min_count)
        if not self.stretches and self.size[0] >= limits.n_tokens:
            self._byte_pairs(self.counted)  # there is nothing to merge; bytes are all that can be counted
        while self.size[0] < limits.n_tokens and self.size[1] < limits.n_steps:
            if not rotation.together:
                thetas[rotation.exhausted] = NEVER
            fitting, tracked, n_pairs, queues = self._begin(thetas, limits.max_token_length)
            until = min(self._until, limits.n_tokens)
            why, spellings, low, best = parity_loop(
                self.tokens, self.lists, self.vocabulary, self.size, limits._replace(n_tokens=until, thetas=fitting),
                tracked, n_pairs, queues, self._arena, rotation,
            )  # fmt: skip
            self.vocabulary = self.vocabulary._replace(spellings=spellings)
            self.stretches += 1
            log.debug(
                "stretch %d: %d slots, %d pairs, thetas %s, %d tokens",
                self.stretches, self.tokens.n_slots, n_pairs, fitting, self.size[0],
            )  # fmt: skip
            if why == EXHAUSTED:
                break
            if why == LOW_COUNTS and fitting[low] > thetas[low]:
                # it was the room that raised theta, and more of it helps
                self._arena = self.workspace.array("occurrences", 2 * self._arena.size, np.uint64)
            elif why == LOW_COUNTS:
                thetas = np.where(best > 0, np.minimum(thetas, best // LOWER), thetas)
                thetas[low] //= LOWER
                thetas = np.maximum(thetas, limits.min_count)

    def _weights(self, thetas: np.ndarray) -> tuple[Counted, int]:
        """Weights of words, so that a pair that counts thetas[g] in a group g weighs the second number or more."""
        matrix, groups = self.columns, self.lists.groups
        per_count = np.where(groups >= 0, 1 / thetas[groups], 0.0)
        shares = matrix.counts * per_count[matrix.columns]
        total = float(shares @ np.repeat(self.words.sizes.astype(float), np.diff(matrix.offsets)))
        scale = int(min(SCALE, 2.0**60 / max(total, 1)))
        weights = (shares * scale).astype(np.int64) + 1  # 0 would say that a word is not in the text
        return Counted(frozen(matrix.sums(weights)), self.evaluated), scale

    def _begin(
        self, thetas: np.ndarray, max_token_length: int
    ) -> tuple[np.ndarray, TrackedByCorpus, int, Queues]:
        """Count, list and queue pairs: (the thetas from which pairs have room, pairs, their number, queues)."""
        weighed, least = self._weights(thetas)
        rows = self._token_pairs(weighed, least) if self.stretches else self._byte_pairs(weighed)
        sizes = self.vocabulary.sizes
        size = sizes[rows[:, KEY] >> 32] + sizes[rows[:, KEY] & 0xFFFFFFFF]
        # bytes pair up whatever max_token_length says, as in `tokenizers`
        rows = rows[(rows[:, COUNT] >= least) & ((size < max_token_length) | (size == 2))]
        fit = theta_that_fits(rows[:, COUNT], rows[:, N], least, self._arena.size) if len(rows) else least
        rows = rows[rows[:, COUNT] >= fit]
        rows = rows[np.argsort(-rows[:, COUNT])]  # so that they hardly move when they are queued
        if fit > least:
            thetas = np.minimum(np.ceil(thetas * (fit / least)), NEVER).astype(np.int64)
        rows[:, END] = np.cumsum(rows[:, N])
        rows[:, START] = rows[:, END] - rows[:, N]
        n_pairs = len(rows)
        if n_pairs and rows[-1, END] > self._arena.size:
            self._arena = self.workspace.array("occurrences", 2 * int(rows[-1, END]), np.uint64)
        tracked = self._room(n_pairs, len(thetas))
        tracked.pairs[:n_pairs] = rows
        enter_all(tracked.table, tracked.pairs, n_pairs)
        self._list(rows, tracked)
        count_listed(self._arena, tracked.pairs[:n_pairs], self.lists, tracked.counts)
        room = 64  # rows of each queue; they grow
        n = len(thetas)
        queues = Queues(
            np.empty((room * n, 3), np.int64), room * np.arange(n), np.zeros(n, np.int64), np.full(n, room),
            np.array([room * n]),
        )  # fmt: skip
        names = Names(self.vocabulary.spellings, self.vocabulary.offsets)
        return thetas, tracked, n_pairs, queue_all(tracked, n_pairs, names, queues, thetas)

    def _byte_pairs(self, weighed: Counted) -> np.ndarray:
        """Make every byte a token. Rows (key, weight, number, 0), int64 [n, 4], of the pairs that there are."""
        byte_id = self.initial.byte_id
        found = fill_slots(self.words.arrays(), weighed, byte_id, self._until, self.tokens.slots)
        pairs = np.flatnonzero(found[:, 1])
        rows = np.zeros((len(pairs), 4), dtype=np.int64)
        rows[:, KEY] = byte_id[pairs >> 8].astype(np.int64) << 32 | byte_id[pairs & 255]
        rows[:, COUNT], rows[:, N] = found[pairs].T
        return rows

    def _token_pairs(self, weighed: Counted, least: int) -> np.ndarray:
        """The same of the tokens that there are, one slot each from now on; some lighter pairs are left out."""
        self.tokens = self.tokens._replace(n_slots=compact(self.tokens))
        self.tokens.widths[:] = 1
        if self.size[0] >= self._until:
            self._widen()
        size = max(min(self.tokens.n_slots // SKETCH, self._arena.size), 1)
        sketch = self._arena[: 1 << size.bit_length() - 1].view(np.int64)
        sketch[:] = 0
        sketch_pairs(self.tokens, weighed, sketch)
        return weigh_pairs(self.tokens, weighed, sketch, least)

    def _list(self, rows: np.ndarray, tracked: TrackedByCorpus) -> None:
        """List the occurrences of tracked pairs, whose rows these are."""
        if self.stretches:
            tracked.pairs[: len(rows), END] = rows[:, START]  # moves on
            list_pairs(self.tokens, self.counted, tracked.table, tracked.pairs, self._arena)
            return
        byte_of = np.zeros(self.initial.n_tokens, np.int64)
        byte_of[self.initial.byte_id] = np.arange(256)
        write_to = np.full(1 << 16, -1, dtype=np.int64)
        write_to[byte_of[rows[:, KEY] >> 32] << 8 | byte_of[rows[:, KEY] & 0xFFFFFFFF]] = rows[:, START]
        list_byte_pairs(self.words.arrays(), self.counted, write_to, self._arena)

    def _room(self, n_pairs: int, n_groups: int) -> TrackedByCorpus:
        """Room for so many pairs and those that are born."""
        n = 1 << max(2 * n_pairs, 4 * self.vocab_size, (1 << 16) - 1).bit_length()
        table = self.workspace.array("table", 2 * n, np.uint64)[: 2 * n]
        pairs = self.workspace.array("pairs", 4 * n, np.int64)[: 4 * n].reshape(-1, 4)
        counts = self.workspace.array("counts by corpus", n_groups * n, np.int64)[: n_groups * n]
        counts[: n_groups * n_pairs] = 0
        return TrackedByCorpus(table, pairs, counts.reshape(n, n_groups))

    def _widen(self) -> None:
        """Go on with wide slots, as ids are about to outgrow the narrow ones."""
        narrow, _, before, n_slots = self.tokens
        wide = self.workspace.array("slots", narrow.nbytes // 4, np.uint32)
        if n_slots > len(wide):
            wide = np.empty(n_slots, np.uint32)
            self.workspace.keep("slots", wide)
        widen(narrow, n_slots, before, self.vocab_size, wide)
        self.tokens = Tokens(wide, self.tokens.widths, self.vocab_size, n_slots)
        self._until = self.vocab_size
