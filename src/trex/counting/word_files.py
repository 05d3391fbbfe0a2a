"""Files of words in the order of their bytes with their counts, read a few thousand words at a time.

Those of a corpus, by shard, are Arrow files: they are written once and read twice, and parquet takes two to three times
as long to write lists of numbers. Those of evaluation sets, without shards, are parquet.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trex.files import whole

BY_SHARD = pa.schema(
    {
        "word": pa.large_binary(),
        "shard": pa.large_list(pa.uint16()),
        "count": pa.large_list(pa.int64()),
    }
)
BATCH_WORDS = 1 << 14  # of an Arrow file

# Faster than zstd; a file of counts is 1.9 to 2.6 times as large.
COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


def write_words(tables: Iterable[pa.Table], path: str | Path) -> None:
    """Write tables with the columns BY_SHARD, one after the other, as counts/{corpus}/words.arrow; the same rows give
    the same bytes, whatever the tables."""
    with whole(path) as part, pa.ipc.new_file(str(part), BY_SHARD, options=COMPRESSED) as writer:
        waiting = BY_SHARD.empty_table()
        for table in tables:
            waiting = pa.concat_tables([waiting, table])
            while len(waiting) >= BATCH_WORDS:
                writer.write_table(waiting[:BATCH_WORDS].combine_chunks())
                waiting = waiting[BATCH_WORDS:]
        writer.write_table(waiting.combine_chunks())


def _is_arrow(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(6) == b"ARROW1"


def n_words(path: Path) -> int:
    """How many words a file of counts or of an evaluation set has."""
    if not _is_arrow(path):
        return pq.read_metadata(path).num_rows
    with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as file:
        last = file.num_record_batches - 1  # all batches but the last have as many rows as the first
        return last * len(file.get_batch(0)) + len(file.get_batch(last)) if last >= 0 else 0


def word_batches(path: Path, most: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of such a file, or some columns of them, at most so many words at a time."""
    if not _is_arrow(path):
        with pq.ParquetFile(path, buffer_size=1 << 18, pre_buffer=False) as file:
            yield from file.iter_batches(most, columns=columns, use_threads=False)
        return
    with pa.OSFile(str(path)) as source:
        names = pa.ipc.open_file(source).schema.names
        fields = sorted(map(names.index, columns or names))
        options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
        file = pa.ipc.open_file(source, options=options)
        for number in range(file.num_record_batches):
            batch = file.get_batch(number)
            for first in range(0, len(batch), most):
                yield batch.slice(first, most)
