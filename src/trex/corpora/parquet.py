"""Parquet files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trex.arrow import to_numpy
from trex.corpora.reader import READ_BUFFER, READ_ERRORS, CorpusError, FileReader
from trex.corpora.stretches import Stretch, row_group_bytes
from trex.corpora.tables import PIECE_BYTES, check_schema, documents

_PIECE_ROWS = 16_384
_DELTA_ROWS = 64


class Parquet(FileReader):
    """Files of rows, of which one column is text."""

    kind = "parquet"

    def check(self) -> None:
        rows = 0
        for path in self.files():
            try:
                with pq.ParquetFile(path) as file:
                    rows += file.metadata.num_rows
                    schema = file.schema_arrow
            except READ_ERRORS as error:
                raise CorpusError(f"{path}: not a readable parquet file: {error}") from error
            check_schema(str(path), schema, self)
        if rows == 0:
            raise CorpusError(f"parquet: {self.source['parquet']}: the corpus is empty: no file has any row")

    def pieces(self) -> Iterator[pa.Array]:
        columns = list(dict.fromkeys([self.column, *self.where]))
        for place in self.stretches():
            path = place.path if isinstance(place, Stretch) else place
            row = 0
            try:
                metadata = pq.read_metadata(path)
                groups = place.row_groups(metadata) if isinstance(place, Stretch) else None
                row = sum(metadata.row_group(i).num_rows for i in range(groups.start)) if groups else 0
                chunks = _text_chunks(metadata, self.column)
                with pq.ParquetFile(
                    path,
                    metadata=metadata,
                    buffer_size=READ_BUFFER,  # in place of the whole column chunk, which may be gigabytes
                    page_checksum_verification=True,
                    read_dictionary=[self.column] if any(c.has_dictionary_page for _, c in chunks) else None,
                ) as file:
                    check_schema(str(path), file.schema_arrow, self)
                    for batch in file.iter_batches(_piece_rows(chunks), groups, columns):
                        for rows in _decoded(batch, self.column):
                            yield documents(rows, self, str(path), row)
                            row += rows.num_rows
            except READ_ERRORS as error:
                raise CorpusError(
                    f"{path}: not a readable parquet file from row {row} on: {error}"
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


def _decoded(batch: pa.RecordBatch, column: str) -> Iterator[pa.RecordBatch]:
    """The rows with a dictionary of texts replaced by texts, about ``PIECE_BYTES`` of them at a time.

    A few bytes of a file can say a long text many thousand times.
    """
    at = batch.schema.get_field_index(column)
    texts = batch.column(at)
    if not pa.types.is_dictionary(texts.type):
        yield batch
        return
    lengths = to_numpy(pc.binary_length(texts.dictionary).cast(pa.int64()))
    rows = to_numpy(texts.indices.fill_null(0))
    ends = np.cumsum(lengths[rows]) if len(lengths) else np.zeros(len(rows), dtype=np.int64)
    first = 0
    while first < len(rows):
        before = ends[first - 1] if first else 0
        last = max(int(np.searchsorted(ends, before + PIECE_BYTES, side="right")), first + 1)
        part = batch.slice(first, last - first)
        yield part.set_column(at, column, part.column(at).cast(texts.type.value_type))
        first = last


def _text_chunks(metadata: pq.FileMetaData, column: str) -> list[tuple[int, pq.ColumnChunkMetaData]]:
    """Rows and metadata of the column of every row group that has rows."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    chunks = [(group.num_rows, group.column(i)) for group in groups for i in range(group.num_columns)]
    return [(rows, chunk) for rows, chunk in chunks if rows and chunk.path_in_schema == column]


def _piece_rows(chunks: list[tuple[int, pq.ColumnChunkMetaData]]) -> int:
    """How many rows to decode at once for about ``PIECE_BYTES`` of the row group with the longest texts."""
    longest = max([1.0, *(chunk.total_uncompressed_size / rows for rows, chunk in chunks)])
    # of texts that begin alike, DELTA_BYTE_ARRAY says the beginning once
    most = _DELTA_ROWS if any("DELTA_BYTE_ARRAY" in chunk.encodings for _, chunk in chunks) else _PIECE_ROWS
    return max(1, min(most, int(PIECE_BYTES / longest)))
