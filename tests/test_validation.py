"""Quality metrics on text that can be checked by hand, and the agreement of scales."""

import numpy as np
import polars as pl
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from trex.bpe.training import train_bpe
from trex.language_model.cost import Run, cost
from trex.report import figures as plots
from trex.report import figures_validation as plots_validation
from trex.tokenizer.build import to_tokenizer
from trex.validation.quality import (
    check_tokens,
    encode_documents,
    encode_sample,
    is_spaced,
    quality_of,
    running_words,
)
from trex.validation.rank_invariance import agreement, measured_at
from trex.validation.scales import Scale, grid_scales, scales, vocab_sizes
from trex.validation.validate import validate

OBJECTIVE = {
    "aggregate": "macro",
    "weights": {},
    "evaluation_sets": ["held_out"],
    "parallel_set": "held_out",
    "pivot": None,
}


@pytest.fixture
def tokenizer() -> Tokenizer:
    """Merges "a" + "b" and " " + "ab", and nothing else: a special token, 256 bytes, "ab", " ab"."""
    return to_tokenizer(train_bpe([b" ab"], np.array([9]), 259, special_tokens=["<|end|>"]))


def documents(path, texts, reference=1):
    pl.DataFrame({"text": texts, "reference_tokens": [reference] * len(texts)}).write_parquet(path)
    return path


def test_metrics_by_hand(tokenizer, tmp_path):
    texts = [" ab ab ac.", " ab <|end|>"]
    at = {("held_out", "eng"): documents(tmp_path / "eng", texts, 4)}
    quality = quality_of(tokenizer, at)
    row = quality.corpora.row(0, named=True)
    # " ab" " ab" " " "a" "c" "."; " ab" " " and 7 bytes of what is no special token in a text
    assert quality.documents["tokens"].to_list() == [6, 9]
    assert (row["documents"], row["bytes"], row["tokens"], row["reference_tokens"]) == (2, 21, 15, 8)
    assert (row["nsl"], row["bytes_per_token"]) == (15 / 8, 1.4)
    # ab ab ac ab end: " ac" is 3 tokens, " end" 4
    assert (row["words"], row["fertility"]) == (5, 3)
    assert (row["continued_word_rate"], row["strr"]) == (2 / 5, 1 / 3)
    # 11 of the 259 entries occur: " ab", " ", a, c, ".", < | e n d >
    assert row["vocabulary_use"] == pytest.approx(11 / 259)
    scripts = {of["script"]: of for of in quality.scripts.iter_rows(named=True)}
    # the letters a-z and A-Z, "ab" and " ab"; used are a c e n d and " ab"
    assert (scripts["Latin"]["entries"], scripts["Latin"]["used"]) == (54, 6 / 54)
    assert scripts["other"]["entries"] == 128  # bytes of longer characters
    assert quality.scripts["entries"].sum() == 258  # without the special token


def test_words_of_scripts_without_spaces(tokenizer, tmp_path):
    at = {("held_out", "tha"): documents(tmp_path / "tha", ["ภาษาไทย is ไทย"])}
    row = quality_of(tokenizer, at).corpora.row(0, named=True)
    assert (row["spaced"], row["words"], row["continued_word_rate"], row["strr"]) == (False, None, None, None)
    assert row["fertility"] == row["tokens"] / 14
    assert is_spaced(pl.Series(["ab 漢"]))
    assert is_spaced(pl.Series(["1 2"]))
    assert not is_spaced(pl.Series(["a漢字"]))


def test_a_word_has_its_marks_and_joiners():
    words = running_words(pl.Series(["हिन्दी, don't 2x", "می‌روم हिन्दी"]))
    assert dict(words.iter_rows()) == {"हिन्दी": 2, "don": 1, "t": 1, "x": 1, "می‌روم": 1}


def test_other_kinds_of_tokenizers_are_measured_too(tmp_path):
    other = Tokenizer(models.WordLevel({"ab": 0, "▁c": 1, "?": 7}, unk_token="?"))
    other.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    row = quality_of(other, {("held_out", "eng"): documents(tmp_path / "eng", ["ab ab q"])}).corpora.row(
        0, named=True
    )
    assert (row["tokens"], row["continued_word_rate"]) == (3, 0)


def test_a_sample_is_spread_over_the_text(tokenizer, tmp_path):
    at = {("held_out", "eng"): documents(tmp_path / "eng", [" ab" * n for n in range(1, 101)])}
    table = encode_sample(tokenizer, at, n_bytes=1600)  # of 15,150
    assert table["document"].to_list() == list(range(0, 100, 10))
    assert table["tokens"].to_list() == list(range(1, 101, 10))
    assert table["sampled"][0] == sum(range(1, 101, 10)) / 5050
    assert len(encode_sample(tokenizer, at, n_bytes=10**9)) == 100


def test_tokens_that_training_did_not_count_are_found(tokenizer, tmp_path):
    corpora = encode_documents(tokenizer, {("held_out", "eng"): documents(tmp_path / "eng", ["ab"])})
    counted = corpora.select("evaluation_set", "corpus", "tokens")
    check_tokens(corpora, counted, "tokenizer.json")
    with pytest.raises(ValueError, match="held_out of eng as 1 tokens, where its training counted 3"):
        check_tokens(corpora, counted.with_columns(tokens=pl.lit(3)), "tokenizer.json")
    with pytest.raises(ValueError, match="where its training counted None"):
        check_tokens(corpora, counted.clear(), "tokenizer.json")


def test_one_table_of_all(tokenizer, tmp_path):
    at = {
        ("held_out", "eng"): documents(tmp_path / "eng", [" ab ab", " ab q", "x"], 2),
        ("held_out", "deu"): documents(tmp_path / "deu", [" ab", " ab ab ab"], 1),
        ("other", "deu"): documents(tmp_path / "other", ["abc", "zz"], 1),
    }
    bytes_alone = to_tokenizer(train_bpe([b" ab"], np.array([9]), 257, special_tokens=["<|end|>"]))
    measured = {"chosen": quality_of(tokenizer, at), "bytes": quality_of(bytes_alone, at)}
    table = validate(
        {name: quality.corpora for name, quality in measured.items()},
        {name: quality.documents for name, quality in measured.items()},
        ["eng", "deu"],
        OBJECTIVE,
        seed=1,
    )

    def value(**of):
        open_keys = [key for key in ("evaluation_set", "corpus") if key not in of]
        return table.filter(*(pl.col(key).is_null() for key in open_keys), **of).row(0, named=True)

    # chosen: eng 2 + 3 + 1 of 6, deu 1 + 3 of 2; bytes: eng 6 + 5 + 1 = 12, deu 3 + 9 = 12
    assert value(tokenizer="chosen", evaluation_set="held_out", corpus="eng", metric="nsl")["value"] == 1.0
    assert value(tokenizer="chosen", evaluation_set="held_out", metric="nsl_macro")["value"] == 1.5
    assert value(tokenizer="chosen", evaluation_set="held_out", metric="nsl_pooled")["value"] == 10 / 8
    assert value(tokenizer="bytes", evaluation_set="held_out", metric="nsl_worst")["value"] == 6.0
    assert value(tokenizer="bytes", metric="objective")["value"] == 4.0
    gain = value(evaluation_set="held_out", against="bytes", metric="gain_macro")
    assert gain["value"] == pytest.approx(100 * (1 - 1.5 / 4))
    assert gain["low"] <= gain["value"] <= gain["high"]
    assert gain["low"] < gain["high"]
    # the parallel set: 6 tokens against 4; 12 against 12
    assert (
        value(tokenizer="chosen", corpus="deu", metric="premium", evaluation_set="held_out")["value"] == 4 / 6
    )
    assert value(tokenizer="bytes", metric="gini_tokens", evaluation_set="held_out")["value"] == 0
    figure = plots_validation.full_scale_gains(table, ["chosen"])
    plots.save(figure, tmp_path / "gains.svg")
    plots.save(plots_validation.full_scale_nsl(table, 259, ["eng", "deu"], ["chosen"]), tmp_path / "nsl.svg")
    assert (tmp_path / "gains.svg").stat().st_size > 5000


# --- scales -------------------------------------------------------------------------------------------------


def test_scales_are_in_order_and_end_with_the_full_one():
    config = {
        "proxies": {"bytes": 100, "vocab_size": 300},
        "training": {"bytes": None, "vocab_size": 400},
        "validation": {"grid": [{"bytes": 200, "vocab_size": 300}, {"bytes": 50, "vocab_size": 300}]},
    }
    assert [scale.name for scale in scales(config)] == ["50-300", "100-300", "200-300", "all-400"]


def test_the_grid_trains_only_what_the_proxies_do_not_measure():
    config = {
        "proxies": {"bytes": 100, "vocab_size": 400, "vocab_grid": [350, 400]},
        "training": {"bytes": 100, "vocab_size": 500},
        "validation": {"grid": [{"bytes": 100, "vocab_size": size} for size in (300, 350)]},
    }
    grid = grid_scales(config)
    assert vocab_sizes(grid, 100) == [300, 500]
    assert [scale.name for scale in scales(config)] == ["100-300", "100-350", "100-400", "100-500"]
    config["training"]["vocab_size"] = 400
    config["validation"]["grid"] = []
    assert grid_scales(config) == []


def compression(values, scale: Scale) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "mixture_id": [f"m{i}" for i in range(len(values))],
            "n_bytes": pl.Series([scale.n_bytes] * len(values), dtype=pl.Int64),
            "vocab_size": scale.vocab_size,
            "evaluation_set": "held_out",
            "corpus": "eng",
            "nsl": values,
            "reference_tokens": 10,
        }
    )


def test_orders_that_agree_and_that_do_not(tmp_path):
    of = [Scale(50, 300), Scale(100, 300), Scale(None, 400)]
    values = [[3.0, 1.0, 2.0, 4.0], [1.0, 2.0, 3.0, 5.0], [1.0, 1.1, 2.0, 4.0]]
    table = pl.concat(map(compression, values, of))
    scales_table, objective, nsl = measured_at(of, table, ["m0", "m1", "m2", "m3"], OBJECTIVE, ["eng"])
    assert objective.tolist() == values
    assert nsl.shape == (3, 4, 1)
    assert scales_table.filter(scale="100-300", mixture_id="m3")["objective"].item() == 5.0
    ranks = agreement(objective, nsl, [scale.name for scale in of], ["eng"])
    first = ranks.filter(scale="50-300", other="all-400").row(0, named=True)
    # ranks 3 1 2 4 and 1 2 3 4: 1 - 6 * (4 + 1 + 1) / (4 * 15)
    assert first["spearman"] == pytest.approx(0.4)
    assert first["regret"] == pytest.approx(10)  # 1.1 where 1.0 is best
    assert (first["lowest_corpus"], first["lowest"], first["median"]) == ("eng", *[pytest.approx(0.4)] * 2)
    plots.save(plots_validation.rank_invariance(ranks), tmp_path / "ranks.svg")
    with pytest.raises(ValueError, match="not all of the 2 mixtures were measured at 50-300"):
        measured_at(of, table, ["m0", "m9"], OBJECTIVE, ["eng"])


def test_cost_of_a_language_model():
    settings = {
        "parameters": 9e9, "width": 1000, "tied_embeddings": True, "context": 100, "peak_flops": 1e15,
        "utilisation": 0.5, "training_bytes": {"deu": 3e12},
    }  # fmt: skip
    run = Run.from_config(settings, ["eng", "deu"])
    assert run.training_bytes.tolist() == [0, 3e12]
    found = cost(run, np.array([1.0, 3.0]), 1_000_000)  # a billion parameters of embeddings, multiplied once
    assert (found.tokens, found.parameters, found.flops) == (1e12, 1e10, 6e22)
    assert (found.gpu_hours, found.context_bytes) == (pytest.approx(6e22 / 5e14 / 3600), 300)
    even = Run.from_config(settings | {"training_bytes": 3e12}, ["eng", "deu"])
    assert even.training_bytes.tolist() == [1.5e12, 1.5e12]
