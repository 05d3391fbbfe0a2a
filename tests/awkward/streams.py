"""Compressed files, and text in other encodings than UTF-8."""

import bz2
import gzip
import io
import lzma
import tarfile
import zlib

import pyarrow as pa
import zstandard

from awkward.case import AS_LINES, LINES, NOISE, PLAIN, SKIP, TEXTS, case, lines

# --- Compression, by content ------------------------------------------------------------------------------


def arrow_codec(codec: str, data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def wide_zstd(window_log: int, data: bytes) -> bytes:
    """Of a stream that asks for a window of 2^window_log bytes; the header says so, whatever the data."""
    parameters = zstandard.ZstdCompressionParameters(window_log=window_log, enable_ldm=True)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return stream.compress(data) + stream.flush()


def wide_xz(data: bytes) -> bytes:
    """A file whose header asks for a dictionary of 1 GB."""
    file = bytearray(lzma.compress(data))
    size = 4 * (
        file[12] + 1
    )  # of the block header: size, flags, filter, its properties' size, dictionary size
    file[16] = 36
    file[12 + size - 4 : 12 + size] = zlib.crc32(file[12 : 12 + size - 4]).to_bytes(4, "little")
    return bytes(file)


def tar(data: bytes) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as archive:
        member = tarfile.TarInfo("a.jsonl")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return sink.getvalue()


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] if at >= 0 else flipped(data, len(data) + at)


HALF = len(LINES) // 2
SKIPPABLE = b"\x51\x2a\x4d\x18\x04\0\0\0abcd"
Z = [zstandard.compress(LINES[:HALF]), zstandard.compress(LINES[HALF:])]
G = [gzip.compress(LINES[:HALF], mtime=0), gzip.compress(LINES[HALF:], mtime=0)]

case("plain text with a name that lies", "jsonl", "plain.jsonl.gz", LINES, TEXTS)
case("gzip without a name", "jsonl", "gzip.jsonl", G[0] + G[1], TEXTS)
case(
    "gzip, members with empty ones between",
    "jsonl",
    "blocks.gz",
    G[0] + gzip.compress(b"") + G[1] + gzip.compress(b""),
    TEXTS,
)
case("gzip, zeros at the end", "jsonl", "tape.jsonl.gz", G[0] + G[1] + bytes(512), TEXTS)
case(
    "gzip, zeros between members and at the end",
    "jsonl",
    "tapes.gz",
    G[0] + bytes(9) + G[1] + bytes(512),
    TEXTS,
)
case(
    "gzip, cut off",
    "jsonl",
    "cut.jsonl.gz",
    gzip.compress(lines(NOISE))[:-50_000],
    says=("cut.jsonl.gz", "after line", "cut off"),
)
case(
    "gzip, other bytes at the end",
    "jsonl",
    "tail.jsonl.gz",
    G[0] + G[1] + b"END OF FILE",
    says=("tail.jsonl.gz", "after line"),
)
case(
    "gzip, one bit is wrong",
    "jsonl",
    "bit.jsonl.gz",
    flipped(G[0], -6),
    says=("bit.jsonl.gz", "is damaged: copy"),
)
case("text in .txt.gz", "text", "notes.txt.gz", gzip.compress(PLAIN), AS_LINES)
case(
    "bzip2, two streams, named .gz",
    "jsonl",
    "lie.gz",
    bz2.compress(LINES[:HALF]) + bz2.compress(LINES[HALF:]),
    TEXTS,
)
case("bzip2, cut off", "jsonl", "cut.bz2", bz2.compress(LINES)[:-9], says=("cut.bz2", "cut off"))
case(
    "xz, two streams and padding",
    "jsonl",
    "x.jsonl.xz",
    lzma.compress(LINES[:HALF]) + bytes(8) + lzma.compress(LINES[HALF:]) + bytes(4),
    TEXTS,
)
case("xz, named .zst", "text", "x.zst", lzma.compress(PLAIN), AS_LINES)
case("xz, cut off", "jsonl", "cut.xz", lzma.compress(LINES)[:-20], says=("cut.xz", "after line", "cut off"))
case(
    "xz, other bytes at the end",
    "jsonl",
    "tail.xz",
    lzma.compress(LINES) + b"garbage",
    says=("tail.xz", "after line 3", "bytes of another kind follow"),
)
case(
    "gzip, other bytes at the end",
    "jsonl",
    "tail.gz",
    gzip.compress(LINES) + b"garbage",
    says=("tail.gz", "bytes of another kind follow"),
)
for old, name in (
    (lzma.compress(LINES, lzma.FORMAT_ALONE), "old format of xz"),
    (zlib.compress(LINES), "zlib-compressed"),
    (b"\x02\x21\x4c\x18" + bytes(30), "old format of lz4"),
):
    case(f"{name}", "jsonl", "old.jsonl", old, says=("old.jsonl", name, "zst", "are read"))
case(
    "a pointer of Git LFS in place of the text",
    "text",
    "a.txt",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    says=("a.txt", "Git LFS", "git lfs pull"),
)
case(
    "xz that asks for 1 GB of memory",
    "jsonl",
    "wide.xz",
    wide_xz(LINES),
    says=("wide.xz", "xz -d < OLD | xz > NEW"),
)
case("zstd, two frames, .zstd", "jsonl", "z.jsonl.zstd", Z[0] + Z[1], TEXTS)
case(
    "zstd, frames to be skipped: first, between, last",
    "jsonl",
    "seekable.zst",
    SKIPPABLE + Z[0] + SKIPPABLE + Z[1] + SKIPPABLE,
    TEXTS,
)
case("zstd, window of 128 MB", "jsonl", "long27.zst", wide_zstd(27, LINES), TEXTS)
case(
    "zstd, window of 2 GB",
    "jsonl",
    "long31.zst",
    wide_zstd(31, LINES),
    says=("long31.zst", "zstd -d --long=31 < OLD | zstd > NEW"),
)
case(
    "zstd with a dictionary",
    "jsonl",
    "dictionary.zst",
    lambda path: path.write_bytes(_with_dictionary()),
    says=("dictionary.zst", "zstd -d -D DICTIONARY"),
)
case("zstd, cut off", "jsonl", "cut.zst", Z[0] + Z[1][:-3], says=("cut.zst", "cut off"))
case("lz4", "jsonl", "l.LZ4", arrow_codec("lz4", LINES), TEXTS)
case("brotli", "jsonl", "b.jsonl.br", arrow_codec("brotli", LINES), TEXTS)
case(
    "compressed twice",
    "jsonl",
    "twice.gz",
    gzip.compress(Z[0]),
    says=("twice.gz", "compressed twice", "zstd"),
)
case("a tar archive", "jsonl", "a.jsonl.gz", tar(LINES), says=("a.jsonl.gz", "tar archive", "unpack"))
case("a zip archive", "jsonl", "a.zip", b"PK\x03\x04" + bytes(30), says=("a.zip", "zip archive", "are read"))
case("a 7z archive", "text", "a.txt", b"7z\xbc\xaf\x27\x1c" + bytes(30), says=("a.txt", "7z archive"))
case(
    "nothing, compressed",
    "jsonl",
    "nothing.gz",
    gzip.compress(b""),
    TEXTS,
    read="*.*z*",
    beside={"z.zst": Z[0] + Z[1]},
)


def _with_dictionary() -> bytes:
    samples = [lines([f"{word} {word}"]) for word in NOISE[:1000]]
    return zstandard.ZstdCompressor(dict_data=zstandard.train_dictionary(2000, samples)).compress(LINES)


# --- Encodings --------------------------------------------------------------------------------------------

MARK = b"\xef\xbb\xbf"
CRLF = PLAIN.decode().replace("\n", "\r\n")
case("UTF-8 with a mark (BOM)", "text", "bom.txt", MARK + PLAIN, AS_LINES)
case("JSON lines with a mark", "jsonl", "bom.jsonl", MARK + LINES, TEXTS)
case("files with marks, joined", "text", "joined.txt", MARK + PLAIN[:8] + MARK + PLAIN[8:], AS_LINES)
case("JSON lines with marks, joined", "jsonl", "joined.jsonl", MARK + LINES + MARK + LINES, TEXTS * 2)
case(
    "a mark that begins a text",
    "parquet",
    "mark.parquet",
    pa.table({"text": ["\ufeff" + text for text in TEXTS]}),
    TEXTS,
)
case("nothing but a mark", "text", "a.txt", MARK, AS_LINES, read="[ab].txt", beside={"b.txt": PLAIN})
case(
    "UTF-16, little endian, CRLF",
    "text",
    "windows.txt",
    b"\xff\xfe" + CRLF.encode("utf-16-le"),
    [text + "\r\n" for text in TEXTS],
)
case(
    "UTF-16, big endian, gzip",
    "jsonl",
    "u.gz",
    gzip.compress(b"\xfe\xff" + LINES.decode().encode("utf-16-be")),
    TEXTS,
)
case("UTF-32", "text", "u.txt", b"\xff\xfe\0\0" + PLAIN.decode().encode("utf-32-le"), AS_LINES)
case(
    "UTF-16 without a mark",
    "jsonl",
    "u.jsonl",
    lines(["plain"] * 9).decode().encode("utf-16-le"),
    says=("u.jsonl", "UTF-16LE", "iconv"),
)
case(
    "UTF-16, half of a pair",
    "text",
    "half.txt",
    b"\xff\xfea\0\x3d\xd8\n\0",
    says=("half.txt", "after line", "utf-16-le"),
)
case(
    "Latin-1",
    "text",
    "latin1.txt",
    b"ok\ncaf\xe9\n",
    says=("latin1.txt:2", "0xe9 at byte 3", "convert the file to UTF-8"),
)
case(
    "one line in Latin-1, skipped",
    "text",
    "latin1.txt",
    b"ok\ncaf\xe9\n",
    ["ok\n"],
    options=SKIP,
    left_out={"not_utf8": 1},
)
case(
    "a paragraph in Latin-1, skipped",
    "text",
    "latin1.txt",
    b"ok\n\ncaf\xe9\nb\n\nc",
    ["ok\n", "c"],
    options=SKIP | {"sample_by": "paragraph"},
    left_out={"not_utf8": 1},
)
case(
    "half of a surrogate pair in bytes",
    "text",
    "cesu.txt",
    b"ok\n\xed\xa0\xbd\n",
    says=("cesu.txt:2", "half of a surrogate pair"),
)
