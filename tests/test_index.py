"""The word index against sums of its sources, and whatever chunks it is built in."""

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from trex.counting.build_index import _in_order, build_index
from trex.counting.word_index import WordIndex
from trex.files import write_table

SHARDS = 5
COUNTS = [1, 2, 300, 65_534, 65_535, 65_536, 3 * 10**9]


def sources(folder: Path):
    """The files of three corpora with two evaluation sets each, of random words, some of them NULs, in five shards."""
    rng = np.random.default_rng(0)
    counts, ledgers, evaluation = {}, {}, {}
    for corpus in "abc":
        words = sorted(
            {rng.integers(0, 3, rng.integers(1, 12)).astype(np.uint8).tobytes() for _ in range(400)}
        )
        shards = [np.sort(rng.choice(SHARDS, rng.integers(1, SHARDS + 1), replace=False)) for _ in words]
        table = {"word": words, "shard": [s.tolist() for s in shards]}
        table["count"] = [rng.choice(COUNTS, len(s)).tolist() for s in shards]
        schema = {"word": pl.Binary, "shard": pl.List(pl.UInt16), "count": pl.List(pl.Int64)}
        counts[corpus], ledgers[corpus] = folder / f"{corpus}.parquet", folder / f"{corpus}.ledger.parquet"
        write_table(pl.DataFrame(table, schema=schema), counts[corpus])
        ledger = {
            "split": "train",
            "group": [0, 0, 1, 2, 2],
            "shard": range(SHARDS),
            "documents": 9,
            "bytes": 100,
        }
        write_table(pl.DataFrame(ledger), ledgers[corpus])
        for name in ("held_out", "other"):
            chosen = sorted({*rng.choice(words, 50).tolist(), b"only here"} - {b""})
            paths = folder / f"{corpus}.{name}.parquet", folder / f"{corpus}.{name}.ledger.parquet"
            columns = {"word": chosen, "count": rng.integers(1, 10**10, len(chosen))}
            write_table(pl.DataFrame(columns, schema={"word": pl.Binary, "count": pl.Int64}), paths[0])
            write_table(pl.DataFrame({"evaluation_set": [name], "corpus": [corpus]}), paths[1])
            evaluation[name, corpus] = paths
    return counts, ledgers, evaluation


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    files = sources(folder)
    build_index(folder / "index", *files)
    return folder, files


def test_index_has_the_sums_of_its_sources(built):
    folder, (counts, _, evaluation) = built
    index = WordIndex.load(folder / "index", list("abc"))
    ends = np.cumsum(index.words.sizes, dtype=np.int64)
    text = index.words.text.tobytes()
    words = [text[a:b] for a, b in zip(ends - index.words.sizes, ends, strict=True)]
    assert words == sorted({w for file in [*counts.values(), *(w for w, _ in evaluation.values())]
                            for w in pl.read_parquet(file)["word"]})  # fmt: skip
    # all of b twice, and its first shard once more; of c two shards from its second group on, which begins at shard 2
    for shares, n_bytes, replicate, expected in (
        ([0, 1, 0], 1100, 0, {"b": [3, 2, 2, 2, 2]}), ([0, 0, 1], 200, 1, {"c": [0, 0, 1, 1, 0]})
    ):  # fmt: skip
        sums = dict.fromkeys(words, 0)
        for corpus, times in expected.items():
            table = pl.read_parquet(counts[corpus]).explode("shard", "count")
            for word, shard, count in table.iter_rows():
                sums[word] += times[shard] * count
        assert index.slice(np.array(shares), n_bytes, replicate).counts.tolist() == list(sums.values())
    columns, offsets = index.evaluation.columns, index.evaluation.offsets
    row_of = np.repeat(index.evaluation.words, np.diff(offsets))
    for column, (file, _) in enumerate(evaluation.values()):
        mine = columns == column
        table = pl.read_parquet(file)
        assert [words[row] for row in row_of[mine]] == table["word"].to_list()
        assert index.evaluation.counts[mine].tolist() == table["count"].to_list()


@pytest.mark.parametrize(("words_at_hand", "waiting"), [(1, 1), (7, 50), (100, 10**6)])
def test_chunks_do_not_matter(built, tmp_path, words_at_hand, waiting):
    folder, files = built
    build_index(tmp_path / "index", *files, words_at_hand=words_at_hand, waiting=waiting)
    for file in (folder / "index").iterdir():
        assert (tmp_path / "index" / file.name).read_bytes() == file.read_bytes(), file.name


def test_small_files_are_merged_in_one_round(tmp_path):
    """Hundreds of corpora are a thousand files, each with its own last word."""
    paths = [tmp_path / f"{i}.parquet" for i in range(5)]
    for i, path in enumerate(paths):
        pl.DataFrame({"word": [b"a", b"%d" % i, b"b%d" % i][i % 2 :]}).sort("word").write_parquet(path)
    ((words, parts),) = _in_order(paths, 1000)
    assert words.to_pylist() == sorted(
        {b"a", *(b"%d" % i for i in range(5)), *(b"b%d" % i for i in range(5))}
    )
    assert [number for number, *_ in parts] == list(range(5))
    # where a file goes on, no round goes beyond what is at hand of it
    one_by_one = [part for part, _ in _in_order(paths, 1)]
    assert len(one_by_one) > 5
    assert pa.concat_arrays(one_by_one) == words


def test_unsorted_words_are_refused(built, tmp_path):
    _, (counts, ledgers, evaluation) = built
    shuffled = tmp_path / "a.parquet"
    write_table(pl.read_parquet(counts["a"]).reverse(), shuffled)
    with pytest.raises(ValueError, match=r"do not rise: one of .*a\.parquet"):
        build_index(tmp_path / "index", {**counts, "a": shuffled}, ledgers, evaluation)
