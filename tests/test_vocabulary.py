from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tokenizers import Tokenizer

from trex.bpe.training import train_bpe
from trex.report.figures import save
from trex.report.figures_vocabulary import vocabulary as vocabulary_figure
from trex.report.vocabulary_page import Vocabularies, write_vocabulary
from trex.tokenizer.build import to_tokenizer
from trex.validation.entries import read_vocabulary
from trex.validation.gates import check_gates
from trex.validation.quality import quality_of
from trex.validation.reach import unreachable
from trex.validation.uses import USES
from trex.validation.vocabulary import (
    built,
    composition,
    longest_first,
    own_words,
    parts_of,
    read_list,
    uses,
)


@pytest.fixture
def tokenizer() -> Tokenizer:
    """Entries ab, cd, abcd and xy, made in this order, and the bytes."""
    words = [b"ab", b"cd", b"abcd", b"xy"]
    return to_tokenizer(train_bpe(words, np.array([9, 8, 7, 3]), 260), normalizer="none")


def measured(tokenizer: Tokenizer, tmp_path, words=None, morphemes=None, **texts: str):
    at = {}
    for corpus, text in texts.items():
        path = tmp_path / corpus
        pl.DataFrame({"text": [text], "reference_tokens": [1]}).write_parquet(path)
        at["held_out", corpus] = path
    quality = quality_of(tokenizer, at)
    vocabulary = read_vocabulary(tokenizer)
    entries, metrics = composition(vocabulary, quality.entries, quality.corpora, words or {}, morphemes or {})

    def metric(name, corpus=None, evaluation_set=None):
        where = [pl.col("corpus").eq_missing(corpus), pl.col("evaluation_set").eq_missing(evaluation_set)]
        return metrics.filter(*where, metric=name)["value"].item()

    return entries, metric, quality


def test_parts_and_what_was_built(tokenizer):
    vocabulary = read_vocabulary(tokenizer)
    ids = dict(vocabulary.entries.select("text", "id").drop_nulls().iter_rows())
    parts = parts_of(vocabulary)
    assert parts[ids["abcd"]].tolist() == [ids["ab"], ids["cd"]]
    assert parts[ids["a"]].tolist() == [-1, -1]
    counts = np.zeros(260, dtype=np.int64)
    counts[ids["abcd"]], counts[ids["ab"]] = 3, 1
    lengths = np.zeros(260, dtype=np.int64)
    lengths[vocabulary.entries["id"]] = vocabulary.entries["bytes"].bin.size()
    made = built(counts, parts, longest_first(parts, lengths))
    # abcd 3; ab 1 + 3; cd 3; a and b as often as ab, c and d as cd
    assert [int(made[ids[text]]) for text in ("abcd", "ab", "cd", "a", "c", "x")] == [3, 4, 3, 4, 3, 0]


def test_the_pair_that_makes_an_entry_is_that_of_its_encoding():
    """abc can be ab + c or a + bc; bc is merged first, so it is a + bc."""
    words = [b"bc", b"ab", b"abc"]
    tokenizer = to_tokenizer(train_bpe(words, np.array([30, 10, 20]), 259), normalizer="none")
    vocabulary = read_vocabulary(tokenizer)
    vocabulary.settings["model"]["merges"].insert(2, ["ab", "c"])  # of a merge that never happens
    ids = dict(vocabulary.entries.select("text", "id").drop_nulls().iter_rows())
    assert parts_of(vocabulary)[ids["abc"]].tolist() == [ids["a"], ids["bc"]]


def test_uses():
    #           active, at 5 of fewer than a million; rare; scaffold: 1 of 11; not yet: 1 of 10; unseen
    counts, made = np.array([5, 4, 1, 1, 0, 0]), np.array([90, 4, 11, 10, 0, 7])
    expected = ["active", "rare", "scaffold", "rare", "unseen", "scaffold"]
    assert [USES[use] for use in uses(counts, made)] == expected
    # of two million tokens, active begins at 10
    counts = np.array([1_999_981, 9, 10])
    assert [USES[use] for use in uses(counts, counts)] == ["active", "rare", "active"]


def test_whose_words_entries_are(tokenizer, tmp_path):
    entries, metric, quality = measured(
        tokenizer, tmp_path, eng="abcd abcd abcd abcd abcd ab" * 2, deu="ab!!!!!!!!" * 3
    )
    row = {row["text"]: row for row in entries.drop_nulls("text").iter_rows(named=True)}
    # eng has 54 bytes and 12 ab, deu 30 and 3: .22 against .1 a byte
    assert row["ab"]["corpus"] == "eng"
    assert row["ab"]["corpus_share"] == pytest.approx((12 / 54) / (12 / 54 + 3 / 30))
    assert (row["abcd"]["corpus"], row["abcd"]["corpus_share"]) == ("eng", 1)
    assert (row["xy"]["corpus"], row["xy"]["use"]) == (None, "unseen")
    assert (row["cd"]["use"], row["cd"]["count"], row["cd"]["built"]) == ("scaffold", 0, 10)
    assert (metric("owned", "eng"), metric("owned", "deu")) == (3, 0)
    assert [metric(use) for use in USES] == [0.5, 0, 0.25, 0.25]
    assert metric("unseen", "deu", "held_out") == 0.75
    words = dict(quality.words.filter(corpus="eng").select("word", "tokens").iter_rows())
    assert words == {"abcd": 2, "ab": 2, "ababcd": 3}  # with the space before it, which is in no merge


def test_valid_words_and_morphemes(tokenizer, tmp_path):
    words, morphemes = {"eng": frozenset({"abcd", "x"})}, {"eng": frozenset({"ab"})}
    _, metric, _ = measured(tokenizer, tmp_path, words, morphemes, eng="abcd ab X 12 abcd", deu="ab")
    # abcd, ab and X have letters; the space and the digits do not count
    assert (metric("valid", "eng"), metric("valid_tokens", "eng")) == (2 / 3, 3 / 4)
    assert (metric("pure", "eng"), metric("pure_tokens", "eng")) == (1 / 3, 1 / 4)
    with pytest.raises(ValueError, match="of length 0"):
        metric("valid", "deu")


def test_lists_of_words(tmp_path):
    assert own_words([pl.Series(["Ab ab Ab"]), pl.Series(["x ab"])]) == {"ab"}
    assert own_words([pl.Series(["漢字 漢字"])]) is None
    (tmp_path / "words.txt").write_text("\ufeffEv\n\n Gel \n", encoding="utf-8")
    assert read_list(tmp_path / "words.txt") == {"ev", "gel"}
    (tmp_path / "words.txt").write_text("\n")
    with pytest.raises(ValueError, match="has no words"):
        read_list(tmp_path / "words.txt")


def test_the_page_and_its_figure(tokenizer, tmp_path):
    entries, _, quality = measured(tokenizer, tmp_path, eng="abcd abcd ab|c", deu="ab")
    vocabulary = read_vocabulary(tokenizer)
    _, metrics = composition(vocabulary, quality.entries, quality.corpora, {"eng": frozenset({"ab"})}, {})
    gates = check_gates(tokenizer, vocabulary, unreachable(tokenizer, vocabulary), quality.corpora)
    broken = gates.with_columns(
        result=pl.when(gate="bytes").then(pl.lit("fail")).otherwise("result"), count=pl.lit(1, pl.Int64)
    )
    both = {"chosen": gates, "gpt": broken}
    found = Vocabularies(
        gates=pl.concat(
            table.select(pl.lit(name).alias("tokenizer"), pl.all()) for name, table in both.items()
        ),
        composition=pl.concat(metrics.select(pl.lit(name).alias("tokenizer"), pl.all()) for name in both),
        entries=entries,
        words=quality.words,
        name="chosen",
        corpora=["eng", "deu"],
        trained=["chosen"],
        waived=[],
    )
    assert found.distinct == ["chosen", "gpt"]
    assert replace(found, trained=["chosen", "gpt"]).distinct == ["chosen"]  # a baseline that was recommended
    page = write_vocabulary(found)
    assert "The tokenizers of this run pass every gate." in page
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line[:1] == "|"
    ]
    assert ["`bytes`", "has an entry for each of the 256 bytes", "pass", "**fail** (1)"] in lines
    assert [line[2:] for line in lines if line[0] == "`eng`"] == [
        ["`abcd` `ab` `c`", "2", "2", "0 %", "33 %"]
    ]
    assert "Not fit for use: `gpt`; see" in write_vocabulary(replace(found, trained=["chosen", "gpt"]))
    waived = write_vocabulary(replace(found, trained=["chosen", "gpt"], waived=["bytes"]))
    assert (
        "**`gpt` failed at `bytes`, which the config accepts.** The tokenizers of this run pass every other"
        in waived
    )
    figure = vocabulary_figure(found)
    save(figure, tmp_path / "vocabulary.svg")
    assert (tmp_path / "vocabulary.svg").stat().st_size > 5000
    legends = [ax.get_legend().get_window_extent() for ax in figure.axes]
    assert min(legend.y0 for legend in legends) >= 0  # also where a figure is low
