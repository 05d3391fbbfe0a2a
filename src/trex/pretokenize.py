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
from numba import njit

from trex import unicode_tables
from trex.arrow import binary, bytes_of, from_numpy, frozen, lists, to_numpy
from trex.patterns import DEFAULT
from trex.unicode_tables import LETTER, NEWLINE, NUMBER, OTHER, SPACE

# ---------------------------------------------------------------------------------------------- scanner


@njit(cache=True)
def _decode(text, i):
    """(code point, bytes) of the valid UTF-8 sequence at i."""
    b = text[i]
    if b < 0x80:
        return np.int64(b), 1
    if b < 0xE0:
        return np.int64((b & 0x1F) << 6 | (text[i + 1] & 0x3F)), 2
    if b < 0xF0:
        return np.int64((b & 0x0F) << 12 | (text[i + 1] & 0x3F) << 6 | (text[i + 2] & 0x3F)), 3
    return (
        np.int64(
            (b & 0x07) << 18 | (text[i + 1] & 0x3F) << 12 | (text[i + 2] & 0x3F) << 6 | (text[i + 3] & 0x3F)
        ),
        4,
    )


@njit(cache=True)
def _skip_class(text, i, end, classes, wanted):
    """First place from i on whose code point is not of the wanted class."""
    while i < end:
        point, size = _decode(text, i)
        if classes[point] != wanted:
            break
        i += size
    return i


@njit(cache=True)
def word_end(text, i, end, classes):
    """Where the word that starts at byte i of text[:end] ends: the alternatives of DEFAULT in their order."""
    point, size = _decode(text, i)
    kind = classes[point]
    j = i + size
    if point == 0x27 and j < end:  # (?i:'s|'t|'re|'ve|'m|'ll|'d)
        first = text[j] | 0x20
        if first == 0x73 or first == 0x74 or first == 0x6D or first == 0x64:
            return j + 1
        if j + 1 < end:
            second = text[j + 1] | 0x20
            if (first == 0x72 or first == 0x76) and second == 0x65:
                return j + 2
            if first == 0x6C and second == 0x6C:
                return j + 2
            if text[j] == 0xC5 and text[j + 1] == 0xBF:  # U+017F, the long s, folds to s
                return j + 2
    if kind == LETTER:
        return _skip_class(text, j, end, classes, LETTER)
    if kind == NUMBER:
        return j
    if kind != NEWLINE:
        others = kind == OTHER
        if j < end:
            next_point, next_size = _decode(text, j)
            next_kind = classes[next_point]
            if next_kind == LETTER:  # [^\r\n\p{L}\p{N}]?\p{L}+
                return _skip_class(text, j + next_size, end, classes, LETTER)
            others = others or (point == 0x20 and next_kind == OTHER)
        if others:  # " ?[^\s\p{L}\p{N}]+[\r\n]*"
            j = _skip_class(text, j, end, classes, OTHER)
            return _skip_class(text, j, end, classes, NEWLINE)
    # White space that no letter or punctuation claims: up to the last newline of the run, or else the run
    # without its last character if something follows that could claim it.
    after_newline = j if kind == NEWLINE else -1
    last = i
    while j < end:
        point, size = _decode(text, j)
        kind = classes[point]
        if kind != SPACE and kind != NEWLINE:
            break
        last = j
        j += size
        if kind == NEWLINE:
            after_newline = j
    if after_newline >= 0:
        return after_newline
    if j == end or last == i:
        return j
    return last


@njit(cache=True)
def _doubtful_lines(text, starts, ends, nfc):
    """Rows (document, first byte, end) of the lines that NFC may change (quick check of Unicode annex 15)."""
    found = np.empty((16, 3), dtype=np.int64)
    n = 0
    for d in range(starts.size):
        line = i = starts[d]
        end = ends[d]
        rank = np.uint8(0)
        doubtful = False
        while i < end:
            b = text[i]
            if b < 0xCC:  # below U+0300 everything is inert
                i += 1 if b < 0x80 else 2
                rank = np.uint8(0)
            else:
                point, size = _decode(text, i)
                value = nfc[point]
                i += size
                if value == 255 or (value != 0 and value < rank):
                    doubtful = True
                rank = value
            if b == 0x0A or i == end:
                if doubtful:
                    if n == len(found):
                        found = np.concatenate((found, np.empty_like(found)))
                    found[n, 0] = d
                    found[n, 1] = line
                    found[n, 2] = i
                    n += 1
                    doubtful = False
                line = i
    return found[:n]


@njit(cache=True)
def _word_hash(text, i, j):
    h = np.uint64(0xCBF29CE484222325)
    for k in range(i, j):
        h = (h ^ np.uint64(text[k])) * np.uint64(0x100000001B3)
    h ^= h >> np.uint64(29)
    return h * np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True)
def _grown(array, size):
    bigger = np.empty(size, dtype=array.dtype)
    bigger[: array.size] = array
    return bigger


@njit(cache=True)
def _count_batch(
    text, starts, ends, shards, by_line, classes, table, hashes, offsets, arena, counts, n_words
):
    """Count the words of documents that are sorted by shard.

    table: open-addressing slots holding word id + 1 (0 free), a power of two long; hashes, counts: per word;
    offsets [n_words + 1] into arena: the words' bytes; counts are all zero between shards.
    Returns the (possibly reallocated) word table and the batch's (word id, shard, count) triples.
    """
    mask = np.uint64(table.size - 1)
    touched = np.empty(1024, dtype=np.int32)
    n_touched = 0
    out_word = np.empty(4096, dtype=np.int32)
    out_shard = np.empty(4096, dtype=np.uint16)
    out_count = np.empty(4096, dtype=np.int64)
    n_out = 0
    total = 0
    words_in_shard = np.zeros(65536, dtype=np.int64)
    for d in range(starts.size):
        item = starts[d]
        while item < ends[d]:
            item_end = ends[d]
            if by_line:
                item_end = item
                while item_end < ends[d] and text[item_end] != 0x0A:
                    item_end += 1
                item_end = min(item_end + 1, ends[d])
            i = item
            while i < item_end:
                j = word_end(text, i, item_end, classes)
                size = j - i
                h = _word_hash(text, i, j)
                slot = h & mask
                word = -1
                while table[slot] != 0:
                    w = table[slot] - 1
                    if hashes[w] == h and offsets[w + 1] - offsets[w] == size:
                        o = offsets[w]
                        k = 0
                        while k < size and arena[o + k] == text[i + k]:
                            k += 1
                        if k == size:
                            word = w
                            break
                    slot = (slot + np.uint64(1)) & mask
                if word < 0:
                    word = n_words
                    n_words += 1
                    if n_words == hashes.size:
                        hashes = _grown(hashes, 2 * n_words)
                        offsets = _grown(offsets, 2 * n_words + 1)
                        filled = counts.size
                        counts = _grown(counts, 2 * n_words)
                        counts[filled:] = 0
                    table[slot] = n_words
                    hashes[word] = h
                    o = offsets[word]
                    if o + size > arena.size:
                        arena = _grown(arena, 2 * (o + size))
                    arena[o : o + size] = text[i:j]
                    offsets[word + 1] = o + size
                    if 2 * n_words > table.size:
                        table = np.zeros(4 * table.size, dtype=table.dtype)
                        mask = np.uint64(table.size - 1)
                        for w in range(n_words):
                            s = hashes[w] & mask
                            while table[s] != 0:
                                s = (s + np.uint64(1)) & mask
                            table[s] = w + 1
                if counts[word] == 0:
                    if n_touched == touched.size:
                        touched = _grown(touched, 2 * n_touched)
                    touched[n_touched] = word
                    n_touched += 1
                counts[word] += 1
                total += 1
                i = j
            item = item_end
        words_in_shard[shards[d]] += total
        total = 0
        if d + 1 == starts.size or shards[d + 1] != shards[d]:
            if n_out + n_touched > out_word.size:
                capacity = max(2 * out_word.size, n_out + n_touched)
                out_word = _grown(out_word, capacity)
                out_shard = _grown(out_shard, capacity)
                out_count = _grown(out_count, capacity)
            for t in range(n_touched):
                w = touched[t]
                out_word[n_out] = w
                out_shard[n_out] = shards[d]
                out_count[n_out] = counts[w]
                counts[w] = 0
                n_out += 1
            n_touched = 0
    state = (table, hashes, offsets, arena, counts, n_words)
    return state, out_word[:n_out], out_shard[:n_out], out_count[:n_out], words_in_shard


# -------------------------------------------------------------------------------------------- documents


def _normalized(text: np.ndarray, starts: np.ndarray, ends: np.ndarray, nfc: np.ndarray):
    """The documents after NFC: (text, starts, ends), the same arrays if nothing needs it."""
    from tokenizers import normalizers

    lines = _doubtful_lines(text, starts, ends, nfc)
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
        self._state, word, shard, count, words_in_shard = _count_batch(
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
