"""Documents by the hashes of their text: which are the same, and which were met before."""

import logging
from collections.abc import Iterable
from time import monotonic

import numpy as np
import pyarrow as pa

from trex.arrow import bytes_of, frozen
from trex.compiled.intrinsics import load8
from trex.compiled.kernel import kernel

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 10


# Constants of XXH64 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md).
_PRIME_1 = np.uint64(0x9E3779B185EBCA87)
_PRIME_2 = np.uint64(0xC2B2AE3D27D4EB4F)
_PRIME_3 = np.uint64(0x165667B19E3779F9)
_PRIME_4 = np.uint64(0x85EBCA77C2B2AE63)
_PRIME_5 = np.uint64(0x27D4EB2F165667C5)
_ONES = np.uint64(0x0101010101010101)
_TOP = np.uint64(56)


def document_hashes(documents: pa.LargeStringArray, seed: int) -> np.ndarray:
    """uint64 [n]: a seeded 64-bit hash (XXH64) of each document's UTF-8 bytes, whatever ends its lines.

    "\\r\\n" and "\\r" count as "\\n", and newlines at the end do not count: so a line of a text file, which keeps its
    newline, is the same document as the text of a JSON record, and a file is that of another system.
    """
    return hashes_and_sizes(documents, seed)[0]


def hashes_and_sizes(documents: pa.LargeStringArray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(`document_hashes`; int64 [n]: the bytes that were hashed and one more, for the newline at the end).

    Copies of a document that differ in line ends have the same size, as they have the same hash.
    """
    text, borders = map(frozen, bytes_of(documents))
    text = text[: borders[-1]]
    if _has_return(text[borders[0] :]):
        text, borders = map(frozen, _without_returns(text, borders))
    return _hashes(text, borders, np.uint64(seed))


@kernel
def _has_return(text):
    found = False
    for b in text:
        found |= b == 0x0D
    return found


@kernel
def _rotated(x, bits):
    return x << np.uint64(bits) | x >> np.uint64(64 - bits)


@kernel
def _round(lane, word):
    return _rotated(lane + word * _PRIME_2, 31) * _PRIME_1


@kernel
def _merged(h, lane):
    return (h ^ _round(np.uint64(0), lane)) * _PRIME_1 + _PRIME_4


@kernel
def xxh64(text, i, end, seed):
    """XXH64 of text[i:end], uint64; nothing behind end is read."""
    size = np.uint64(end - i)
    if end - i >= 32:
        a = seed + _PRIME_1 + _PRIME_2
        b = seed + _PRIME_2
        c = seed
        d = seed - _PRIME_1
        while i + 32 <= end:
            a = _round(a, load8(text, i))
            b = _round(b, load8(text, i + 8))
            c = _round(c, load8(text, i + 16))
            d = _round(d, load8(text, i + 24))
            i += 32
        h = _rotated(a, 1) + _rotated(b, 7) + _rotated(c, 12) + _rotated(d, 18)
        h = _merged(_merged(_merged(_merged(h, a), b), c), d)
    else:
        h = seed + _PRIME_5
    h += size
    while i + 8 <= end:
        h = _rotated(h ^ _round(np.uint64(0), load8(text, i)), 27) * _PRIME_1 + _PRIME_4
        i += 8
    if i + 4 <= end:
        word = np.uint64(0)
        for k in range(4):
            word |= np.uint64(text[i + k]) << np.uint64(8 * k)
        h = _rotated(h ^ word * _PRIME_1, 23) * _PRIME_2 + _PRIME_3
        i += 4
    while i < end:
        h = _rotated(h ^ np.uint64(text[i]) * _PRIME_5, 11) * _PRIME_1
        i += 1
    h = (h ^ h >> np.uint64(33)) * _PRIME_2
    h = (h ^ h >> np.uint64(29)) * _PRIME_3
    return h ^ h >> np.uint64(32)


@kernel
def _hashes(text, borders, seed):
    """(uint64 [n], int64 [n]): hashes of documents without the newlines at their end, and their sizes with one."""
    hashes = np.empty(borders.size - 1, dtype=np.uint64)
    sizes = np.empty(borders.size - 1, dtype=np.int64)
    for d in range(hashes.size):
        end = borders[d + 1]
        while end > borders[d] and text[end - 1] == 0x0A:
            end -= 1
        hashes[d] = xxh64(text, borders[d], end, seed)
        sizes[d] = end - borders[d] + 1
    return hashes, sizes


@kernel
def _count_characters(text, borders):
    """int64 [n]: bytes that begin a code point."""
    counts = np.empty(borders.size - 1, dtype=np.int64)
    for d in range(counts.size):
        i = borders[d]
        end = borders[d + 1]
        n = end - i
        while i + 8 <= end:
            eight = load8(text, i)
            others = eight >> np.uint64(7) & ~(eight >> np.uint64(6)) & _ONES  # a 1 in each byte 10xxxxxx
            n -= np.int64(others * _ONES >> _TOP)
            i += 8
        while i < end:
            n -= (text[i] & 0xC0) == 0x80
            i += 1
        counts[d] = n
    return counts


def characters_of(documents: pa.LargeStringArray) -> np.ndarray:
    """int64 [n]: code points of each document."""
    return _count_characters(*map(frozen, bytes_of(documents)))


@kernel
def _without_returns(text, borders):
    """(text, borders) with "\\n" for "\\r\\n" and "\\r"."""
    new = np.empty(text.size, dtype=np.uint8)
    new_borders = np.zeros(borders.size, dtype=np.int64)
    n = 0
    for d in range(borders.size - 1):
        for i in range(borders[d], borders[d + 1]):
            b = text[i]
            if b == 0x0D:
                if i + 1 < borders[d + 1] and text[i + 1] == 0x0A:
                    continue
                b = np.uint8(0x0A)
            new[n] = b
            n += 1
        new_borders[d + 1] = n
    return new, new_borders


@kernel
def _insert(table, h):
    """Add a hash to an open-addressing set; whether it was new."""
    mask = np.uint64(table.size - 1)
    slot = h & mask
    while table[slot] != 0 and table[slot] != h:
        slot = (slot + np.uint64(1)) & mask
    new = table[slot] == 0
    table[slot] = h
    return new


@kernel
def _add_new(table, n, hashes):
    """Add hashes to a set of n (0 marks a free slot, so the hash 0 counts as 1).
    Returns the set, its size, and which hashes were new, bool."""
    new = np.zeros(hashes.size, dtype=np.bool_)
    for i in range(hashes.size):
        if 4 * (n + 1) > 3 * table.size:
            bigger = np.zeros(2 * table.size, dtype=np.uint64)
            for h in table:
                if h != 0:
                    _insert(bigger, h)
            table = bigger
        new[i] = _insert(table, max(hashes[i], np.uint64(1)))
        n += new[i]
    return table, n, new


class Seen:
    """The set of documents met so far; 11 to 22 bytes a document, and half of that again while it grows."""

    def __init__(self):
        self._table, self._n = np.zeros(1 << 12, dtype=np.uint64), 0

    def add(self, hashes: np.ndarray) -> np.ndarray:
        """bool [n]: which were not there before."""
        self._table, self._n, new = _add_new(self._table, self._n, np.ascontiguousarray(hashes, np.uint64))
        return new

    def hashes(self) -> np.ndarray:
        """uint64 [n], sorted."""
        found = self._table[self._table != 0]
        found.sort()
        return found


def sizes_of(documents: pa.LargeStringArray) -> np.ndarray:
    """int64 [n]: bytes of each document."""
    return np.diff(bytes_of(documents)[1])


def low_half(hashes: np.ndarray) -> np.ndarray:
    """What decides whether a document is held out, uniform in [0, 2**32)."""
    return hashes & np.uint64(0xFFFFFFFF)


def contained(hashes: np.ndarray, among: np.ndarray) -> np.ndarray:
    """bool [n]: which hashes are among others, sorted and possibly memory-mapped; reads only what it compares."""
    if not among.size:
        return np.zeros(hashes.size, dtype=bool)
    place = np.searchsorted(among, hashes)
    return among[np.minimum(place, among.size - 1)] == hashes


class Progress:
    """Says how much was read, every PROGRESS_SECONDS."""

    def __init__(self, what: str):
        self._what, self._bytes, self._start = what, 0, monotonic()
        self._said = self._start

    def add(self, n_bytes: int) -> None:
        self._bytes += n_bytes
        now = monotonic()
        if now - self._said >= PROGRESS_SECONDS:
            self._said = now
            rate = self._bytes / 1e6 / (now - self._start)
            log.info("%s: %.0f MB read, %.1f MB/s", self._what, self._bytes / 1e6, rate)


def distinct_hashes(documents: Iterable[pa.LargeStringArray], progress: Progress, seed: int) -> np.ndarray:
    """uint64 [n], sorted: the hashes of the documents of a part, without counting anything."""
    seen = Seen()
    for batch in documents:
        seen.add(document_hashes(batch, seed))
        progress.add(int(sizes_of(batch).sum()))
    return seen.hashes()


def hashes_shared(own: np.ndarray, others: Iterable[np.ndarray]) -> np.ndarray:
    """uint64: which hashes of a part any other part has; all sorted, the others one at a time."""
    shared = np.zeros(own.size, dtype=bool)
    for other in others:
        shared |= contained(own, other)
    return own[shared]


def join_documents(parts: Iterable[np.ndarray]) -> np.ndarray:
    """uint64, sorted: the hashes of the training documents of all parts, each once."""
    return np.unique(np.concatenate(list(parts)))
