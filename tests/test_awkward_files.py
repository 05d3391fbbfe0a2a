"""Files as they are found: compressed in any way under any name, and a few bytes that say a long text."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import awkward
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from test_corpora import read, write_jsonl

from trex.corpora import CorpusError, DocumentLimit, check_source, json_records, open_source


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


@pytest.fixture(scope="module")
def awkward_files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("awkward")
    awkward.make(folder)
    return folder


@pytest.mark.parametrize(
    ("number", "case"), [*enumerate(awkward.CASES)], ids=[case.what for case in awkward.CASES]
)
def test_awkward_file(number, case, awkward_files):
    outcome = awkward.outcome(number, awkward_files)
    assert outcome.documents == case.gives, outcome.error
    if case.gives is None:
        assert [words for words in case.says if words not in outcome.error] == []
        assert outcome.before == case.before
        assert "\n" not in outcome.error.strip()  # one paragraph
    assert outcome.left_out == case.left_out


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=9),
    st.integers(2, 40),
    st.sampled_from([None, 0, 3]),
)
def test_arrays_are_read_whatever_the_chunks(texts, chunk, indent):
    """An element, a number or an escape that the end of a chunk cuts is no error."""
    records = [{"n": -1.5e3, "text": text, "deep": [{"a": [True, None]}]} for text in texts]
    data = json.dumps(records, indent=indent, ensure_ascii=len(texts) % 2 == 0).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "_CHUNK", chunk)
        read_back = [element for _, element, _ in json_records.array_elements(io.BytesIO(data), 1e9, "a")]
    assert read_back == records


def test_a_quick_look_at_many_files_reads_little(tmp_path):
    for number in range(600):
        write_jsonl(tmp_path / f"{number:03}.jsonl", [f"{number}"] * 100)
    write_jsonl(tmp_path / "300.jsonl", ["ok"] * 50 + [7])
    reader = open_source({"jsonl": "*.jsonl"} | awkward.SKIP, tmp_path)
    reader.check()
    assert 300 * 100 < reader.bad.good < 600 * 100
    with pytest.raises(CorpusError, match=r"300.jsonl:51: 'text' is 7"):
        check_source({"jsonl": "*.jsonl"}, tmp_path)


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
