"""Stretches of files: how one large file is read by several jobs, or only some places of a corpus.

A stretch is named by bytes of the file, before anything of it is read. What belongs to it is decided where it is read,
by a rule that makes neighbouring stretches meet: lines and paragraphs belong to the stretch in which they begin, row
groups of parquet to the one in which their middle lies.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

READ_BUFFER = 1 << 20
_PROBE = 1 << 16


@dataclass(frozen=True)
class Stretch:
    """The bytes from first up to end of a file.

    paragraphs: of a plain file, that it is not cut within one.
    """

    path: Path
    first: int
    end: int
    paragraphs: bool = False

    def __str__(self) -> str:
        """For messages, which count lines from where the stretch begins."""
        return f"{self.path} (from byte {self.first:,} on)" if self.first else str(self.path)

    def open_lines(self) -> io.BufferedReader:
        """The lines or paragraphs that belong to the stretch of a plain file, as bytes."""
        first, end = (_border(self.path, offset, self.paragraphs) for offset in (self.first, self.end))
        return io.BufferedReader(_Bytes(self.path, first, end), READ_BUFFER)

    def row_groups(self, metadata: pq.FileMetaData) -> range:
        """The row groups of a parquet file that belong to the stretch."""
        middles = [sum(row_group_bytes(metadata, i)) / 2 for i in range(metadata.num_row_groups)]
        mine = [i for i, middle in enumerate(middles) if self.first <= middle < self.end]
        return range(mine[0], mine[-1] + 1) if mine else range(0)


def row_group_bytes(metadata: pq.FileMetaData, i: int) -> tuple[int, int]:
    """(first byte, end) of a row group in its file."""
    group = metadata.row_group(i)
    columns = [group.column(c) for c in range(group.num_columns)]
    first = min(c.dictionary_page_offset or c.data_page_offset for c in columns)
    return first, first + sum(c.total_compressed_size for c in columns)


def _border(path: Path, offset: int, paragraphs: bool) -> int:
    """The first place from the offset on where a line begins; with `paragraphs`, one behind a blank line."""
    if offset <= 0:
        return 0
    with open(path, "rb") as file:
        file.seek(offset - 1)
        while piece := file.readline(_PROBE):
            if piece.endswith(b"\n"):
                break
        if paragraphs:
            whole = True  # a line of which no piece has been read
            while piece := file.readline(_PROBE):
                ends = piece.endswith(b"\n")
                if whole and ends and not piece.strip():
                    break
                whole = ends
        return file.tell()


class _Bytes(io.RawIOBase):
    """The bytes from first up to end of a file."""

    def __init__(self, path: Path, first: int, end: int):
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115
        self._file.seek(first)
        self._left = end - first

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        n = self._file.readinto(memoryview(buffer)[: max(self._left, 0)])
        self._left -= n
        return n

    def close(self) -> None:
        self._file.close()
        super().close()
