"""Facts about all training text of a corpus, from its table of words: read as a stream, in bounded memory."""

import heapq
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from trex.counting.word_files import word_batches
from trex.scripts import OTHER, script_of

SHOWN = 8  # heaviest words
LONG_RUN = 16  # equal characters in a row: rulers and tables have them, words do not
_WORDS_AT_ONCE = 1 << 16
_RUN_BYTES = 4 << 20  # of words that are searched for runs at once


def word_facts(path: str | Path) -> dict[str, Any]:
    """Of counts/{corpus}/words.arrow.

    words: how many distinct ones. bytes, characters: of the text. not_text: share of bytes in words that are no UTF-8.
    scripts: of the characters in words with letters, the share by the script of the word's first letter, largest first.
    heaviest: words with the largest share of the text's bytes: word, share. longest: of the longest word, word, bytes,
    count. longest_run: of equal characters in a word, character, length. in_runs: share of the characters in runs of
    LONG_RUN or more.
    """
    facts = _Words()
    for batch in word_batches(Path(path), _WORDS_AT_ONCE, ["word", "count"]):
        facts.add(pl.DataFrame(batch).select("word", pl.col("count").list.sum()))
    return facts.found()


class _Words:
    def __init__(self):
        self.n = self.bytes = self.characters = self.not_text = self.in_runs = 0
        self.letters: Counter[str] = Counter()  # characters of the words by their first letter
        self.heaviest: list[tuple[int, bytes]] = []
        self.longest: tuple[int, int, bytes] = (0, 0, b"")
        self.longest_run: tuple[int, str] = (0, "")

    def add(self, table: pl.DataFrame) -> None:
        """table: word (bytes), count."""
        table = table.with_columns(
            text=_texts(table["word"]), size=pl.col("word").bin.size().cast(pl.Int64)
        ).with_columns(weight=pl.col("size") * pl.col("count"), characters=pl.col("text").str.len_chars())
        self.n += len(table)
        self.bytes += int(table["weight"].sum())
        top = table.top_k(SHOWN, by="weight").select("weight", "word").rows()
        self.heaviest = heapq.nlargest(SHOWN, self.heaviest + top)
        longest = table.top_k(1, by="size").select("size", "count", "word").rows()
        self.longest = max([self.longest, *longest])
        self.not_text += int(table.filter(pl.col("text").is_null())["weight"].sum())
        table = table.drop_nulls("text")
        self.characters += int((table["characters"] * table["count"]).sum())
        of_letter = (
            table.select(
                pl.col("text").str.extract(r"(\p{L})").alias("letter"), pl.col("characters") * pl.col("count")
            )
            .drop_nulls()
            .group_by("letter")
            .agg(pl.col("characters").sum())
        )
        self.letters.update(dict(of_letter.iter_rows()))
        long = table.filter(pl.col("characters") >= LONG_RUN)
        for part in long.with_columns(part=pl.col("size").cum_sum() // _RUN_BYTES).partition_by("part"):
            self._add_runs(part)

    def _add_runs(self, table: pl.DataFrame) -> None:
        """The runs of equal characters in words; 30 bytes of memory a character."""
        borders = np.concatenate(([0], table["characters"].to_numpy().astype(np.int64).cumsum()))
        points = np.frombuffer("".join(table["text"]).encode("utf-32-le"), dtype=np.uint32)
        new = np.ones(points.size + 1, dtype=bool)
        new[1:-1] = points[1:] != points[:-1]
        new[borders] = True
        starts = np.flatnonzero(new)
        lengths = np.diff(starts)
        long = np.flatnonzero(lengths >= LONG_RUN)
        if not long.size:
            return
        word = np.searchsorted(borders, starts[long], side="right") - 1
        self.in_runs += int(lengths[long] @ table["count"].to_numpy()[word])
        most = long[lengths[long].argmax()]
        self.longest_run = max(self.longest_run, (int(lengths[most]), chr(points[starts[most]])))

    def found(self) -> dict[str, Any]:
        size, count, word = self.longest
        length, character = self.longest_run
        return {
            "words": self.n,
            "bytes": self.bytes,
            "characters": self.characters,
            "not_text": self.not_text / max(self.bytes, 1),
            "scripts": self._scripts(),
            "heaviest": [
                {"word": spelled(word), "share": weight / max(self.bytes, 1)}
                for weight, word in self.heaviest
            ],
            "longest": {"word": spelled(word), "bytes": size, "count": count},
            "longest_run": {"character": character, "length": length},
            "in_runs": self.in_runs / max(self.characters, 1),
        }

    def _scripts(self) -> dict[str, float]:
        letters = pl.DataFrame(list(self.letters.items()), schema=["letter", "n"], orient="row")
        if letters.is_empty():
            return {}
        shares = (
            letters.select(script_of(pl.col("letter")).fill_null(OTHER).alias("script"), "n")
            .group_by("script")
            .agg(share=pl.col("n").sum() / letters["n"].sum())
            .sort(["share", "script"], descending=[True, False])
        )
        return dict(shares.iter_rows())


def _texts(words: pl.Series) -> pl.Series:
    """Words as text; null for those that are no UTF-8, which no text has."""
    try:
        return words.cast(pl.String)
    except pl.exceptions.ComputeError:
        return pl.Series([_decoded(word) for word in words], dtype=pl.String)


def _decoded(word: bytes) -> str | None:
    try:
        return word.decode()
    except UnicodeDecodeError:
        return None


def spelled(word: bytes, most: int = 24) -> str:
    """A word for people: cut after so many characters, U+FFFD for what is no UTF-8."""
    text = word[: 4 * most + 4].decode(errors="replace")
    return text[:most] + "…" if len(text) > most or len(word) > 4 * most + 4 else text
