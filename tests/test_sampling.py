"""Samples of max_bytes: of a sorted corpus they have the shares of the whole, and nothing about files matters."""

import json
import random
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from trex.corpora import deal, dealing, read_bytes, read_documents, source_files
from trex.corpora.datasets import HuggingFace
from trex.corpora.stretches import Stretch
from trex.counting.sampling import Draw, Sample, document_keys, draw, draw_part, sample_of_parts, sampled

KINDS = {"a": 0.6, "b": 0.3, "c": 0.1}


def sorted_by_kind(n: int) -> list[str]:
    """n documents of some 30 to 300 bytes, all of one kind before those of the next."""
    rng = random.Random(1)
    kinds = [kind for kind, share in KINDS.items() for _ in range(round(share * n))]
    return [f"{kind} {i} {'x' * rng.randint(25, 300)}" for i, kind in enumerate(kinds)]


def shares(texts: list[str]) -> dict[str, float]:
    total = sum(map(len, texts))
    return {kind: sum(len(text) for text in texts if text[0] == kind) / total for kind in KINDS}


def sample_texts(source: dict, base, seed: int = 1, **options) -> tuple[list[str], Sample]:
    (source,) = deal(source, base, 1, seed, **options)
    sample = draw(read_documents(source, base), source, seed)
    batches = sampled(read_documents(source, base), sample, seed)
    return [text for batch in batches for text in batch.to_pylist()], sample


def test_a_sample_of_a_sorted_corpus_has_the_shares_of_the_whole(tmp_path):
    texts = sorted_by_kind(30_000)
    pl.DataFrame({"text": texts}).write_parquet(tmp_path / "sorted.parquet")
    n_bytes = sum(map(len, texts))
    source = {"parquet": "sorted.parquet", "max_bytes": n_bytes // 3}
    drawn, sample = sample_texts(source, tmp_path)
    assert sample.way == "documents"
    assert shares(drawn) == pytest.approx(shares(texts), abs=0.01)
    # met: up to the document that fills it, each with a byte for the end of its line
    assert 0 <= sum(len(text) + 1 for text in drawn) - n_bytes // 3 <= 310
    # other files, another order: the same sample; a larger one has all of it
    random.Random(2).shuffle(texts)
    for number, some in enumerate((texts[:5_000], texts[5_000:])):
        lines = "".join(json.dumps({"text": text}) + "\r\n" for text in some)
        (tmp_path / f"{number}.jsonl").write_text(lines)
    again, _ = sample_texts({"jsonl": "*.jsonl", "max_bytes": n_bytes // 3}, tmp_path)
    assert sorted(again) == sorted(drawn)
    larger, _ = sample_texts({**source, "max_bytes": n_bytes // 2}, tmp_path)
    assert set(drawn) < set(larger)
    assert sample_texts({**source, "max_bytes": 2 * n_bytes}, tmp_path)[1].way == "all"


@pytest.mark.parametrize("copies", [False, True])
def test_what_is_drawn_depends_on_no_order_and_no_batch(copies):
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 600, dtype=np.uint64)
    met = rng.choice(hashes, 2000)
    size_of = dict(zip(hashes.tolist(), rng.integers(1, 500, 600).tolist(), strict=True))

    def drawn(order, batch):
        drawing = Draw(9_000, copies)
        for first in range(0, len(order), batch):
            some = order[first : first + batch]
            drawing.add(some, np.array([size_of[h] for h in some.tolist()]))
        return (*(a.tolist() for a in drawing.documents()), drawing.last_key)

    wanted = {}
    by_key = dict(zip(document_keys(hashes).tolist(), hashes.tolist(), strict=True))
    n_met = dict(zip(*(a.tolist() for a in np.unique(met, return_counts=True)), strict=True))
    for key in sorted(by_key):
        if sum(wanted.values()) < 9_000 and by_key[key] in n_met:
            wanted[by_key[key]] = size_of[by_key[key]] * (n_met[by_key[key]] if copies else 1)
            last_key = key
    expected = sorted(wanted), [wanted[h] for h in sorted(wanted)], last_key
    for batch in (1, 250, 2000):
        assert drawn(met, batch) == drawn(met[::-1], batch) == expected


def test_parts_without_a_document_of_the_sample_change_nothing(tmp_path):
    texts = sorted_by_kind(1000)
    rows = {"text": texts, "kept": [1] * len(texts)}
    pl.DataFrame(rows).write_parquet(tmp_path / "0.parquet")
    pl.DataFrame({**rows, "kept": [0] * len(texts)}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame(rows).write_parquet(tmp_path / "2.parquet")  # copies
    source = {"parquet": "*.parquet", "where": {"kept": 1}, "max_bytes": 20_000}
    whole = draw(read_documents(source, tmp_path), source, seed=1)
    drawn = []
    for number in range(3):
        part = {**source, "parquet": f"{number}.parquet"}
        documents = read_documents(part, tmp_path, may_be_empty=True)
        drawn.append(draw_part(documents, part, seed=1, copies=False))
    assert whole.way == "documents"
    assert sample_of_parts(drawn, source, copies=False) == whole


@pytest.mark.parametrize("sample_by", ["line", "paragraph"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_stretches_of_a_text_meet(tmp_path, sample_by, end, monkeypatch):
    monkeypatch.setattr("trex.corpora.stretches._PROBE", 4)  # lines are longer
    text = "one\ntwo two\n\n\nthree\r\n \n  four four four\nfive\r\n\r\nsix" + end
    (tmp_path / "t.txt").write_bytes(text.encode())
    source = {"text": "t.txt", "sample_by": sample_by}

    def read(*borders):
        stretched = {**source, "text": ["t.txt"] * (len(borders) - 1), "spans": list(pairwise(borders))}
        batches = read_documents(stretched, tmp_path, may_be_empty=True)
        return [text for batch in batches for text in batch.to_pylist()]

    whole = [text for batch in read_documents(source, tmp_path) for text in batch.to_pylist()]
    for border in range(len(text) + 1):
        assert read(0, border, len(text)) == whole
        assert read(0, border) + read(border, len(text)) == whole
    assert read(*range(len(text) + 1)) == whole


def test_stretches_of_parquet_and_where_an_error_is(tmp_path):
    pl.DataFrame({"text": [f"text {i}" for i in range(100)]}).write_parquet(
        tmp_path / "p.parquet", row_group_size=9
    )
    size = (tmp_path / "p.parquet").stat().st_size
    for n in (2, 5, 40):
        texts = []
        for first, end in pairwise(size * i // n for i in range(n + 1)):
            source = {"parquet": ["p.parquet"], "spans": [[first, end]]}
            texts += [
                t for batch in read_documents(source, tmp_path, may_be_empty=True) for t in batch.to_pylist()
            ]
        assert texts == [f"text {i}" for i in range(100)]
    (tmp_path / "t.txt").write_bytes(b"line\n" * 10 + b"\xff\n")
    source = {"text": ["t.txt"], "spans": [[21, 52]]}
    with pytest.raises(ValueError, match=r"t\.txt \(from byte 21 on\):6: .*not UTF-8"):
        list(read_documents(source, tmp_path))
    assert str(Stretch(tmp_path / "t.txt", 0, 9)) == str(tmp_path / "t.txt")


def test_of_a_huge_corpus_places_all_over_it_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(dealing, "PLACE_BYTES", (1_000, 64 << 20))
    texts = sorted_by_kind(16_000)
    for folder, order in {"one": range(8), "other": [3, 1, 7, 0, 2, 6, 5, 4]}.items():
        (tmp_path / folder / "deep").mkdir(parents=True)
        for i in order:
            part = texts[i * 2000 : (i + 1) * 2000]
            (tmp_path / folder / f"deep/{i}.txt").write_text("".join(f"{text}\n" for text in part))
    n_bytes = sum(map(len, texts)) // 25
    source = {"text": "one/deep/*.txt", "max_bytes": n_bytes}
    drawn, sample = sample_texts(source, tmp_path, draw_from=5)
    (whole,) = deal(source, tmp_path, 1, seed=1, draw_from=5)
    assert sample.way == "places"
    assert sample.read_share == pytest.approx(0.2, rel=0.05)
    assert 0 <= sum(map(len, drawn)) - n_bytes < 310
    places = [text for batch in read_documents(whole, tmp_path) for text in batch.to_pylist()]
    assert shares(places) == pytest.approx(shares(texts), abs=0.01)  # though few of the places have two kinds
    assert shares(drawn) == pytest.approx(shares(texts), abs=0.04)  # 640 documents
    moved, _ = sample_texts({**source, "text": ["other/deep/*.txt"]}, tmp_path, draw_from=5)
    assert moved == drawn
    # in parts, the same places
    parts = deal(source, tmp_path, 3, seed=1, draw_from=5)
    together = [
        text for part in parts for batch in read_documents(part, tmp_path) for text in batch.to_pylist()
    ]
    assert together == places
    assert len(parts) == 3
    assert sum(read_bytes(part, tmp_path) for part in parts) == read_bytes(whole, tmp_path)
    assert source_files(whole, tmp_path) == source_files(source, tmp_path)  # some of every file
    assert sample_texts(source, tmp_path, draw_from=100)[1].way == "documents"
    assert sample_texts(source, tmp_path, draw_from=None)[1].way == "documents"


def test_streams_from_the_hub_are_shuffled(tmp_path, monkeypatch):
    monkeypatch.setattr(HuggingFace, "streamed", True)
    for shard in range(6):
        lines = [json.dumps({"text": f"shard {shard} document {i}"}) + "\n" for i in range(40)]
        (tmp_path / f"{shard}.jsonl").write_text("".join(lines))
    source = {"huggingface": "json", "data_files": ["*.jsonl"], "max_bytes": 1000}
    texts, sample = sample_texts(source, tmp_path)
    ledger = {name: column.to_list() for name, column in sample.columns("c", 2).items()}
    assert ledger == {"corpus": ["c"] * 2, "sample": ["stream"] * 2, "read_share": [None] * 2}
    assert 1000 <= sum(map(len, texts)) < 1030
    assert len({text.split()[1] for text in texts}) > 3
    assert sample_texts(source, tmp_path)[0] == texts != sample_texts(source, tmp_path, seed=2)[0]
