"""Evaluation text in two halves: on the *selection* half mixtures are compared and chosen, on the *test* half the
chosen one is validated.

A number that was the best of several is too good on the text that it was the best on (the winner's curse). So
everything that chooses (proxies, searches, the choice at full scale) reads the selection half, and validation alone
reads the test half.

The top bit of a document's hash decides, which decides nothing else about evaluation text. So the same document lies in
the same half of every corpus and evaluation set, and a new document moves no other one. Parallel text goes by the
number of a document in its source, even or odd, so that the halves of all its corpora are parallel too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from trex.arrow import from_numpy

# How the documents of a set were dealt, as ledgers say it.
BY_HASH, ALTERNATELY, BY_NUMBER, WHOLE = "by_hash", "alternately", "by_number", "whole"
WAYS = {
    BY_HASH: "by a bit of the documents' hashes",
    ALTERNATELY: "alternately, in the order of the documents' hashes, as one bit had left a half empty",
    BY_NUMBER: "by the documents' numbers, even or odd, the same for all corpora",
    WHOLE: "not at all: there is one document, which both halves have",
}


@dataclass(frozen=True)
class Dealt:
    """Documents of a set and the half or halves of each: bool [documents]."""

    documents: pa.LargeStringArray
    selection: np.ndarray
    test: np.ndarray
    way: str

    def of(self, half: np.ndarray) -> pa.LargeStringArray:
        return self.documents.take(from_numpy(np.flatnonzero(half)))


def deal(
    documents: Iterable[tuple[pa.LargeStringArray, np.ndarray, np.ndarray]], by_number: bool
) -> Iterator[Dealt]:
    """Deal the documents of a set, in batches and in order.

    No half is left empty: documents that the hash puts into one half, which happens to a few of them, are dealt
    alternately, and a single document belongs to both.

    Args:
        documents: batches of documents, their uint64 hashes, and their numbers in the source. [n] each
        by_number: deal by the numbers and not by the hashes.
    """
    way = BY_NUMBER if by_number else BY_HASH
    waiting: list[Dealt] = []
    hashes: list[np.ndarray] = []
    both_seen = False
    for batch, hashes_of_batch, numbers in documents:
        bit = numbers % 2 == 1 if by_number else hashes_of_batch >> np.uint64(63) == 1
        waiting.append(Dealt(batch, ~bit, bit, way))
        if not both_seen:
            hashes.append(hashes_of_batch)
            both_seen = any(part.selection.any() for part in waiting) and any(
                part.test.any() for part in waiting
            )
        if both_seen:
            yield from waiting
            waiting = []
    if waiting:
        yield _not_empty(waiting, np.concatenate(hashes))


def _not_empty(parts: list[Dealt], hashes: np.ndarray) -> Dealt:
    documents = pa.concat_arrays([part.documents for part in parts])
    if len(documents) == 1:
        both = np.ones(1, dtype=bool)
        return Dealt(documents, both, both, WHOLE)
    odd = np.argsort(np.argsort(hashes, kind="stable"), kind="stable") % 2 == 1
    return Dealt(documents, ~odd, odd, ALTERNATELY)
