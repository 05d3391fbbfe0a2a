"""One table of all distinct words of all corpora and evaluation sets, on disk and memory-mapped.

Text is read once; from then on a training text is a sum of rows of this table. Each corpus's words are stored shard
after shard in the order of `trex.counting.shards`, so that a training text reads one contiguous stretch, or two.
`trex.counting.build_index` writes it.

On disk a word takes 4 bytes and its spelling, an entry of a training word in a shard 6 (16 more if it has a count of
65,535 or more), an evaluation word 12 and 12 an entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from trex.arrow import frozen
from trex.bpe.words import EvalCounts, FlatWords
from trex.compiled.kernel import kernel
from trex.counting.shards import GROUPS
from trex.files import read_json

VERSION = 4
MOST_WORDS = 2**32  # a word's number has 32 bits
MANY = 2**16 - 1  # entries with so large a count have it in a table of their own
# By how much shares may miss what was asked for, on average. What is given is known, and is what regression sees.
MOST_OFF = 0.02
_TRAINING = (
    "train_word",
    "train_count",
    "heavy_entry",
    "heavy_count",
    "train_borders",
    "shard_bytes",
    "group_shards",
    "documents",
)
_EVALUATION = ("eval_word", "eval_offsets", "eval_column", "eval_count")
_WORDS = ("text", "sizes")


@kernel
def _add(counts, words, values, heavy, times):
    """counts[words] += times * values; a value of MANY is the next of heavy."""
    h = 0
    for i in range(words.size):
        value = np.int64(values[i])
        if value == MANY:
            value = heavy[h]
            h += 1
        counts[words[i]] += times * value


@dataclass(frozen=True)
class Slice:
    """A training text, as counts of words.

    counts: int64 [words]. ledger: one row a corpus: corpus, asked_share, share, asked_bytes, given_bytes, shards,
    epochs (whole passes over the corpus, before the shards).
    """

    counts: np.ndarray
    ledger: pl.DataFrame

    @property
    def n_bytes(self) -> int:
        """Bytes of text, repeats included."""
        return int(self.ledger["given_bytes"].sum())


@dataclass(frozen=True)
class _Stretch:
    """The shards of a corpus, from first up to end, in the order from `begin` to the end and then from first.

    upto: int64 [shards + 1]: the bytes of so many shards in that order.
    """

    first: int
    begin: int
    end: int
    upto: np.ndarray

    def take(self, asked: float) -> tuple[int, int, int]:
        """(whole passes over the corpus, shards after them, bytes): as near to the asked bytes as whole shards get."""
        available = int(self.upto[-1])
        epochs = int(asked // available)
        rest = asked - epochs * available
        after = min(int(np.searchsorted(self.upto, rest)), len(self.upto) - 1)
        shards = after if after == 0 or self.upto[after] - rest < rest - self.upto[after - 1] else after - 1
        if asked > 0 and epochs + shards == 0:
            shards = 1
        if shards == len(self.upto) - 1:
            epochs, shards = epochs + 1, 0
        return epochs, shards, epochs * available + int(self.upto[shards])


@dataclass(frozen=True)
class WordIndex:
    """The word table.

    words: all distinct words, laid out for training. corpora: their ids.
    evaluation_rows: one row per evaluation column: evaluation_set, corpus, documents, bytes, characters, words,
    reference_tokens. evaluation: the counts of every word in those columns.
    group_shards: int64 [corpora, GROUPS + 1]: the shards of group g of corpus c are those from group_shards[c, g] up to
    group_shards[c, g + 1], of all shards of all corpora. shard_bytes: int64 [shards]. documents: int64 [corpora].
    train_word (uint32), train_count (uint16): entries of shard s are [train_borders[s]:train_borders[s + 1]].
    heavy_entry (int64, rising), heavy_count (int64): the entries that count MANY or more, which train_count has as
    MANY.
    """

    corpora: tuple[str, ...]
    words: FlatWords
    evaluation_rows: pl.DataFrame
    evaluation: EvalCounts
    train_word: np.ndarray
    train_count: np.ndarray
    heavy_entry: np.ndarray
    heavy_count: np.ndarray
    train_borders: np.ndarray
    shard_bytes: np.ndarray
    group_shards: np.ndarray
    documents: np.ndarray

    @property
    def available_bytes(self) -> np.ndarray:
        """int64 [corpora]: bytes of training text."""
        upto = np.concatenate(([0], np.cumsum(self.shard_bytes)))
        return upto[self.group_shards[:, -1]] - upto[self.group_shards[:, 0]]

    def slice(self, shares: np.ndarray, n_bytes: int, replicate: int = 0) -> Slice:
        """The training text of a mixture: whole shards of every corpus, as near to n_bytes * share as they get.

        Slices of a replicate are nested: a larger share, or a larger scale, holds a smaller one, so mixtures share
        their noise. A corpus with too little text is repeated. A share above 0 gives at least one shard. Replicate r,
        from 0 to GROUPS - 1, begins with group r: an independent draw, unless a slice needs more than a group has.
        """
        counts = np.zeros(len(self.words), dtype=np.int64)
        rows = []
        for c, corpus in enumerate(self.corpora):
            stretch = self._stretch(c, replicate)
            epochs, shards, given = stretch.take(float(shares[c]) * n_bytes)
            self._add_stretch(counts, stretch, epochs, shards)
            rows.append((corpus, float(shares[c]), float(shares[c]) * n_bytes, given, shards, epochs))
        ledger = pl.DataFrame(
            rows,
            schema={
                "corpus": pl.String,
                "asked_share": pl.Float64,
                "asked_bytes": pl.Float64,
                "given_bytes": pl.Int64,
                "shards": pl.Int64,
                "epochs": pl.Int64,
            },
            orient="row",
        ).select(
            "corpus", "asked_share", (pl.col("given_bytes") / pl.col("given_bytes").sum()).alias("share"),
            "asked_bytes", "given_bytes", "shards", "epochs",
        )  # fmt: skip
        return Slice(counts, ledger)

    def slice_by_corpus(
        self, shares: np.ndarray, n_bytes: int, replicate: int = 0
    ) -> tuple[EvalCounts, pl.DataFrame]:
        """As `slice`, with the counts of each corpus in a column of its own, and the ledger."""
        words, columns, counts = [], [], []
        ledger = self.slice(shares, n_bytes, replicate).ledger
        for c, (epochs, shards) in enumerate(ledger.select("epochs", "shards").iter_rows()):
            of_corpus = np.zeros(len(self.words), dtype=np.int64)
            self._add_stretch(of_corpus, self._stretch(c, replicate), epochs, shards)
            words.append(np.flatnonzero(of_corpus))
            columns.append(np.full(len(words[-1]), c, np.int32))
            counts.append(of_corpus[words[-1]])
        word = np.concatenate(words)
        order = np.argsort(word, kind="stable")
        column, count = np.concatenate(columns)[order], np.concatenate(counts)[order]
        return EvalCounts.from_entries(word[order], column, count, len(self.corpora)), ledger

    def given_bytes(self, shares: np.ndarray, n_bytes: int) -> np.ndarray:
        """int64 [n, corpora]: the bytes that `slice` gives mixtures, shares [n, corpora]."""
        stretches = [self._stretch(c, 0) for c in range(len(self.corpora))]
        rows = [
            [
                stretch.take(float(share) * n_bytes)[2]
                for stretch, share in zip(stretches, mixture, strict=True)
            ]
            for mixture in shares
        ]
        return np.array(rows, dtype=np.int64).reshape(-1, len(self.corpora))

    def repeated(self, shares: np.ndarray, n_bytes: int, replicate: int) -> float:
        """The part of a replicate's text that replicate 0 has too, in bytes."""
        both = given = 0.0
        for c, share in enumerate(shares):
            taken = [self._times(c, float(share) * n_bytes, r) for r in (0, replicate)]
            sizes = self.shard_bytes[self.group_shards[c, 0] : self.group_shards[c, -1]]
            both += float(np.minimum(*taken) @ sizes)
            given += float(taken[1] @ sizes)
        return both / given

    def _times(self, corpus: int, asked: float, replicate: int) -> np.ndarray:
        """int64 [shards of the corpus]: how often a slice has each."""
        stretch = self._stretch(corpus, replicate)
        epochs, shards, _ = stretch.take(asked)
        times = np.full(stretch.end - stretch.first, epochs, dtype=np.int64)
        times[(stretch.begin - stretch.first + np.arange(shards)) % len(times)] += 1
        return times

    def check_given(self, names: Sequence[str], shares: np.ndarray, n_bytes: int) -> None:
        """Check that slices are the mixtures asked for: names [n], shares [n, corpora].

        Two mixtures that differ by less than the width of a shard may get the same text; that is no error.

        Raises:
            ValueError: shares are off by more than MOST_OFF on average. Says which documents are too long for it.
        """
        given = self.given_bytes(shares, n_bytes)
        realised = given / given.sum(axis=1, keepdims=True)
        if np.abs(realised - shares).mean() <= MOST_OFF:
            return
        off = np.abs(given - shares * n_bytes)
        c = int(
            off.mean(axis=0).argmax()
        )  # the corpus at fault: its documents do not fit what it is asked for
        mixture = int(off[:, c].argmax())
        mean = float(self.available_bytes[c] / self.documents[c])
        enough = mean / MOST_OFF
        larger = (
            f"make proxies.bytes at least {enough:,.0f}, or " if enough < self.available_bytes.sum() else ""
        )
        raise ValueError(
            f"the corpora cannot give the mixtures asked for: {names[mixture]} asks for "
            f"{shares[mixture, c] * n_bytes:,.0f} bytes of {self.corpora[c]} and gets {given[mixture, c]:,}, so that "
            f"its share becomes {realised[mixture, c]:.1%} in place of {shares[mixture, c]:.1%}. Documents of "
            f"{self.corpora[c]} have {mean:,.0f} bytes on average, too many for a training text of {n_bytes:,} bytes: "
            f"{larger}give shorter documents (sample_by: paragraph or line)"
        )

    def _stretch(self, corpus: int, replicate: int) -> "_Stretch":
        if not 0 <= replicate < GROUPS:
            raise ValueError(f"replicate {replicate}: text has {GROUPS} independent draws, 0 to {GROUPS - 1}")
        first, *_, end = groups = self.group_shards[corpus].tolist()
        begin = groups[replicate]
        sizes = np.concatenate((self.shard_bytes[begin:end], self.shard_bytes[first:begin]))
        return _Stretch(first, begin, end, np.concatenate(([0], np.cumsum(sizes))))

    def _add_stretch(self, counts: np.ndarray, stretch: "_Stretch", epochs: int, shards: int) -> None:
        """Add whole passes over a corpus, and then so many shards of it, to counts [words]."""
        if epochs:
            self._add_shards(counts, stretch.first, stretch.end, epochs)
        last = stretch.begin + shards
        self._add_shards(counts, stretch.begin, min(last, stretch.end), 1)
        self._add_shards(counts, stretch.first, stretch.first + max(last - stretch.end, 0), 1)

    def _add_shards(self, counts: np.ndarray, first: int, end: int, times: int) -> None:
        begin, end = self.train_borders[first], self.train_borders[max(end, first)]
        heavy = self.heavy_count[np.searchsorted(self.heavy_entry, begin) :]
        _add(counts, *map(frozen, (self.train_word[begin:end], self.train_count[begin:end], heavy)), times)

    @classmethod
    def load(cls, path: Path, corpora: Sequence[str] | None = None) -> "WordIndex":
        """Map the table at `path` into memory. ValueError if it is none, or not of the given corpora in their order."""
        path = Path(path)
        try:
            about = read_json(path / "index.json")
            if about["version"] != VERSION:
                raise ValueError(f"it has version {about['version']}, not {VERSION}")
            arrays = {
                name: np.load(path / f"{name}.npy", mmap_mode="r")
                for name in _TRAINING + _EVALUATION + _WORDS
            }
            rows = pl.read_parquet(path / "evaluation.parquet")
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise ValueError(
                f"{path} is not a whole word index ({error}); delete it and run again"
            ) from error
        if corpora is not None and list(corpora) != about["corpora"]:
            raise ValueError(f"{path} holds the corpora {about['corpora']}, not {list(corpora)}")
        return cls(
            tuple(about["corpora"]),
            FlatWords(*(arrays[name] for name in _WORDS)),
            rows,
            EvalCounts(*(arrays[name] for name in _EVALUATION), len(rows)),
            *(arrays[name] for name in _TRAINING),
        )
