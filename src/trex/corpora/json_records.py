"""JSON objects and the text in them: a record of JSON Lines, or the elements of one array that is the whole file."""

import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from trex.corpora.errors import BadRecord, CorpusError
from trex.corpora.reader import decode

SEPARATOR = "\n"  # joins the strings of a list
_SPACES = re.compile(r"[ \t\n\r]*")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # as "surrogateescape" writes bytes that are none
_DECODER = json.JSONDecoder()
_ONE_A_LINE = "jsonl is one JSON object a line, or one array of objects"
_CHUNK = 1 << 20  # characters
_NEAR = 64  # an error so near the end of what was read may be that the rest is missing


def read_record(line: bytes) -> dict[str, Any]:
    """The object of a line; BadRecord if it is none."""
    text = decode(line)
    try:
        record = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:  # RecursionError: [[[[... without end
        if text.startswith("\ufeff"):  # files with marks that were joined
            return read_record(line.removeprefix("\ufeff".encode()))
        pretty = ". Records that span lines become one a line by: jq -c . OLD > NEW"
        cure = pretty if text.strip() in ("{", "[") else ""
        raise BadRecord("not_json", f"not JSON: {_said(error)}; {_ONE_A_LINE}{cure}") from error
    return record if isinstance(record, dict) else _object(record)


def _said(error: ValueError | RecursionError) -> str:
    """Without the line, which counts from the start of the record."""
    at = (
        f" at character {error.colno - 1}"
        if isinstance(error, json.JSONDecodeError) and error.lineno == 1
        else ""
    )
    return f"{error.msg.removesuffix(' at')}{at}" if isinstance(error, json.JSONDecodeError) else str(error)


def _object(record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise BadRecord("not_json", f"a JSON {type(record).__name__}, not an object; {_ONE_A_LINE}")
    return record


def text_of(record: dict[str, Any], column: str) -> bytes | None:
    """The text of a record as UTF-8; None for null.

    column: a key; or keys that lead to an inner object's, with a dot between two. Strings of a list are joined by
    SEPARATOR, without those that are null.
    """
    text = record.get(column)
    if text is None and column not in record:
        text = _inner(record, column)
    if isinstance(text, list):
        strings = [one for one in _flat(text) if one is not None]
        text = SEPARATOR.join(strings) if all(isinstance(one, str) for one in strings) else strings
    if text is None:
        return None
    if not isinstance(text, str):
        raise BadRecord("not_text", f"{column!r} is {text!r:.60}, not a string")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadRecord(
            "half_surrogate",
            f"{column!r} holds \\u{ord(text[error.start]):04x} at character {error.start}, half "
            "of a surrogate pair, which is no text",
        ) from error


def _flat(values: list) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _inner(value: Any, column: str) -> Any:
    """What dotted keys lead to; of the elements of a list, a list of it."""
    first, _, rest = column.partition(".")
    if isinstance(value, list):
        return [None if one is None else _inner(one, column) for one in value]
    if not isinstance(value, dict) or first not in value:
        available = (", ".join(value) or "none") if isinstance(value, dict) else f"it is {value!r:.60}"
        raise BadRecord("no_text", f"column: unknown key {column!r}; available: {available}")
    value = value[first]
    return _inner(value, rest) if rest and value is not None else value


def written_keys(column: str) -> list[bytes]:
    """The keys that a column may mean, as most programs write them; its own is the first."""
    keys = dict.fromkeys([column, *column.split(".")])
    return [json.dumps(key, ensure_ascii=False).encode() for key in keys]


class _Pairs(dict):
    """An object. repeated: how often those of its keys are there that have different values."""

    def __init__(self, pairs: list[tuple[str, Any]]):
        super().__init__(pairs)
        names = Counter(name for name, _ in pairs) if len(self) < len(pairs) else {}
        first = dict(reversed(pairs)) if names else {}
        self.repeated = {n: names[n] for n, value in pairs if names and value != first[n]}


def check_repeated(record: dict[str, Any], written: bytes, keys: list[bytes], column: str) -> None:
    """BadRecord if a record gives the key of the text several times, with different values.

    written: the record as JSON. keys: of the column, as `written_keys` gives them.
    """
    steps = [column] if column in record else column.split(".")
    if sum(map(written.count, keys)) <= _keys_met(record, steps):
        return
    found = _repeated(json.loads(written.decode().lstrip("\ufeff"), object_pairs_hook=_Pairs), steps)
    if found is not None:
        raise BadRecord("two_texts", f"the key {found[0]!r} is there {found[1]} times, with different values")


def _keys_met(record: dict[str, Any], steps: list[str]) -> int:
    """How many keys are on the ways to the text, not counting those in lists of lists."""
    met, values = 0, [record]
    for step in steps:
        below: list[Any] = []
        for value in values:
            if type(value) is dict and step in value:
                inner = value[step]
                met += 1
                if type(inner) is list:
                    below += inner
                else:
                    below.append(inner)
        values = below
    return met


def _repeated(value: Any, steps: list[str]) -> tuple[str, int] | None:
    """Key and number of a step on the way to the text that is repeated."""
    if isinstance(value, list):
        return next((found for one in value if (found := _repeated(one, steps)) is not None), None)
    if not isinstance(value, _Pairs) or not steps:
        return None
    if steps[0] in value.repeated:
        return steps[0], value.repeated[steps[0]]
    return _repeated(value.get(steps[0]), steps[1:])


def array_elements(
    stream: BinaryIO, most: float, path: Any
) -> Iterator[tuple[str, dict[str, Any] | BadRecord, str]]:
    """Place and object of each element of the array in a stream, or why the element is bad; and how it is written.

    Memory is bounded by an element and about a MB. most: the longest element, in characters. CorpusError for what is
    no array, from where on the rest cannot be read; if it is cut off in an element, that one is bad.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
    buffer, at, number, ended = text.read(_CHUNK), 0, 0, False
    at = _SPACES.match(buffer).end() + 1

    def more(wanted: int) -> None:
        nonlocal buffer, at, ended
        block = text.read(wanted)
        ended = len(block) < wanted
        buffer, at = buffer[at:] + block, 0

    cure = "; write its records one a line, which can be read on after an error: jq -c '.[]' OLD > NEW"
    while True:
        place = f"{path}: record {number + 1}"
        at = _SPACES.match(buffer, at).end()
        if at == len(buffer) and not ended:
            more(_CHUNK)
            continue
        if buffer[at : at + 1] == "]":
            break
        if number:
            if at == len(buffer):
                raise CorpusError(
                    f"{path}: the array is cut off after record {number}; copy or download it again"
                )
            if buffer[at] != ",":
                raise CorpusError(f"{place}: not JSON: {buffer[at : at + 20]!r} where a comma belongs{cure}")
            at = _SPACES.match(buffer, at + 1).end()
        if at == len(buffer) and not ended:
            more(_CHUNK)
            at = _SPACES.match(buffer).end()
        if number and buffer[at : at + 1] == "]":
            raise CorpusError(f"{path}: the array has a comma behind its last record ({number}); remove it")
        while True:
            try:
                element, end = _DECODER.raw_decode(buffer, at)
                break
            except (ValueError, RecursionError) as error:
                cut = isinstance(error, json.JSONDecodeError) and (
                    error.pos > len(buffer) - _NEAR or error.msg.startswith("Unterminated string")
                )
                if ended and cut:
                    message = "not JSON: the file ends in it; copy or download it again"
                    yield place, BadRecord("not_json", message), ""
                    return
                if not cut or len(buffer) - at > most:
                    what = f"longer than {most:,.0f} characters" if cut else f"not JSON: {_said(error)}"
                    raise CorpusError(f"{place}: {what}{cure}") from error
                more(max(_CHUNK, len(buffer)))
        number += 1
        written = buffer[at:end]
        yield place, _checked(element, written), written
        at = end
    rest = _SPACES.sub("", buffer[at + 1 :] + text.read(_CHUNK))
    if rest:
        raise CorpusError(
            f"{path}: after the array, which ends with record {number}, more follows: {rest[:40]!r}. If this is JSON "
            "Lines, its first line is an array in place of an object"
        )


def _checked(element: Any, written: str) -> dict[str, Any] | BadRecord:
    if _NOT_UTF8.search(written):
        return BadRecord("not_utf8", "not UTF-8")
    try:
        return _object(element)
    except BadRecord as error:
        return error
