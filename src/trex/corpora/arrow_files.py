"""Files of the Arrow format: streams, and files with a footer, which are also Feather files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from trex.corpora.compressed import what_it_is
from trex.corpora.reader import READ_ERRORS, CorpusError, FileReader, Reader
from trex.corpora.tables import check_schema, documents, slices, top_column

_LOOK_ROWS = 64  # of the first record batch of a file
_FILE_MAGIC = b"ARROW1"


class ArrowFiles(FileReader):
    """Files of record batches, of which one column is text."""

    kind = "arrow"

    def check(self) -> None:
        check_arrow_files(self.files(), self, self.what)

    def text_in(self, path: Path) -> tuple[int, int, int]:
        size = path.stat().st_size
        return size, size, size

    def pieces(self) -> Iterator[pa.Array]:
        for path in self.files():
            yield from arrow_documents(path, self)


def check_arrow_files(files: list[Path], reader: Reader, what: str) -> None:
    """Find what is wrong with the schemas and the first rows of some files. Raises CorpusError."""
    empty = True
    for path in files:
        if not path.stat().st_size:
            continue
        with _batches(path) as (schema, batches):
            check_schema(str(path), schema, reader)
            batch = next((batch for batch in batches if batch.num_rows), None)
            if batch is not None:
                empty = False
                _check_batch(batch, reader.column)
                some = documents(batch.slice(0, _LOOK_ROWS), reader, str(path), 0)
                reader.bad.good += len(some)
    if empty:
        raise CorpusError(f"{what}: the corpus is empty: no file has any row")
    reader.bad.check_sample(what)


def arrow_documents(path: Path, reader: Reader) -> Iterator[pa.Array]:
    """The documents of a file, as `Reader.pieces` gives them."""
    if not path.stat().st_size:
        return
    row = 0
    with _batches(path) as (schema, batches):
        check_schema(str(path), schema, reader)
        for batch in batches:
            _check_batch(batch, reader.column)
            for rows in slices(batch, reader.column):
                yield documents(rows, reader, str(path), row)
                row += rows.num_rows


def _check_batch(batch: pa.RecordBatch, column: str) -> None:
    """ArrowInvalid if offsets point outside of the text, which later would end the process."""
    texts = batch.column(top_column(batch.schema, column))
    kind = texts.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):  # whether it is UTF-8 is looked at later
        kind = pa.binary() if pa.types.is_string(kind) else pa.large_binary()
        texts = pa.Array.from_buffers(kind, len(texts), texts.buffers(), offset=texts.offset)
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise


@contextmanager
def _batches(path: Path) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """Schema and record batches of a file that is mapped into memory; what breaks within becomes a CorpusError."""
    try:
        with pa.memory_map(str(path)) as file:
            if file.read(len(_FILE_MAGIC)) == _FILE_MAGIC:
                reader = pa.ipc.open_file(file)
                yield reader.schema, (reader.get_batch(i) for i in range(reader.num_record_batches))
            else:
                file.seek(0)
                reader = pa.ipc.open_stream(file)
                yield reader.schema, iter(reader)
    except READ_ERRORS as error:
        what = str(error).rstrip(".") + what_it_is(path, ArrowFiles.kind)
        raise CorpusError(
            f"{path}: not a readable Arrow file or stream: {what}; if it was cut off, copy or download it again"
        ) from error
