"""One table of all distinct words of all corpora and evaluation sets, on disk and memory-mapped.

Text is read once; from then on a training text is a sum of rows of this table. Each corpus's words are stored
shard after shard, so that the first shards of a corpus are one contiguous stretch.
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
from trex.files import read_json, whole, write_json

log = logging.getLogger(__name__)

VERSION = 2
_ARRAYS = (
    "train_word",
    "train_count",
    "train_borders",
    "shard_bytes",
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
class WordIndex:
    """The word table.

    words: all distinct words, laid out for training. corpora: their ids; n_shards of each corpus.
    evaluation_rows: one row per evaluation column: evaluation_set, corpus, documents, bytes, characters, words,
    reference_tokens. evaluation: the counts of every word in those columns.
    train_word (uint32), train_count (int64): entries of corpus c, shard s are
    [train_borders[c, s]:train_borders[c, s + 1]]. shard_bytes: int64 [corpora, shards].
    """

    corpora: tuple[str, ...]
    words: FlatWords
    evaluation_rows: pl.DataFrame
    evaluation: EvalCounts
    train_word: np.ndarray
    train_count: np.ndarray
    train_borders: np.ndarray
    shard_bytes: np.ndarray

    @property
    def available_bytes(self) -> np.ndarray:
        """int64 [corpora]: bytes of training text."""
        return self.shard_bytes.sum(axis=1)

    def slice(self, shares: np.ndarray, n_bytes: int, replicate: int = 0, replicates: int = 1) -> Slice:
        """The training text of a mixture: whole shards of every corpus, as near to n_bytes * share as they get.

        Slices are nested: a larger share of a corpus holds a smaller one, so mixtures share their noise. A corpus
        with too little text is repeated. A share above 0 gives at least one shard. replicate r of `replicates`
        begins r / replicates of the way through the shards: a fresh draw of text for estimating noise.
        """
        n_shards = self.shard_bytes.shape[1]
        counts = np.zeros(len(self.words), dtype=np.int64)
        rows = []
        for c, corpus in enumerate(self.corpora):
            asked = float(shares[c]) * n_bytes
            available = int(self.shard_bytes[c].sum())
            order = (np.arange(n_shards) + replicate * n_shards // replicates) % n_shards
            upto = np.concatenate(([0], np.cumsum(self.shard_bytes[c, order])))
            epochs = int(asked // available)
            shards = int(np.abs(upto - (asked - epochs * available)).argmin())
            if shards == n_shards:
                epochs, shards = epochs + 1, 0
            if asked > 0 and epochs == 0:
                shards = max(shards, int(np.flatnonzero(upto)[0]))
            if epochs:
                self._add_shards(counts, c, 0, n_shards, epochs)
            first = int(order[0])
            end = first + shards
            self._add_shards(counts, c, first, min(end, n_shards), 1)
            self._add_shards(counts, c, 0, max(end - n_shards, 0), 1)
            given = epochs * available + int(upto[shards])
            rows.append((corpus, float(shares[c]), asked, given, shards, epochs))
        total = sum(row[3] for row in rows)
        ledger = pl.DataFrame(
            [
                (corpus, share, given / total, asked, given, shards, epochs)
                for corpus, share, asked, given, shards, epochs in rows
            ],
            schema={
                "corpus": pl.String,
                "asked_share": pl.Float64,
                "share": pl.Float64,
                "asked_bytes": pl.Float64,
                "given_bytes": pl.Int64,
                "shards": pl.Int64,
                "epochs": pl.Int64,
            },
            orient="row",
        )
        return Slice(counts, ledger)

    def _add_shards(self, counts: np.ndarray, corpus: int, first: int, end: int, times: int) -> None:
        entries = slice(self.train_borders[corpus, first], self.train_borders[corpus, max(end, first)])
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

        shard_bytes, train_word, train_count, borders = [], [], [], []
        entries = 0
        for corpus in counts:
            ledger = pl.read_parquet(ledgers[corpus]).filter(part="train").sort("shard")
            shard_bytes.append(ledger["bytes"].to_numpy())
            table = (
                pl.read_parquet(counts[corpus])
                .join(vocabulary, on="word")
                .select("id", "shard", "count")
                .explode("shard", "count")
                .sort("shard", "id")
            )
            train_word.append(table["id"].to_numpy())
            train_count.append(table["count"].to_numpy())
            ends = np.searchsorted(table["shard"].to_numpy(), np.arange(len(ledger) + 1))
            borders.append(entries + ends)
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
            "train_borders": np.array(borders, dtype=np.int64),
            "shard_bytes": np.array(shard_bytes, dtype=np.int64),
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
            *(arrays[name] for name in ("train_word", "train_count", "train_borders", "shard_bytes")),
        )
