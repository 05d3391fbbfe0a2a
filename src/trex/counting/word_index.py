"""One table of all distinct words of all corpora and evaluation sets, on disk and memory-mapped.

Text is read once; from then on a training text is a sum of rows of this table. Each corpus's words are stored shard
after shard in the order of `trex.counting.shards`, so that a training text reads one contiguous stretch, or two.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import polars as pl

from trex.arrow import frozen
from trex.bpe.words import EvalCounts, FlatWords
from trex.compiled.kernel import kernel
from trex.counting.shards import GROUPS, MOST_ALIKE
from trex.files import read_json, whole, write_json

log = logging.getLogger(__name__)

VERSION = 3
# By how much shares may miss what was asked for, on average. What is given is known, and is what regression sees.
MOST_OFF = 0.02
_ARRAYS = (
    "train_word",
    "train_count",
    "train_borders",
    "shard_bytes",
    "group_shards",
    "documents",
    "eval_offsets",
    "eval_column",
    "eval_count",
)


@kernel
def _add(counts, words, values, times):
    """counts[words] += times * values"""
    for i in range(words.size):
        counts[words[i]] += times * values[i]


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
    train_word (uint32), train_count (int64): entries of shard s are [train_borders[s]:train_borders[s + 1]].
    """

    corpora: tuple[str, ...]
    words: FlatWords
    evaluation_rows: pl.DataFrame
    evaluation: EvalCounts
    train_word: np.ndarray
    train_count: np.ndarray
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
            if epochs:
                self._add_shards(counts, stretch.first, stretch.end, epochs)
            last = stretch.begin + shards
            self._add_shards(counts, stretch.begin, min(last, stretch.end), 1)
            self._add_shards(counts, stretch.first, stretch.first + max(last - stretch.end, 0), 1)
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

    def check_given(self, names: Sequence[str], shares: np.ndarray, n_bytes: int) -> None:
        """See that slices are the mixtures asked for: names [n], shares [n, corpora].

        Raises:
            ValueError: mixtures become one, or shares are off by more than MOST_OFF on average. Says what to set.
        """
        given = self.given_bytes(shares, n_bytes)
        realised = given / given.sum(axis=1, keepdims=True)
        off = np.abs(realised - shares)
        asked, distinct = (len(np.unique(rows, axis=0)) for rows in (shares, given))
        if distinct >= (1 - MOST_ALIKE) * asked and off.mean() <= MOST_OFF:
            return
        mixture, c = np.unravel_index(off.argmax(), off.shape)
        mean = self.available_bytes / self.documents
        raise ValueError(
            f"the corpora cannot give the mixtures asked for: {asked} mixtures become {distinct}, and "
            f"{names[mixture]} asks for {shares[mixture, c]:.1%} of {self.corpora[c]} and gets "
            f"{realised[mixture, c]:.1%}. Documents of {self.corpora[c]} have {mean[c]:,.0f} bytes on average, too "
            f"many for a training text of {n_bytes:,} bytes. Make proxies.bytes at least {200 * mean.max():,.0f}, or "
            "give shorter documents (sample_by: paragraph or line)"
        )

    def _stretch(self, corpus: int, replicate: int) -> "_Stretch":
        if not 0 <= replicate < GROUPS:
            raise ValueError(f"replicate {replicate}: text has {GROUPS} independent draws, 0 to {GROUPS - 1}")
        first, *_, end = groups = self.group_shards[corpus].tolist()
        begin = groups[replicate]
        sizes = np.concatenate((self.shard_bytes[begin:end], self.shard_bytes[first:begin]))
        return _Stretch(first, begin, end, np.concatenate(([0], np.cumsum(sizes))))

    def _add_shards(self, counts: np.ndarray, first: int, end: int, times: int) -> None:
        entries = slice(self.train_borders[first], self.train_borders[max(end, first)])
        _add(counts, frozen(self.train_word[entries]), frozen(self.train_count[entries]), times)

    @classmethod
    def build(
        cls,
        path: Path,
        counts: Mapping[str, Path],
        ledgers: Mapping[str, Path],
        evaluation: Mapping[tuple[str, str], tuple[Path, Path]],
    ) -> None:
        """Write the table to the folder `path`.

        counts, ledgers: per corpus, the files of `count_words`; evaluation: per (evaluation set, corpus), its
        word counts and its ledger.
        """
        sources = [*counts.values(), *(words for words, _ in evaluation.values())]
        vocabulary = (
            pl.concat([pl.scan_parquet(source).select("word") for source in sources])
            .unique()
            .sort("word")
            .collect()
        )
        vocabulary = vocabulary.with_columns(id=pl.int_range(pl.len(), dtype=pl.UInt32))
        log.info(
            "%d distinct words of %d corpora and %d evaluation sets",
            len(vocabulary),
            len(counts),
            len(evaluation),
        )

        documents, shard_bytes, group_shards, train_word, train_count, borders = [], [], [], [], [], [[0]]
        entries = n_shards = 0
        for corpus in counts:
            ledger = pl.read_parquet(ledgers[corpus]).filter(split="train").sort("shard")
            documents.append(ledger["documents"].sum())
            shard_bytes.append(ledger["bytes"].to_numpy())
            group_shards.append(n_shards + np.searchsorted(ledger["group"].to_numpy(), np.arange(GROUPS + 1)))
            n_shards += len(ledger)
            table = (
                pl.read_parquet(counts[corpus])
                .join(vocabulary, on="word")
                .select("id", "shard", "count")
                .explode("shard", "count")
                .sort("shard", "id")
            )
            train_word.append(table["id"].to_numpy())
            train_count.append(table["count"].to_numpy())
            borders.append(
                entries + np.searchsorted(table["shard"].to_numpy(), np.arange(len(ledger)), "right")
            )
            entries += len(table)

        rows, word, column, count = [], [], [], []
        for number, (words_path, ledger_path) in enumerate(evaluation.values()):
            rows.append(pl.read_parquet(ledger_path))
            table = pl.read_parquet(words_path).join(vocabulary, on="word")
            word.append(table["id"].to_numpy())
            column.append(np.full(len(table), number, dtype=np.int32))
            count.append(table["count"].to_numpy())
        word, column, count = map(np.concatenate, (word, column, count))
        order = np.lexsort((column, word))
        offsets = np.concatenate(([0], np.cumsum(np.bincount(word, minlength=len(vocabulary))))).astype(
            np.int64
        )

        words = FlatWords.build(vocabulary["word"].to_arrow().cast("large_binary"))
        arrays = {
            "train_word": np.concatenate(train_word),
            "train_count": np.concatenate(train_count),
            "train_borders": np.concatenate(borders).astype(np.int64),
            "shard_bytes": np.concatenate(shard_bytes).astype(np.int64),
            "group_shards": np.array(group_shards, dtype=np.int64),
            "documents": np.array(documents, dtype=np.int64),
            "eval_offsets": offsets,
            "eval_column": column[order],
            "eval_count": count[order],
            **{field.name: getattr(words, field.name) for field in fields(FlatWords)},
        }
        with whole(path) as part:
            part.mkdir()
            for name, array in arrays.items():
                np.save(part / f"{name}.npy", array)
            pl.concat(rows).write_parquet(part / "evaluation.parquet")
            write_json(
                {"version": VERSION, "corpora": list(counts), "words": len(words)}, part / "index.json"
            )
        total = sum(array.nbytes for array in arrays.values())
        log.info(
            "%d entries of training words, %d of evaluation words, %.0f MB", entries, len(word), total / 1e6
        )

    @classmethod
    def load(cls, path: Path, corpora: Sequence[str] | None = None) -> "WordIndex":
        """Map the table at `path` into memory. ValueError if it is none, or not of the given corpora in their order."""
        path = Path(path)
        try:
            about = read_json(path / "index.json")
            names = (*_ARRAYS, *(field.name for field in fields(FlatWords)))
            arrays = {name: np.load(path / f"{name}.npy", mmap_mode="r") for name in names}
            rows = pl.read_parquet(path / "evaluation.parquet")
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise ValueError(
                f"{path} is not a whole word index ({error}); delete it and run again"
            ) from error
        if about["version"] != VERSION:
            raise ValueError(f"{path} has version {about['version']}, not {VERSION}; delete it and run again")
        if corpora is not None and list(corpora) != about["corpora"]:
            raise ValueError(f"{path} holds the corpora {about['corpora']}, not {list(corpora)}")
        words = FlatWords(**{field.name: arrays[field.name] for field in fields(FlatWords)})
        evaluation = EvalCounts(
            arrays["eval_offsets"], arrays["eval_column"], arrays["eval_count"], len(rows)
        )
        return cls(
            tuple(about["corpora"]),
            words,
            rows,
            evaluation,
            *(arrays[name] for name in _ARRAYS[:6]),
        )
