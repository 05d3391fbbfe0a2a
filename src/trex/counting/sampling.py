"""Samples of max_bytes of a corpus: documents drawn by a hash of their content and the seed.

Every document has a key, which is a hash of its hash, so that the sample has nothing to do with who is held out and
with the order of training text. The sample is the documents with the smallest keys, up to the one that fills
max_bytes. So it has all kinds of documents in the shares that the whole has, whatever their order, files and parts; and
a larger sample has all documents of a smaller one.

Which key is the largest is found in a first reading that hashes and counts nothing; it remembers no more documents
than twice the sample has.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from trex.arrow import from_numpy
from trex.counting.documents import (
    Progress,
    contained,
    distinct_hashes,
    document_hashes,
    hashes_and_sizes,
    sizes_of,
)

log = logging.getLogger(__name__)

_AT_ONCE = 1 << 20  # documents

LARGEST_KEY = 2**64 - 1
# How a sample was drawn, as ledgers say it.
ALL, DOCUMENTS, PLACES, STREAM = "all", "documents", "places", "stream"
WAYS = {
    ALL: "all of it",
    DOCUMENTS: "documents drawn by a hash of their content from all of it",
    PLACES: "documents drawn by a hash of their content from places spread over its files",
    STREAM: "the beginning of a stream with its shards and a buffer of documents shuffled",
}


@dataclass(frozen=True)
class Sample:
    """What is read of a corpus and counts.

    way: a key of WAYS. last_key: of the documents that count. read_share: of the bytes of its files, the share that was
    read; None of a stream.
    """

    way: str = ALL
    last_key: int = LARGEST_KEY
    read_share: float | None = 1.0

    def has(self, hashes: np.ndarray) -> np.ndarray:
        """bool [n]: which documents count."""
        return document_keys(hashes) <= np.uint64(self.last_key)

    def of(self, batch: pa.LargeStringArray, seed: int) -> tuple[pa.LargeStringArray, np.ndarray]:
        """(the documents of a batch that count, their hashes)"""
        hashes = document_hashes(batch, seed)
        if self.last_key == LARGEST_KEY:
            return batch, hashes
        inside = np.flatnonzero(self.has(hashes))
        return batch.take(from_numpy(inside)), hashes[inside]

    def columns(self, corpus: str, rows: int) -> dict[str, pl.Series]:
        """The columns of a ledger that say how the sample of a corpus was drawn."""
        return {
            "corpus": pl.repeat(corpus, rows, dtype=pl.String, eager=True),
            "sample": pl.repeat(self.way, rows, dtype=pl.String, eager=True),
            "read_share": pl.repeat(self.read_share, rows, dtype=pl.Float64, eager=True),
        }


WHOLE = Sample()


def document_keys(hashes: np.ndarray) -> np.ndarray:
    """uint64 [n]: the keys of documents with these hashes, no two the same (the last steps of SplitMix64)."""
    keys = hashes.astype(np.uint64)
    keys = (keys ^ keys >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ keys >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return keys ^ keys >> np.uint64(31)


class Draw:
    """Finds the documents with the smallest keys that have max_bytes of text, in whatever order they come.

    copies: that copies of a document count; otherwise each document counts once. A document's size is that of
    `hashes_and_sizes`, which does not depend on how its lines end.
    """

    def __init__(self, max_bytes: int, copies: bool = False):
        self._max_bytes, self._copies = max_bytes, copies
        self._hashes, self._sizes = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
        self._n_bytes = 0
        self.last_key = LARGEST_KEY

    def add(self, hashes: np.ndarray, sizes: np.ndarray) -> None:
        if self.last_key != LARGEST_KEY:
            inside = document_keys(hashes) <= np.uint64(self.last_key)
            hashes, sizes = hashes[inside], sizes[inside]
        self._hashes.append(hashes)
        self._sizes.append(sizes)
        self._n_bytes += int(sizes.sum())
        if self._n_bytes > 2 * self._max_bytes and len(hashes):
            self._cut()

    def _cut(self) -> None:
        hashes, sizes = np.concatenate(self._hashes), np.concatenate(self._sizes)
        if self._copies:
            hashes, rows = np.unique(hashes, return_inverse=True)
            sizes = np.bincount(rows, sizes, len(hashes)).astype(np.int64)
        else:
            hashes, first = np.unique(hashes, return_index=True)
            sizes = sizes[first]
        keys = document_keys(hashes)
        order = np.argsort(keys)
        n = int(np.searchsorted(np.cumsum(sizes[order]), self._max_bytes)) + 1
        # Also if this is all that was added: a part may have been cut to it, and the other parts have nothing.
        if n <= len(order):
            order = order[:n]
            self.last_key = int(keys[order[-1]])
        order.sort()
        self._hashes, self._sizes = [hashes[order]], [sizes[order]]
        self._n_bytes = int(self._sizes[0].sum())

    def documents(self) -> tuple[np.ndarray, np.ndarray]:
        """(uint64 [n], int64 [n]): hashes of the distinct documents drawn so far, sorted, and their sizes, copies added
        up if they count."""
        self._cut()
        return self._hashes[0], self._sizes[0]


def draw(
    documents: Iterable[pa.LargeStringArray],
    source: Mapping[str, Any],
    seed: int,
    *,
    copies: bool = False,
    excluded: np.ndarray | None = None,
) -> Sample:
    """The sample of the source that these documents are all of; reads them only if it has to.

    source: one that `trex.corpora.deal` gave. excluded: sorted hashes of documents that do not count.
    """
    if (known := known_sample(source)) is not None:
        return known
    drawing = Draw(source["max_bytes"], copies)
    progress = Progress("drawing a sample")
    for batch in documents:
        hashes, sizes = hashes_and_sizes(batch, seed)
        if excluded is not None:
            new = ~contained(hashes, excluded)
            hashes, sizes = hashes[new], sizes[new]
        drawing.add(hashes, sizes)
        progress.add(int(sizes_of(batch).sum()))
    return drawn(drawing, source)


def draw_part(
    documents: Iterable[pa.LargeStringArray], source: Mapping[str, Any], seed: int, copies: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(uint64 [n], int64 [n]): hashes of a part's documents, sorted, and sizes, for `sample_of_parts`.

    If there is nothing to draw: the hashes of all its documents, and no sizes.
    """
    progress = Progress("hashing")
    if known_sample(source) is not None:
        return distinct_hashes(documents, progress, seed), np.empty(0, np.int64)
    drawing = Draw(source["max_bytes"], copies)
    for batch in documents:
        drawing.add(*hashes_and_sizes(batch, seed))
        progress.add(int(sizes_of(batch).sum()))
    return drawing.documents()


def sample_of_parts(
    parts: Iterable[tuple[np.ndarray, np.ndarray]], source: Mapping[str, Any], copies: bool
) -> Sample:
    """The sample of a source by what `draw_part` gives of each part; the same as that of one job."""
    if (known := known_sample(source)) is not None:
        return known
    drawing = Draw(source["max_bytes"], copies)
    for hashes, sizes in parts:
        for first in range(0, len(hashes), _AT_ONCE):
            drawing.add(hashes[first : first + _AT_ONCE], sizes[first : first + _AT_ONCE])
    return drawn(drawing, source)


def known_sample(source: Mapping[str, Any]) -> Sample | None:
    """The sample of a source that is counted as it is read; None if it has to be drawn."""
    if source.get("max_bytes") is None:
        return WHOLE
    return Sample(STREAM, read_share=None) if "shuffle" in source else None


def drawn(drawing: Draw, source: Mapping[str, Any]) -> Sample:
    """The sample that was drawn of a source, and a line of the log that says how."""
    _, sizes = drawing.documents()
    share = source.get("read_share", 1.0)
    way = PLACES if share < 1 else ALL if drawing.last_key == LARGEST_KEY else DOCUMENTS
    n_bytes = int(sizes.sum())
    log.info("sample: %s: %s documents of %s bytes", WAYS[way], f"{len(sizes):,}", f"{n_bytes:,}")
    if way == PLACES:
        log.info("sample: %.2g %% of the bytes of its files are read", 100 * share)
        if n_bytes < source["max_bytes"]:
            log.warning(
                "the places that were read have %s of max_bytes (%s); write counting.draw_from: null to read all",
                f"{n_bytes:,}", f"{source['max_bytes']:,}",
            )  # fmt: skip
    return Sample(way, drawing.last_key, share)


def sampled(
    documents: Iterable[pa.LargeStringArray], sample: Sample, seed: int
) -> Iterable[pa.LargeStringArray]:
    """The documents of a sample, in batches."""
    for batch in documents:
        yield sample.of(batch, seed)[0]
