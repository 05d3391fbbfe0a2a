"""From documents to word counts per shard, and to held-out documents that training never sees.

What becomes of a document depends on its content and the seed alone: a hash of its text decides whether it is
held out for evaluation and which shard it belongs to (`trex.counting.shards`). So a duplicate never sits on both
sides, and the order of the files does not matter.

A corpus can be counted in parts, each by a process of its own, with the same result: the distinct hashes of each part
first, then its words without the documents that an earlier part has, then the sum.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from trex.arrow import from_numpy
from trex.bpe.byte_alphabet import ALPHABETS, BYTE_LEVEL, LATIN1
from trex.corpora import BadRecords
from trex.counting.documents import (
    Progress,
    Seen,
    characters_of,
    contained,
    document_hashes,
    low_half,
    sizes_of,
)
from trex.counting.halves import deal
from trex.counting.nfc import MUCH_CHANGED, nfc_share
from trex.counting.normalize import normalized
from trex.counting.pretokenize import TABLE_BYTES, WordCounter, WordCounts
from trex.counting.sampling import WHOLE, Sample
from trex.counting.shards import cells, cells_of, shards_of_cells
from trex.files import whole
from trex.left_out import FILTERED, NULL, REASONS

log = logging.getLogger(__name__)


SUMS = ("documents", "bytes", "characters", "words", "duplicates")


@dataclass(frozen=True)
class CorpusCounts:
    """Counts of a corpus or a part of it, by cell.

    words: the counter of its words. ledger: the columns corpus, sample, read_share (see `Sample`), split (train or
    held_out), cell (null but for train) and SUMS, for the cells that have documents. documents: the sorted uint64
    hashes of the documents that train.
    """

    words: WordCounter
    ledger: pl.DataFrame
    documents: np.ndarray


@dataclass(frozen=True)
class CountingOptions:
    """How a corpus is counted.

    seed: of the hashes. held_out_share: of the documents, held out for evaluation. deduplicate: leave out copies.
    pattern, by_line, normalizer, table_bytes: of `WordCounter`; the counts do not depend on table_bytes. alphabet: the
    name of one of `ALPHABETS`. sample: which documents count; the others are as if they were not there.
    """

    seed: int
    held_out_share: float
    deduplicate: bool
    pattern: str
    by_line: bool
    normalizer: str = "nfc"
    alphabet: str = BYTE_LEVEL.name
    table_bytes: int = TABLE_BYTES
    sample: Sample = WHOLE


def count_corpus(
    documents: Iterable[pa.LargeStringArray],
    corpus: str,
    hold_out: Callable[[pa.LargeStringArray], None],
    options: CountingOptions,
    counted_before: np.ndarray | None = None,
    spill_to: Path | None = None,
) -> CorpusCounts:
    """Count a corpus, or a part of it, as a stream; documents held out for evaluation go to `hold_out` in batches.

    counted_before: hashes of documents that are duplicates from the start, as an earlier part has them.
    Memory grows by 11 to 33 bytes a document for telling duplicates, but neither with the text nor with the distinct
    words, which go to a temporary file in the folder spill_to when they fill the table (see `WordCounter`).
    """
    n_cells = cells()
    counter = WordCounter(
        options.pattern,
        n_cells,
        options.by_line,
        normalizer=options.normalizer,
        alphabet=ALPHABETS[options.alphabet],
        table_bytes=options.table_bytes,
        spill_to=spill_to,
    )
    seen = Seen()
    if counted_before is not None:
        seen.add(counted_before[options.sample.has(counted_before)])
    progress = Progress(corpus)
    # rows: cells, and last the held-out documents; columns: documents, bytes, characters, duplicates
    tally = np.zeros((n_cells + 1, 4), dtype=np.int64)
    training_documents = 0
    threshold = np.uint64(round(options.held_out_share * 2**32))
    for batch in documents:
        progress.add(int(sizes_of(batch).sum()))
        batch, hashes = options.sample.of(batch, options.seed)
        held_out = low_half(hashes) < threshold
        new = seen.add(hashes) | (not options.deduplicate)
        train = np.flatnonzero(new & ~held_out)
        training_documents += train.size
        row = np.where(held_out, n_cells, cells_of(hashes, training_documents))
        characters = characters_of(batch)
        sizes = characters if options.alphabet == LATIN1.name else sizes_of(batch)
        for column, values in enumerate((new, new * sizes, new * characters, ~new)):
            tally[:, column] += np.bincount(row, values, n_cells + 1).astype(np.int64)
        counter.add(batch, row, train)
        hold_out(batch.take(from_numpy(np.flatnonzero(new & held_out))))
    cell = np.append(np.flatnonzero(tally[:-1, 0] + tally[:-1, 3]), n_cells)
    train = pl.col("cell") < n_cells
    ledger = pl.DataFrame(
        {
            **options.sample.columns(corpus, len(cell)),
            "cell": cell,
            "documents": tally[cell, 0],
            "bytes": tally[cell, 1],
            "characters": tally[cell, 2],
            "words": np.append(counter.words_in_shard, 0)[cell],
            "duplicates": tally[cell, 3],
        }
    ).with_columns(
        split=pl.when(train).then(pl.lit("train")).otherwise(pl.lit("held_out")),
        cell=pl.when(train).then("cell"),
        words=pl.when(train).then("words"),
    )
    documents_seen = seen.hashes()
    return CorpusCounts(counter, ledger, documents_seen[low_half(documents_seen) >= threshold])


def by_shard(ledgers: Sequence[pl.DataFrame]) -> tuple[pl.DataFrame, np.ndarray]:
    """Make the shards of a corpus that is counted: (its ledger, the shard of each cell).

    ledgers: of `CorpusCounts`, of each part of the corpus. The columns of the result are corpus, split, group, shard,
    SUMS, sample and read_share (docs/contracts.md); words are null but for train.
    """
    same = ["corpus", "sample", "read_share"]
    cell_sums = (
        pl.concat(ledgers).group_by(*same, "split", "cell", maintain_order=True).agg(pl.col(SUMS).sum())
    )
    train = cell_sums.filter(split="train")
    cell_bytes = np.zeros(cells(), dtype=np.int64)
    cell_bytes[train["cell"].to_numpy()] = train["bytes"].to_numpy()
    shard_of_cell, group_of_shard = shards_of_cells(cell_bytes, int(train["documents"].sum()))
    train = (
        train.with_columns(shard=shard_of_cell[train["cell"].to_numpy()])
        .group_by(*same, "split", "shard")
        .agg(pl.col(SUMS).sum())
        .sort("shard")
    )
    train = train.with_columns(group=group_of_shard[train["shard"].to_numpy()])
    rest = cell_sums.filter(pl.col("split") != "train").with_columns(
        group=pl.lit(None, pl.Int64), shard=pl.lit(None, pl.Int64), words=pl.lit(None, pl.Int64)
    )
    columns = ["corpus", "split", "group", "shard", *SUMS, "sample", "read_share"]
    return pl.concat([train.select(columns), rest.select(columns)]), shard_of_cell


def check_split(ledger: pl.DataFrame, held_out_share: float) -> None:
    """ValueError if a corpus has nothing to train on or to evaluate on."""
    corpus = ledger["corpus"][0]
    n_train, n_held_out = (ledger.filter(split=split)["documents"].sum() for split in ("train", "held_out"))
    if not n_train or not n_held_out:
        duplicates = ledger["duplicates"].sum()
        beside = f" (and {duplicates} duplicates of them)" if duplicates else ""
        filtered = ledger.filter(split=FILTERED)["documents"].sum()
        cure = (
            f"{filtered:,} rows were left out by its condition (where): let it keep more. "
            if filtered
            else ""
        )
        raise ValueError(
            f"corpus {corpus}: {n_train + n_held_out} documents{beside} give {n_train} for training and {n_held_out} "
            f"for evaluation (evaluation.held_out_share: {held_out_share}); it needs both. {cure}Give it more "
            "documents, for example shorter ones (sample_by: paragraph or line), or another share."
        )


def with_left_out(ledger: pl.DataFrame, left_out: Mapping[str, int]) -> pl.DataFrame:
    """The ledger of a corpus, or of a part of it, with a row for each kind of records that the reader left out.

    left_out: records by kind, which becomes the split: ``too_long``, ``null``, ``filtered``, or a reason why a record
    is bad (`trex.left_out`).
    """
    template = ledger[-1].with_columns(bytes=0, characters=0, duplicates=0)
    rows = [
        template.with_columns(split=pl.lit(kind), documents=pl.lit(n)).cast(ledger.schema)
        for kind, n in left_out.items()
    ]
    return pl.concat([ledger, *rows])


def check_bad_records(ledger: pl.DataFrame, max_share: float | None) -> None:
    """CorpusError if a corpus that was counted in parts has too many bad records. max_share: of `BadRecords`."""
    records = dict(ledger.group_by("split").agg(pl.sum("documents") + pl.sum("duplicates")).iter_rows())
    bad = BadRecords(max_share)
    bad.skipped.update({split: n for split, n in records.items() if split in REASONS})
    bad.good = sum(n for split, n in records.items() if split not in (*REASONS, NULL, FILTERED))
    bad.check(f"corpus {ledger['corpus'][0]}")


@contextmanager
def evaluation_file(path: str | Path) -> Iterator[Callable[[pa.LargeStringArray, np.ndarray], None]]:
    """Write a half of an evaluation set: what to hand its documents and their reference tokens to."""
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


def join_held_out(parts: Iterable[str | Path], path: str | Path) -> None:
    """The held-out documents of parts, one part after the other, a batch at a time."""
    with held_out_file(path) as hold_out:
        for part in parts:
            with pq.ParquetFile(part) as file:
                for group in range(file.num_row_groups):
                    hold_out(file.read_row_group(group).column("text"))


@dataclass(frozen=True)
class EvaluationOptions:
    """How an evaluation set is counted.

    seed: of the hashes, that of the corpora. pattern, normalizer: of `WordCounter`. alphabet: the name of one of
    `ALPHABETS`. sample: which documents count. parallel: its documents are dealt into halves by their numbers.
    """

    seed: int
    pattern: str
    sample: Sample = WHOLE
    normalizer: str = "nfc"
    alphabet: str = BYTE_LEVEL.name
    parallel: bool = False


Keep = Callable[[pa.LargeStringArray, np.ndarray], None]


def count_evaluation(
    documents: Iterable[pa.LargeStringArray],
    at: tuple[str, str],
    count_tokens: Callable[[pa.LargeStringArray], np.ndarray],
    keep: tuple[Keep, Keep],
    training_documents: np.ndarray,
    options: EvaluationOptions,
) -> tuple[WordCounts, pl.DataFrame]:
    """Deal an evaluation set into its halves, count the words of the selection half, and the tokens of both by the
    reference tokenizer (count_tokens: of each document).

    at: (evaluation set, corpus).
    Each document is one item, as it is when a tokenizer is used. Duplicates and documents that training has
    (training_documents: their hashes, sorted) are left out and counted; all others go to `keep` (of the selection half,
    of the test half) in batches, with their reference tokens.

    Text counts, and is kept, after normalization, so that a reference tokenizer that does not normalize reads what ours
    read; `nfc_changed` of the selection half's bytes are in words that it (NFC or NFKC) changed. Returns the counts and
    one ledger row. ValueError if no document is left.
    """
    evaluation_set, corpus = at
    # of what is normalized
    counter = WordCounter(options.pattern, normalizer="none", alphabet=ALPHABETS[options.alphabet])
    totals = dict.fromkeys(_SELECTION + _TEST + ("duplicates", "seen_in_training"), 0)
    own = _own_documents(documents, at, training_documents, options, totals)
    for dealt in deal(own, options.parallel):
        totals["dealt"] = dealt.way
        for half, keep_half, prefix in zip((dealt.selection, dealt.test), keep, ("", "test_"), strict=True):
            if not half.any():
                continue
            kept, changed = normalized(dealt.of(half), options.normalizer)
            tokens = count_tokens(kept)
            characters = int(characters_of(kept).sum())
            n_bytes = characters if options.alphabet == LATIN1.name else int(sizes_of(kept).sum())
            totals[f"{prefix}documents"] += len(kept)
            totals[f"{prefix}bytes"] += n_bytes
            totals[f"{prefix}reference_tokens"] += int(tokens.sum())
            if not prefix:
                counter.add(kept)
                totals["characters"] += characters
                totals["nfc_changed"] += changed
            keep_half(kept, tokens)
    if not totals["documents"]:
        raise ValueError(
            f"evaluation set {evaluation_set} of {corpus} has no document of its own: {totals['duplicates']} "
            f"duplicates, {totals['seen_in_training']} that the training text has too. Give it other text."
        )
    row = {"evaluation_set": evaluation_set, "corpus": corpus, **totals}
    row["words"] = int(counter.words_in_shard.sum())
    columns = ["evaluation_set", "corpus", "documents", "bytes", "characters", "words", "reference_tokens"]
    ledger = pl.DataFrame([row]).select(
        *columns, "dealt", *_TEST, "duplicates", "seen_in_training", "nfc_changed"
    )
    ledger = ledger.with_columns(**options.sample.columns(corpus, 1))
    if (share := nfc_share(ledger)) > MUCH_CHANGED:
        log.warning(
            "%s changes words with %.0f %% of the text; they are measured after it",
            options.normalizer.upper(),
            100 * share,
        )
    return counter.result(), ledger


_SELECTION = ("documents", "bytes", "characters", "reference_tokens", "nfc_changed")
_TEST = ("test_documents", "test_bytes", "test_reference_tokens")


def _own_documents(
    documents: Iterable[pa.LargeStringArray],
    at: tuple[str, str],
    training_documents: np.ndarray,
    options: EvaluationOptions,
    totals: dict[str, int],
) -> Iterator[tuple[pa.LargeStringArray, np.ndarray, np.ndarray]]:
    """The documents of an evaluation set that count, each once and none that training has, with their hashes and their
    numbers in the source; adds what is left out to the totals."""
    seen, progress, before = Seen(), Progress(f"{at[0]} of {at[1]}"), 0
    for batch in documents:
        progress.add(int(sizes_of(batch).sum()))
        hashes = document_hashes(batch, options.seed)
        numbers = before + np.arange(len(batch))
        before += len(batch)
        inside = np.flatnonzero(options.sample.has(hashes))
        new = seen.add(hashes[inside])
        totals["duplicates"] += int((~new).sum())
        inside = inside[new]
        own = inside[~contained(hashes[inside], training_documents)]
        totals["seen_in_training"] += len(inside) - len(own)
        if len(own):
            yield batch.take(from_numpy(own)), hashes[own], numbers[own]
