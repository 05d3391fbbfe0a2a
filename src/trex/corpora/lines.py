"""Text that is read line by line: JSON Lines and plain text, also compressed."""

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from trex.corpora import compressed
from trex.corpora.batches import gather
from trex.corpora.reader import READ_BUFFER, CorpusError, DocumentLimit, FileReader, decode
from trex.corpora.stretches import Stretch

_SAMPLE_BY = ("line", "paragraph", "document")
# A JSON string has up to six bytes a byte of text (\\u0001), and a record has more than its text.
_RECORD_BYTES = 8
_MORE_RECORD_BYTES = 1 << 20


class _LineReader(FileReader):
    def check(self) -> None:
        for path in self.files():
            if path.stat().st_size == 0:
                raise CorpusError(f"{path}: the file is empty (0 bytes)")
            lines = _lines(path, self._line_bytes())
            # a line that is too long, and not read to its end here, is found when all is read
            if not any(line is None or self._is_record(line, f"{path}:{number}") for number, line in lines):
                raise CorpusError(f"{path}: the file has no record")

    def can_cut(self, path: Path, look: bool = True) -> bool:
        with open(path, "rb") as file:
            marked = file.read(3).startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return not marked and compressed.codec_of(path) is None

    def text_in(self, path: Path) -> tuple[int, int, int]:
        size = path.stat().st_size
        plain = compressed.codec_of(path) is None
        return (size, size, 0) if plain else (int(compressed.TYPICAL_RATIO * size), size, size)

    def _line_bytes(self) -> int | None:
        """The longest line that can hold a document within the limit."""
        return self.limit.max_bytes

    def _is_record(self, line: bytes, place: str) -> bool:
        """Whether the line holds a document; CorpusError if it should and does not."""
        raise NotImplementedError


class JsonLines(_LineReader):
    """Files with one JSON object a line."""

    kind = "jsonl"

    def _line_bytes(self) -> int | None:
        most = self.limit.max_bytes
        return None if most is None else _RECORD_BYTES * most + _MORE_RECORD_BYTES

    def _is_record(self, line: bytes, place: str) -> bool:
        if not line.strip():
            return False
        _text(_record(line, place), self.column, place)
        return True

    def pieces(self) -> Iterator[pa.Array]:
        return gather(self._texts())

    def _texts(self) -> Iterator[bytes]:
        where = self.where.items()
        for path in self.stretches():
            for number, line in _lines(path, self._line_bytes()):
                if line is None:
                    self.limit.leave_out(f"{path}:{number}")
                    continue
                if not line.strip():
                    continue
                place = f"{path}:{number}"
                record = _record(line, place)
                if all(name in record and record[name] == value for name, value in where):
                    yield _text(record, self.column, place)


class PlainText(_LineReader):
    """Files of plain text; a document is a line with its newline, a paragraph, or a file."""

    kind = "text"
    has_columns = False

    def __init__(self, source: Mapping[str, Any], base: Path, limit: DocumentLimit | None = None):
        super().__init__(source, base, limit)
        self.sample_by: str = source.get("sample_by", "line")
        if self.sample_by not in _SAMPLE_BY:
            raise CorpusError(
                f"text: {source['text']}: sample_by is {self.sample_by!r}; write one of {', '.join(_SAMPLE_BY)}"
            )

    def stretch(self, path: Path, first: int, end: int) -> Stretch:
        return Stretch(path, first, end, paragraphs=self.sample_by == "paragraph")

    def can_cut(self, path: Path, look: bool = True) -> bool:
        return self.sample_by != "document" and super().can_cut(path, look)

    def _is_record(self, line: bytes, place: str) -> bool:
        decode(line, place)
        return True

    def pieces(self) -> Iterator[pa.Array]:
        return gather(self._texts())

    def _texts(self) -> Iterator[bytes]:
        for path in self.stretches():
            lines = _checked_lines(path, self._line_bytes())
            if self.sample_by == "line":
                for number, line in lines:
                    if line is None:
                        self.limit.leave_out(f"{path}:{number}")
                    else:
                        yield line
                continue
            if self.sample_by == "document":
                documents = [lines]
            else:
                paragraphs = groupby(lines, key=lambda line: line[1] is not None and not line[1].strip())
                documents = (paragraph for blank, paragraph in paragraphs if not blank)
            for document in documents:
                yield _joined(path, document, self.limit)


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


def _record(line: bytes, place: str) -> dict[str, Any]:
    text = decode(line, place).removeprefix("\ufeff")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:  # RecursionError: [[[[... without end
        raise CorpusError(f"{place}: not JSON: {error}; jsonl is one JSON object a line") from error
    if not isinstance(record, dict):
        raise CorpusError(
            f"{place}: a JSON {type(record).__name__}, not an object; jsonl is one JSON object a line"
        )
    return record


def _text(record: dict[str, Any], column: str, place: str) -> bytes:
    """The text of a record as UTF-8; empty for null."""
    if column not in record:
        raise CorpusError(f"{place}: column: unknown key {column!r}; available: {', '.join(record)}")
    text = record[column]
    if text is None:
        return b""
    if not isinstance(text, str):
        raise CorpusError(f"{place}: {column!r} is {text!r:.60}, not a string")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise CorpusError(
            f"{place}: {column!r} holds \\u{ord(text[error.start]):04x} at character {error.start}, half "
            "of a surrogate pair, which is no text: repair or remove the document"
        ) from error


def _checked_lines(path: Path | Stretch, longest: int | None) -> Iterator[tuple[int, bytes | None]]:
    for number, line in _lines(path, longest):
        if line is not None:
            decode(line, f"{path}:{number}")
        yield number, line


def _joined(path: Path | Stretch, lines: Iterable[tuple[int, bytes | None]], limit: DocumentLimit) -> bytes:
    """One document of several lines; empty, and counted, if it exceeds the limit."""
    gathered: list[bytes] = []
    n_bytes, first = 0, None
    for number, line in lines:
        first = first or number
        n_bytes += limit.too_much if line is None else len(line)
        if n_bytes < limit.too_much:
            gathered.append(line)
        else:
            gathered.clear()
    if n_bytes >= limit.too_much:
        limit.leave_out(f"{path}:{first}")
        return b""
    return b"".join(gathered)
