"""The bytes of a file as UTF-8 text, by what it is and not by what it is called: decompressed, and decoded."""

import codecs
import gzip
import io
import lzma
import zlib
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from trex.corpora.reader import READ_BUFFER, READ_ERRORS, CorpusError
from trex.corpora.stretches import Stretch

TYPICAL_RATIO = 4.0  # bytes of text a byte of a compressed file
READABLE = "gz, bz2, xz, zst, lz4 and br are read"
# What reading a broken file raises.
ERRORS = (*READ_ERRORS, EOFError, zlib.error, lzma.LZMAError)
_XZ_MAGIC = b"\xfd7zXZ\x00"
# First bytes, and the codec by its name in Arrow, which has no xz.
_CODECS = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (_XZ_MAGIC, "xz"),
)
_BZIP2_BLOCKS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")  # after "BZh" and a digit
_OTHERS = (
    (b"PK\x03\x04", "is a zip archive"),
    (b"PK\x05\x06", "is an empty zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive"),
    (b"Rar!\x1a\x07", "is a rar archive"),
    (b"\x1f\x9d", "is compressed by compress (.Z)"),
    (b"LZIP\x01", "is lzip-compressed"),
    (b"\x5d\x00\x00", "is compressed in the old format of xz (.lzma)"),
    (b"\x02\x21\x4c\x18", "is compressed in the old format of lz4"),
    (b"x\x9c", "is zlib-compressed"),
    (b"x\xda", "is zlib-compressed"),
    (b"\xff\x06\x00\x00sNaPpY", "is snappy-compressed"),
    (b"PAR1\x15", "is a parquet file: write parquet in place of the kind you gave"),
    (b"ARROW1\x00", "is an Arrow file: write arrow in place of the kind you gave"),
    (b"\xff\xff\xff\xff", "is an Arrow stream: write arrow in place of the kind you gave"),
    (b"SQLite format 3\x00", "is a SQLite database"),
    (b"%PDF-", "is a PDF document"),
    (b"Obj\x01", "is an Avro file"),
    (b"\x89HDF\r\n", "is an HDF5 file"),
    (b"\x93NUMPY", "is a NumPy file"),
    (b"version https://git-lfs", "is a pointer of Git LFS in place of the file: git lfs pull gets that"),
)
# Marks of an encoding, the longest first: FF FE begins both little-endian ones.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WIDE_MARKS = tuple(mark for mark, _ in _MARKS)
_XZ_MEMORY = 256_000_000  # xz -9 needs 65 MB, zstd's largest window that Arrow accepts 128 MB
_TAR = (b"ustar", slice(257, 262))
# What is said where a further stream should begin and does not.
_NO_HEADER = ("header check", "magic header", "Unknown frame descriptor", "frameType_unknown")
_START = 32  # bytes of a file that say what it is


def codec_of(path: Path) -> str | None:
    """How a file is compressed, by its first bytes, in Arrow's words or xz; None if it is not.

    Brotli has no such bytes and goes by the name. CorpusError for a format that is not read.
    """
    with open(path, "rb") as file:
        start = file.read(_START)
    if (what := _foreign(start)) is not None:
        cure = "" if ":" in what else f"; {READABLE}: convert the file to one of them"
        raise CorpusError(f"{path} {what}{cure}")
    name = path.name.lower()
    # zstd and lz4 may begin with a frame to be skipped, which is the same in both
    if start[1:4] == b"\x2a\x4d\x18" and 0x50 <= start[0] <= 0x5F:
        return "lz4" if name.endswith(".lz4") else "zstd"
    return _codec(start) or ("brotli" if start and name.endswith((".br", ".brotli")) else None)


def _foreign(start: bytes) -> str | None:
    return next((what for magic, what in _OTHERS if start.startswith(magic)), None)


def _codec(start: bytes) -> str | None:
    for magic, codec in _CODECS:
        if start.startswith(magic) and (codec != "bz2" or start[4:10] in _BZIP2_BLOCKS):
            return codec
    return None


def what_it_is(path: Path, expected: str) -> str:
    """A clause for a message about a file that is not of the expected kind; empty if its first bytes do not tell."""
    try:
        with open(path, "rb") as file:
            start = file.read(_START)
    except OSError:  # which the message is about
        return ""
    codec = _codec(start)
    what = f"is {codec}-compressed as a whole: decompress it" if codec else _foreign(start)
    return f". The file {what}" if what and f"write {expected} " not in what else ""


def open_bytes(path: Path | Stretch) -> io.BufferedIOBase:
    """The text of a file or stretch, as UTF-8 that is not checked, without the mark (BOM) that may begin it.

    The file may be compressed, as several streams one after the other, and be in UTF-16 or UTF-32 if a mark says so.
    CorpusError for a format that is not read. This and reading raise one of ERRORS where the file is broken or cut.
    """
    if isinstance(path, Stretch):
        return path.open_lines()
    stream = _decompressed(path)
    start = stream.peek(512)[:512]
    _check_start(path, start)
    if start.startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            stream.read(len(mark))
            return io.BufferedReader(_Recoded(stream, encoding), READ_BUFFER)
    return stream


def _decompressed(path: Path) -> io.BufferedReader:
    codec = codec_of(path)
    if codec == "gzip" and tail(path).endswith(b"\0"):
        # gunzip and Python take zeros after the last stream for padding; to Arrow they are an error
        return io.BufferedReader(gzip.GzipFile(path), READ_BUFFER)
    if codec == "xz":
        return io.BufferedReader(_Xz(open(path, "rb")), READ_BUFFER)
    # Unlike zstandard, Arrow notices a truncated stream.
    return io.BufferedReader(pa.input_stream(str(path), compression=codec), READ_BUFFER)


def _check_start(path: Path, start: bytes) -> None:
    """CorpusError for what decompression gives, or a plain file holds, and is no text."""
    magic, place = _TAR
    if start[place] == magic:
        raise CorpusError(f"{path} is a tar archive; unpack it and name the files that it holds")
    if (codec := _codec(start)) is not None:  # of a plain file, codec_of would have said so
        raise CorpusError(f"{path} is compressed twice, and {codec} is the inner codec; decompress it once")
    pairs = start[: len(start) // 2 * 2]
    zeros = [pairs[first::2].count(0) * 2 for first in (0, 1)]
    if (
        not start.startswith(WIDE_MARKS)
        and len(pairs) >= 8
        and max(zeros) > 0.8 * len(pairs)
        and min(zeros) == 0
    ):
        encoding = "UTF-16BE" if zeros[0] else "UTF-16LE"
        raise CorpusError(
            f"{path} looks like {encoding} without a mark (BOM) that says so; convert it to UTF-8: "
            f"iconv -f {encoding} -t UTF-8 OLD > NEW"
        )


class _Recoded(io.RawIOBase):
    """A stream in another encoding, as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str):
        self._stream, self._decoder = stream, codecs.getincrementaldecoder(encoding)()
        self._ready, self._ended = b"", False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        while not self._ready and not self._ended:
            data = self._stream.read(READ_BUFFER)
            self._ended = not data
            self._ready = self._decoder.decode(data, final=self._ended).encode()
        part, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


class _Xz(io.RawIOBase):
    """An xz file: streams with zeros between them. Unlike `lzma.open`, it takes no garbage for the end of the file,
    reads on after zeros, and bounds the memory that a file can ask for."""

    def __init__(self, file: BinaryIO):
        self._file, self._stream, self._rest = file, None, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        while True:
            if self._stream is None:
                if not self._fill(skip_zeros=True):
                    return 0
                if not self._rest.startswith(_XZ_MAGIC[: len(self._rest)]):
                    raise lzma.LZMAError("no magic header")
                self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
            if self._stream.needs_input and not self._fill():
                raise EOFError("the last stream has no end")
            data = self._stream.decompress(self._rest, len(buffer))
            self._rest = b""
            if self._stream.eof:
                self._rest, self._stream = self._stream.unused_data, None
            if data:
                buffer[: len(data)] = data
                return len(data)

    def _fill(self, skip_zeros: bool = False) -> bool:
        """Whether any bytes are left; if so, some are in self._rest."""
        while True:
            if skip_zeros:
                self._rest = self._rest.lstrip(b"\0")
            if self._rest:
                return True
            self._rest = self._file.read(READ_BUFFER)
            if not self._rest:
                return False

    def close(self) -> None:
        self._file.close()
        super().close()


def explain(error: Exception) -> str:
    """What a reading error says, with the cure where there is one."""
    what = str(error)
    if "Frame requires too much memory" in what:
        return (
            f"{what}: its window is larger than 128 MB; compress it again with a smaller one: "
            "zstd -d --long=31 < OLD | zstd > NEW"
        )
    if "Memory usage limit exceeded" in what:
        return (
            f"{what}: its dictionary asks for more than {_XZ_MEMORY // 1_000_000} MB; compress it again with a smaller "
            "one: xz -d < OLD | xz > NEW"
        )
    if "Dictionary mismatch" in what:
        return (
            f"{what}: it was compressed with a dictionary that it does not hold; compress it again without: "
            "zstd -d -D DICTIONARY < OLD | zstd > NEW"
        )
    if any(words in what for words in _NO_HEADER):
        return f"{what}; bytes of another kind follow the compressed text: copy or download the file again"
    if isinstance(error, EOFError) or "runcated" in what:
        return f"{what}; the file was cut off: copy or download it again"
    if "CRC check" in what or "data check" in what or "checksum" in what:
        return f"{what}; the file is damaged: copy or download it again"
    return what


def tail(path: Path, n_bytes: int = 64) -> bytes:
    """The last bytes of a file, as they are on disk."""
    with open(path, "rb") as file:
        file.seek(-min(n_bytes, path.stat().st_size), io.SEEK_END)
        return file.read()
