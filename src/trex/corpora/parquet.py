"""Parquet files."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trex.corpora.columns import resolve
from trex.corpora.compressed import what_it_is
from trex.corpora.reader import READ_BUFFER, READ_ERRORS, CorpusError, FileReader
from trex.corpora.stretches import Stretch, row_group_bytes
from trex.corpora.tables import PIECE_BYTES, check_schema, documents, slices

_PIECE_ROWS = 16_384
_DELTA_ROWS = 64
_DICTIONARY_BYTES = 64 << 20
# The quick look: at how many files, and at how many rows of the first and of the last row group of each.
_LOOKS = 32
_LOOK_ROWS = 64


class Parquet(FileReader):
    """Files of rows, of which one column is text."""

    kind = "parquet"

    def check(self) -> None:
        files, what = self.files(), self.what
        step = -(-len(files) // _LOOKS)
        rows, may_select = 0, False
        for i, path in enumerate(files):
            if path.stat().st_size:
                n, selects = self._check_file(path, i % step == 0, may_select)
                rows, may_select = rows + n, may_select or selects
        if rows == 0:
            raise CorpusError(f"{what}: the corpus is empty: no file has any row")
        if not may_select:
            raise CorpusError(
                f"{what}: the corpus is empty after where: {self.where.written}: no row fulfils it, as the smallest "
                "and largest values of these columns say"
            )
        self.bad.check_sample(what)

    def _check_file(self, path: Path, look: bool, may_select: bool) -> tuple[int, bool]:
        """(the number of rows, whether one may be read). may_select: that is known already of another file."""
        try:
            with pq.ParquetFile(path, buffer_size=READ_BUFFER) as file:
                metadata = file.metadata
                check_schema(str(path), file.schema_arrow, self)
                chunks = _text_chunks(metadata, self.column)
                groups = {0, metadata.num_row_groups - 1} if look and metadata.num_rows else set()
                for group in sorted(groups):
                    first = sum(metadata.row_group(i).num_rows for i in range(group))
                    columns = self._columns(file.schema_arrow)
                    n = min(_LOOK_ROWS, _piece_rows(chunks, []))
                    for batch in file.iter_batches(n, row_groups=[group], columns=columns):
                        self.bad.good += len(documents(batch, self, str(path), first))
                        break
                groups = () if may_select else map(metadata.row_group, range(metadata.num_row_groups))
                selects = may_select or any(
                    self.where.may_select(group, file.schema_arrow) for group in groups
                )
                return metadata.num_rows, selects
        except READ_ERRORS as error:
            raise CorpusError(f"{path}: not a readable parquet file: {_unreadable(error, path)}") from error

    def _columns(self, schema: pa.Schema) -> list[str]:
        """What to read: of a column of mappings, only the field that is asked for, or the list that it is in."""
        top, fields = resolve(schema, self.column) or (self.column, [])
        kind, steps = schema.field(top).type, [top]
        for field in fields:
            if not pa.types.is_struct(kind):
                break
            steps.append(field)
            kind = kind.field(field).type
        return list(dict.fromkeys([".".join(steps), *self.where]))

    def pieces(self) -> Iterator[pa.Array]:
        for place in self.stretches():
            path = place.path if isinstance(place, Stretch) else place
            if not path.stat().st_size:
                continue
            row = 0  # for the message about a file that cannot be opened
            try:
                metadata = pq.read_metadata(path)
                groups = range(metadata.num_row_groups)
                if isinstance(place, Stretch):
                    groups = place.row_groups(metadata)
                chunks = _text_chunks(metadata, self.column)
                as_dictionary = _as_dictionary(chunks, self.column)
                with pq.ParquetFile(
                    path,
                    metadata=metadata,
                    buffer_size=READ_BUFFER,  # in place of the whole column chunk, which may be gigabytes
                    page_checksum_verification=True,
                    read_dictionary=as_dictionary or None,
                ) as file:
                    check_schema(str(path), file.schema_arrow, self)
                    columns = self._columns(file.schema_arrow)
                    for row, selected in self._selected(metadata, file.schema_arrow, groups):
                        batches = file.iter_batches(
                            _piece_rows(chunks, as_dictionary),
                            selected,
                            columns,
                            use_threads=len(columns) > 1,
                        )
                        for rows in (rows for batch in batches for rows in slices(batch, self.column)):
                            yield documents(rows, self, str(path), row)
                            row += rows.num_rows
            except READ_ERRORS as error:
                raise CorpusError(
                    f"{path}: not a readable parquet file from row {row} on: {_unreadable(error, path)}"
                ) from error

    def can_cut(self, path: Path, look: bool = True) -> bool:
        if not look:
            return True
        try:
            return pq.read_metadata(path).num_row_groups > 1
        except READ_ERRORS:
            return False  # reading it says what is wrong

    def text_in(self, path: Path) -> tuple[int, int, int]:
        size = path.stat().st_size
        if not size:
            return 0, 0, 0
        try:
            metadata = pq.read_metadata(path)
        except READ_ERRORS as error:
            raise CorpusError(f"{path}: not a readable parquet file: {error}") from error
        # pages of a dictionary, or of numbers, say little of the text's length: what is compressed is a bound too
        text = sum(
            max(chunk.total_uncompressed_size, chunk.total_compressed_size)
            for _, chunk in _text_chunks(metadata, self.column)
        )
        ends = (row_group_bytes(metadata, i) for i in range(metadata.num_row_groups))
        return text, size, max((end - first for first, end in ends), default=0)

    def _selected(
        self, metadata: pq.FileMetaData, schema: pa.Schema, numbers: range
    ) -> Iterator[tuple[int, list[int]]]:
        """Those of some row groups that can hold a row to be read: each run of neighbours with its first row."""
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        first_rows = [0, *np.cumsum([group.num_rows for group in groups]).tolist()]
        for may_hold, neighbours in groupby(numbers, lambda i: self.where.may_select(groups[i], schema)):
            run = list(neighbours)
            if may_hold:
                yield first_rows[run[0]], run
            else:
                for number in run:
                    self.where.skip(groups[number])


def _unreadable(error: Exception, path: Path) -> str:
    return str(error).rstrip(".") + what_it_is(path, Parquet.kind)


def _text_chunks(metadata: pq.FileMetaData, column: str) -> list[tuple[int, pq.ColumnChunkMetaData]]:
    """Rows and metadata of what holds the text column, in every row group that has rows."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    chunks = [(group.num_rows, group.column(i)) for group in groups for i in range(group.num_columns)]
    return [(rows, chunk) for rows, chunk in chunks if rows and holds_text(chunk.path_in_schema, column)]


def holds_text(path_in_schema: str, column: str) -> bool:
    """Whether a leaf of the schema is a column, or lies in the same list as a column, or in it if it is one."""
    if path_in_schema == column or path_in_schema.startswith(f"{column}."):
        return True
    top, *inner = path_in_schema.split(".")
    return "list" in inner and column.startswith(f"{top}.")


def _as_dictionary(chunks: list[tuple[int, pq.ColumnChunkMetaData]], column: str) -> list[str]:
    """The text column if Arrow should keep it as a dictionary: not within lists and mappings, where it cannot, nor
    a large one, which takes five times its bytes."""
    has_one = any(chunk.has_dictionary_page and chunk.path_in_schema == column for _, chunk in chunks)
    small = all(chunk.total_uncompressed_size <= _DICTIONARY_BYTES for _, chunk in chunks)
    return [column] if has_one and small and "." not in column else []


def _piece_rows(chunks: list[tuple[int, pq.ColumnChunkMetaData]], as_dictionary: list[str]) -> int:
    """How many rows to decode at once for about ``PIECE_BYTES`` of the row group with the longest texts."""
    longest = max([1.0, *(chunk.total_uncompressed_size / rows for rows, chunk in chunks)])
    # of texts that begin alike, DELTA_BYTE_ARRAY says the beginning once; a dictionary that is not kept, all of a text
    brief = any(
        "DELTA_BYTE_ARRAY" in chunk.encodings or (chunk.has_dictionary_page and not as_dictionary)
        for _, chunk in chunks
    )
    return max(1, min(_DELTA_ROWS if brief else _PIECE_ROWS, int(PIECE_BYTES / longest)))
