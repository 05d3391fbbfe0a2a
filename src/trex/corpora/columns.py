"""Names of columns, which may be fields of columns: with a dot, such as translation.de."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa


def resolve(schema: pa.Schema, column: str) -> tuple[str, list[str]] | None:
    """(the column of a schema, the fields below it) that a name means; None if it means none."""
    if column in schema.names:
        return column, []
    steps = column.split(".")
    for n in range(len(steps) - 1, 0, -1):
        if (name := ".".join(steps[:n])) in schema.names:
            return name, steps[n:]
    return None


def value_of(record: Mapping[str, Any], column: str) -> tuple[bool, Any]:
    """(whether a JSON record has a key, or keys within keys; the value there)"""
    if column in record:
        return True, record[column]
    first, _, rest = column.partition(".")
    inner = record.get(first)
    return value_of(inner, rest) if rest and isinstance(inner, Mapping) else (False, None)
