"""From documents to word counts per shard, and to held-out documents that training never sees.

What becomes of a document depends on its content and the seed alone: a hash of its text decides whether it is
held out for evaluation and which shard it belongs to. So a duplicate never sits on both sides, and the order of
the files does not matter.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic

import numpy as np
import polars as pl
import pyarrow as pa
from numba import njit

from trex.arrow import bytes_of, from_numpy
from trex.pretokenize import WordCounter, WordCounts

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 10


def document_hashes(documents: pa.LargeStringArray, seed: int) -> np.ndarray:
    """uint64 [n]: a keyed 64-bit hash (BLAKE2b) of each document's UTF-8 bytes."""
    text, borders = bytes_of(documents)
    data = memoryview(text)
    key = seed.to_bytes(8, "little")
    digests = b"".join(
        hashlib.blake2b(data[a:b], digest_size=8, key=key).digest()
        for a, b in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True)
    )
    return np.frombuffer(digests, dtype="<u8")


@njit(cache=True)
def _add_new(table, n, hashes):
    """Add hashes to an open-addressing set of n (0 marks a free slot, so the hash 0 counts as 1).
    Returns the set, its size, and which hashes were new, bool."""
    new = np.zeros(hashes.size, dtype=np.bool_)
    for i in range(hashes.size):
        if 2 * (n + 1) > table.size:
            bigger = np.zeros(4 * table.size, dtype=np.uint64)
            for h in table:
                if h != 0:
                    slot = h & np.uint64(bigger.size - 1)
                    while bigger[slot] != 0:
                        slot = (slot + np.uint64(1)) & np.uint64(bigger.size - 1)
                    bigger[slot] = h
            table = bigger
        mask = np.uint64(table.size - 1)
        h = max(hashes[i], np.uint64(1))
        slot = h & mask
        while table[slot] != 0 and table[slot] != h:
            slot = (slot + np.uint64(1)) & mask
        if table[slot] == 0:
            table[slot] = h
            new[i] = True
            n += 1
    return table, n, new


class _Seen:
    """The set of documents met so far; 16 to 64 bytes a document."""

    def __init__(self):
        self._table, self._n = np.zeros(1 << 12, dtype=np.uint64), 0

    def add(self, hashes: np.ndarray) -> np.ndarray:
        """bool [n]: which were not there before."""
        self._table, self._n, new = _add_new(self._table, self._n, np.ascontiguousarray(hashes, np.uint64))
        return new

    def hashes(self) -> np.ndarray:
        return np.sort(self._table[self._table != 0])


def _characters(documents: pa.LargeStringArray) -> np.ndarray:
    """int64 [n]: code points of each document."""
    text, borders = bytes_of(documents)
    starts = (text[borders[0] : borders[-1]] & 0xC0) != 0x80
    upto = np.concatenate(([0], np.cumsum(starts)))
    return np.diff(upto[borders - borders[0]])


def _sizes(documents: pa.LargeStringArray) -> np.ndarray:
    return np.diff(bytes_of(documents)[1])


class _Progress:
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
            log.info("%s: %.0f MB counted, %.1f MB/s", self._what, self._bytes / 1e6, rate)


@dataclass(frozen=True)
class CorpusCounts:
    """Counts of a corpus: its words by shard, the ledger (see docs/contracts.md), and the sorted uint64 hashes of
    the documents that train."""

    words: WordCounts
    ledger: pl.DataFrame
    documents: np.ndarray


def count_corpus(
    documents: Iterable[pa.LargeStringArray],
    corpus: str,
    hold_out: Callable[[pa.LargeStringArray], None],
    *,
    seed: int,
    held_out_share: float,
    shards: int,
    deduplicate: bool,
    pattern: str,
    by_line: bool,
) -> CorpusCounts:
    """Count a corpus as a stream; documents held out for evaluation are handed to `hold_out` in batches.

    Memory grows with the distinct words and, by 16 to 64 bytes each, with the documents, but not with the text.
    ValueError if nothing is left to train on or to evaluate on.
    """
    counter = WordCounter(pattern, shards, by_line)
    seen, train_hashes = _Seen(), _Seen()
    progress = _Progress(corpus)
    # rows: shards, and last the held-out part; columns: documents, bytes, characters, duplicates
    tally = np.zeros((shards + 1, 4), dtype=np.int64)
    threshold = np.uint64(round(held_out_share * 2**32))
    for batch in documents:
        hashes = document_hashes(batch, seed)
        held_out = (hashes & np.uint64(0xFFFFFFFF)) < threshold
        row = np.where(held_out, shards, (hashes >> np.uint64(32)) % np.uint64(shards)).astype(np.int64)
        new = seen.add(hashes) if deduplicate else np.ones(len(hashes), dtype=bool)
        np.add.at(tally, (row[~new], 3), 1)
        sizes, characters = _sizes(batch), _characters(batch)
        np.add.at(tally, row[new], np.stack([new, sizes, characters, 0 * new], axis=1)[new])
        train = np.flatnonzero(new & ~held_out)
        train_hashes.add(hashes[train])
        counter.add(batch.take(from_numpy(train)), row[train].astype(np.uint16))
        hold_out(batch.take(from_numpy(np.flatnonzero(new & held_out))))
        progress.add(int(sizes.sum()))
    n_train, n_held_out = int(tally[:shards, 0].sum()), int(tally[shards, 0])
    if not n_train or not n_held_out:
        raise ValueError(
            f"corpus {corpus}: {n_train + n_held_out} distinct documents give {n_train} for training and "
            f"{n_held_out} for evaluation (evaluation.held_out_share: {held_out_share}); it needs both. Give it "
            "more documents, for example shorter ones (sample_by: paragraph or line), or another share."
        )
    ledger = pl.DataFrame(
        {
            "corpus": [corpus] * (shards + 1),
            "part": ["train"] * shards + ["held_out"],
            "shard": [*range(shards), 0],
            "documents": tally[:, 0],
            "bytes": tally[:, 1],
            "characters": tally[:, 2],
            "words": [*counter.words_in_shard.tolist(), None],
            "duplicates": tally[:, 3],
        }
    )
    return CorpusCounts(counter.result(), ledger, train_hashes.hashes())


def count_evaluation(
    documents: Iterable[pa.LargeStringArray],
    evaluation_set: str,
    corpus: str,
    count_tokens: Callable[[pa.LargeStringArray], np.ndarray],
    *,
    seed: int,
    pattern: str,
    training_documents: np.ndarray,
) -> tuple[WordCounts, pl.DataFrame]:
    """Count the words of an evaluation set and its tokens by the reference tokenizer (count_tokens: of each document).

    Each document is one item, as it is when a tokenizer is used. Duplicates and documents that training has
    (training_documents: their hashes) are left out and counted. Returns the counts and one ledger row.
    ValueError if no document is left.
    """
    counter = WordCounter(pattern)
    seen = _Seen()
    progress = _Progress(f"{evaluation_set} of {corpus}")
    totals = dict.fromkeys(("documents", "bytes", "characters", "reference_tokens", "duplicates"), 0)
    seen_in_training = 0
    for batch in documents:
        hashes = document_hashes(batch, seed)
        new = seen.add(hashes)
        totals["duplicates"] += int((~new).sum())
        fresh = new.copy()
        fresh[new] = ~np.isin(hashes[new], training_documents)
        seen_in_training += int((new & ~fresh).sum())
        kept = batch.take(from_numpy(np.flatnonzero(fresh)))
        counter.add(kept)
        totals["documents"] += len(kept)
        totals["bytes"] += int(_sizes(kept).sum())
        totals["characters"] += int(_characters(kept).sum())
        totals["reference_tokens"] += int(count_tokens(kept).sum())
        progress.add(int(_sizes(batch).sum()))
    if not totals["documents"]:
        raise ValueError(
            f"evaluation set {evaluation_set} of {corpus} has no document of its own: {totals['duplicates']} "
            f"duplicates, {seen_in_training} that the training text has too. Give it other text."
        )
    row = {"evaluation_set": evaluation_set, "corpus": corpus, **totals, "seen_in_training": seen_in_training}
    row["words"] = int(counter.words_in_shard.sum())
    columns = ["evaluation_set", "corpus", "documents", "bytes", "characters", "words", "reference_tokens"]
    return counter.result(), pl.DataFrame([row]).select(*columns, "duplicates", "seen_in_training")
