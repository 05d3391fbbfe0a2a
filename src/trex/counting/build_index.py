"""Building the word index: a merge of sorted word counts as streams, in memory that does not grow with them.

All sources, corpora and evaluation sets, are read a chunk of words at a time, from the first word in the order of bytes
to the last. So words are numbered as they come. A corpus's counts come by word and are wanted by shard: they are
gathered, sorted by shard and written to their places whenever so many of them have come.
"""

import logging
import os
import resource
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from trex.arrow import bytes_of, frozen, to_numpy
from trex.bpe.words import EvalCounts, FlatWords
from trex.compiled.kernel import kernel
from trex.counting.shards import GROUPS
from trex.counting.word_files import n_words, word_batches
from trex.counting.word_index import MANY, MOST_WORDS, VERSION
from trex.files import whole, write_json

log = logging.getLogger(__name__)

# Words in memory, of all sources together and of one; and counts that wait to be written. Some 1.5 GB at most.
WORDS_AT_HAND = 1 << 22
MOST_OF_A_SOURCE, LEAST_OF_A_SOURCE = 1 << 16, 1 << 10
WAITING = 1 << 25

_HEADER = 128  # bytes of a .npy file before its numbers


# ---------------------------------------------------------------------- words in order


@kernel
def _first_eight(data, first, end):
    """The first eight bytes of a word as a number that sorts as they do."""
    key = np.uint64(0)
    for i in range(8):
        byte = np.uint64(data[first + i]) if first + i < end else np.uint64(0)
        key = key << np.uint64(8) | byte
    return key


@kernel
def _compared(data, offsets, keys, a, b):
    """Below 0, 0 or above 0, as the word of row a comes before that of row b, equals it, or comes after it."""
    if keys[a] != keys[b]:
        return -1 if keys[a] < keys[b] else 1
    size_a = offsets[a + 1] - offsets[a]
    size_b = offsets[b + 1] - offsets[b]
    for i in range(min(size_a, size_b)):
        x = data[offsets[a] + i]
        y = data[offsets[b] + i]
        if x != y:
            return -1 if x < y else 1
    return -1 if size_a < size_b else np.int64(size_a > size_b)


@kernel
def _sink(heap, i, n, at, data, offsets, keys):
    """Move the run heap[i] down to its place among n runs with the first word on top; at: the row of each run."""
    run = heap[i]
    while 2 * i + 1 < n:
        child = 2 * i + 1
        if child + 1 < n and _compared(data, offsets, keys, at[heap[child + 1]], at[heap[child]]) < 0:
            child += 1
        if _compared(data, offsets, keys, at[run], at[heap[child]]) <= 0:
            break
        heap[i] = heap[child]
        i = child
    heap[i] = run


@kernel
def number_words(data, offsets, borders):
    """Number the distinct words of sorted runs of rows: run r has the rows from borders[r] to borders[r + 1].

    Returns (number of each row int64 [rows], a row of each number int64 [distinct words]); if a run does not rise, two
    empty arrays.
    """
    rows = offsets.size - 1
    keys = np.empty(rows, dtype=np.uint64)
    for row in range(rows):
        keys[row] = _first_eight(data, offsets[row], offsets[row + 1])
    at = borders[:-1].copy()
    heap = np.empty(at.size, dtype=np.int64)
    n = np.int64(0)
    for run in range(at.size):
        if borders[run] < borders[run + 1]:
            heap[n] = run
            n += 1
    for i in range(n // 2 - 1, -1, -1):
        _sink(heap, i, n, at, data, offsets, keys)
    numbers = np.empty(rows, dtype=np.int64)
    chosen = np.empty(rows, dtype=np.int64)
    n_words = np.int64(0)
    while n > 0:
        run = heap[0]
        row = at[run]
        if n_words == 0 or _compared(data, offsets, keys, chosen[n_words - 1], row) != 0:
            chosen[n_words] = row
            n_words += 1
        numbers[row] = n_words - 1
        at[run] = row + 1
        if row + 1 == borders[run + 1]:
            n -= 1
            heap[0] = heap[n]
        elif _compared(data, offsets, keys, row, row + 1) >= 0:
            return numbers[:0], chosen[:0]
        if n > 0:
            _sink(heap, np.int64(0), n, at, data, offsets, keys)
    return numbers, chosen[:n_words]


class _Source:
    """A file of words in the order of their bytes, read a chunk at a time: a corpus's counts or an evaluation set's."""

    def __init__(self, path: Path, chunk_words: int):
        self._batches = word_batches(path, chunk_words)
        self._left = n_words(path)  # that were not read
        self._read()

    def _read(self) -> None:
        self.head = None
        for batch in self._batches:
            if len(batch):
                self.head = batch
                self._left -= len(batch)
                self.words = batch.column("word").cast(pa.large_binary())
                return

    @property
    def last(self) -> bytes | None:
        """The last word at hand; None if no other follows in the file."""
        return self.words[-1].as_py() if self._left else None

    def take(self, last: bytes | None) -> tuple[pa.LargeBinaryArray, pa.RecordBatch]:
        """The words at hand up to `last`, or all of them, and their rows."""
        low, high = 0 if last is not None else len(self.words), len(self.words)
        while low < high:
            middle = (low + high) // 2
            if self.words[middle].as_py() <= last:
                low = middle + 1
            else:
                high = middle
        taken = self.words[:low], self.head[:low]
        if low == len(self.words):
            self._read()
        else:
            self.words, self.head = self.words[low:], self.head[low:]
        return taken


Part = tuple[int, np.ndarray, pa.RecordBatch]


def _in_order(paths: Sequence[Path], chunk_words: int) -> Iterator[tuple[pa.LargeBinaryArray, list[Part]]]:
    """The distinct words of all files, a chunk at a time, and of each file that has some of them its rows.

    Yields (words, [(number of the file, the words' numbers in this chunk int64 [rows], rows)]).
    """
    sources = [_Source(path, chunk_words) for path in paths]
    while alive := [number for number, source in enumerate(sources) if source.head is not None]:
        # Of words up to the first that ends a chunk, everything is at hand. A file's last chunk ends nothing, or each
        # of a thousand small files would end a round of its own.
        ends = (sources[number].last for number in alive)
        last = min((end for end in ends if end is not None), default=None)
        parts = [(number, *sources[number].take(last)) for number in alive]
        words = pa.concat_arrays([words for _, words, _ in parts])
        borders = np.cumsum([0, *(len(words) for _, words, _ in parts)])
        numbers, chosen = number_words(*map(frozen, bytes_of(words)), frozen(borders))
        if not len(chosen):
            files = ", ".join(str(paths[number]) for number, _, _ in parts)
            raise ValueError(f"the words of a file do not rise: one of {files}; delete it and run again")
        rows = [
            (number, numbers[borders[i] : borders[i + 1]], batch)
            for i, (number, _, batch) in enumerate(parts)
        ]
        yield words.take(pa.array(chosen)), rows


def _entries(batch: pa.RecordBatch, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(number of the word, shard, count) of every entry of a corpus's rows."""
    shards = batch.column("shard").cast(pa.large_list(pa.uint16()))
    counts = batch.column("count").cast(pa.large_list(pa.int64()))
    lengths = np.diff(to_numpy(shards.offsets))
    return np.repeat(numbers, lengths), to_numpy(shards.flatten()), to_numpy(counts.flatten())


# ---------------------------------------------------------------------- arrays on disk


def _header(dtype: np.dtype, n: int) -> bytes:
    """What a .npy file with n numbers begins with, _HEADER bytes."""
    about = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (n,)}
    start = b"\x93NUMPY\x01\x00" + (_HEADER - 10).to_bytes(2, "little")
    return (start + repr(about).encode()).ljust(_HEADER - 1) + b"\n"


class _Column:
    """A .npy file that is written piece by piece."""

    def __init__(self, path: Path, dtype):
        self.dtype, self.size = np.dtype(dtype), 0
        self._file = open(path, "wb")  # noqa: SIM115
        self._file.write(bytes(_HEADER))

    def append(self, numbers: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(numbers, dtype=self.dtype).data)
        self.size += len(numbers)

    def write_at(self, place: int, numbers: np.ndarray) -> None:
        """Write numbers from `place` on; the size is that of the last of them."""
        data = memoryview(np.ascontiguousarray(numbers, dtype=self.dtype)).cast("B")
        at = _HEADER + place * self.dtype.itemsize
        while data:
            written = os.pwrite(self._file.fileno(), data, at)
            data, at = data[written:], at + written
        self.size = max(self.size, place + len(numbers))

    def close(self) -> None:
        self._file.flush()
        os.pwrite(self._file.fileno(), _header(self.dtype, self.size), 0)
        self._file.close()


@dataclass
class _Entries:
    """The training words by shard on disk, written whenever `most` entries wait.

    borders: int64 [shards + 1], where the entries of each shard begin.
    """

    folder: Path
    borders: np.ndarray
    most: int
    heavy: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._word = _Column(self.folder / "train_word.npy", np.uint32)
        self._count = _Column(self.folder / "train_count.npy", np.uint16)
        self._at = self.borders[:-1].copy()
        self._waiting: dict[int, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
        self._n: dict[int, int] = {}

    def add(self, corpus: int, word: np.ndarray, shard: np.ndarray, count: np.ndarray) -> None:
        """Entries of a corpus, by rising word; shard: of all corpora."""
        entries = word.astype(np.uint32), shard.astype(np.int32), count
        self._waiting.setdefault(corpus, []).append(entries)
        self._n[corpus] = self._n.get(corpus, 0) + len(word)
        while sum(self._n.values()) > self.most:
            self._write(max(self._n, key=self._n.__getitem__))

    def _write(self, corpus: int) -> None:
        del self._n[corpus]
        word, shard, count = map(np.concatenate, zip(*self._waiting.pop(corpus), strict=True))
        order = np.argsort((shard - shard.min()).astype(np.uint16), kind="stable")
        word, shard, count = word[order], shard[order], count[order]
        first = np.flatnonzero(np.diff(shard, prepend=-1))
        place = self._at[shard] + np.arange(len(shard)) - np.repeat(first, np.diff(first, append=len(shard)))
        many = np.flatnonzero(count >= MANY)
        self.heavy.append(np.stack([place[many], count[many]], axis=1))
        count = np.minimum(count, MANY).astype(np.uint16)
        for begin, end in zip(first.tolist(), [*first[1:].tolist(), len(shard)], strict=True):
            self._word.write_at(int(place[begin]), word[begin:end])
            self._count.write_at(int(place[begin]), count[begin:end])
            self._at[shard[begin]] += end - begin

    def close(self) -> None:
        for corpus in list(self._n):
            self._write(corpus)
        heavy = np.concatenate([np.empty((0, 2), np.int64), *self.heavy])
        heavy = heavy[np.argsort(heavy[:, 0])]
        np.save(self.folder / "heavy_entry.npy", heavy[:, 0].copy())
        np.save(self.folder / "heavy_count.npy", heavy[:, 1].copy())
        self._word.close()
        self._count.close()


class _EvaluationWords:
    """`EvalCounts` on disk."""

    def __init__(self, folder: Path):
        names = {"word": np.uint32, "offsets": np.int64, "column": np.int32, "count": np.int64}
        self._columns = [_Column(folder / f"eval_{name}.npy", dtype) for name, dtype in names.items()]
        self._columns[1].append(np.zeros(1))

    @property
    def entries(self) -> int:
        return self._columns[2].size

    def add(self, parts: Sequence[tuple[int, np.ndarray, np.ndarray]]) -> None:
        """Entries of words behind all that came before: (evaluation column, words, counts)."""
        if not parts:
            return
        word = np.concatenate([word for _, word, _ in parts])
        column = np.repeat([column for column, _, _ in parts], [len(word) for _, word, _ in parts])
        order = np.lexsort((column, word))
        counts = np.concatenate([count for _, _, count in parts])[order]
        found = EvalCounts.from_entries(word[order], column[order], counts, 0)
        for to, numbers in zip(
            self._columns,
            (found.words, self.entries + found.offsets[1:], found.columns, found.counts),
            strict=True,
        ):
            to.append(numbers)

    def close(self) -> None:
        for column in self._columns:
            column.close()


# ---------------------------------------------------------------------- the index


def _shards(path: Path, ledger: pl.DataFrame) -> np.ndarray:
    """int64 [shards]: entries of each shard of a corpus."""
    entries = np.zeros(len(ledger), dtype=np.int64)
    for batch in word_batches(path, MOST_OF_A_SOURCE, ["shard"]):
        shards = batch.column(0).cast(pa.large_list(pa.uint16())).flatten()
        entries += np.bincount(to_numpy(shards), minlength=len(ledger))
    return entries


def build_index(
    path: Path,
    counts: Mapping[str, Path],
    ledgers: Mapping[str, Path],
    evaluation: Mapping[tuple[str, str], tuple[Path, Path]],
    *,
    words_at_hand: int = WORDS_AT_HAND,
    waiting: int = WAITING,
) -> None:
    """Write the word index (`trex.counting.word_index`) to the folder `path`.

    Args:
        counts, ledgers: per corpus, the files of `count_words`.
        evaluation: per (evaluation set, corpus), its word counts and its ledger.
        words_at_hand, waiting: words and entries in memory; the index does not depend on them.

    Raises:
        ValueError: a file's words are not sorted.
        OverflowError: there are more words than the index can number.
    """
    files = [*counts.values(), *(words for words, _ in evaluation.values())]
    # a file a source is open all the time
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    chunk = max(LEAST_OF_A_SOURCE, min(MOST_OF_A_SOURCE, words_at_hand // len(files)))
    chunk = min(chunk, words_at_hand)

    documents, shard_bytes, group_shards, entries, first_shard = [], [], [], [], [0]
    for corpus, file in counts.items():
        ledger = pl.read_parquet(ledgers[corpus]).filter(split="train").sort("shard")
        documents.append(ledger["documents"].sum())
        shard_bytes.append(ledger["bytes"].to_numpy())
        groups = np.searchsorted(ledger["group"].to_numpy(), np.arange(GROUPS + 1))
        group_shards.append(first_shard[-1] + groups)
        first_shard.append(first_shard[-1] + len(ledger))
        entries.append(_shards(file, ledger))
    borders = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(entries))])

    with whole(path) as part:
        part.mkdir()
        text, sizes = _Column(part / "text.npy", np.uint8), _Column(part / "sizes.npy", np.uint32)
        by_shard, evaluated = _Entries(part, borders, waiting), _EvaluationWords(part)
        for words, parts in _in_order(files, chunk):
            so_far = sizes.size
            if so_far + len(words) > MOST_WORDS:
                raise OverflowError(
                    f"more than {MOST_WORDS:,} distinct words, which the word index cannot number: read less text "
                    "(corpora.<corpus>.source.max_bytes)"
                )
            flat = FlatWords.build(words)
            text.append(flat.text)
            sizes.append(flat.sizes)
            in_evaluation = []
            for source, numbers, batch in parts:
                if source < len(counts):
                    word, shard, count = _entries(batch, so_far + numbers)
                    by_shard.add(source, word, first_shard[source] + shard.astype(np.int64), count)
                else:
                    count = batch.column("count").cast(pa.int64())
                    in_evaluation.append((source - len(counts), so_far + numbers, to_numpy(count)))
            evaluated.add(in_evaluation)
        for column in (text, sizes, by_shard, evaluated):
            column.close()
        for name, numbers in {
            "train_borders": borders,
            "shard_bytes": np.concatenate(shard_bytes),
            "group_shards": np.array(group_shards),
            "documents": np.array(documents),
        }.items():
            np.save(part / f"{name}.npy", numbers.astype(np.int64))
        ledgers_of_sets = [pl.read_parquet(ledger) for _, ledger in evaluation.values()]
        pl.concat(ledgers_of_sets).write_parquet(part / "evaluation.parquet")
        about = {"version": VERSION, "corpora": list(counts), "words": sizes.size, "bytes": text.size}
        about |= {"columns": len(evaluation), "entries": int(borders[-1])}
        about["text_bytes"] = int(sum(map(np.sum, shard_bytes)))
        write_json(about, part / "index.json")
        n_bytes = sum(file.stat().st_size for file in part.iterdir())
    log.info(
        "%d distinct words of %d corpora and %d evaluation sets, %d entries of training words, %d of evaluation "
        "words, %.0f MB",
        sizes.size, len(counts), len(evaluation), borders[-1], evaluated.entries, n_bytes / 1e6,
    )  # fmt: skip
