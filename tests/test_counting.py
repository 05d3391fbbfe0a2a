"""Splitting documents, and slices of the word index, against a second way of counting."""

import json
import shutil
import unicodedata
from collections import Counter
from dataclasses import replace

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from xxhash import xxh64_intdigest

from trex.corpora import BadRecords, CorpusError, deal, dealing, read_documents, source_files
from trex.counting import pretokenize, word_files
from trex.counting.build_index import build_index
from trex.counting.corpus import (
    SUMS,
    CountingOptions,
    EvaluationOptions,
    by_shard,
    check_bad_records,
    check_split,
    count_corpus,
    count_evaluation,
    held_out_file,
    join_held_out,
    with_left_out,
)
from trex.counting.documents import document_hashes, hashes_shared, join_documents
from trex.counting.patterns import DEFAULT
from trex.counting.pretokenize import count_words, merge_runs
from trex.counting.sampling import draw, draw_part, sample_of_parts
from trex.counting.word_index import WordIndex
from trex.files import write_array, write_table

SPLIT = CountingOptions(seed=7, held_out_share=0.2, deduplicate=True, pattern=DEFAULT, by_line=True)
EVALUATED = EvaluationOptions(seed=7, pattern=DEFAULT)


def place(document: str) -> tuple[int, int] | None:
    """(group, rank) of a document or None if it is held out, written out a second time."""
    h = xxh64_intdigest(document.encode().rstrip(b"\n"), seed=7)
    return None if h % 2**32 < 0.2 * 2**32 else ((h >> 32) % 3, (h >> 32) // 3)


def in_selection(document: str) -> bool:
    """Whether the half of an evaluation text that counts has a document."""
    return xxh64_intdigest(document.encode().rstrip(b"\n"), seed=7) < 2**63


def nothing(*_):
    pass


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
            ("held_out", name), characters, (nothing, nothing), result.documents, EVALUATED,
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


def test_evaluation_leaves_out_what_training_has(built):
    documents, held_out, _, index, _ = built
    for column, name in enumerate(("a", "b")):
        row = index.evaluation_rows.row(column, named=True)
        extra = documents[name][:3]
        trained = sum(place(t) is not None for t in extra)
        counted = list(filter(in_selection, held_out[name]))
        assert row["documents"] == len(counted)
        assert row["test_documents"] == len(held_out[name]) - len(counted)
        assert row["reference_tokens"] == row["characters"] == sum(map(len, counted))
        assert row["test_reference_tokens"] == sum(map(len, held_out[name])) - row["reference_tokens"]
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
        counts.words.write(tmp_path / f"{number}.arrow", by_shard([counts.ledger])[1])
        tables.append((pl.read_ipc(tmp_path / f"{number}.arrow"), counts.ledger, counts.documents.tolist()))
    assert tables[0][0].equals(tables[1][0])
    assert tables[0][1].equals(tables[1][1])
    assert tables[0][2] == tables[1][2]


def test_too_small_a_corpus_is_refused():
    with pytest.raises(ValueError, match=r"corpus x: 1 documents \(and 2 duplicates of them\) give"):
        check_split(count_corpus(batches(["one"] * 3), "x", lambda batch: None, SPLIT).ledger, 0.2)


def test_too_small_a_corpus_says_what_where_left_out():
    ledger = count_corpus(batches(["one"]), "x", lambda batch: None, SPLIT).ledger
    with pytest.raises(
        ValueError, match=r"1,234 rows were left out by its condition \(where\): let it keep more"
    ):
        check_split(with_left_out(ledger, {"filtered": 1234}), 0.2)


def write_source(kind: str, folder, files: list[list[str]]) -> dict:
    """A source of these documents, by file."""
    for number, texts in enumerate(files):
        path = folder / f"{number}.{kind}"
        if kind == "parquet":
            # the last file says another language alone: a part that is empty
            language = ["x" if number == len(files) - 1 else "a"] * len(texts)
            table = pl.DataFrame({"text": texts, "language": language})
            table.write_parquet(path, row_group_size=50)
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
        lambda texts: np.ones(len(texts)), (nothing, nothing), counts.documents, EVALUATED,
    )  # fmt: skip
    assert ledger["seen_in_training"].item() == len(counts.documents)
    own = ledger.select(pl.sum_horizontal("documents", "test_documents")).item()
    assert own == 600 - len(counts.documents)
    documents = ["a\rb\n\n", "a\r\nb", "\r\n\r", "a\n\rb", "a\n\nb\r"]
    batch = pa.array(["left out", *documents], pa.large_string())[1:]  # an offset
    one, two, _, three, four = document_hashes(batch, 7).tolist()
    assert one == two != three == four


def test_a_document_is_hashed_by_xxh64():
    texts = ["é中😀 a"[: n % 6] + "x\ny" * (n // 2) + "z" for n in range(150)]
    for seed in (0, 7, 2**63 + 1):
        hashes = document_hashes(pa.array(["", *texts], pa.large_string())[1:], seed)
        assert hashes.tolist() == [xxh64_intdigest(text.encode(), seed=seed) for text in texts]


def test_evaluation_text_is_that_after_nfc():
    """Half of a corpus in NFD: a reference tokenizer that does not normalize reads what ours reads."""
    composed = [f"tiếng Việt {i} có dấu" for i in range(40)]
    decomposed = [unicodedata.normalize("NFD", text) for text in composed]
    kept, ledgers = {}, []
    for name, texts in {"nfc": composed, "nfd": decomposed}.items():
        kept[name] = []

        def keep(batch, _, name=name):
            kept[name].extend(batch.to_pylist())

        _, ledger = count_evaluation(
            batches(texts, 7), ("dev", name), lambda batch: np.array([len(text.as_py().encode()) for text in batch]),
            (keep, keep), np.empty(0, np.uint64), replace(EVALUATED, parallel=True),
        )  # fmt: skip
        ledgers.append(ledger)
    assert kept["nfd"] == kept["nfc"]
    assert sorted(kept["nfc"]) == sorted(composed)
    one, other = (ledger.drop("corpus", "nfc_changed") for ledger in ledgers)
    assert one.equals(other)
    assert (
        one["bytes"].item()
        == one["reference_tokens"].item()
        == sum(len(text.encode()) for text in composed[::2])
    )
    # of the first word, what is behind the last ASCII character before the change
    words = (
        "ếng",
        "Việtcódấu",
    )
    assert [ledger["nfc_changed"].item() for ledger in ledgers] == [0, 20 * len("".join(words).encode())]


NAMES = "words.arrow", "ledger.parquet", "held_out.parquet", "documents.npy"


def count_whole(source: dict, base, folder, split: CountingOptions) -> None:
    """What the job count_words does."""
    folder.mkdir()
    (source,) = deal(source, base)
    sample = draw(read_documents(source, base), source, split.seed, copies=not split.deduplicate)
    words, ledger, held_out, documents = (folder / name for name in NAMES)
    with held_out_file(held_out) as hold_out:
        counts = count_corpus(read_documents(source, base), "c", hold_out, replace(split, sample=sample))
    table, shard_of_cell = by_shard([counts.ledger])
    counts.words.write(words, shard_of_cell)
    write_table(table, ledger)
    write_array(counts.documents, documents)


def count_in_parts(source: dict, base, folder, split: CountingOptions, parts: int) -> int:
    """What the jobs hash_documents, count_part and merge_counts do. Returns how many parts there were."""
    sources = deal(source, base, parts)
    copies = not split.deduplicate
    files = [[folder / f"{number}/{name}" for name in NAMES] for number in range(len(sources))]

    def documents(source):
        return read_documents(source, base, 4_000, may_be_empty=True)

    found = [draw_part(documents(source), source, split.seed, copies) for source in sources]
    hashes = [own for own, _ in found]
    for number, (source, paths) in enumerate(zip(sources, files, strict=True)):
        before = hashes_shared(hashes[number], hashes[:number]) if number and not copies else None
        options = replace(split, sample=sample_of_parts(found, source, copies))
        paths[0].parent.mkdir(parents=True)
        with held_out_file(paths[2]) as hold_out:
            counts = count_corpus(documents(source), "c", hold_out, options, counted_before=before)
        counts.words.write_run(paths[0])
        write_table(counts.ledger, paths[1])
        write_array(counts.documents, paths[3])
    words, ledgers, held_out, documents = zip(*files, strict=True)
    ledger, shard_of_cell = by_shard([pl.read_parquet(path) for path in ledgers])
    merge_runs(words, folder / NAMES[0], shard_of_cell, folder)
    write_table(ledger, folder / NAMES[1])
    join_held_out(held_out, folder / NAMES[2])
    write_array(join_documents(map(np.load, documents)), folder / NAMES[3])
    return len(sources)


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "text"])
@pytest.mark.parametrize("deduplicate", [True, False])
@pytest.mark.parametrize("max_bytes", [None, 9_000])
def test_parts_give_what_one_job_gives(tmp_path, monkeypatch, kind, deduplicate, max_bytes):
    for name, few in {"CHUNK_WORDS": 37, "FAN_IN": 2}.items():
        monkeypatch.setattr(pretokenize, name, few)
    monkeypatch.setattr(word_files, "BATCH_WORDS", 100)
    monkeypatch.setattr(dealing, "LEAST_BYTES", 300)
    texts = [corpus("a", 150), corpus("b", 200), corpus("c", 90), corpus("d", 170), corpus("x", 500)]
    texts[0] += texts[0][:20]
    texts[1] += texts[0][:30]
    texts[3] += texts[0][20:40] + texts[1][:15] + texts[2][:10]
    source = write_source(kind, tmp_path, texts) | ({"max_bytes": max_bytes} if max_bytes else {})
    split = replace(SPLIT, deduplicate=deduplicate)
    one, merged, again = (tmp_path / name for name in ("one", "merged", "again"))
    count_whole(source, tmp_path, one, split)
    assert count_in_parts(source, tmp_path, merged, split, 7) == 7  # files are cut
    ledger = pl.read_parquet(one / "ledger.parquet")
    for name in NAMES:
        if name != "held_out.parquet":
            assert (merged / name).read_bytes() == (one / name).read_bytes()
    held_out = pl.read_parquet(one / "held_out.parquet")
    assert pl.read_parquet(merged / "held_out.parquet").equals(held_out)  # in the same order
    # the same documents in other files and another order: the same counts
    several = [*texts[:-1], *([] if kind == "parquet" else [texts[-1]])]
    mixed = [text for some in reversed(several) for text in some]
    for path in tmp_path.glob(f"*.{kind}"):
        path.unlink()
    write_source(
        kind, tmp_path, [mixed[:77], mixed[77:78], mixed[78:], ["of another language"] * (kind == "parquet")]
    )
    count_whole(source, tmp_path, again, split)
    for name in ("words.arrow", "documents.npy", "ledger.parquet"):
        assert (again / name).read_bytes() == (one / name).read_bytes()
    duplicates = ledger["duplicates"].sum()
    if max_bytes:
        assert set(ledger["sample"]) == {"documents"}
        counted = ledger["bytes"].sum() if deduplicate else 0
        assert counted == 0 or 0.8 * max_bytes < counted <= max_bytes + 60
    elif kind == "text":  # a document is a line here
        assert (duplicates > 95) == deduplicate
    else:
        assert duplicates == 95 * deduplicate


def test_too_many_bad_records_are_those_of_the_corpus():
    """A part may have more; nulls are not bad; duplicates are records too."""
    options = {"on_bad_record": "skip", "max_bad_records": 0.1}
    rows = {
        "corpus": ["c"] * 2,
        "sample": ["all"] * 2,
        "read_share": [1.0] * 2,
        "split": ["train", "held_out"],
        "cell": [3, None],
        **{key: [4, 3] for key in SUMS},
    }
    schema = {"cell": pl.Int64, "words": pl.Int64}
    part = pl.DataFrame(rows, schema_overrides=schema)
    parts = [
        with_left_out(part, {"too_long": 3, "null": 99, "not_json": 2, "no_text": 1}),
        with_left_out(part, {"too_long": 0}),
    ]
    ledger, _ = by_shard(parts)
    assert dict(ledger.filter(pl.col("documents") > 0).select("split", "documents").iter_rows()) == {
        "train": 8, "held_out": 6, "too_long": 3, "null": 99, "not_json": 2, "no_text": 1,
    }  # fmt: skip
    check_bad_records(ledger, BadRecords.from_source(options).max_share)  # 3 of 34
    with pytest.raises(
        CorpusError,
        match=r"corpus c: 3 of 34 records are bad.*\(8%\): 2 not JSON.* 1 without a text. The log of each part",
    ):
        check_bad_records(ledger, 0.08)


def test_files_are_dealt_in_stretches_of_like_size(tmp_path, monkeypatch):
    for name, size in {"a": 10, "b": 10, "c": 10, "d": 30, "e": 1, "f": 29}.items():
        (tmp_path / f"{name}.txt").write_text("x" * (size - 1) + "\n")

    def dealt(parts, **options):
        sources = deal({"text": "*.txt", **options}, tmp_path, parts)
        return ["".join(path.stem for path in source_files(source, tmp_path)) for source in sources]

    assert dealt(1) == ["abcdef"]
    assert dealt(2) == dealt(2, max_bytes=5) == ["abc", "def"]
    assert dealt(3) == ["abc", "d", "ef"]
    assert "".join(dealt(4)) == "abcdef"
    assert len(dealt(100)) == 6  # not 100
    assert deal({"demo": "deu"}, tmp_path, 4) == [{"demo": "deu"}]
    monkeypatch.setattr(dealing, "LEAST_BYTES", 10)
    assert dealt(6) == ["a", "bc", "d", "d", "ef", "f"]
    assert dealt(6, sample_by="document") == ["a", "bc", "d", "e", "f"]


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
