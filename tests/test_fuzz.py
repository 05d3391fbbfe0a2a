"""Readers and the pre-tokenizer on bytes and text that nobody meant, and what untrusted text and config must not do."""

import ast
import gzip
import io
import lzma
import re
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from conftest import ROOT
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_pretokenize import by_tokenizers

from trex.corpora import CorpusError, check_source, read_documents
from trex.counting.corpus import CountingOptions, count_corpus
from trex.counting.patterns import DEFAULT
from trex.counting.pretokenize import WordCounter, count_words

TEXTS = ["first document", "zweites Dokument\n", "третий", "第四", "", "x" * 3000]


def parquet_bytes() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"text": TEXTS * 50}), file, compression="zstd", write_page_checksum=True)
    return file.getvalue()


def arrow_bytes(new) -> bytes:
    file = io.BytesIO()
    table = pa.table({"text": TEXTS * 50})
    with new(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=60)
    return file.getvalue()


JSONL = b"".join(b'{"text": "%b", "n": [1, {"a": null}]}\n' % text.encode()[:40].strip() for text in TEXTS)
GOOD = {
    "a.parquet": ("parquet", parquet_bytes()),
    "a.jsonl": ("jsonl", JSONL),
    "a.jsonl.gz": ("jsonl", gzip.compress(JSONL)),
    "a.jsonl.zst": ("jsonl", zstandard.compress(JSONL)),
    "a.txt": ("text", "".join(TEXTS).encode()),
    "a.txt.xz": ("text", lzma.compress("".join(TEXTS).encode())),
    "u.txt": ("text", "".join(TEXTS).encode("utf-16")),
    "a.json": ("jsonl", b"[" + JSONL.rstrip().replace(b"\n", b",\n") + b"]"),
    "stream.arrow": ("arrow", arrow_bytes(pa.ipc.new_stream)),
    "file.arrow": ("arrow", arrow_bytes(pa.ipc.new_file)),
}


def read_or_refuse(name: str, kind: str, data: bytes, **options) -> None:
    """Reading ends in text, or in a CorpusError that names the file and has one paragraph."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        (base / name).write_bytes(data)
        source = {kind: name, **options}
        said = name
        try:
            check_source(source, base)
            for batch in read_documents(source, base, batch_bytes=1000):
                batch.validate(full=True)
                assert all(batch.to_pylist())
        except CorpusError as error:
            said = str(error)
        assert name in said


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_damaged_files(name, data):
    """Bytes changed, cut out and put in, anywhere in a good file."""
    kind, good = GOOD[name]
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(bad)))
        end = data.draw(st.integers(start, min(start + 20, len(bad))))
        bad[start:end] = data.draw(st.binary(max_size=20))
    read_or_refuse(name, kind, bytes(bad))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(GOOD)), st.binary(max_size=300), st.sampled_from(["line", "paragraph", "document"])
)
@example("a.jsonl", b'{"text": ' + b"[" * 100_000, "line")
@example("a.jsonl", b'{"text": "a", "n": ' + b"9" * 100_000 + b"}", "line")
@example("a.jsonl", b'{"text": "a", "n": 1e999, "m": NaN}', "line")
@example("a.jsonl", b'{"text": "\\ud800"}', "line")
@example("a.jsonl", b'{"text": "\\u0000"}', "line")
@example("a.jsonl", b"\xef\xbb\xbf{}", "line")
@example("a.txt", "utf-16".encode("utf-16"), "line")
@example("a.txt", b"\0" * 100, "document")
@example("a.txt", b"\n" * 100_000, "paragraph")
@example("a.txt", b"x" * 3_000_000 + b"\n" + b"y", "line")
@example(
    "a.txt", "\u0645\u0631\u062d\u0628\u0627 \u202e\u05e9\u05dc\u05d5\u05dd \u0301\u0301".encode(), "line"
)
def test_any_bytes(name, data, sample_by):
    kind = GOOD[name][0]
    read_or_refuse(name, kind, data, **({"sample_by": sample_by} if kind == "text" else {}))


WORDS = {
    "100,000 letters": "a" * 100_000,
    "100,000 letters of 4 bytes": "\U00020000" * 100_000,
    "100,000 combining marks": "e" + "\u0301" * 100_000,
    "marks in no order": "a" + "\u0323\u0301" * 20_000,
    "100,000 spaces": " " * 100_000 + "a",
    "100,000 newlines": "\n" * 100_000,
    "100,000 signs": "." * 100_000,
    "a line of a megabyte": "word " * 210_000,
    "NULs": "a\0b\0\0 \0" * 1000,
    "right to left": "\u202eשלום \u0645\u0631\u062d\u0628\u0627\u200f \u05e9\u05c1\u05bc " * 2000,
    "Hangul letters": "\u1112\u1161\u11ab" * 20_000,
    "Zalgo": "".join(c + "\u0300\u0316\u0334\u0489" * 5 for c in "zalgo text " * 300),
    "apostrophes": "'s'S'\u017f'll'" * 5000,
    "not characters": "\ufffe\uffff\U0010ffff\ue000" * 1000,
}


@pytest.mark.parametrize("text", WORDS.values(), ids=WORDS)
def test_long_and_strange_text_is_split_as_by_tokenizers(text):
    assert count_words(text) == by_tokenizers([text])


def test_lone_surrogates_are_refused_by_name():
    with pytest.raises(ValueError, match="surrogates not allowed"):
        count_words("a\ud800b")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=30), max_size=20
    ),
    st.integers(0, 2**31 - 1),
)
def test_counting_keeps_every_document_somewhere(texts, seed):
    """Empty and repeated documents, any seed: documents are trained on, held out or duplicates, and bytes add up."""
    held_out = []
    counts = count_corpus(
        [pa.array(texts, pa.large_string())], "c", lambda batch: held_out.extend(batch.to_pylist()),
        CountingOptions(seed=seed, held_out_share=0.3, deduplicate=True, pattern=DEFAULT, by_line=True),
    )  # fmt: skip
    ledger = counts.ledger
    assert ledger["documents"].sum() == len(set(texts))
    assert ledger["duplicates"].sum() == len(texts) - len(set(texts))
    assert ledger["bytes"].sum() == sum(len(text.encode()) for text in set(texts))
    trained = [text for text in set(texts) if text not in held_out]
    counter = WordCounter(DEFAULT, by_line=True)
    counter.add(pa.array(trained, pa.large_string()))
    assert counts.words.result().totals().sum() == counter.result().totals().sum()
    assert (np.diff(counts.documents.astype(object)) > 0).all()


# --- what untrusted text and config must not do ---

CODE = [
    path
    for folder in ("src", "workflow", "envs", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
# what runs code that data can hold, by dotted name
FORBIDDEN = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "pickle.load", "pickle.loads", "joblib.load",
    "yaml.load", "yaml.full_load", "yaml.unsafe_load", "subprocess.getoutput", "marshal.loads", "shelve.open",
}  # fmt: skip


def calls(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_runs_what_data_says(path):
    for name, call in calls(path):
        assert name not in FORBIDDEN, f"{path}:{call.lineno}"
        for keyword in call.keywords:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            assert (keyword.arg, value) != ("shell", True), f"{path}:{call.lineno}"
            assert keyword.arg != "trust_remote_code" or value is False, f"{path}:{call.lineno}"
            assert keyword.arg != "allow_pickle" or value is False, f"{path}:{call.lineno}"


def test_the_check_sees_what_it_should():
    """On a file that does all of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bad.py"
        for line in ("eval(x)", "pickle.load(f)", "run(x, shell=True)", "load(x, trust_remote_code=True)"):
            path.write_text(line)
            with pytest.raises(AssertionError):
                test_nothing_runs_what_data_says(path)


def test_rules_run_scripts_and_no_shell():
    for path in [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]:
        assert not re.search(r"^\s+(shell|run|notebook|wrapper|cwl):", path.read_text(), re.MULTILINE), path
        assert not re.search(r"\bshell\(", path.read_text()), path
