"""The option ``where`` of a source: which rows of a table are read.

A condition is a value that the column has to equal, a list of such values, or text that begins with one of
``>= > <= < == !=`` and goes on with a number or text; ``and`` joins several:

    where: {lang: deu, source: [wiki, news], quality: ">= 8", lang_score: "> .5 and <= .9", date: ">= 2024-01-01"}

A column within a column is named with a dot, such as meta.score. A null fulfils no condition, nor does a key that a
JSON record lacks: such rows are left out.
"""

import logging
import math
import operator
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trex.arrow import without_dictionary
from trex.corpora.columns import resolve, value_of
from trex.corpora.errors import BadRecord, CorpusError

log = logging.getLogger(__name__)

Value = str | bool | int | float

_OPERATORS = {
    ">=": (operator.ge, pc.greater_equal),
    "<=": (operator.le, pc.less_equal),
    "==": (operator.eq, pc.equal),
    "!=": (operator.ne, pc.not_equal),
    ">": (operator.gt, pc.greater),
    "<": (operator.lt, pc.less),
}
_IN = "in"
_FIRST_RECORDS = 1000  # that show what a column of JSON is
_CURE = "write the value as that type (in YAML, quotes make text)"
_DATE_CURE = (
    "write a date in quotes, such as '2024-01-31' (for a time '2024-01-31 12:00:00', with a zone if the column has "
    "one)"
)
_ORDERS = (">=", "<=", ">", "<")
_COMPARISON = re.compile(rf"\s*({'|'.join(_OPERATORS)})\s*(.*?)\s*", re.DOTALL)
_AND = re.compile(r"\s+and\s+(?=[<>=!])")
_UNFINISHED = re.compile(r"[<>=!].*|.*\s(and|or|or\s*[<>=!].*)", re.DOTALL)  # no value that anybody means
_WHOLE = re.compile(r"[+-]?\d+")
_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Comparison:
    """One operator and the values that it takes: several with `in`, else one."""

    symbol: str
    values: tuple[Value, ...]

    def __str__(self) -> str:
        said = ", ".join(repr(value) for value in self.values)
        return f"be one of {said}" if self.symbol == _IN else f"be {self.symbol} {said}"


def parse_condition(written: Any) -> tuple[Comparison, ...]:
    """The comparisons that a row has to fulfil, all of them. ValueError if they cannot be read.

    >>> parse_condition(">= .5 and < 9")
    (Comparison(symbol='>=', values=(0.5,)), Comparison(symbol='<', values=(9,)))
    >>> parse_condition("deu"), parse_condition(["a", 1])
    ((Comparison(symbol='==', values=('deu',)),), (Comparison(symbol='in', values=('a', 1)),))
    """
    if isinstance(written, list | tuple):
        if not written:
            raise ValueError("the list of values is empty; name at least one")
        return (Comparison(_IN, tuple(written)),)
    if not isinstance(written, str) or not _COMPARISON.match(written):
        return (Comparison("==", (written,)),)
    return tuple(_comparison(part, written) for part in _AND.split(written))


def _comparison(part: str, written: str) -> Comparison:
    match = _COMPARISON.fullmatch(part)
    if match is None or not match[2]:
        raise ValueError(
            f"{written!r} is no condition: {part.strip()!r} has no value; write one such as '>= 8', '!= spam' or "
            "'> .5 and <= .9'"
        )
    if _UNFINISHED.fullmatch(match[2]):
        raise ValueError(
            f"{written!r} is no condition: {match[2]!r} is compared with; operators are >= > <= < == !=, and 'and' "
            "joins comparisons (put text that looks like one in quotes of its own)"
        )
    return Comparison(match[1], (_value(match[2]),))


def _value(text: str) -> Value:
    """A number, or text, from which quotes are taken."""
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def kind_of(value: Any) -> str:
    """What a value of a condition or of a JSON record is: only values of one kind are compared."""
    if isinstance(value, bool):
        return "true or false"
    kinds = ((int | float, "a number"), (str, "text"), (list, "a list"), (dict, "a mapping"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "no value")


class Where:
    """The conditions of a source, and what became of its rows.

    Attributes:
        conditions: the comparisons of each column. rows: that were looked at. left_out: of them.
        nulls: of each column, how many rows were left out with a null there (or without the key).
    """

    def __init__(self, written: Mapping[str, Any], place: str):
        """place: begins the CorpusError about a condition that cannot be read."""
        self.written = dict(written)
        self.rows = self.left_out = 0
        self.nulls: Counter[str] = Counter()
        self.conditions: dict[str, tuple[Comparison, ...]] = {}
        # of the first JSON records: all keys, and by column a value of each kind that it has
        self._keys: dict[str, None] = {}
        self._kinds: dict[str, dict[str, Any]] = {}
        for name, condition in self.written.items():
            try:
                self.conditions[name] = parse_condition(condition)
            except ValueError as error:
                raise CorpusError(f"{place}: where: column {name!r}: {error}") from error

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def __iter__(self):
        return iter(self.conditions)

    def log_left_out(self, what: str) -> None:
        if self:
            nulls = ", ".join(f"{n:,} for {name!r} is null" for name, n in sorted(self.nulls.items()))
            log.info(
                "%s: where left out %s of %s rows%s",
                what, f"{self.left_out:,}", f"{self.rows:,}", f", {nulls}" if nulls else "",
            )  # fmt: skip

    # --- tables -----------------------------------------------------------------------------------------

    def check_schema(self, place: str, schema: pa.Schema) -> None:
        """CorpusError unless every column is there and of a type that its values are compared with."""
        for name in self.conditions:
            self._scalars(place, name, _type_of(place, schema, name))

    def mask(self, rows: pa.RecordBatch, place: str) -> pa.BooleanArray | None:
        """Which rows are read, without nulls; None for all."""
        self.rows += rows.num_rows
        if not self:
            return None
        mask = None
        for name in self.conditions:
            values = _values(rows, name)
            if values.null_count:
                self.nulls[name] += values.null_count
            fulfilled = _fulfilled(values, self._scalars(place, name, values.type))
            mask = fulfilled if mask is None else pc.and_(mask, fulfilled)
        mask = pc.coalesce(mask, pa.scalar(False))
        self.left_out += rows.num_rows - mask.true_count
        return mask

    def may_select(self, group: pq.RowGroupMetaData, schema: pa.Schema) -> bool:
        """Whether a row group of a parquet file can hold a row that is read: its smallest and largest values say so."""
        chunks = [group.column(i) for i in range(group.num_columns)] if self else []
        paths = [chunk.path_in_schema for chunk in chunks]
        for chunk in chunks:
            name, statistics = chunk.path_in_schema, chunk.statistics
            if (
                name not in self.conditions or statistics is None or paths.count(name) > 1
            ):  # a.b, and b within a
                continue
            if statistics.has_null_count and statistics.null_count == group.num_rows:
                return False
            if not statistics.has_min_max:
                continue
            kind = _plain(_type_of("", schema, name))
            scalars = self._scalars("", name, kind)
            least, most = statistics.min, statistics.max
            if least != least or most != most:  # some writers take nan for the smallest or largest number
                continue
            try:
                possible = _overlaps(pa.array([least, most], kind), scalars)
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                continue  # of a type whose statistics are something else, such as cut-off bytes
            if not possible:
                return False
        return True

    def skip(self, group: pq.RowGroupMetaData) -> None:
        """Count the rows of a row group that is not read."""
        self.rows += group.num_rows
        self.left_out += group.num_rows
        for chunk in map(group.column, range(group.num_columns)):
            name, statistics = chunk.path_in_schema, chunk.statistics
            if name in self.conditions and statistics is not None and statistics.null_count:
                self.nulls[name] += statistics.null_count

    def _scalars(self, place: str, name: str, kind: pa.DataType) -> list[tuple[str, list[pa.Scalar]]]:
        """Operators and the values that they take, in types that the column is compared with."""
        return [
            (one.symbol, [_scalar(place, name, one.symbol, value, _plain(kind)) for value in one.values])
            for one in self.conditions[name]
        ]

    # --- JSON records -----------------------------------------------------------------------------------

    def selects(self, record: Mapping[str, Any]) -> bool:
        """Whether a record is read. BadRecord for a value that has no order with that of its condition."""
        self.rows += 1
        selected = True
        for name, comparisons in self.conditions.items():
            there, value = value_of(record, name)
            if self.rows <= _FIRST_RECORDS:
                self._note(record, name, there, value)
            if value is None:
                self.nulls[name] += 1
                selected = False
            elif selected:
                selected = all(_holds(value, one, name) for one in comparisons)
        self.left_out += not selected
        return selected

    def _note(self, record: Mapping[str, Any], name: str, there: bool, value: Any) -> None:
        """Remember what a column is in the first records."""
        self._keys |= dict.fromkeys(record)
        if there:
            kinds = self._kinds.setdefault(name, {})
            if value is not None:
                kinds.setdefault(kind_of(value), value)

    def check_records(self, what: str) -> None:
        """CorpusError unless the first records that `selects` met have the columns, and values of a fitting kind."""
        for name, comparisons in self.conditions.items() if self.rows else ():
            if name not in self._kinds:
                raise CorpusError(
                    f"{what}: where: unknown column {name!r}; available: {', '.join(self._keys)}"
                )
            found = self._kinds[name]
            wanted = {kind_of(value) for one in comparisons for value in one.values}
            if found and not wanted & found.keys():
                kind, value = next(iter(found.items()))
                raise CorpusError(
                    f"{what}: where: {name!r} is {value!r:.60}, {kind}, in the first records, and is to "
                    f"{comparisons[0]}, {' or '.join(sorted(wanted))}: {_CURE}"
                )


def _type_of(place: str, schema: pa.Schema, name: str) -> pa.DataType:
    """The type of a column, or of a field within one. CorpusError if it is not there."""
    found = resolve(schema, name)
    kind = None if found is None else schema.field(found[0]).type
    for field in found[1] if found else ():
        at = kind.get_field_index(field) if kind is not None and pa.types.is_struct(kind) else -1
        kind = kind.field(at).type if at >= 0 else None
    if kind is None:
        raise CorpusError(f"{place}: where: unknown column {name!r}; available: {', '.join(schema.names)}")
    return kind


def _values(rows: pa.RecordBatch, name: str) -> pa.Array:
    top, fields = resolve(rows.schema, name)
    return pc.struct_field(rows.column(top), fields) if fields else rows.column(top)


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type in which a column's values are compared: that of its dictionary, and no half floats."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.float32() if pa.types.is_float16(kind) else kind


def _scalar(place: str, name: str, symbol: str, value: Value, kind: pa.DataType) -> pa.Scalar:
    """The value in a type that a column of this kind is compared with; CorpusError if there is none."""
    types = pa.types
    numeric = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    if types.is_nested(kind):
        raise CorpusError(
            f"{place}: where: column {name!r} is {kind}, and only numbers, text, dates, true and false are compared; "
            "name another column, or a field of this one with a dot"
        )
    try:
        if types.is_null(kind):  # a file without any value there
            return pa.scalar(None, kind)
        if numeric and kind_of(value) != "a number":
            raise pa.ArrowTypeError("not a number")
        if types.is_integer(kind):
            return _whole_number(symbol, value, kind)
        if types.is_decimal(kind) and isinstance(value, float):
            return pa.scalar(value)
        if types.is_temporal(kind):
            if not isinstance(value, str):  # Arrow takes numbers for days or microseconds since 1970
                raise pa.ArrowTypeError("not a date")
            utc = types.is_timestamp(kind) and kind.tz and not _ZONE.search(value)
            return pa.scalar(value).cast(pa.timestamp(kind.unit) if utc else kind).cast(kind)
        if symbol in _ORDERS and not numeric and not _is_text(kind):
            raise pa.ArrowTypeError("no order")
        return pa.scalar(value, kind)
    except (pa.ArrowException, OverflowError) as error:
        verb = "be equal to" if symbol in ("==", _IN) else f"be {symbol}"
        cure = _DATE_CURE if types.is_date(kind) or types.is_timestamp(kind) else _CURE
        raise CorpusError(
            f"{place}: where: column {name!r} is {kind} and cannot {verb} {value!r}: {cure}"
        ) from error


def _whole_number(symbol: str, value: int | float, kind: pa.DataType) -> pa.Scalar:
    """What a column of whole numbers is compared with; for an order, of any size, as 7 < 7.5 and a byte < 1000."""
    if symbol not in _ORDERS:
        if value != int(value):
            raise pa.ArrowTypeError("no whole number")
        return pa.scalar(int(value), kind)
    whole = math.ceil(value) if symbol in (">=", "<") else math.floor(value)  # fulfilled by the same numbers
    if kind != pa.uint64():
        return pa.scalar(whole)
    return pa.scalar(whole, kind) if whole >= 0 else pa.scalar(Decimal(whole), pa.decimal128(20, 0))


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _fulfilled(values: pa.Array, comparisons: list[tuple[str, list[pa.Scalar]]]) -> pa.BooleanArray:
    """Null where the value is."""
    kind = _plain(values.type)
    if pa.types.is_null(kind):
        return pa.nulls(len(values), pa.bool_())
    if pa.types.is_dictionary(values.type):
        values = without_dictionary(values)
    values = values.cast(kind)
    fulfilled = None
    for symbol, scalars in comparisons:
        if symbol == _IN:
            found = pc.equal(values, scalars[0])
            for scalar in scalars[1:]:
                found = pc.or_(found, pc.equal(values, scalar))
        else:
            found = _OPERATORS[symbol][1](values, scalars[0])
        fulfilled = found if fulfilled is None else pc.and_(fulfilled, found)
    return fulfilled


def _overlaps(ends: pa.Array, comparisons: list[tuple[str, list[pa.Scalar]]]) -> bool:
    """Whether a value between the two ends can fulfil all comparisons."""
    for symbol, scalars in comparisons:
        if symbol == "!=":
            continue
        if symbol in _ORDERS:
            # the end that fulfils it best
            possible = _OPERATORS[symbol][1](ends[1 if ">" in symbol else 0], scalars[0]).as_py()
        else:
            possible = any(
                pc.less_equal(ends[0], scalar).as_py() and pc.less_equal(scalar, ends[1]).as_py()
                for scalar in scalars
            )
        if not possible:
            return False
    return True


def _holds(value: Any, comparison: Comparison, name: str) -> bool:
    """Whether the value of a JSON record fulfils a comparison."""
    kind = kind_of(value)
    if comparison.symbol in _ORDERS:
        (wanted,) = comparison.values
        if kind != kind_of(wanted):
            said = f"{value!r:.60}, {kind}, and cannot {comparison}, {kind_of(wanted)}"
            raise BadRecord("no_order", f"where: {name!r} is {said}: {_CURE}")
        return _OPERATORS[comparison.symbol][0](value, wanted)
    found = any(kind == kind_of(wanted) and value == wanted for wanted in comparison.values)
    return found != (comparison.symbol == "!=")
