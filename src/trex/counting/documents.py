"""Documents by the hashes of their text: which are the same, and which were met before."""

import hashlib
import logging
from collections.abc import Iterable
from time import monotonic

import numpy as np
import pyarrow as pa

from trex.arrow import bytes_of, frozen
from trex.compiled.kernel import kernel

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 10


def document_hashes(documents: pa.LargeStringArray, seed: int) -> np.ndarray:
    """uint64 [n]: a keyed 64-bit hash (BLAKE2b) of each document's UTF-8 bytes, whatever ends its lines.

    "\\r\\n" and "\\r" count as "\\n", and newlines at the end do not count: so a line of a text file, which keeps its
    newline, is the same document as the text of a JSON record, and a file is that of another system.
    """
    text, borders = map(frozen, bytes_of(documents))
    text = text[: borders[-1]]
    if np.count_nonzero(text == 0x0D):
        text, borders = _without_returns(text, borders)
    data = memoryview(text)
    keyed = hashlib.blake2b(digest_size=8, key=seed.to_bytes(8, "little"))
    digests = []
    for a, b in zip(borders[:-1].tolist(), _text_ends(text, borders).tolist(), strict=True):
        document = keyed.copy()
        document.update(data[a:b])
        digests.append(document.digest())
    return np.frombuffer(b"".join(digests), dtype="<u8")


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
def _text_ends(text, borders):
    """int64 [n]: where documents end without the newlines at their end."""
    ends = borders[1:].copy()
    for d in range(ends.size):
        while ends[d] > borders[d] and text[ends[d] - 1] == 0x0A:
            ends[d] -= 1
    return ends


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


def distinct_hashes(documents: Iterable[pa.LargeStringArray], corpus: str, seed: int) -> np.ndarray:
    """uint64 [n], sorted: the hashes of the documents of a part, without counting anything."""
    seen = Seen()
    progress = Progress(corpus)
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
