"""How text becomes words: a normalizer, then regexes that split it one after the other."""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trex.counting.automaton import Tables, compiled
from trex.counting.normalize import padded
from trex.counting.patterns import regex_of
from trex.counting.regex import OutsideFamily

log = logging.getLogger(__name__)

NORMALIZERS = ("nfc", "nfkc", "none")
RATED_BYTES = 1 << 18  # of text, after which the slow way says how fast it is


@dataclass(frozen=True)
class Split:
    """A regex that text is split by, and which of the pieces are kept: what is between matches, and matches."""

    regex: str
    between: bool = True
    matches: bool = True


@dataclass(frozen=True)
class WordRules:
    """How text becomes words.

    normalizer: nfc, nfkc or none. splits: each splits the pieces that the one before made; without any, each document
    (or line) is a word.
    """

    normalizer: str
    splits: tuple[Split, ...]

    def __post_init__(self):
        if self.normalizer not in NORMALIZERS:
            raise ValueError(f"normalizer {self.normalizer!r} is not one of {', '.join(NORMALIZERS)}")

    @classmethod
    def of(cls, pattern: str, normalizer: str) -> "WordRules":
        """Those of our own tokenizers. pattern: a name or a regex; none, or an empty one, does not split."""
        regex = regex_of(pattern)
        return cls(normalizer, (Split(regex),) if regex else ())

    def regexes(self) -> tuple[str, ...]:
        return tuple(split.regex for split in self.splits)

    def tables(self) -> Tables:
        """What `trex.counting.scanner` runs; OutsideFamily if there is a regex that is not compiled."""
        tables = compiled(self.regexes())
        if tables.guard_length and not self.kept().all():
            raise OutsideFamily("some of what it splits, by a regex with a guard against runs, is dropped")
        return tables

    def kept(self) -> np.ndarray:
        """bool [splits, 2]: whether what is between matches is kept, and matches."""
        kept = np.array([(split.between, split.matches) for split in self.splits], dtype=bool)
        return kept.reshape(-1, 2)


def why_slow(pattern: str) -> str | None:
    """Why a regex goes the slow way through `tokenizers`; None if it does not."""
    try:
        compiled((pattern,))
    except OutsideFamily as why:
        return str(why)
    return None


def slow_rate(pattern: str) -> float:
    """MB of plain text a second of CPU time that go the slow way with a regex."""
    splitter = SlowSplitter(WordRules.of(pattern, "nfc"), by_line=False, why="")
    text = pa.array(["It was 1984, they say; and nothing had changed.\n" * 20] * 200, pa.large_string())
    splitter.split(text[:1])
    start = time.process_time()
    splitter.split(text)
    return pc.sum(pc.binary_length(text)).as_py() / 1e6 / max(time.process_time() - start, 1e-9)


class SlowSplitter:
    """The slow exact way for any rules: `tokenizers` normalizes and splits every item. Says why, and how fast it is."""

    def __init__(self, rules: WordRules, by_line: bool, why: str):
        from tokenizers import Regex, normalizers, pre_tokenizers

        self._by_line = by_line
        self._why = why
        self._bytes, self._seconds, self._said = 0, 0.0, False
        self._normalize = str
        if rules.normalizer != "none":
            self._normalize = getattr(normalizers, rules.normalizer.upper())().normalize_str
        self._split = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(
                    Regex(split.regex),
                    "isolated" if split.between and split.matches else "removed",
                    invert=split.matches and not split.between,
                )
                for split in rules.splits
            ]
        ).pre_tokenize_str

    def split(self, documents: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(text, borders, first_word): word k is text[borders[k]:borders[k + 1]], and the words of document d those
        from first_word[d] to first_word[d + 1]."""
        start = time.process_time()
        words: list[bytes] = []
        first_word = [0]
        for document in documents:
            for item in _lines(document.as_py()) if self._by_line else (document.as_py(),):
                words += [word.encode() for word, _ in self._split(self._normalize(item))]
            first_word.append(len(words))
        borders = np.zeros(len(words) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, words), np.int64, len(words)), out=borders[1:])
        self._bytes += int(borders[-1])
        self._seconds += time.process_time() - start
        if self._bytes > RATED_BYTES and not self._said:
            self._said = True
            log.warning(
                "tokenizers itself splits this text, at %.1f MB a second, because the regex is outside the family that "
                "is compiled (docs/patterns.md): %s",
                self._bytes / 1e6 / max(self._seconds, 1e-9),
                self._why,
            )
        return padded(*words), borders, np.array(first_word, dtype=np.int64)


def _lines(text: str) -> Iterable[str]:
    """Lines with their newlines, as `tokenizers` reads files: only "\\n" ends a line."""
    pieces = text.split("\n")
    yield from (piece + "\n" for piece in pieces[:-1])
    if pieces[-1]:
        yield pieces[-1]
