"""Text that is read line by line: JSON Lines and plain text, also compressed."""

import codecs
import io
import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from trex.corpora import compressed
from trex.corpora.batches import gather
from trex.corpora.json_records import array_elements, check_repeated, read_record, text_of, written_keys
from trex.corpora.reader import READ_BUFFER, BadRecord, CorpusError, FileReader, decode
from trex.corpora.stretches import Stretch

log = logging.getLogger(__name__)

_SAMPLE_BY = ("line", "paragraph", "document")
# A JSON string has up to six bytes a byte of text (\\u0001), and a record has more than its text.
_RECORD_BYTES = 8
_MORE_RECORD_BYTES = 1 << 20
# The quick look: of how many files it reads more than the first record, and how much of the start and of the end.
_LOOKS = 500
_LOOK_BYTES = 1 << 16
_LOOK_RECORDS = 1000


class _LineReader(FileReader):
    def check(self) -> None:
        files, what = self.files(), self.what
        step = -(-len(files) // _LOOKS)
        empty = [not self._look(path, thoroughly=i % step == 0) for i, path in enumerate(files)]
        if all(empty):
            sizes = f"{files[0]} has {files[0].stat().st_size} bytes"
            raise CorpusError(f"{what}: the corpus is empty: no file has any record; {sizes}")
        if any(empty):
            log.info("%s: %d of %d files have no record", what, sum(empty), len(files))
        self.bad.check_sample(what)

    def _look(self, path: Path, thoroughly: bool) -> bool:
        """Whether a file has any record; looks at the first one, or at those near its start and its end."""
        n_bytes = n = 0
        for n, text in enumerate(self._records(path), 1):
            self.bad.good += bool(text)
            n_bytes += len(text)
            if not thoroughly or n_bytes > _LOOK_BYTES or n > _LOOK_RECORDS:
                break
        else:  # that was all of it
            return n > 0
        if thoroughly and path.stat().st_size > 2 * _LOOK_BYTES:
            self._look_at_end(path)
        return True

    def _look_at_end(self, path: Path) -> None:
        if compressed.codec_of(path) is not None:
            return
        with open(path, "rb") as file:
            if file.read(4).startswith(compressed.WIDE_MARKS):
                return
        end = compressed.tail(path, _LOOK_BYTES)
        first, *lines = io.BytesIO(end)  # the first is the rest of one
        place = path.stat().st_size - len(end) + len(first)
        for line in lines:
            try:
                self.bad.good += bool(self._text(line))
            except BadRecord as error:
                self.bad.found(error, f"{path}: the line from byte {place:,} on")
            place += len(line)

    def _records(self, path: Path | Stretch) -> Iterator[bytes]:
        """The text of each line; empty for one that is bad, too long, or has none."""
        for number, line in _lines(path, self._line_bytes()):
            if line is None:
                self.limit.leave_out(f"{path}:{number}")
                yield b""
                continue
            try:
                text = self._text(line)
            except BadRecord as error:
                self.bad.found(error, f"{path}:{number}")
                text = b""
            if text is not None:
                yield text

    def can_cut(self, path: Path, look: bool = True) -> bool:
        with open(path, "rb") as file:
            marked = file.read(4).startswith((codecs.BOM_UTF8, *compressed.WIDE_MARKS))
        return not marked and compressed.codec_of(path) is None

    def text_in(self, path: Path) -> tuple[int, int, int]:
        size = path.stat().st_size
        plain = compressed.codec_of(path) is None
        return (size, size, 0) if plain else (int(compressed.TYPICAL_RATIO * size), size, size)

    def _line_bytes(self) -> int | None:
        """The longest line that can hold a document within the limit."""
        return self.limit.max_bytes

    def _text(self, line: bytes) -> bytes | None:
        """The text of a line, empty if it is not wanted; None if the line is no record. Raises BadRecord."""
        raise NotImplementedError


class JsonLines(_LineReader):
    """Files with one JSON object a line, or of one array of objects."""

    kind = "jsonl"

    def __init__(self, source: Mapping[str, Any], base: Path, *others: Any):
        super().__init__(source, base, *others)
        self._keys = written_keys(self.column)

    def check(self) -> None:
        super().check()
        self.where.check_records(self.what)

    def _line_bytes(self) -> int | None:
        most = self.limit.max_bytes
        return None if most is None else _RECORD_BYTES * most + _MORE_RECORD_BYTES

    def pieces(self) -> Iterator[pa.Array]:
        return gather(text for path in self.stretches() for text in self._records(path))

    def can_cut(self, path: Path, look: bool = True) -> bool:
        return super().can_cut(path, look) and not _is_array(path)

    def text_in(self, path: Path) -> tuple[int, int, int]:
        text, size, uncut = super().text_in(path)
        return text, size, uncut or (size if _is_array(path) else 0)

    def _records(self, path: Path | Stretch) -> Iterator[bytes]:
        as_array = isinstance(path, Path) and _is_array(path)
        return self._elements(path) if as_array else super()._records(path)

    def _look_at_end(self, path: Path) -> None:
        if not _is_array(path):
            super()._look_at_end(path)
        elif compressed.codec_of(path) is None and not compressed.tail(path).rstrip().endswith(b"]"):
            raise CorpusError(f"{path}: the array is cut off; copy or download the file again")

    def _elements(self, path: Path) -> Iterator[bytes]:
        longest = self._line_bytes() or float("inf")
        number = 0
        try:
            with compressed.open_bytes(path) as stream:
                for place, element, written in array_elements(stream, longest, path):
                    number += 1
                    try:
                        if isinstance(element, BadRecord):
                            raise element
                        check_repeated(element, written.encode(), self._keys, self.column)
                        yield self._text_of_record(element)
                    except BadRecord as error:
                        self.bad.found(error, place)
                        yield b""
        except compressed.ERRORS as error:
            raise CorpusError(
                f"{path}: cannot be read after record {number}: {compressed.explain(error)}"
            ) from error

    def _text(self, line: bytes) -> bytes | None:
        if line.isspace():
            return None
        record = read_record(line)
        if len(self._keys) > 1 or line.count(self._keys[0]) > 1:
            check_repeated(record, line, self._keys, self.column)
        return self._text_of_record(record)

    def _text_of_record(self, record: dict[str, Any]) -> bytes:
        if self.where and not self.where.selects(record):
            return b""
        if (text := text_of(record, self.column)) is None:
            self.bad.nulls += 1
            return b""
        return text


class PlainText(_LineReader):
    """Files of plain text; a document is a line with its newline, a paragraph, or a file."""

    kind = "text"
    has_columns = False

    def __init__(self, source: Mapping[str, Any], base: Path, *others: Any):
        super().__init__(source, base, *others)
        self.sample_by: str = source.get("sample_by", "line")
        if self.sample_by not in _SAMPLE_BY:
            raise CorpusError(
                f"text: {source['text']}: sample_by is {self.sample_by!r}; write one of {', '.join(_SAMPLE_BY)}"
            )

    def stretch(self, path: Path, first: int, end: int) -> Stretch:
        return Stretch(path, first, end, paragraphs=self.sample_by == "paragraph")

    def can_cut(self, path: Path, look: bool = True) -> bool:
        return self.sample_by != "document" and super().can_cut(path, look)

    def _text(self, line: bytes) -> bytes | None:
        decode(line)
        return line

    def pieces(self) -> Iterator[pa.Array]:
        return gather(text for path in self.stretches() for text in self._documents(path))

    def _documents(self, path: Path | Stretch) -> Iterator[bytes]:
        if self.sample_by == "line":
            yield from self._records(path)
            return
        lines = _lines(path, self._line_bytes())
        if self.sample_by == "document":
            documents = [lines]
        else:
            paragraphs = groupby(lines, key=lambda line: line[1] is not None and not line[1].strip())
            documents = (paragraph for blank, paragraph in paragraphs if not blank)
        for document in documents:
            yield self._joined(path, document)

    def _joined(self, path: Path | Stretch, lines: Iterable[tuple[int, bytes | None]]) -> bytes:
        """One document of several lines; empty, and counted, if it exceeds the limit or a line is bad."""
        gathered: list[bytes] = []
        n_bytes, first, wrong = 0, None, None
        for number, line in lines:
            first = first or number
            n_bytes += self.limit.too_much if line is None else len(line)
            if n_bytes < self.limit.too_much and wrong is None:
                try:
                    decode(line)
                    gathered.append(line)
                except BadRecord as error:
                    wrong = error
                    self.bad.found(error, f"{path}:{number}")
            else:
                gathered.clear()
        if wrong is not None:
            return b""
        if n_bytes >= self.limit.too_much:
            self.limit.leave_out(f"{path}:{first}")
            return b""
        return b"".join(gathered)


def _is_array(path: Path) -> bool:
    """Whether the first that is no blank is the bracket that opens a JSON array."""
    try:
        with compressed.open_bytes(path) as stream:
            return stream.peek(1)[:4096].lstrip()[:1] == b"["
    except compressed.ERRORS:
        return False  # reading its lines says what is wrong


def _lines(path: Path | Stretch, longest: int | None) -> Iterator[tuple[int, bytes | None]]:
    """Number (from 1) and bytes of each line with newline. Only ``\\n`` ends one, as in ``tokenizers``.

    A line of more than `longest` bytes is None, and is never in memory as a whole.
    """
    number = 0
    most = -1 if longest is None else longest + 1
    try:
        with compressed.open_bytes(path) as stream:
            while line := stream.readline(most):
                number += 1
                if len(line) == most and not line.endswith(b"\n"):
                    yield number, None
                    while (rest := stream.readline(READ_BUFFER)) and not rest.endswith(b"\n"):
                        pass
                else:
                    yield number, line
    except compressed.ERRORS as error:
        raise CorpusError(
            f"{path}: cannot be read after line {number}: {compressed.explain(error)}"
        ) from error
