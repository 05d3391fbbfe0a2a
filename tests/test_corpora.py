"""Sources: the same documents through every kind, the limits, and what the reader is told about bad input."""

import gzip
import json
import os
import re
import tempfile
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from trex.config import check_files, load_config
from trex.corpora import CorpusError, check_source, read_documents, source_files

TEXTS = [
    "Grüße\n",
    "日本語\r\n",
    " a\x00b\u2028c\n",
    "👩‍👩‍👧 e\u0301\n",
]  # one line each: only \n ends a line


def read(source: dict, base: Path, **options) -> list[str]:
    documents = []
    for batch in read_documents(source, base, **options):
        batch.validate(full=True)
        assert batch.type == pa.large_string()
        assert (batch.offset, batch.null_count) == (0, 0)
        assert len(batch) > 0
        documents += batch.to_pylist()
    return documents


def write_jsonl(path: Path, texts: list, **columns) -> None:
    records = [{"text": text, **columns} for text in texts]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """``TEXTS`` in every form; the tables also have an empty text, a null, and a row of another language."""
    base = tmp_path_factory.mktemp("corpora")
    rows = [*TEXTS[:2], "", None, *TEXTS[2:], "other"]
    languages = ["de"] * 6 + ["xx"]
    for name, kind in (("string", pa.string()), ("large", pa.large_string()), ("view", pa.string_view())):
        table = pa.table({"id": range(7), "text": pa.array(rows, kind), "lang": languages})
        pq.write_table(table, base / f"{name}.parquet", row_group_size=3)
    table = table.set_column(2, "lang", table["lang"].dictionary_encode())
    pq.write_table(table, base / "dictionary.parquet")
    records = [{"text": text, "lang": lang} for text, lang in zip(rows, languages, strict=True)]
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    (base / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + lines + b"\n")
    (base / "a.jsonl.gz").write_bytes(gzip.compress(lines[:50]) + gzip.compress(lines[50:]))
    (base / "a.jsonl.zst").write_bytes(zstandard.compress(lines))
    (base / "a.txt").write_bytes("".join(TEXTS).encode())
    (base / "a.txt.gz").write_bytes(gzip.compress("".join(TEXTS).encode()))
    for number, text in enumerate(TEXTS):
        (base / f"part[{number}].txt").write_bytes(text.encode())
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_list(records)
    dataset.save_to_disk(base / "saved")
    datasets.DatasetDict({"train": dataset, "empty": dataset.select([])}).save_to_disk(base / "dict")
    return base


WHERE = {"where": {"lang": "de"}}


def through_the_config(source: dict, base: Path) -> dict:
    """The source as the workflow reads it: with the config's defaults, and checked."""
    config = load_config({"corpora": {"a": {"source": source}, "b": {"source": {"text": "a.txt"}}}}, base)
    check_files(config, base)
    return config["corpora"]["a"]["source"]


@pytest.mark.parametrize(
    "source",
    [
        {"parquet": "string.parquet", **WHERE},
        {"parquet": ["large.parquet"], **WHERE},
        {"parquet": "view.*", **WHERE},
        {"parquet": "dictionary.parquet", **WHERE},
        {"jsonl": "a.jsonl", **WHERE},
        {"jsonl": "**/*.jsonl.gz", **WHERE},
        {"jsonl": "a.jsonl.zst", **WHERE},
        {"text": "a.txt"},
        {"text": "a.txt.gz", "sample_by": "line"},
        {"text": ["part[2].txt", "part*.txt"], "sample_by": "document"},
        {"dataset": "saved", **WHERE},
        {"dataset": "saved", "split": None, **WHERE},
        {"dataset": "dict", **WHERE},
        {"dataset": "dict", "split": "train", **WHERE},
        {"dataset": "dict/train", **WHERE},
        {"huggingface": "parquet", "data_files": "string.parquet", **WHERE},
        {"huggingface": "json", "data_files": ["a.jsonl.gz"], "split": "train", **WHERE},
    ],
    ids=str,
)
def test_every_kind_gives_the_same_documents(source, base):
    source = through_the_config(source, base)
    assert read(source, base) == TEXTS
    assert read(source, base, batch_bytes=1) == TEXTS
    assert all(path.is_file() for path in source_files(source, base))


def test_huggingface_reads_a_local_directory(tmp_path, base):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "train.parquet").write_bytes((base / "large.parquet").read_bytes())
    source = {"huggingface": "mine", **WHERE}
    check_source(source, tmp_path)
    assert read(source, tmp_path) == TEXTS
    assert source_files(source, tmp_path) == [tmp_path / "mine/train.parquet"]
    by_builder = {"huggingface": "parquet", "data_files": ["mine/*.parquet", "hf://else/where.parquet"]}
    assert source_files(by_builder, tmp_path) == [tmp_path / "mine/train.parquet"]


def test_where_compares_values_of_their_own_type(base):
    assert read({"parquet": "string.parquet", "where": {"id": 4, "lang": "de"}}, base) == TEXTS[2:3]


def test_paragraphs_keep_their_newlines(tmp_path):
    (tmp_path / "p.txt").write_bytes(b"\n \na\nb\r\n\n\t\n c\n\nd")
    assert read({"text": "p.txt", "sample_by": "paragraph"}, tmp_path) == ["a\nb\r\n", " c\n", "d"]


def test_files_are_sorted_and_read_once(base):
    files = source_files({"text": ["part*", "a.txt", "a.txt"]}, base)
    assert [file.name for file in files] == ["a.txt", *(f"part[{number}].txt" for number in range(4))]
    assert source_files({"demo": "deu"}, base) == source_files({"huggingface": "json"}, base) == []
    assert {file.name for file in source_files({"dataset": "saved"}, base)} >= {"state.json"}


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    """`glob` passes it over without a word."""
    for lang in ("de", "fr"):
        (tmp_path / lang / "x").mkdir(parents=True)
        write_jsonl(tmp_path / lang / "x" / "a.jsonl", TEXTS)
    (tmp_path / "lost+found").mkdir()  # of a file system, for its administrator
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("found"))
    check_source({"jsonl": "*/x/*.jsonl"}, tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("fr"))
    for pattern in ("*/x/*.jsonl", "**/*.jsonl"):
        with pytest.raises(CorpusError, match=r"/fr/: this user may not read the folder"):
            check_source({"jsonl": pattern}, tmp_path)
    check_source({"jsonl": "de/**/*.jsonl"}, tmp_path)

    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", refused)
    with pytest.raises(CorpusError, match=r"de/x/a.jsonl: Permission denied; let this user read it"):
        source_files({"jsonl": "de/x/a.jsonl"}, tmp_path)


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "text"])
def test_memory_is_bounded_by_batches(kind, tmp_path):
    document = "x" * 9_999 + "\n"
    if kind == "parquet":  # one row group, so that only reading it in parts stays small
        pq.write_table(pa.table({"text": [document] * 6_000}), tmp_path / "f", use_dictionary=False)
    elif kind == "jsonl":
        write_jsonl(tmp_path / "f", [document] * 6_000)
    else:
        (tmp_path / "f").write_text(document * 6_000)
    before = pa.total_allocated_bytes()
    sizes, arrow = [], 0
    tracemalloc.start()
    for batch in read_documents({kind: "f"}, tmp_path, batch_bytes=1 << 20):
        sizes.append(sum(len(text) for text in batch.to_pylist()))
        arrow = max(arrow, pa.total_allocated_bytes() - before)
    python = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(sizes) == 60_000_000
    assert max(sizes) < (1 << 20) + len(document)
    assert min(sizes[:-1]) >= 1 << 20
    assert python + arrow < 30_000_000


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_any_text_survives(texts):
    texts = ["start", *texts]
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        write_jsonl(base / "a.jsonl", texts)
        pq.write_table(pa.table({"text": texts}), base / "a.parquet")
        expected = [rest for text in texts if (rest := text.removeprefix("\ufeff"))]  # a mark is no text
        assert read({"jsonl": "a.jsonl"}, base, batch_bytes=10) == expected
        assert read({"parquet": "a.parquet"}, base, batch_bytes=10) == expected


@pytest.mark.parametrize("name", ["x{0}.txt", "{corpus}.txt", "{folder}/a.txt"])
def test_braces_are_refused(name, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("text\n")
    for pattern in (name, "**/*.txt"):
        with pytest.raises(CorpusError, match=re.escape(name) + ".*rename the file or folder"):
            check_source({"text": pattern}, tmp_path)


def not_utf8(texts: list[bytes]) -> pa.Table:
    array = pa.array(texts, pa.large_binary())
    return pa.table({"text": pa.Array.from_buffers(pa.large_string(), len(texts), array.buffers())})


def write_bad_files(base: Path) -> None:
    good = pa.table({"text": [f"document {number}" for number in range(9_000)], "n": range(9_000)})
    pq.write_table(
        good, base / "good.parquet", use_dictionary=False, compression="none", write_page_checksum=True
    )
    data = (base / "good.parquet").read_bytes()
    (base / "cut.parquet").write_bytes(data[:-100])
    (base / "flipped.parquet").write_bytes(data.replace(b"document 8000", b"document 8\xff00"))
    pq.write_table(good.slice(0, 0), base / "norows.parquet")
    pq.write_table(not_utf8([b"ok", b"", b"caf\xe9"]), base / "latin1.parquet")
    line = b'{"text": "ok"}\n'
    files = {
        "empty.txt": b"",
        "latin1.txt": b"ok\nok caf\xe9\n",
        "blank.jsonl": b"\n\n",
        "notext.jsonl": line + b'{"body": "x", "id": 3}\n',
        "number.jsonl": line + b'{"text": 17}\n',
        "list.jsonl": b'["text"]\n',
        "broken.jsonl": line * 2 + b'{"text": "o\n',
        "deep.jsonl": b"[" * 100_000 + b"\n",
        "surrogate.jsonl": line + b'{"text": "ab\\ud800"}\n',
        "latin1.jsonl": line + b'{"text": "caf\xe9"}\n',
        "allnull.jsonl": b'{"text": null}\n{"text": ""}\n',
        "good.jsonl": line,
        "cut.jsonl.gz": gzip.compress(line * 999)[:-9],
        "cut.txt.zst": zstandard.compress(bytes(range(32, 127)) * 99 + b"\n")[:-4],
    }
    for name, content in files.items():
        (base / name).write_bytes(content)
    (base / "folder").mkdir()
    (base / "folder" / "state.json").write_text("{}")


# Source, whether check_source finds it, and what the message must say.
BAD = [
    ({}, True, ["exactly one", "arrow, jsonl", "none"]),
    ({"text": "a", "jsonl": "b"}, True, ["exactly one", "jsonl and text"]),
    ({"text": "latin1.txt", "sample_by": "word"}, True, ["'word'", "line, paragraph, document"]),
    ({"text": "latin1.txt", "where": {"lang": "de"}}, True, ["where", "leave it out"]),
    ({"parquet": []}, True, ["parquet", "empty"]),
    ({"parquet": "missing.parquet"}, True, ["missing.parquet", "no such file"]),
    ({"text": "/dev/null"}, True, ["/dev/null", "neither a file nor a folder"]),
    ({"jsonl": ["good.jsonl", "missing/*.jsonl"]}, True, ["missing/*.jsonl", "matches none"]),
    ({"parquet": "folder"}, True, ["folder", "directory", "folder/*.parquet"]),
    ({"parquet": "good.jsonl"}, True, ["good.jsonl", "not a readable parquet"]),
    ({"parquet": "cut.parquet"}, True, ["cut.parquet", "not a readable parquet"]),
    ({"parquet": "flipped.parquet"}, False, ["flipped.parquet", "row 0"]),
    ({"parquet": "latin1.parquet"}, True, ["latin1.parquet", "row 2", "'text'", "0xe9", "UTF-8"]),
    ({"parquet": "good.parquet", "column": "body"}, True, ["good.parquet", "'body'", "text, n"]),
    ({"parquet": "good.parquet", "column": "n"}, True, ["good.parquet", "int64", "strings are: text"]),
    (
        {"parquet": "good.parquet", "where": {"lang": "de"}},
        True,
        ["good.parquet", "where", "'lang'", "text, n"],
    ),
    ({"parquet": "good.parquet", "where": {"n": "de"}}, True, ["good.parquet", "'n'", "int64", "'de'"]),
    ({"parquet": "norows.parquet"}, True, ["norows.parquet", "empty"]),
    ({"parquet": "good.parquet", "where": {"n": -1}}, True, ["good.parquet", "empty", "where: {'n': -1}"]),
    ({"text": "empty.txt"}, True, ["empty.txt", "empty"]),
    ({"text": ["empty.txt", "./empty.txt"]}, True, ["text: empty.txt and 1 more:", "empty"]),
    ({"text": "latin1.txt"}, True, ["latin1.txt:2", "0xe9", "byte 6", "UTF-8"]),
    ({"text": "cut.txt.zst"}, True, ["cut.txt.zst", "after line 0", "runcated"]),
    ({"jsonl": "blank.jsonl"}, True, ["blank.jsonl", "no file has any record"]),
    ({"jsonl": "good.jsonl", "column": "body"}, True, ["good.jsonl:1", "'body'", "available: text"]),
    ({"jsonl": "notext.jsonl"}, True, ["notext.jsonl:2", "'text'", "available: body, id"]),
    ({"jsonl": "number.jsonl"}, True, ["number.jsonl:2", "17", "not a string"]),
    ({"jsonl": "list.jsonl"}, True, ["list.jsonl: record 1", "a JSON str", "one JSON object a line"]),
    ({"jsonl": "broken.jsonl"}, True, ["broken.jsonl:3", "not JSON"]),
    ({"jsonl": "deep.jsonl"}, True, ["deep.jsonl: record 1", "not JSON"]),
    ({"jsonl": "surrogate.jsonl"}, True, ["surrogate.jsonl:2", r"\ud800", "character 2"]),
    ({"jsonl": "latin1.jsonl"}, True, ["latin1.jsonl:2", "0xe9", "UTF-8"]),
    ({"jsonl": "allnull.jsonl"}, False, ["allnull.jsonl", "the corpus is empty"]),
    ({"jsonl": "good.jsonl", "where": {"lang": "de"}}, True, ["good.jsonl", "where", "'lang'"]),
    ({"jsonl": "cut.jsonl.gz"}, True, ["cut.jsonl.gz", "after line", "runcated"]),
    ({"dataset": "missing"}, True, ["missing", "no such directory"]),
    ({"dataset": "folder"}, True, ["folder", "save_to_disk"]),
    ({"huggingface": ""}, True, ["huggingface", "empty"]),
    (
        {"huggingface": "parquet", "data_files": "good.parquet", "column": "body"},
        False,
        ["'body'", "text, n"],
    ),
    ({"huggingface": "json", "data_files": "broken.jsonl"}, False, ["huggingface: json", "row"]),
    ({"demo": "tlh"}, True, ["demo", "'tlh'", "deu"]),
]


@pytest.fixture(scope="module")
def bad_base(tmp_path_factory) -> Path:
    base = tmp_path_factory.mktemp("bad")
    write_bad_files(base)
    return base


@pytest.mark.parametrize(("source", "found_by_check", "says"), BAD, ids=lambda value: str(value)[:60])
def test_bad_input_is_explained(source, found_by_check, says, bad_base):
    if found_by_check:
        with pytest.raises(CorpusError) as checked:
            check_source(source, bad_base)
        assert [word for word in says if word not in str(checked.value)] == []
    else:
        check_source(source, bad_base)
    with pytest.raises(CorpusError) as error:
        read(source, bad_base)
    # Both say the same, except of a file that has no record at all, which to the reader is one of many.
    if not any(name in str(source) for name in ("blank.jsonl", "empty.txt", "norows.parquet")):
        assert [word for word in says if word not in str(error.value)] == []


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"dataset": "dict", "split": "test"}, ["'test'", "train, empty"]),
        ({"dataset": "saved", "split": "train"}, ["saved", "leave it out"]),
        ({"dataset": "."}, ["is no dataset", "state.json"]),
        ({"dataset": "saved", "column": "body"}, ["saved", "'body'", "text, lang"]),
    ],
)
def test_bad_datasets_are_explained(source, says, base):
    for function in (check_source, read):
        with pytest.raises(CorpusError) as error:
            function(source, base)
        assert [word for word in says if word not in str(error.value)] == []
    with pytest.raises(CorpusError, match="empty"):
        read({"dataset": "dict", "split": "empty"}, base)


def test_local_files_of_huggingface_sources_are_known_wherever_they_lie(tmp_path):
    base = tmp_path / ".cache/project"  # a folder of this name hides only what lies below the source
    (base / "hf/.cache").mkdir(parents=True)
    for name in ("train.jsonl", "other.jsonl", ".cache/lock"):
        (base / "hf" / name).write_text('{"text": "a"}\n')

    def names(**options):
        return [path.name for path in source_files({"huggingface": "hf", **options}, base)]

    assert names() == ["other.jsonl", "train.jsonl"]
    assert names(data_files="train.jsonl") == ["train.jsonl"]
    assert names(data_files=["hf/other.jsonl"]) == ["other.jsonl"]
    json_builder = {"huggingface": "json", "data_files": "hf/t*.jsonl"}
    assert [path.name for path in source_files(json_builder, base)] == ["train.jsonl"]
