"""Documents of tables: the text column of the rows that ``where`` selects."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trex.corpora.reader import CorpusError, Reader, decode
from trex.corpora.where import unknown_column

# Tables are decoded, and loose documents gathered, in pieces of about this size: large enough that the cost
# of a call vanishes (1, 4 and 16 MB read equally fast), small beside a batch.
PIECE_BYTES = 4 << 20


def check_schema(place: str, schema: pa.Schema, reader: Reader) -> None:
    """CorpusError unless the text column is there and a string, and the where columns fit their values."""
    column = reader.column
    if column not in schema.names:
        raise CorpusError(unknown_column(place, "column", column, schema.names))
    kind = schema.field(column).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        strings = [field.name for field in schema if "string" in str(field.type)]
        raise CorpusError(
            f"{place}: column {column!r} is {kind}, not string; strings are: {', '.join(strings) or 'none'}"
        )
    reader.where.check_schema(place, schema)


def documents(rows: pa.RecordBatch, reader: Reader, place: str, first: int) -> pa.Array:
    """The documents of some rows, as a LargeStringArray; errors count rows from ``first``."""
    check_schema(place, rows.schema, reader)
    texts = rows.column(reader.column).cast(pa.large_string())
    # Null for null, which filter drops. Not pc.greater(..., 0): a Python value makes pyarrow import pandas.
    keep = pc.binary_length(texts).cast(pa.bool_())
    if (selected := reader.where.mask(rows, place)) is not None:
        keep = pc.and_(keep, selected)
    documents = texts.filter(keep)
    try:
        documents.validate(full=True)  # Arrow takes the bytes of a file for UTF-8 without looking
    except pa.ArrowInvalid as error:
        kept = np.flatnonzero(pc.fill_null(keep, False).to_numpy(zero_copy_only=False))
        for row, document in zip(kept, documents.cast(pa.large_binary()), strict=True):
            decode(document.as_py(), f"{place}: row {first + row} (counted from 0): column {reader.column!r}")
        raise CorpusError(f"{place}: rows from {first} on: {error}") from error
    return documents
