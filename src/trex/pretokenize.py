"""From text to counts of pre-tokens ("words"), exactly as Hugging Face `tokenizers` makes them.

A word is a pre-token after NFC, as UTF-8 bytes. The default regex is scanned by a hand-written state machine
on bytes, compiled by numba; its tables of letters, numbers and spaces come from `tokenizers` itself
(`trex.unicode_tables`). Every other regex goes the slow exact way through `tokenizers`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trex import unicode_tables
from trex.arrow import binary, bytes_of, from_numpy, frozen, lists, to_numpy
from trex.patterns import DEFAULT
from trex.scanner import count_batch, doubtful_lines


def _normalized(text: np.ndarray, starts: np.ndarray, ends: np.ndarray, nfc: np.ndarray):
    """The documents after NFC: (text, starts, ends), the same arrays if nothing needs it."""
    from tokenizers import normalizers

    lines = doubtful_lines(text, starts, ends, nfc)
    if not len(lines):
        return text, starts, ends
    # Newlines are inert under NFC, so all doubtful lines go through `tokenizers` in one call, one to a line.
    doubtful = b"\n".join([text[a:b].tobytes().removesuffix(b"\n") for _, a, b in lines.tolist()])
    clean = normalizers.NFC().normalize_str(doubtful.decode()).encode().split(b"\n")
    # Documents that hold a doubtful line move to the end of the buffer; the others stay.
    starts, ends = starts.copy(), ends.copy()
    pieces: list[bytes] = []
    size = text.size
    owner, first_line = np.unique(lines[:, 0], return_index=True)
    for document, first, last in zip(owner, first_line, [*first_line[1:], len(lines)], strict=True):
        at = int(starts[document])
        moved: list[bytes] = []
        for (_, a, b), line in zip(lines[first:last].tolist(), clean[first:last], strict=True):
            moved += [text[at:a].tobytes(), line, b"\n" if text[b - 1] == 0x0A else b""]
            at = b
        moved.append(text[at : ends[document]].tobytes())
        starts[document] = size
        size += sum(map(len, moved))
        ends[document] = size
        pieces += moved
    return np.concatenate((text, np.frombuffer(b"".join(pieces), dtype=np.uint8))), starts, ends


@dataclass(frozen=True)
class WordCounts:
    """Counts of distinct words by shard.

    words: LargeBinaryArray [n], sorted by bytes. Row i's shards and counts are
    shards[offsets[i]:offsets[i + 1]] (uint16, rising) and counts[...] (int64).
    """

    words: pa.LargeBinaryArray
    offsets: np.ndarray
    shards: np.ndarray
    counts: np.ndarray

    def totals(self) -> np.ndarray:
        """int64 [n]: each word's count over all shards."""
        return np.add.reduceat(self.counts, self.offsets[:-1]) if len(self.words) else self.counts

    def by_shard(self) -> pa.Table:
        """The columns of counts/{corpus}/words.parquet."""
        return pa.table(
            {
                "word": self.words,
                "shard": lists(self.offsets, self.shards),
                "count": lists(self.offsets, self.counts),
            }
        )

    def summed(self) -> pa.Table:
        """The columns of evaluation/{set}/{corpus}.parquet."""
        return pa.table({"word": self.words, "count": from_numpy(self.totals())})


class WordCounter:
    """Counts words of documents by shard.

    pattern: the pre-tokenization regex itself, not its name. shards: how many there are. by_line: each line with
    its newline is an item of its own, as in `tokenizers`' training on files; otherwise each document is.
    """

    def __init__(self, pattern: str = DEFAULT, shards: int = 1, by_line: bool = False):
        self.shards = shards
        self.by_line = by_line
        self.words_in_shard = np.zeros(shards, dtype=np.int64)
        self._slow = None if pattern == DEFAULT else _RegexCounter(pattern)
        self._keys = np.empty(0, dtype=np.int64)  # word id * shards + shard, sorted
        self._counts = np.empty(0, dtype=np.int64)
        self._pending: list[tuple[np.ndarray, np.ndarray]] = []
        self._pending_size = 0
        self._state = (
            np.zeros(1 << 12, dtype=np.int32),
            np.empty(1 << 10, dtype=np.uint64),
            np.zeros((1 << 10) + 1, dtype=np.int64),
            np.empty(1 << 14, dtype=np.uint8),
            np.zeros(1 << 10, dtype=np.int64),
            0,
        )

    def add(self, documents: pa.LargeStringArray, shards: np.ndarray | None = None) -> None:
        """Count documents (valid UTF-8, no nulls); shards: their shard numbers, default all 0."""
        if not len(documents):
            return
        if shards is None:
            shards = np.zeros(len(documents), dtype=np.uint16)
        if self._slow is not None:
            self.words_in_shard += self._slow.add(documents, shards, self.shards, self.by_line)
            return
        classes, nfc = unicode_tables.load()
        text, bounds = bytes_of(documents)
        order = np.argsort(shards, kind="stable")
        starts, ends = bounds[:-1][order], bounds[1:][order]
        text, starts, ends = _normalized(frozen(text), starts, ends, nfc)
        self._state, word, shard, count, words_in_shard = count_batch(
            frozen(text), starts, ends, shards[order].astype(np.uint16), self.by_line, classes, *self._state
        )
        self.words_in_shard += words_in_shard[: self.shards]
        self._pending.append((word * np.int64(self.shards) + shard, count))
        self._pending_size += word.size
        if self._pending_size > max(self._keys.size, 1 << 20):
            self._compact()

    def _compact(self) -> None:
        keys = np.concatenate([self._keys, *(k for k, _ in self._pending)])
        counts = np.concatenate([self._counts, *(c for _, c in self._pending)])
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        self._keys = keys[first]
        self._counts = np.add.reduceat(counts, first) if first.size else counts
        self._pending, self._pending_size = [], 0

    def result(self) -> WordCounts:
        """What was counted so far."""
        if self._slow is not None:
            words, word, shard, count = self._slow.triples()
            self._pending = [(word * np.int64(self.shards) + shard, count)]
            self._keys, self._counts = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        else:
            *_, offsets, arena, _, n_words = self._state
            words = binary(arena[: offsets[n_words]], offsets[: n_words + 1])
        self._compact()
        order = to_numpy(pc.array_sort_indices(words)).astype(np.int64)
        rows = np.searchsorted(self._keys, np.arange(len(words) + 1, dtype=np.int64) * self.shards)
        lengths = np.diff(rows)[order]
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        # the entries of the words in their new order
        take = np.repeat(rows[:-1][order] - offsets[:-1], lengths) + np.arange(offsets[-1])
        shards = (self._keys[take] % self.shards).astype(np.uint16)
        return WordCounts(words.take(from_numpy(order)), offsets, shards, self._counts[take])


class _RegexCounter:
    """The slow exact way for any regex: `tokenizers` normalizes and splits every item."""

    def __init__(self, pattern: str):
        from tokenizers import Regex, normalizers, pre_tokenizers

        self._normalize = normalizers.NFC().normalize_str
        self._split = pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str
        self._counts: dict[int, Counter[str]] = {}

    def add(
        self, documents: pa.LargeStringArray, shards: np.ndarray, n_shards: int, by_line: bool
    ) -> np.ndarray:
        words_in_shard = np.zeros(n_shards, dtype=np.int64)
        for document, shard in zip(documents.to_pylist(), shards.tolist(), strict=True):
            counter = self._counts.setdefault(shard, Counter())
            for item in _lines(document) if by_line else (document,):
                words = [word for word, _ in self._split(self._normalize(item))]
                counter.update(words)
                words_in_shard[shard] += len(words)
        return words_in_shard

    def triples(self):
        ids: dict[str, int] = {}
        word, shard, count = [], [], []
        for number, counter in sorted(self._counts.items()):
            for text, n in counter.items():
                word.append(ids.setdefault(text, len(ids)))
                shard.append(number)
                count.append(n)
        spellings = [text.encode() for text in ids]
        borders = np.cumsum([0, *map(len, spellings)], dtype=np.int64)
        words = binary(np.frombuffer(b"".join(spellings), dtype=np.uint8), borders)
        return words, np.array(word, np.int64), np.array(shard, np.int64), np.array(count, np.int64)


def _lines(text: str) -> Iterable[str]:
    """Lines with their newlines, as `tokenizers` reads files: only "\\n" ends a line."""
    pieces = text.split("\n")
    yield from (piece + "\n" for piece in pieces[:-1])
    if pieces[-1]:
        yield pieces[-1]


def count_words(text: str, pattern: str = DEFAULT, by_line: bool = False) -> dict[bytes, int]:
    """What `tokenizers` makes of the text as one item, or with `by_line` of each line with its newline.

    Returns each distinct word (UTF-8 bytes after NFC) with its count.

    >>> count_words("don't panic, don't")
    {b"'t": 2, b' don': 1, b' panic': 1, b',': 1, b'don': 1}
    """
    counter = WordCounter(pattern, by_line=by_line)
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    if text:
        counter.add(binary(data, np.array([0, data.size])).view(pa.large_string()))
    counts = counter.result()
    return dict(zip(counts.words.to_pylist(), counts.totals().tolist(), strict=True))
