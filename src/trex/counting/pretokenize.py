"""From text to counts of pre-tokens ("words"), exactly as Hugging Face `tokenizers` makes them.

A word is a pre-token of the normalized text, as UTF-8 bytes. Regexes of the family that tokenizers in use belong to run
as automata (`trex.counting.automaton`); any other goes the slow exact way through `tokenizers`.

Memory is bounded whatever the text: a table of words that is full is written to a temporary file, sorted, and the
files are merged as streams. So are the counts of a corpus's parts.
"""

import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trex.arrow import binary, bytes_of, from_numpy, frozen, lists, to_numpy
from trex.bpe.byte_alphabet import BYTE_LEVEL, LATIN1, Alphabet
from trex.counting import scanner, word_order, word_table
from trex.counting.latin1 import latin1_bytes
from trex.counting.normalize import normalized_text
from trex.counting.patterns import DEFAULT
from trex.counting.regex import OutsideFamily
from trex.counting.rules import SlowSplitter, WordRules
from trex.counting.word_files import BY_SHARD, COMPRESSED, write_words
from trex.files import whole

# A full table is sorted and written: 5 to 8 million distinct words, some 10 GB of natural text.
TABLE_BYTES = 512 << 20
# Counts in a table's log are added up from this number on, and when they have doubled since: 16 MB.
COMPACT_ENTRIES = 1 << 21
# Places in a table are 32-bit numbers of eight bytes.
MOST_TABLE_BYTES = 16 << 30
# Words that are read, merged and written at a time.
CHUNK_WORDS = 1 << 14
# Files that are merged at a time, each with a chunk in memory.
FAN_IN = 32

_NO_WORDS = binary(np.empty(0, dtype=np.uint8), np.zeros(1, dtype=np.int64))


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
        """The columns of counts/{corpus}/words.arrow."""
        columns = [self.words, lists(self.offsets, self.shards), lists(self.offsets, self.counts)]
        return pa.table(columns, schema=BY_SHARD)

    def summed(self) -> pa.Table:
        """The columns of evaluation/{set}/{corpus}.parquet."""
        return pa.table({"word": self.words, "count": from_numpy(self.totals())})

    def rows(self, first: int, end: int) -> "WordCounts":
        """The words from `first` up to `end`, sharing memory."""
        offsets = self.offsets[first : end + 1]
        entries = slice(offsets[0], offsets[-1])
        words = self.words[first:end]
        return WordCounts(words, offsets - offsets[0], self.shards[entries], self.counts[entries])


def _joined(parts: Sequence[WordCounts]) -> WordCounts:
    """Parts one after the other."""
    lengths = np.concatenate([np.zeros(1, np.int64), *(np.diff(part.offsets) for part in parts)])
    return WordCounts(
        pa.concat_arrays([_NO_WORDS, *(part.words for part in parts)]),
        np.cumsum(lengths),
        np.concatenate([np.empty(0, np.uint16), *(part.shards for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.counts for part in parts)]),
    )


def _summed(parts: Sequence[WordCounts]) -> WordCounts:
    """The sum of several counts."""
    joined = _joined(parts)
    order = pc.array_sort_indices(joined.words)
    words = joined.words.take(order)
    new = np.ones(len(words), dtype=bool)
    new[1:] = to_numpy(pc.not_equal(words[1:], words[:-1]).cast(pa.uint8()))
    row = np.empty(len(words), dtype=np.int64)
    row[to_numpy(order).astype(np.int64)] = np.cumsum(new) - 1
    keys = np.repeat(row, np.diff(joined.offsets)) << 16 | joined.shards
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    counts = np.add.reduceat(joined.counts[order], first)
    offsets = np.searchsorted(keys[first], np.arange(new.sum() + 1) << 16)
    words = words.filter(pc.cast(from_numpy(new.view(np.uint8)), pa.bool_()))
    return WordCounts(words, offsets, (keys[first] & 0xFFFF).astype(np.uint16), counts)


def _merged(runs: Sequence[Iterator[WordCounts]]) -> Iterator[WordCounts]:
    """The sum of runs, each sorted and in chunks, as such a run."""
    heads = [(head, run) for run in runs if (head := next(run, None))]
    while heads:
        # Of words up to the first that ends a chunk, everything is at hand.
        last = min(head.words[-1].as_py() for head, _ in heads)
        parts, rest = [], []
        for head, run in heads:
            n = bisect_right(range(len(head.words)), last, key=lambda i, head=head: head.words[i].as_py())
            parts.append(head.rows(0, n))
            after = head.rows(n, len(head.words)) if n < len(head.words) else next(run, None)
            if after:
                rest.append((after, run))
        heads = rest
        yield _summed(parts)


def _write_run(chunks: Iterable[WordCounts], file: IO[bytes]) -> None:
    """Write sorted chunks, which may be large sums, as a stream to be read back CHUNK_WORDS at a time."""
    with pa.ipc.new_stream(file, BY_SHARD, options=COMPRESSED) as writer:
        for chunk in chunks:
            writer.write_table(chunk.by_shard(), max_chunksize=CHUNK_WORDS)


def _read_run(file: IO[bytes]) -> Iterator[WordCounts]:
    for batch in pa.ipc.open_stream(file):
        words, shards, counts = batch.columns
        yield WordCounts(words, to_numpy(shards.offsets), to_numpy(shards.values), to_numpy(counts.values))


class _Run:
    """Sorted counts in a file without a name, which goes when the object or the process does."""

    def __init__(self, chunks: Iterable[WordCounts], folder: Path | None):
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        _write_run(chunks, self._file)

    def __iter__(self) -> Iterator[WordCounts]:
        self._file.seek(0)
        yield from _read_run(self._file)


def _stored_run(path: str | Path) -> Iterator[WordCounts]:
    """What `WordCounter.write_run` wrote."""
    with open(path, "rb") as file:
        yield from _read_run(file)


def _regrouped(chunks: Iterable[WordCounts], shard_of: np.ndarray) -> Iterator[WordCounts]:
    """Counts by coarser shards: shard s becomes part of shard_of[s], which never falls."""
    for chunk in chunks:
        arrays = map(frozen, (chunk.offsets, chunk.shards, chunk.counts, shard_of))
        yield WordCounts(chunk.words, *word_order.regrouped(*arrays))


def _merge_all(runs: list[Iterable[WordCounts]], spill_to: Path | None) -> Iterator[WordCounts]:
    """The sum of runs, as one run; the list is left with FAN_IN runs at most, in which everything is."""
    while len(runs) > FAN_IN:
        first = runs[:FAN_IN]
        del runs[:FAN_IN]
        runs.append(_Run(_merged([iter(run) for run in first]), spill_to))
    yield from _merged([iter(run) for run in runs])


def merge_runs(
    parts: Iterable[str | Path], path: str | Path, shard_of: np.ndarray, spill_to: Path | None = None
) -> None:
    """Write the sum of files of `WordCounter.write_run` as counts/{corpus}/words.arrow, in bounded memory.

    shard_of: see `WordCounter.write`.
    """
    runs = [_regrouped(_stored_run(part), shard_of) for part in parts]
    write_words((chunk.by_shard() for chunk in _merge_all(runs, spill_to)), path)


class WordCounter:
    """Counts words of documents by shard.

    pattern: the name of a pattern, its regex, or rules that say more. shards: how many there are.
    by_line: each line with its newline is an item of its own, as in `tokenizers`' training on files; otherwise each
    document is. normalizer: what text goes through before it is split (nfc, nfkc or none), if pattern is a regex.
    alphabet: LATIN1 for documents that are Latin-1 text and stand for bytes, which the words then are.
    table_bytes: the memory that the words may fill before they go to a temporary file in the folder `spill_to` (the
    system's, if None); exceeded by what one call of `add` brings, and by four fifths at most while they are sorted.
    """

    def __init__(
        self,
        pattern: str | WordRules = DEFAULT,
        shards: int = 1,
        by_line: bool = False,
        *,
        normalizer: str = "nfc",
        alphabet: Alphabet = BYTE_LEVEL,
        table_bytes: int = TABLE_BYTES,
        spill_to: Path | None = None,
    ):
        self.shards = shards
        self.by_line = by_line
        self.words_in_shard = np.zeros(shards, dtype=np.int64)
        self._rules = WordRules.of(pattern, normalizer) if isinstance(pattern, str) else pattern
        self._slow = None
        try:
            self._tables = self._rules.tables()
        except OutsideFamily as why:
            self._slow = SlowSplitter(self._rules, by_line, str(why))
        self._alphabet = alphabet
        self._table_bytes, self._spill_to = min(table_bytes, MOST_TABLE_BYTES), spill_to
        self._runs: list[_Run] = []
        self._arrays, self._used = word_table.empty_table()
        self._compact_at = COMPACT_ENTRIES
        self._shards_rise = True  # of what was counted since the table was empty

    def add(
        self,
        documents: pa.LargeStringArray,
        shards: np.ndarray | None = None,
        rows: np.ndarray | None = None,
    ) -> None:
        """Count documents (valid UTF-8, no nulls).

        shards: their shard numbers, default all 0. rows: which of them count, default all.
        """
        if shards is None:
            shards = np.zeros(len(documents), dtype=np.uint16)
        if rows is None:
            rows = np.arange(len(documents))
        if not len(rows):
            return
        shards = shards[rows].astype(np.uint16)
        order = np.argsort(shards, kind="stable")
        shards, rows = frozen(shards[order]), frozen(rows[order])
        self._shards_rise = self._shards_rise and not self._used[word_table.WORDS]
        if self._slow:
            documents = documents.take(from_numpy(rows))
            text, borders, first_word = self._slow.split(documents)
            np.add.at(self.words_in_shard, shards, np.diff(first_word))
            self._arrays = word_table.count_split(
                text, borders, first_word, shards, *self._arrays, self._used
            )
        else:
            text, bounds = map(frozen, scanner.in_order(*map(frozen, bytes_of(documents)), rows))
            text, bounds = normalized_text(text, bounds, self._rules.normalizer)
            self._arrays = word_table.count_text(
                text,
                bounds,
                shards,
                self.by_line,
                self._tables,
                self._rules.kept(),
                self.words_in_shard,
                *self._arrays,
                self._used,
            )
        if self._used[word_table.LOG] > self._compact_at:
            table, arena, log = self._arrays
            self._arrays = table, arena, word_order.compact(log, self._used, self._shards_rise)
            self._compact_at = max(COMPACT_ENTRIES, 2 * int(self._used[word_table.LOG]))
        if word_table.n_bytes(self._arrays[0], self._used) > self._table_bytes:
            self._spill()

    def _spill(self) -> None:
        self._runs.append(_Run(self._table_chunks(), self._spill_to))
        self._arrays, self._used = word_table.empty_table()
        self._shards_rise = True

    def _table_chunks(self, shard_of: np.ndarray | None = None) -> Iterator[WordCounts]:
        """The words of the table, sorted; what is open is closed."""
        table, arena, log = self._arrays
        records = word_order.sorted_records(arena, self._used)
        log, starts = word_order.closed_log(arena, records, log, self._used, self._shards_rise)
        self._arrays = table, arena, log
        shard_of = frozen(np.arange(self.shards) if shard_of is None else shard_of)
        for first in range(0, len(records), CHUNK_WORDS):
            chosen = records[first : first + CHUNK_WORDS]
            words = word_order.spellings(arena, chosen)
            yield WordCounts(
                binary(*(latin1_bytes(*words) if self._alphabet is LATIN1 else words)),
                *word_order.shard_counts(log, starts, first, first + len(chosen), shard_of),
            )

    def chunks(self, shard_of: np.ndarray | None = None) -> Iterator[WordCounts]:
        """What was counted so far, sorted, some thousand words at a time. shard_of: see `write`."""
        if not self._runs:
            yield from self._table_chunks(shard_of)
            return
        self._spill()
        merged = _merge_all(self._runs, self._spill_to)
        yield from merged if shard_of is None else _regrouped(merged, shard_of)

    def result(self) -> WordCounts:
        """What was counted so far, in memory."""
        return _joined(list(self.chunks()))

    def write(self, path: str | Path, shard_of: np.ndarray) -> None:
        """Write what was counted so far as counts/{corpus}/words.arrow.

        shard_of: int64 [shards], never falling: the shard of the file that each shard of this counter becomes part of.
        """
        write_words((chunk.by_shard() for chunk in self.chunks(shard_of)), path)

    def write_run(self, path: str | Path) -> None:
        """Write what was counted so far for `merge_runs`: one part of a corpus."""
        with whole(path) as part, open(part, "wb") as file:
            _write_run(self.chunks(), file)


def count_words(
    text: str, pattern: str | WordRules = DEFAULT, by_line: bool = False, normalizer: str = "nfc"
) -> dict[bytes, int]:
    """What `tokenizers` makes of the text as one item, or with `by_line` of each line with its newline.

    pattern, normalizer: see `WordCounter`. Returns each distinct word (UTF-8 bytes, normalized) with its count.
    Raises TypeError for what is no str.

    >>> count_words("don't panic, don't")
    {b"'t": 2, b' don': 1, b' panic': 1, b',': 1, b'don': 1}
    """
    if not isinstance(text, str):
        raise TypeError(f"text is {type(text).__name__}, not str; decode bytes first")
    counter = WordCounter(pattern, by_line=by_line, normalizer=normalizer)
    if text:
        data = np.frombuffer(text.encode(), dtype=np.uint8)
        counter.add(binary(data, np.array([0, data.size])).view(pa.large_string()))
    counts = counter.result()
    return dict(zip(counts.words.to_pylist(), counts.totals().tolist(), strict=True))
