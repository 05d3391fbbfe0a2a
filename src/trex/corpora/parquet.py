"""Parquet files."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from trex.corpora.reader import READ_BUFFER, READ_ERRORS, CorpusError, FileReader
from trex.corpora.tables import PIECE_BYTES, check_schema, documents

_PIECE_ROWS = 16_384


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
        for path in self.files():
            row = 0
            try:
                # A buffer in place of the whole column chunk, which may be gigabytes.
                with pq.ParquetFile(path, buffer_size=READ_BUFFER, page_checksum_verification=True) as file:
                    check_schema(str(path), file.schema_arrow, self)
                    n = _piece_rows(file.metadata, self.column)
                    for batch in file.iter_batches(n, columns=columns):
                        yield documents(batch, self, str(path), row)
                        row += batch.num_rows
            except READ_ERRORS as error:
                raise CorpusError(
                    f"{path}: not a readable parquet file from row {row} on: {error}"
                ) from error


def _piece_rows(metadata: pq.FileMetaData, column: str) -> int:
    """How many rows to decode at once for about ``PIECE_BYTES`` of the row group with the longest texts."""
    longest = 1.0
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            if chunk.path_in_schema == column and group.num_rows:
                longest = max(longest, chunk.total_uncompressed_size / group.num_rows)
    return max(1, min(_PIECE_ROWS, int(PIECE_BYTES / longest)))
