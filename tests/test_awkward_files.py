"""Files as they are found: compressed in any way under any name, and a few bytes that say a long text."""

import bz2
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from test_corpora import TEXTS, read, write_jsonl

from trex.corpora import CorpusError, DocumentLimit, check_source


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", None, False])
def test_parquet_of_any_encoding(encoding, tmp_path):
    """Dictionaries that are full, or change from page to page, and nulls."""
    texts = [f"{'long ' * 2_000}{i % 7}" if i % 3 else None for i in range(3_000)] + [
        str(i) for i in range(9_000)
    ]
    options = (
        {"use_dictionary": False, "column_encoding": encoding}
        if encoding
        else {"use_dictionary": encoding is None}
    )
    pq.write_table(
        pa.table({"text": texts}), tmp_path / "f", row_group_size=4_000, data_page_size=999,
        **options, **({"dictionary_pagesize_limit": 30_000} if encoding is None else {}),
    )  # fmt: skip
    expected = [text for text in texts if text]
    assert read({"parquet": "f"}, tmp_path) == read({"parquet": "f"}, tmp_path, batch_bytes=1) == expected


def compressed(codec: str, data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("GZ.JSONL.GZ", gzip.compress),
        ("gzip.jsonl", gzip.compress),
        ("padded.jsonl.gz", lambda data: gzip.compress(data[:40]) + gzip.compress(data[40:]) + bytes(1000)),
        ("padded.gz", lambda data: gzip.compress(data) + bytes(3)),
        ("plain.jsonl.gz", bytes),
        ("z.jsonl.zstd", zstandard.compress),
        ("skippable", lambda data: b"\x51\x2a\x4d\x18\x04\0\0\0abcd" + zstandard.compress(data)),
        ("two.zst", lambda data: zstandard.compress(data[:40]) + zstandard.compress(data[40:])),
        ("b.jsonl", lambda data: bz2.compress(data[:40]) + bz2.compress(data[40:])),
        ("l.LZ4", lambda data: compressed("lz4", data)),
        ("x.jsonl.br", lambda data: compressed("brotli", data)),
    ],
)
def test_compression_is_known_by_content(name, content, tmp_path):
    write_jsonl(tmp_path / "a", TEXTS)
    (tmp_path / name).write_bytes(content((tmp_path / "a").read_bytes()))
    check_source({"jsonl": name}, tmp_path)
    assert read({"jsonl": name}, tmp_path) == TEXTS


def test_compression_that_is_not_read(tmp_path):
    line = b'{"text": "a"}\n'
    window = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    wide = zstandard.ZstdCompressor(compression_params=window).compressobj()
    files = {
        "x.zip": (b"PK\x03\x04" + bytes(30), "is a zip archive; gz, bz2, xz, zst, lz4 and br are read"),
        "x.zst": (wide.compress(line) + wide.flush(), "zstd -d --long=31 < OLD | zstd > NEW"),
    }
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "p.jsonl")
    files["p.jsonl"] = ((tmp_path / "p.jsonl").read_bytes(), "is a parquet file: write parquet")
    for name, (content, says) in files.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CorpusError) as error:
            check_source({"jsonl": name}, tmp_path)
        assert name in str(error.value)
        assert says in str(error.value)


@pytest.fixture(scope="module")
def long_documents(tmp_path_factory) -> Path:
    """Documents of 1, 5 and 6 bytes, and longer, in every form."""
    base = tmp_path_factory.mktemp("long")
    texts = ["a", "bbbb\n", "long, " * 9, "ééé", "c" * 2_000_000, "é\n"]
    write_jsonl(base / "a.jsonl", texts)
    (base / "lines.txt").write_bytes(b"".join(text.encode().rstrip(b"\n") + b"\n" for text in texts))
    (base / "paragraphs.txt").write_bytes(b"\n \n".join(text.encode() + b"\n" for text in texts))
    for number, text in enumerate(texts):
        (base / f"{number}.md").write_bytes(text.encode())
    pq.write_table(pa.table({"text": texts}), base / "a.parquet")
    return base


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"jsonl": "a.jsonl"}, ["a", "bbbb\n", "é\n"]),
        ({"parquet": "a.parquet"}, ["a", "bbbb\n", "é\n"]),
        ({"text": "*.md", "sample_by": "document"}, ["a", "bbbb\n", "é\n"]),
        ({"text": "lines.txt"}, ["a\n", "bbbb\n", "é\n"]),
        ({"text": "paragraphs.txt", "sample_by": "paragraph"}, ["a\n", "bbbb\n", "é\n"]),
        ({"huggingface": "parquet", "data_files": "a.parquet"}, ["a", "bbbb\n", "é\n"]),
    ],
)
def test_long_documents_are_left_out(source, expected, long_documents, caplog):
    limit = DocumentLimit(5)
    check_source(source, long_documents, limit)
    documents = read(source, long_documents, limit=limit)
    assert documents == expected
    assert limit.left_out == 6 - len(expected)
    assert f"{limit.left_out} documents were left out, for they are longer than 5 bytes" in caplog.text
    with pytest.raises(CorpusError, match=r"6 documents were left out.*raise counting\.max_document_bytes"):
        read({"text": "lines.txt", "sample_by": "line"}, long_documents, limit=DocumentLimit(1))


def peak_of(source: dict, base: Path, max_bytes: int) -> tuple[int, int]:
    """(bytes that were read, MB of memory that a process of its own needs to read them)."""
    code = (
        "import resource, sys, json; from pathlib import Path; from trex.corpora import *\n"
        "limit = DocumentLimit(int(sys.argv[3])); source = json.loads(sys.argv[1]); base = Path(sys.argv[2])\n"
        "check_source(source, base, limit)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(sum(b.nbytes for b in read_documents(source, base, limit=limit, may_be_empty=True)))\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)"
    )
    command = [sys.executable, "-c", code, json.dumps(source), str(base), str(max_bytes)]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    n_bytes, peak = result.stdout.split()
    return int(n_bytes), int(peak)


def test_few_bytes_that_say_much_need_little_memory(tmp_path):
    pq.write_table(
        pa.table({"text": pa.array(["x" * 1_000_000] * 300).dictionary_encode()}), tmp_path / "a.parquet"
    )
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    n_bytes, peak = peak_of({"parquet": "a.parquet"}, tmp_path, 10_000_000)
    assert n_bytes >= 300_000_000
    assert peak < 150
    compressor = zstandard.ZstdCompressor().compressobj()
    with open(tmp_path / "a.txt.zst", "wb") as file:  # two short lines around one of 300 MB
        file.write(compressor.compress(b"start\n"))
        for _ in range(300):
            file.write(compressor.compress(bytes(1_000_000)))
        file.write(compressor.compress(b"\nend\n") + compressor.flush())
    n_bytes, peak = peak_of({"text": "a.txt.zst"}, tmp_path, 10_000_000)
    assert n_bytes < 100
    assert peak < 80
