"""Opening compressed files by what they are, whatever they are called."""

import gzip
import io
import zlib
from pathlib import Path

import pyarrow as pa

from trex.corpora.reader import READ_BUFFER, READ_ERRORS, CorpusError
from trex.corpora.stretches import Stretch

TYPICAL_RATIO = 4.0  # bytes of text a byte of a compressed file
READABLE = "gz, bz2, zst, lz4 and br are read"
# What reading a broken file raises.
ERRORS = (*READ_ERRORS, EOFError, zlib.error)
# First bytes, and the codec by its name in Arrow.
_CODECS = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
)
_BZIP2_BLOCKS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")  # after "BZh" and a digit
_OTHERS = (
    (b"\xfd7zXZ\x00", "is xz-compressed"),
    (b"PK\x03\x04", "is a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive"),
    (b"Rar!\x1a\x07", "is a rar archive"),
    (b"\x1f\x9d", "is compressed by compress (.Z)"),
    (b"LZIP\x01", "is lzip-compressed"),
    (b"\xff\x06\x00\x00sNaPpY", "is snappy-compressed"),
    (b"PAR1\x15", "is a parquet file: write parquet in place of the kind you gave, or"),
    (b"ARROW1\x00", "is an Arrow file"),
)


def codec_of(path: Path) -> str | None:
    """How a file is compressed, by its first bytes, in Arrow's words; None if it is not.

    Brotli has no such bytes and goes by the name. CorpusError for a format that is not read.
    """
    with open(path, "rb") as file:
        start = file.read(16)
    for magic, what in _OTHERS:
        if start.startswith(magic):
            raise CorpusError(f"{path} {what}; {READABLE}: convert the file to one of them")
    name = path.name.lower()
    # zstd and lz4 may begin with a frame to be skipped, which is the same in both
    if start[1:4] == b"\x2a\x4d\x18" and 0x50 <= start[0] <= 0x5F:
        return "lz4" if name.endswith(".lz4") else "zstd"
    for magic, codec in _CODECS:
        if start.startswith(magic) and (codec != "bz2" or start[4:10] in _BZIP2_BLOCKS):
            return codec
    return "brotli" if name.endswith((".br", ".brotli")) else None


def open_bytes(path: Path | Stretch) -> io.BufferedIOBase:
    """The decompressed bytes of a file, which may be several streams one after the other, or those of a stretch.

    Reading raises one of ERRORS where the file is broken or cut short.
    """
    if isinstance(path, Stretch):
        return path.open_lines()
    codec = codec_of(path)
    if codec == "gzip" and _ends_in_zero(path):
        # gunzip and Python take zeros after the last stream for padding; to Arrow they are an error
        return io.BufferedReader(gzip.GzipFile(path), READ_BUFFER)
    # Unlike zstandard, Arrow notices a truncated stream.
    return io.BufferedReader(pa.input_stream(str(path), compression=codec), READ_BUFFER)


def explain(error: Exception) -> str:
    """What a reading error says, with the cure where there is one."""
    if "Frame requires too much memory" in str(error):
        return f"{error}; compress it again with a smaller window: zstd -d --long=31 < OLD | zstd > NEW"
    return str(error)


def _ends_in_zero(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, io.SEEK_END)
        return file.read() == b"\x00"
