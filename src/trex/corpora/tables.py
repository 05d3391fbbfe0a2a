"""Documents of tables: the text column of the rows that ``where`` selects."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from trex.arrow import from_numpy, to_numpy, without_dictionary
from trex.corpora.columns import resolve
from trex.corpora.json_records import SEPARATOR
from trex.corpora.reader import BadRecord, CorpusError, Reader, decode

# Tables are decoded, and loose documents gathered, in pieces of about this size: large enough that the cost
# of a call vanishes (1, 4 and 16 MB read equally fast), small beside a batch.
PIECE_BYTES = 4 << 20
# As scalars of Arrow, because a Python value makes pyarrow import pandas.
_ZERO = pa.scalar(0, pa.int64())
_SEPARATOR = pa.scalar(SEPARATOR, pa.large_string())

_STRINGS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_BINARIES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)
_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
_LIST_VIEWS = (pa.types.is_list_view, pa.types.is_large_list_view)


def _is_any(kind: pa.DataType, *families: tuple) -> bool:
    return any(is_one(kind) for family in families for is_one in family)


def _within(kind: pa.DataType) -> pa.DataType | None:
    """The type of what a type wraps: a dictionary's, a list's or an extension's values; None for any other."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind.storage_type
    if (
        pa.types.is_dictionary(kind)
        or pa.types.is_run_end_encoded(kind)
        or _is_any(kind, _LISTS, _LIST_VIEWS)
    ):
        return kind.value_type
    return None


def _texts_of_type(path: str, kind: pa.DataType) -> Iterator[str]:
    """The columns, with dots for fields of fields, that hold text or lists of it, at and below a column."""
    while (inner := _within(kind)) is not None:
        kind = inner
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _texts_of_type(f"{path}.{field.name}", field.type)
    elif _is_any(kind, _STRINGS):
        yield path


def top_column(schema: pa.Schema, column: str) -> str:
    """The column of the schema that holds a text column, which may be a field within it."""
    found = resolve(schema, column)
    return column if found is None else found[0]


def check_schema(place: str, schema: pa.Schema, reader: Reader) -> None:
    """CorpusError unless the text column is there and holds text, and the where columns fit their values."""
    _check_text_column(place, schema, reader.column)
    reader.where.check_schema(place, schema)


def _check_text_column(place: str, schema: pa.Schema, column: str) -> None:
    found = resolve(schema, column)
    texts = [text for field in schema for text in _texts_of_type(field.name, field.type)]
    if found is None:
        inner = [text for text in texts if text not in schema.names]
        available = ", ".join([*schema.names, *inner])
        raise CorpusError(f"{place}: column: unknown column {column!r}; available: {available}")
    name, fields = found
    if (n := schema.names.count(name)) > 1:
        raise CorpusError(f"{place}: column {name!r} is there {n} times; give each column a name of its own")
    kind = schema.field(name).type
    while (inner := _within(kind)) is not None or fields:
        if inner is not None:
            kind = inner
            continue
        if not pa.types.is_struct(kind) or kind.get_field_index(fields[0]) < 0:
            raise CorpusError(
                f"{place}: column: unknown column {column!r}: {name!r} is {schema.field(name).type}; strings are: "
                f"{', '.join(texts) or 'none'}"
            )
        kind, fields = kind.field(fields[0]).type, fields[1:]
    # a column of nothing but nulls may have the type null, and then holds no text
    if not (_is_any(kind, _STRINGS, _BINARIES) or pa.types.is_null(kind)):
        what = "a mapping" if pa.types.is_struct(kind) else kind
        raise CorpusError(
            f"{place}: column {column!r} is {what}, not string; strings are: {', '.join(texts) or 'none'}"
        )


def slices(rows: pa.RecordBatch, column: str) -> Iterator[pa.RecordBatch]:
    """The rows, about ``PIECE_BYTES`` of their text at a time.

    A dictionary says a long text many thousand times in a few bytes, and a file that is mapped into memory may be one
    table.
    """
    texts = rows.column(top_column(rows.schema, column))
    if not pa.types.is_dictionary(texts.type) and texts.nbytes <= 2 * PIECE_BYTES:
        yield rows
        return
    ends = np.cumsum(_lengths(texts))
    first = 0
    while first < len(ends):
        before = ends[first - 1] if first else 0
        last = max(int(np.searchsorted(ends, before + PIECE_BYTES, side="right")), first + 1)
        yield rows.slice(first, last - first)
        first = last


def _lengths(texts: pa.Array) -> np.ndarray:
    """About how many bytes the text of each row takes once it is a string."""
    kind = texts.type
    if pa.types.is_dictionary(kind) and _is_any(kind.value_type, _STRINGS, _BINARIES):
        if not len(texts.dictionary):
            return np.zeros(len(texts), dtype=np.int64)
        return _sizes(texts.dictionary)[to_numpy(texts.indices.fill_null(0))]
    if _is_any(kind, _STRINGS, _BINARIES):
        return _sizes(texts)
    return np.full(len(texts), texts.nbytes // max(len(texts), 1) + 1)


def _sizes(texts: pa.Array) -> np.ndarray:
    """int64: bytes of strings or binaries; 0 for null."""
    if pa.types.is_string_view(texts.type) or pa.types.is_binary_view(texts.type):
        # pyarrow 26 has no binary_length of them; a view is 16 bytes, and its length the first four
        views = np.frombuffer(texts.buffers()[1], dtype=np.int32)[::4]
        sizes = views[texts.offset : texts.offset + len(texts)].astype(np.int64)
        return sizes * to_numpy(texts.is_valid().cast(pa.uint8())) if texts.null_count else sizes
    return to_numpy(pc.binary_length(texts).cast(pa.int64()).fill_null(_ZERO))


def documents(rows: pa.RecordBatch, reader: Reader, place: str, first: int) -> pa.Array:
    """The documents of some rows, as a LargeStringArray; errors count rows from ``first``."""
    check_schema(place, rows.schema, reader)
    name, fields = resolve(rows.schema, reader.column)
    texts = _texts(rows.column(name), fields)
    wanted = np.ones(len(texts), dtype=np.uint8)
    if (selected := reader.where.mask(rows, place)) is not None:
        wanted = to_numpy(selected.cast(pa.uint8()))
    if texts.null_count:
        reader.bad.nulls += int((to_numpy(texts.is_null().cast(pa.uint8())) & wanted).sum())
    sizes = _sizes(texts)
    for _ in range(int((wanted & (sizes >= reader.limit.too_much)).sum())):
        reader.limit.leave_out(place)
    kept = np.flatnonzero(wanted & (sizes > 0) & (sizes < reader.limit.too_much))
    documents = texts if len(kept) == len(texts) else texts.take(from_numpy(kept))
    if _is_utf8(documents):  # Arrow takes the bytes of a file for it without looking
        return documents
    try:
        documents.validate(full=True)
    except pa.ArrowInvalid as error:
        good = _good(documents, kept + first, place, reader)
        if len(good) == len(documents):
            raise CorpusError(f"{place}: rows from {first} on: {error}") from error
        documents = documents.take(from_numpy(good))
    return documents


def _is_utf8(documents: pa.Array) -> bool:
    """Whether polars, four times as fast as Arrow, finds all documents to be UTF-8."""
    try:
        pl.from_arrow(_as_binary(documents)).cast(pl.String)
    except pl.exceptions.PolarsError:
        return False
    return True


def _good(documents: pa.Array, rows: np.ndarray, place: str, reader: Reader) -> np.ndarray:
    """int64: which documents are UTF-8. The others go to the reader's bad records. rows: the number of each."""
    good = []
    for i, (row, document) in enumerate(zip(rows.tolist(), _as_binary(documents), strict=True)):
        try:
            decode(document.as_py())
            good.append(i)
        except BadRecord as error:
            reader.bad.found(error, f"{place}: row {row} (counted from 0): column {reader.column!r}")
    return np.array(good, dtype=np.int64)


def _as_binary(texts: pa.Array) -> pa.Array:
    return pa.Array.from_buffers(pa.large_binary(), len(texts), texts.buffers(), offset=texts.offset)


def _texts(column: pa.Array, fields: list[str]) -> pa.Array:
    """A column, or a field within it, as a LargeStringArray that need not be UTF-8; lists joined by SEPARATOR."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _texts(column.storage, fields)
    if pa.types.is_dictionary(kind):
        return _texts(without_dictionary(column), fields)
    if pa.types.is_run_end_encoded(kind):
        return _texts(pc.run_end_decode(column), fields)
    if pa.types.is_struct(kind):
        return _texts(pc.struct_field(column, [kind.get_field_index(fields[0])]), fields[1:])
    if _is_any(kind, _LISTS, _LIST_VIEWS):
        return _joined(column, fields)
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.large_string())
    if _is_any(kind, _STRINGS):
        return column.cast(pa.large_string())
    texts = column.cast(pa.large_binary())
    return pa.Array.from_buffers(pa.large_string(), len(texts), texts.buffers(), offset=texts.offset)


def _joined(column: pa.Array, fields: list[str]) -> pa.Array:
    """The strings of each list, joined, without those that are null; null for null."""
    strings = _texts(column.flatten(), fields)
    # Not by a cast to lists: pyarrow 26 makes empty ones of list views that were read from a file.
    lengths = to_numpy(pc.list_value_length(column).cast(pa.int64()).fill_null(_ZERO))
    if strings.null_count:
        lists = np.repeat(np.arange(len(column)), lengths)[to_numpy(strings.is_valid().cast(pa.uint8())) > 0]
        lengths, strings = np.bincount(lists, minlength=len(column)), strings.drop_null()
    borders = np.concatenate(([0], np.cumsum(lengths)))
    joined = pc.binary_join(pa.LargeListArray.from_arrays(from_numpy(borders), strings), _SEPARATOR)
    if not column.null_count:
        return joined
    return pc.if_else(column.is_valid(), joined, pa.scalar(None, pa.large_string()))
