"""Words of several corpora as a given tokenizer sees them."""

import io
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
import pyarrow as pa
from tokenizers import trainers

from trex.arrow import frozen
from trex.bpe.byte_alphabet import unspell
from trex.bpe.words import FlatWords
from trex.corpora import BadRecords, DocumentLimit, read_documents
from trex.counting.pretokenize import WordCounter
from trex.counting.regex import OutsideFamily
from trex.counting.sampling import draw, sampled
from trex.inference.replay import InCorpora, Layout, count_byte_pairs, lay_out
from trex.tokenizer.existing import Existing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CorpusWords:
    """Distinct words of k corpora, counted by corpus.

    words: all of them, laid out for the merges. Word w occurs in the corpora columns[offsets[w]:offsets[w + 1]]
    (int32), counts[...] times (int64).
    """

    corpora: tuple[str, ...]
    words: FlatWords
    offsets: np.ndarray
    columns: np.ndarray
    counts: np.ndarray

    @classmethod
    def build(cls, tables: Mapping[str, pl.DataFrame]) -> Self:
        """tables: corpus -> its columns `word` (binary, distinct) and `count`."""
        table = pl.concat(
            table.select("word", pl.col("count").cast(pl.Int64), column=pl.lit(i, pl.Int32))
            for i, table in enumerate(tables.values())
        ).sort("word", "column")
        words = table.select(pl.col("word").rle().struct.unnest())
        return cls(
            tuple(tables),
            FlatWords.build(words["value"].to_arrow().cast(pa.large_binary())),
            np.concatenate(([0], np.cumsum(words["len"].to_numpy()))).astype(np.int64),
            table["column"].to_numpy(),
            table["count"].to_numpy(),
        )

    @classmethod
    def count(
        cls,
        existing: Existing,
        sources: Mapping[str, Mapping],
        base: Path,
        max_document_bytes: int,
        seed: int,
    ) -> Self:
        """Count the text of every corpus as an existing tokenizer sees it (`count_words_as`).

        sources: of each corpus, as of `corpora.deal`; their paths begin at base. seed: of the samples where they have
        max_bytes, copies of documents included.
        """
        tables = {}
        for corpus, source in sources.items():
            # how many bad records are too many is said of a whole corpus, and by the job that counts it
            first, again = (
                read_documents(
                    source,
                    base,
                    limit=DocumentLimit(max_document_bytes),
                    bad=BadRecords.from_source(source).uncapped(),
                )
                for _ in range(2)
            )
            sample = draw(first, source, seed, copies=True)
            tables[corpus] = count_words_as(existing, sampled(again, sample, seed))
            log.info("%s: %s distinct words", corpus, f"{tables[corpus].height:,}")
        return cls.build(tables)

    @cached_property
    def layout(self) -> Layout:
        """What the replay walks."""
        return lay_out(self.words)

    @cached_property
    def word(self) -> np.ndarray:
        """int64: the word of every entry of columns and counts."""
        return np.repeat(np.arange(len(self.words)), np.diff(self.offsets))

    @cached_property
    def n_bytes(self) -> np.ndarray:
        """float64 [k]: bytes of each corpus's text, as the tokenizer normalizes it."""
        sizes = self.counts * self.words.sizes[self.word]
        return np.bincount(self.columns, weights=sizes, minlength=len(self.corpora))

    @cached_property
    def byte_pair_counts(self) -> np.ndarray:
        """int64 [65536, k]"""
        arrays = map(frozen, (self.offsets, self.columns, self.counts))
        return count_byte_pairs(self.layout, *arrays, len(self.corpora))

    def in_corpora(self) -> InCorpora:
        """What the replay takes."""
        return InCorpora(*map(frozen, (self.offsets, self.columns, self.counts, self.byte_pair_counts)))

    def weighted(self, rate: np.ndarray) -> np.ndarray:
        """float64 [words]: counts summed over corpora, a count of corpus i weighing rate[i]."""
        return np.bincount(self.word, weights=self.counts * rate[self.columns], minlength=len(self.words))


def count_words_as(
    existing: Existing, batches: Iterable[pa.LargeStringArray], *, by_line: bool = False
) -> pl.DataFrame:
    """Columns `word` (binary) and `count` of text, normalized and split by the tokenizer's own rules.

    Each document is an item of its own, or with by_line each line with its newline (as `tokenizers` trains on files).
    """
    try:
        rules = existing.word_rules()
        rules.tables()
    except OutsideFamily as why:
        log.warning("%s splits the text itself, about ten times slower than we would: %s", existing.name, why)
    else:
        counter = WordCounter(rules, by_line=by_line)
        for batch in batches:
            counter.add(batch)
        counts = counter.result()
        return pl.DataFrame({"word": pl.from_arrow(counts.words), "count": counts.totals()})
    items = (text for batch in batches for text in batch.to_pylist())
    if by_line:
        items = (line for text in items for line in io.StringIO(text, newline="\n"))
    # `tokenizers` hands out what it counts in one place only: the state of a trainer that has not merged anything
    trainer = trainers.BpeTrainer(vocab_size=0, show_progress=False)
    existing.to_tokenizer().train_from_iterator(items, trainer)
    words = json.loads(trainer.__getstate__())["BpeTrainer"]["words"]
    schema = {"word": pl.Binary, "count": pl.Int64}
    return pl.DataFrame({"word": map(unspell, words), "count": list(words.values())}, schema=schema).sort(
        "word"
    )
