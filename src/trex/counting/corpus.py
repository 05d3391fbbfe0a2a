"""From documents to word counts per shard, and to held-out documents that training never sees.

What becomes of a document depends on its content and the seed alone: a hash of its text decides whether it is
held out for evaluation and which shard it belongs to (`trex.counting.shards`). So a duplicate never sits on both
sides, and the order of the files does not matter.

A corpus can be counted in parts, each by a process of its own, with the same result: the distinct hashes of each part
first, then its words without the documents that an earlier part has, then the sum.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from trex.arrow import bytes_of, from_numpy, frozen
from trex.compiled.kernel import kernel
from trex.counting.pretokenize import TABLE_BYTES, WordCounter, WordCounts, normalized
from trex.counting.shards import cells, cells_of, shards_of_cells
from trex.files import whole

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


class _Seen:
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


@kernel
def _count_characters(text, borders):
    """int64 [n]: bytes that begin a code point."""
    counts = np.empty(borders.size - 1, dtype=np.int64)
    for d in range(counts.size):
        n = 0
        for b in text[borders[d] : borders[d + 1]]:
            n += (b & 0xC0) != 0x80
        counts[d] = n
    return counts


def _characters(documents: pa.LargeStringArray) -> np.ndarray:
    """int64 [n]: code points of each document."""
    return _count_characters(*map(frozen, bytes_of(documents)))


def _sizes(documents: pa.LargeStringArray) -> np.ndarray:
    return np.diff(bytes_of(documents)[1])


def _low_half(hashes: np.ndarray) -> np.ndarray:
    """What decides whether a document is held out, uniform in [0, 2**32)."""
    return hashes & np.uint64(0xFFFFFFFF)


def _contained(hashes: np.ndarray, among: np.ndarray) -> np.ndarray:
    """bool [n]: which hashes are among others, sorted and possibly memory-mapped; reads only what it compares."""
    if not among.size:
        return np.zeros(hashes.size, dtype=bool)
    place = np.searchsorted(among, hashes)
    return among[np.minimum(place, among.size - 1)] == hashes


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
            log.info("%s: %.0f MB read, %.1f MB/s", self._what, self._bytes / 1e6, rate)


SUMS = ("documents", "bytes", "characters", "words", "duplicates")


@dataclass(frozen=True)
class CorpusCounts:
    """Counts of a corpus or a part of it, by cell.

    words: the counter of its words. ledger: the columns corpus, split (train, held_out or too_long), cell (null but for
    train) and SUMS, for the cells that have documents. documents: the sorted uint64 hashes of the documents that train.
    """

    words: WordCounter
    ledger: pl.DataFrame
    documents: np.ndarray


def count_corpus(
    documents: Iterable[pa.LargeStringArray],
    corpus: str,
    hold_out: Callable[[pa.LargeStringArray], None],
    *,
    seed: int,
    held_out_share: float,
    deduplicate: bool,
    pattern: str,
    by_line: bool,
    counted_before: np.ndarray | None = None,
    table_bytes: int = TABLE_BYTES,
    spill_to: Path | None = None,
) -> CorpusCounts:
    """Count a corpus, or a part of it, as a stream; documents held out for evaluation go to `hold_out` in batches.

    counted_before: hashes of documents that are duplicates from the start, as an earlier part has them.
    Memory grows by 11 to 33 bytes a document for telling duplicates, but neither with the text nor with the distinct
    words, which go to a temporary file when they fill table_bytes (see `WordCounter`).
    """
    n_cells = cells()
    counter = WordCounter(pattern, n_cells, by_line, table_bytes=table_bytes, spill_to=spill_to)
    seen = _Seen()
    if counted_before is not None:
        seen.add(counted_before)
    progress = _Progress(corpus)
    # rows: cells, and last the held-out documents; columns: documents, bytes, characters, duplicates
    tally = np.zeros((n_cells + 1, 4), dtype=np.int64)
    training_documents = 0
    threshold = np.uint64(round(held_out_share * 2**32))
    for batch in documents:
        hashes = document_hashes(batch, seed)
        held_out = _low_half(hashes) < threshold
        new = seen.add(hashes) | (not deduplicate)
        train = np.flatnonzero(new & ~held_out)
        training_documents += train.size
        row = np.where(held_out, n_cells, cells_of(hashes, training_documents))
        sizes = _sizes(batch)
        np.add.at(tally, row, np.stack([new, new * sizes, new * _characters(batch), ~new], axis=1))
        counter.add(batch.take(from_numpy(train)), row[train].astype(np.uint16))
        hold_out(batch.take(from_numpy(np.flatnonzero(new & held_out))))
        progress.add(int(sizes.sum()))
    ledger = pl.DataFrame(
        {
            "corpus": [corpus] * (n_cells + 1),
            "split": ["train"] * n_cells + ["held_out"],
            "cell": [*range(n_cells), None],
            "documents": tally[:, 0],
            "bytes": tally[:, 1],
            "characters": tally[:, 2],
            "words": [*counter.words_in_shard.tolist(), None],
            "duplicates": tally[:, 3],
        }
    ).filter((pl.col("split") == "held_out") | (pl.col("documents") + pl.col("duplicates") > 0))
    documents_seen = seen.hashes()
    return CorpusCounts(counter, ledger, documents_seen[_low_half(documents_seen) >= threshold])


def by_shard(ledgers: Sequence[pl.DataFrame]) -> tuple[pl.DataFrame, np.ndarray]:
    """Make the shards of a corpus that is counted: (its ledger, the shard of each cell).

    ledgers: of `CorpusCounts`, of each part of the corpus. The columns of the result are corpus, split, group, shard
    and SUMS (docs/contracts.md); words are null but for train.
    """
    cell_sums = (
        pl.concat(ledgers).group_by("corpus", "split", "cell", maintain_order=True).agg(pl.col(SUMS).sum())
    )
    train = cell_sums.filter(split="train")
    cell_bytes = np.zeros(cells(), dtype=np.int64)
    cell_bytes[train["cell"].to_numpy()] = train["bytes"].to_numpy()
    shard_of_cell, group_of_shard = shards_of_cells(cell_bytes, int(train["documents"].sum()))
    train = (
        train.with_columns(shard=shard_of_cell[train["cell"].to_numpy()])
        .group_by("corpus", "split", "shard")
        .agg(pl.col(SUMS).sum())
        .sort("shard")
    )
    train = train.with_columns(group=group_of_shard[train["shard"].to_numpy()])
    rest = cell_sums.filter(pl.col("split") != "train").with_columns(
        group=pl.lit(None, pl.Int64), shard=pl.lit(None, pl.Int64), words=pl.lit(None, pl.Int64)
    )
    columns = ["corpus", "split", "group", "shard", *SUMS]
    return pl.concat([train.select(columns), rest.select(columns)]), shard_of_cell


def check_split(ledger: pl.DataFrame, held_out_share: float) -> None:
    """ValueError if a corpus has nothing to train on or to evaluate on."""
    corpus = ledger["corpus"][0]
    n_train, n_held_out = (ledger.filter(split=split)["documents"].sum() for split in ("train", "held_out"))
    if not n_train or not n_held_out:
        duplicates = ledger["duplicates"].sum()
        beside = f" (and {duplicates} duplicates of them)" if duplicates else ""
        raise ValueError(
            f"corpus {corpus}: {n_train + n_held_out} documents{beside} give {n_train} for training and {n_held_out} "
            f"for evaluation (evaluation.held_out_share: {held_out_share}); it needs both. Give it more documents, for "
            "example shorter ones (sample_by: paragraph or line), or another share."
        )


def with_too_long(ledger: pl.DataFrame, documents: int) -> pl.DataFrame:
    """The ledger of a corpus, or of a part of it, with a row for the documents too long to read: split ``too_long``."""
    row = ledger[-1].with_columns(
        pl.lit("too_long").alias("split"),
        pl.lit(documents).alias("documents"),
        bytes=0,
        characters=0,
        duplicates=0,
    )
    return pl.concat([ledger, row.cast(ledger.schema)])


@contextmanager
def evaluation_file(path: str | Path) -> Iterator[Callable[[pa.LargeStringArray, np.ndarray], None]]:
    """Write evaluation/{set}/{corpus}.documents.parquet: what to hand documents and their reference tokens to."""
    schema = pa.schema({"text": pa.large_string(), "reference_tokens": pa.int64()})
    with whole(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:

        def keep(documents: pa.LargeStringArray, tokens: np.ndarray) -> None:
            columns = {"text": documents, "reference_tokens": from_numpy(tokens)}
            writer.write_table(pa.table(columns, schema=schema))

        yield keep


HELD_OUT_ROWS = 10_000  # documents in a row group


@contextmanager
def held_out_file(path: str | Path) -> Iterator[Callable[[pa.LargeStringArray], None]]:
    """Write counts/{corpus}/held_out.parquet: what to hand the documents to, a batch at a time.

    The same documents make the same bytes, in whatever batches they come."""
    schema = pa.schema({"text": pa.large_string()})
    rest = pa.array([], pa.large_string())
    with whole(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:

        def keep(documents: pa.LargeStringArray | pa.ChunkedArray) -> None:
            nonlocal rest
            chunks = documents.chunks if isinstance(documents, pa.ChunkedArray) else [documents]
            rest = pa.concat_arrays([rest, *chunks])
            while len(rest) >= HELD_OUT_ROWS:
                writer.write_table(pa.table({"text": rest.slice(0, HELD_OUT_ROWS)}, schema=schema))
                rest = rest.slice(HELD_OUT_ROWS)

        yield keep
        writer.write_table(pa.table({"text": rest}, schema=schema))


# --- Counting in parts: what goes before and after count_corpus -------------------------------------------


def distinct_hashes(documents: Iterable[pa.LargeStringArray], corpus: str, seed: int) -> np.ndarray:
    """uint64 [n], sorted: the hashes of the documents of a part, without counting anything."""
    seen = _Seen()
    progress = _Progress(corpus)
    for batch in documents:
        seen.add(document_hashes(batch, seed))
        progress.add(int(_sizes(batch).sum()))
    return seen.hashes()


def hashes_shared(own: np.ndarray, others: Iterable[np.ndarray]) -> np.ndarray:
    """uint64: which hashes of a part any other part has; all sorted, the others one at a time."""
    shared = np.zeros(own.size, dtype=bool)
    for other in others:
        shared |= _contained(own, other)
    return own[shared]


def join_held_out(parts: Iterable[str | Path], path: str | Path) -> None:
    """The held-out documents of parts, one part after the other, a batch at a time."""
    with held_out_file(path) as hold_out:
        for part in parts:
            with pq.ParquetFile(part) as file:
                for group in range(file.num_row_groups):
                    hold_out(file.read_row_group(group).column("text"))


def join_documents(parts: Iterable[np.ndarray]) -> np.ndarray:
    """uint64, sorted: the hashes of the training documents of all parts, each once."""
    return np.unique(np.concatenate(list(parts)))


def count_evaluation(
    documents: Iterable[pa.LargeStringArray],
    evaluation_set: str,
    corpus: str,
    count_tokens: Callable[[pa.LargeStringArray], np.ndarray],
    keep: Callable[[pa.LargeStringArray, np.ndarray], None],
    *,
    seed: int,
    pattern: str,
    training_documents: np.ndarray,
    max_bytes: int,
) -> tuple[WordCounts, pl.DataFrame]:
    """Count the words of an evaluation set and its tokens by the reference tokenizer (count_tokens: of each document).

    Each document is one item, as it is when a tokenizer is used. Duplicates and documents that training has
    (training_documents: their hashes, sorted) are left out and counted; all others go to `keep` in batches, with their
    reference tokens. Of longer text the first documents count, up to the one that exceeds max_bytes in all.

    Text counts, and is kept, after NFC, so that a reference tokenizer that does not normalize reads what ours read;
    `nfc_changed` of the ledger's bytes are in words that NFC changed. Returns the counts and one ledger row.
    ValueError if no document is left.
    """
    counter = WordCounter(pattern)
    seen = _Seen()
    progress = _Progress(f"{evaluation_set} of {corpus}")
    names = ("documents", "bytes", "characters", "reference_tokens", "duplicates", "nfc_changed")
    totals = dict.fromkeys(names, 0)
    seen_in_training = 0
    for batch in documents:
        hashes = document_hashes(batch, seed)
        new = seen.add(hashes)
        totals["duplicates"] += int((~new).sum())
        fresh = new.copy()
        fresh[new] = ~_contained(hashes[new], training_documents)
        seen_in_training += int((new & ~fresh).sum())
        before = totals["bytes"] + np.cumsum(fresh * _sizes(batch)) - fresh * _sizes(batch)
        kept, changed = normalized(batch.take(from_numpy(np.flatnonzero(fresh & (before < max_bytes)))))
        totals["nfc_changed"] += changed
        counter.add(kept)
        totals["documents"] += len(kept)
        totals["bytes"] += int(_sizes(kept).sum())
        totals["characters"] += int(_characters(kept).sum())
        tokens = count_tokens(kept)
        totals["reference_tokens"] += int(tokens.sum())
        keep(kept, tokens)
        progress.add(int(_sizes(batch).sum()))
        if totals["bytes"] >= max_bytes:
            log.info(
                "%s of %s: %d bytes are enough, the rest is left out", evaluation_set, corpus, totals["bytes"]
            )
            break
    if not totals["documents"]:
        raise ValueError(
            f"evaluation set {evaluation_set} of {corpus} has no document of its own: {totals['duplicates']} "
            f"duplicates, {seen_in_training} that the training text has too. Give it other text."
        )
    row = {"evaluation_set": evaluation_set, "corpus": corpus, **totals, "seen_in_training": seen_in_training}
    row["words"] = int(counter.words_in_shard.sum())
    columns = ["evaluation_set", "corpus", "documents", "bytes", "characters", "words", "reference_tokens"]
    return counter.result(), pl.DataFrame([row]).select(
        *columns, "duplicates", "seen_in_training", "nfc_changed"
    )
