"""Text that is read line by line: JSON Lines and plain text, also compressed."""

import io
import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from trex.corpora.batches import gather
from trex.corpora.reader import READ_BUFFER, READ_ERRORS, CorpusError, FileReader, decode

_SAMPLE_BY = ("line", "paragraph", "document")


class _LineReader(FileReader):
    def check(self) -> None:
        for path in self.files():
            if path.stat().st_size == 0:
                raise CorpusError(f"{path}: the file is empty (0 bytes)")
            if not any(self._is_record(line, f"{path}:{number}") for number, line in _lines(path)):
                raise CorpusError(f"{path}: the file has no record")

    def _is_record(self, line: bytes, place: str) -> bool:
        """Whether the line holds a document; CorpusError if it should and does not."""
        raise NotImplementedError


class JsonLines(_LineReader):
    """Files with one JSON object a line."""

    kind = "jsonl"

    def _is_record(self, line: bytes, place: str) -> bool:
        if not line.strip():
            return False
        _text(_record(line, place), self.column, place)
        return True

    def pieces(self) -> Iterator[pa.Array]:
        return gather(self._texts())

    def _texts(self) -> Iterator[bytes]:
        where = self.where.items()
        for path in self.files():
            for number, line in _lines(path):
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

    def __init__(self, source: Mapping[str, Any], base: Path):
        super().__init__(source, base)
        self.sample_by: str = source.get("sample_by", "line")
        if self.sample_by not in _SAMPLE_BY:
            raise CorpusError(
                f"text: {source['text']}: sample_by is {self.sample_by!r}; write one of {', '.join(_SAMPLE_BY)}"
            )

    def _is_record(self, line: bytes, place: str) -> bool:
        decode(line, place)
        return True

    def pieces(self) -> Iterator[pa.Array]:
        return gather(self._texts())

    def _texts(self) -> Iterator[bytes]:
        for path in self.files():
            if self.sample_by == "line":
                yield from _checked_lines(path)
            elif self.sample_by == "document":
                yield b"".join(_checked_lines(path))
            else:
                for blank, lines in groupby(_checked_lines(path), key=lambda line: not line.strip()):
                    if not blank:
                        yield b"".join(lines)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number (from 1) and bytes of each line with newline. Only ``\\n`` ends one, as in ``tokenizers``."""
    number = 0
    try:
        # Arrow decompresses by suffix, and unlike zstandard it notices a truncated stream.
        with io.BufferedReader(pa.input_stream(str(path), compression="detect"), READ_BUFFER) as stream:
            for number, line in enumerate(stream, 1):
                yield number, line
    except READ_ERRORS as error:
        raise CorpusError(f"{path}: cannot be read after line {number}: {error}") from error


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
        raise CorpusError(f"{place}: column: there is no key {column!r}; there are: {', '.join(record)}")
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


def _checked_lines(path: Path) -> Iterator[bytes]:
    for number, line in _lines(path):
        decode(line, f"{path}:{number}")
        yield line
