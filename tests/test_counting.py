"""Splitting documents, and slices of the word index, against a second way of counting."""

import hashlib
import json
import shutil
import unicodedata
from collections import Counter
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from trex.corpora import deal_files, only_files, read_documents
from trex.counting import pretokenize
from trex.counting.build_index import build_index
from trex.counting.corpus import (
    CountingOptions,
    EvaluationOptions,
    by_shard,
    check_split,
    count_corpus,
    count_evaluation,
    held_out_file,
    join_held_out,
)
from trex.counting.documents import distinct_hashes, document_hashes, hashes_shared, join_documents
from trex.counting.patterns import DEFAULT
from trex.counting.pretokenize import count_words, merge_runs
from trex.counting.word_index import WordIndex
from trex.files import write_array, write_table

SPLIT = CountingOptions(seed=7, held_out_share=0.2, deduplicate=True, pattern=DEFAULT, by_line=True)
EVALUATED = EvaluationOptions(seed=7, pattern=DEFAULT, max_bytes=10**9)


def place(document: str) -> tuple[int, int] | None:
    """(group, rank) of a document or None if it is held out, written out a second time."""
    said = document.encode().rstrip(b"\n")
    digest = hashlib.blake2b(said, digest_size=8, key=(7).to_bytes(8, "little")).digest()
    h = int.from_bytes(digest, "little")
    return None if h % 2**32 < 0.2 * 2**32 else ((h >> 32) % 3, (h >> 32) // 3)


def batches(documents, size=100):
    for i in range(0, len(documents), size):
        yield pa.array(documents[i : i + size], type=pa.large_string())


def corpus(letter: str, n: int) -> list[str]:
    return [f"{letter}{i} is {letter * (i % 7)} line {i * i}\nsecond é {i % 11}\n" for i in range(n)]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A word index of two corpora, and their documents: b has 60 documents twice."""
    folder = tmp_path_factory.mktemp("counts")
    documents = {"a": corpus("a", 800), "b": corpus("b", 300) + corpus("b", 60)}

    def characters(texts):
        """A reference tokenizer of one token a character."""
        return np.array([len(text.as_py()) for text in texts])

    counts, ledgers, evaluation, held_out = {}, {}, {}, {}
    for name, texts in documents.items():
        kept = []
        result = count_corpus(
            batches(texts), name, lambda batch, kept=kept: kept.extend(batch.to_pylist()), SPLIT
        )
        held_out[name] = kept
        counts[name], ledgers[name] = folder / f"{name}.parquet", folder / f"{name}.ledger.parquet"
        ledger, shard_of_cell = by_shard([result.ledger])
        result.words.write(counts[name], shard_of_cell)
        write_table(ledger, ledgers[name])
        words, ledger = count_evaluation(
            batches([*kept, kept[0], texts[0], texts[1], texts[2]]),
            ("held_out", name), characters, lambda *_: None, result.documents, EVALUATED,
        )  # fmt: skip
        paths = folder / f"{name}.eval.parquet", folder / f"{name}.eval.ledger.parquet"
        write_table(words.summed(), paths[0])
        write_table(ledger, paths[1])
        evaluation["held_out", name] = paths
    build_index(folder / "index", counts, ledgers, evaluation)
    return documents, held_out, ledgers, WordIndex.load(folder / "index", ["a", "b"]), folder


def test_split_and_ledger(built):
    documents, held_out, ledgers, _, _ = built
    for name, texts in documents.items():
        distinct = list(dict.fromkeys(texts))
        assert sorted(held_out[name]) == sorted(t for t in distinct if place(t) is None)
        ranked = sorted((t for t in distinct if place(t) is not None), key=place)
        ledger = pl.read_parquet(ledgers[name]).filter(split="train")
        assert ledger["shard"].to_list() == list(range(len(ledger)))
        assert ledger["documents"].sum() == len(ranked)
        for row in ledger.iter_rows(named=True):
            mine, ranked = ranked[: row["documents"]], ranked[row["documents"] :]
            assert {place(t)[0] for t in mine} == {row["group"]}
            assert row["bytes"] == sum(len(t.encode()) for t in mine)
            assert row["characters"] == sum(map(len, mine))
            assert row["words"] == sum(sum(count_words(t, by_line=True).values()) for t in mine)
    assert pl.read_parquet(ledgers["b"])["duplicates"].sum() == 60
    assert pl.read_parquet(ledgers["a"])["duplicates"].sum() == 0


def test_evaluation_text_is_cut_at_a_document():
    texts = ["ab " * n for n in range(1, 50)]
    kept = []
    none = np.array([], dtype=np.uint64)
    _, ledger = count_evaluation(
        batches(texts), ("udhr", "a"), lambda batch: np.ones(len(batch), np.int64),
        lambda batch, _: kept.extend(batch.to_pylist()), none, replace(EVALUATED, max_bytes=10),
    )  # fmt: skip
    assert kept == texts[:3]  # 3 + 6 bytes are fewer than 10
    assert (ledger["documents"].item(), ledger["bytes"].item()) == (3, 18)


def test_evaluation_leaves_out_what_training_has(built):
    documents, held_out, _, index, _ = built
    for column, name in enumerate(("a", "b")):
        row = index.evaluation_rows.row(column, named=True)
        extra = documents[name][:3]
        trained = sum(place(t) is not None for t in extra)
        assert row["documents"] == len(held_out[name])
        assert row["reference_tokens"] == row["characters"] == sum(map(len, held_out[name]))
        ledger = pl.read_parquet(built[4] / f"{name}.eval.ledger.parquet").row(0, named=True)
        assert ledger["seen_in_training"] == trained
        assert ledger["duplicates"] == 1 + 3 - trained


def words_of(index, counts) -> dict[bytes, int]:
    sizes = index.words.sizes
    starts = np.cumsum(sizes, dtype=np.int64) - sizes
    text = np.asarray(index.words.text)
    return {text[starts[i] : starts[i] + sizes[i]].tobytes(): int(n) for i, n in enumerate(counts) if n}


@pytest.mark.parametrize(("share", "n_bytes"), [(0.5, 20_000), (0.25, 60_000), (1.0, 30_000)])
@pytest.mark.parametrize("replicate", [0, 1, 2])
def test_slice_is_the_text_that_its_ledger_says(built, share, n_bytes, replicate):
    documents, _, _, index, _ = built
    training = index.slice(np.array([share, 1 - share]), n_bytes, replicate)
    expected = Counter()
    for row in training.ledger.iter_rows(named=True):
        distinct = [t for t in dict.fromkeys(documents[row["corpus"]]) if place(t) is not None]
        # the documents by group and rank, from the replicate's group on; as many as it takes
        distinct.sort(key=lambda t: ((place(t)[0] - replicate) % 3, place(t)[1]))
        sizes = [len(t.encode()) for t in distinct]
        text = (distinct * (row["epochs"] + 1))[
            : np.cumsum([0] + sizes * (row["epochs"] + 1)).searchsorted(row["given_bytes"])
        ]
        assert row["given_bytes"] == sum(len(t.encode()) for t in text)
        assert abs(row["given_bytes"] - row["asked_bytes"]) <= max(0.01 * row["asked_bytes"], *sizes)
        for t in text:
            expected.update(count_words(t, by_line=True))
    assert words_of(index, training.counts) == expected
    assert training.ledger["share"].sum() == pytest.approx(1)
    given = index.given_bytes(np.array([[share, 1 - share]]), n_bytes)
    assert replicate or given.tolist() == [training.ledger["given_bytes"].to_list()]


def test_a_share_of_less_than_a_document_gets_one(built):
    ledger = built[3].slice(np.array([1 - 1e-9, 1e-9]), 10_000).ledger
    assert ledger["shards"].to_list()[1] == 1
    assert ledger["given_bytes"][1] < 60


def test_there_are_three_draws(built):
    with pytest.raises(ValueError, match="replicate 3: text has 3 independent draws"):
        built[3].slice(np.array([0.5, 0.5]), 10_000, 3)


def test_a_full_table_changes_nothing(tmp_path):
    tables = []
    for number, table_bytes in enumerate((1 << 30, 1)):
        counts = count_corpus(
            batches(corpus("c", 700)),
            "c",
            lambda batch: None,
            replace(SPLIT, table_bytes=table_bytes),
            spill_to=tmp_path,
        )
        counts.words.write(tmp_path / f"{number}.parquet", by_shard([counts.ledger])[1])
        tables.append(
            (pl.read_parquet(tmp_path / f"{number}.parquet"), counts.ledger, counts.documents.tolist())
        )
    assert tables[0][0].equals(tables[1][0])
    assert tables[0][1].equals(tables[1][1])
    assert tables[0][2] == tables[1][2]


def test_too_small_a_corpus_is_refused():
    with pytest.raises(ValueError, match=r"corpus x: 1 documents \(and 2 duplicates of them\) give"):
        check_split(count_corpus(batches(["one"] * 3), "x", lambda batch: None, SPLIT).ledger, 0.2)


def write_source(kind: str, folder, files: list[list[str]]) -> dict:
    """A source of these documents, by file."""
    for number, texts in enumerate(files):
        path = folder / f"{number}.{kind}"
        if kind == "parquet":
            # the last file says another language alone: a part that is empty
            language = ["x" if number == len(files) - 1 else "a"] * len(texts)
            pl.DataFrame({"text": texts, "language": language}).write_parquet(path)
        elif kind == "jsonl":
            path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        else:
            path.write_text("".join(texts))
    return {kind: f"*.{kind}"} | ({"where": {"language": "a"}} if kind == "parquet" else {})


def test_copies_that_differ_in_line_ends_are_one_document(tmp_path):
    lines = [f"line {i}" for i in range(600)]
    (tmp_path / "unix.txt").write_bytes("".join(f"{line}\n" for line in lines).encode())
    (tmp_path / "windows.txt").write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    (tmp_path / "lines.jsonl").write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    counts = count_corpus(
        read_documents({"text": ["unix.txt", "windows.txt"]}, tmp_path), "c", lambda _: None, SPLIT
    )
    assert counts.ledger["documents"].sum() == counts.ledger["duplicates"].sum() == 600
    _, ledger = count_evaluation(
        read_documents({"jsonl": "lines.jsonl"}, tmp_path), ("dev", "c"),
        lambda texts: np.ones(len(texts)), lambda *_: None, counts.documents, EVALUATED,
    )  # fmt: skip
    assert ledger["seen_in_training"].item() == len(counts.documents)
    assert ledger["documents"].item() == 600 - len(counts.documents)
    documents = ["a\rb\n\n", "a\r\nb", "\r\n\r", "a\n\rb", "a\n\nb\r"]
    batch = pa.array(["left out", *documents], pa.large_string())[1:]  # an offset
    one, two, _, three, four = document_hashes(batch, 7).tolist()
    assert one == two != three == four


def test_evaluation_text_is_that_after_nfc():
    """Half of a corpus in NFD: a reference tokenizer that does not normalize reads what ours reads."""
    composed = [f"tiếng Việt {i} có dấu" for i in range(40)]
    decomposed = [unicodedata.normalize("NFD", text) for text in composed]
    kept, ledgers = {}, []
    for name, texts in {"nfc": composed, "nfd": decomposed}.items():
        kept[name] = []
        _, ledger = count_evaluation(
            batches(texts, 7), ("dev", name), lambda batch: np.array([len(text.as_py().encode()) for text in batch]),
            lambda batch, _, name=name: kept[name].extend(batch.to_pylist()), np.empty(0, np.uint64), EVALUATED,
        )  # fmt: skip
        ledgers.append(ledger)
    assert kept["nfd"] == kept["nfc"] == composed
    one, other = (ledger.drop("corpus", "nfc_changed") for ledger in ledgers)
    assert one.equals(other)
    assert (
        one["bytes"].item() == one["reference_tokens"].item() == sum(len(text.encode()) for text in composed)
    )
    # of the first word, what is behind the last ASCII character before the change
    words = (
        "ếng",
        "Việtcódấu",
    )
    assert [ledger["nfc_changed"].item() for ledger in ledgers] == [0, 40 * len("".join(words).encode())]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "text"])
@pytest.mark.parametrize("deduplicate", [True, False])
def test_parts_give_what_one_job_gives(tmp_path, monkeypatch, kind, deduplicate):
    for name, few in {"CHUNK_WORDS": 37, "ROW_GROUP_WORDS": 100, "FAN_IN": 2}.items():
        monkeypatch.setattr(pretokenize, name, few)
    texts = [corpus("a", 150), corpus("b", 200), corpus("c", 90), corpus("d", 170), corpus("x", 500)]
    texts[0] += texts[0][:20]
    texts[1] += texts[0][:30]
    texts[3] += texts[0][20:40] + texts[1][:15] + texts[2][:10]
    source = write_source(kind, tmp_path, texts)
    split = replace(SPLIT, deduplicate=deduplicate)
    names = "words.parquet", "ledger.parquet", "held_out.parquet", "documents.npy"
    one, merged = ([tmp_path / folder / name for name in names] for folder in ("one", "merged"))

    with held_out_file(one[2]) as hold_out:
        counts = count_corpus(read_documents(source, tmp_path), "c", hold_out, split)
    ledger, shard_of_cell = by_shard([counts.ledger])
    counts.words.write(one[0], shard_of_cell)
    write_table(ledger, one[1])
    write_array(counts.documents, one[3])

    files = deal_files(source, tmp_path, 3)
    assert len(files) == 3
    parts, hashes = [], []
    for number, some in enumerate(files):
        paths = [tmp_path / f"parts/{number}.{name}" for name in (*names, "hashes.npy")]

        def documents(some=some):
            return read_documents(only_files(source, some), tmp_path, 4_000, may_be_empty=True)

        write_array(distinct_hashes(documents(), "c", split.seed), paths[4])
        *earlier, own = (np.load(path, mmap_mode="r") for path in [*hashes, paths[4]])
        before = hashes_shared(own, earlier) if deduplicate else None
        with held_out_file(paths[2]) as hold_out:
            counts = count_corpus(documents(), "c", hold_out, split, counted_before=before)
        counts.words.write_run(paths[0])
        write_table(counts.ledger, paths[1])
        write_array(counts.documents, paths[3])
        parts.append(paths)
        hashes.append(paths[4])
    words, ledgers, held_out, documents, _ = zip(*parts, strict=True)
    ledger, shard_of_cell = by_shard([pl.read_parquet(path) for path in ledgers])
    merge_runs(words, merged[0], shard_of_cell, tmp_path)
    write_table(ledger, merged[1])
    join_held_out(held_out, merged[2])
    write_array(join_documents(map(np.load, documents)), merged[3])

    for ours, theirs in zip(merged, one, strict=True):
        if "held_out" not in ours.name:
            assert ours.read_bytes() == theirs.read_bytes()
    assert pl.read_parquet(merged[2]).equals(pl.read_parquet(one[2]))  # in the same order
    duplicates = pl.read_parquet(one[1])["duplicates"].sum()
    if kind == "text":  # a document is a line here
        assert (duplicates > 95) == deduplicate
    else:
        assert duplicates == 95 * deduplicate
    if kind == "parquet":
        assert not np.load(hashes[-1]).size


def test_files_are_dealt_in_stretches_of_like_size(tmp_path):
    for name, size in {"a": 10, "b": 10, "c": 10, "d": 30, "e": 1, "f": 29}.items():
        (tmp_path / f"{name}.txt").write_text("x" * (size - 1) + "\n")

    def dealt(parts, **options):
        files = deal_files({"text": "*.txt", **options}, tmp_path, parts)
        return ["".join(path.stem for path in part) for part in files]

    assert dealt(1) == dealt(3, max_bytes=5) == ["abcdef"]
    assert dealt(2) == ["abc", "def"]
    assert dealt(3) == ["abc", "d", "ef"]
    assert "".join(dealt(4)) == "abcdef"
    assert len(dealt(100)) == 6  # not 100
    assert deal_files({"demo": "deu"}, tmp_path, 4) == [[]]


def test_broken_or_foreign_index_is_refused(built, tmp_path):
    with pytest.raises(ValueError, match=r"holds the corpora \['a', 'b'\]"):
        WordIndex.load(built[4] / "index", ["b", "a"])
    with pytest.raises(ValueError, match="not a whole word index"):
        WordIndex.load(tmp_path)
    for name in ("text.npy", "train_word.npy", "index.json", "evaluation.parquet"):
        broken = tmp_path / name
        shutil.copytree(built[4] / "index", broken)
        data = (broken / name).read_bytes()
        (broken / name).write_bytes(data[: len(data) // 2])
        with pytest.raises(ValueError, match="not a whole word index"):
            WordIndex.load(broken)
