"""Training batches of proxies on a small index, and reading what they measured."""

import numpy as np
import polars as pl
import pytest
from small_index import CORPORA, TOKENIZER, build_index

from trex.files import write_table
from trex.objective.objective import Objective
from trex.proxies.tables import candidate_shares, collect, nsl_array
from trex.proxies.train import Trainer, by_id
from trex.proxies.training_set import read_training_set

SHARES = {"m00001": np.array([0.4, 0.3, 0.2, 0.1]), "m00000": np.full(4, 0.25)}
S, SIZES = 40_000, [300, 400]


@pytest.fixture(scope="module")
def trainer(tmp_path_factory):
    return Trainer(build_index(tmp_path_factory.mktemp("proxies"), 10, 300), TOKENIZER, S, SIZES)


@pytest.fixture(scope="module")
def batch(trainer):
    return trainer.train_batch(by_id(SHARES))


def test_a_batch_is_its_mixtures_one_by_one(trainer, batch):
    compression, ledger = batch
    assert compression.columns == [
        "mixture_id", "evaluation_set", "corpus", "vocab_size", "tokens", "bytes", "words", "characters",
        "reference_tokens", "nsl",
    ]  # fmt: skip
    assert compression["mixture_id"].unique(maintain_order=True).to_list() == list(SHARES)
    assert compression["vocab_size"].unique().sort().to_list() == SIZES
    for mixture_id, shares in SHARES.items():
        alone = trainer.train(shares)
        rows = compression.filter(mixture_id=mixture_id).drop("mixture_id")
        assert rows.equals(alone.compression)
        assert ledger.filter(mixture_id=mixture_id).drop("mixture_id").equals(alone.ledger)
        at_last = rows.filter(vocab_size=400)["nsl"].to_list()
        assert trainer.nsl(shares, ["held_out"])[0].tolist() == at_last
    # a larger vocabulary needs fewer tokens
    sums = compression.group_by("vocab_size", maintain_order=True).agg(pl.col("tokens").sum())["tokens"]
    assert sums[0] > sums[1]


def test_replicates_are_other_draws_of_text(trainer):
    draws = Trainer(trainer.index, TOKENIZER, S, [400])
    seen = []
    keys = [({"name": "uniform", "replicate": replicate}, SHARES["m00000"]) for replicate in (0, 1)]
    compression, ledger = draws.train_batch(keys, lambda trained: seen.append(trained.model.vocab_size))
    assert seen == [400, 400]
    first, second = (compression.filter(replicate=r)["tokens"].to_list() for r in (0, 1))
    assert first == trainer.train(SHARES["m00000"]).compression.filter(vocab_size=400)["tokens"].to_list()
    assert first != second
    assert ledger.columns[:3] == ["name", "replicate", "corpus"]


def test_keys_may_be_missing_numbers(trainer):
    """All the text (n_bytes None) and some of it have the same columns."""
    tables = [
        Trainer(trainer.index, TOKENIZER, n_bytes, [300]).train_batch(
            [({"n_bytes": n_bytes}, SHARES["m00000"])]
        )
        for n_bytes in (S, None)
    ]
    assert pl.concat([compression for compression, _ in tables])["n_bytes"].unique().sort().to_list() == [
        None,
        S,
    ]
    given = tables[1][1]["given_bytes"].sum()
    assert given == pytest.approx(trainer.index.available_bytes.sum(), rel=0.1)


def test_too_little_text_is_an_error(trainer):
    with pytest.raises(ValueError, match=r"give only [\d,]+ of the 90,000 tokens asked for: use more text"):
        Trainer(trainer.index, TOKENIZER, S, [90_000]).train(SHARES["m00000"])


def test_collected_and_read_again(batch, tmp_path):
    mixtures = pl.DataFrame(
        [{"mixture_id": i, **dict(zip(CORPORA, s, strict=True))} for i, s in SHARES.items()]
    )
    compression, ledger = collect([batch[0]], [batch[1]], mixtures, CORPORA, SIZES)
    paths = tmp_path / "set.parquet", tmp_path / "ledger.parquet"
    write_table(compression, paths[0])
    write_table(ledger, paths[1])
    section = {"aggregate": "macro", "evaluation_sets": ["held_out"], "vocab_size": 300}
    training = read_training_set([paths[0]], [paths[1]], Objective.from_config(section, CORPORA))
    assert training.names == ["m00000", "m00001"]
    assert training.columns == [("held_out", corpus) for corpus in CORPORA]
    assert training.own.tolist() == [0, 1, 2, 3]
    expected = compression.filter(mixture_id="m00001", vocab_size=300)["nsl"].to_list()
    assert training.targets[1].tolist() == expected
    assert training.values[1] == pytest.approx(np.mean(expected))
    assert training.shares[1].tolist() == ledger.filter(mixture_id="m00001")["share"].to_list()
    assert training.take(np.array([1])).names == ["m00001"]

    with pytest.raises(ValueError, match="not those of the mixture table"):
        collect([batch[0]], [batch[1]], mixtures[:1], CORPORA, SIZES)
    moved = mixtures.with_columns(aaa=pl.col("bbb"), bbb=pl.col("aaa"))
    with pytest.raises(ValueError, match="m00001 was trained on another mixture"):
        collect([batch[0]], [batch[1]], moved, CORPORA, SIZES)
    with pytest.raises(ValueError, match="lack rows of the vocabulary grid"):
        collect([batch[0]], [batch[1]], mixtures, CORPORA, [300])


def test_rows_that_are_missing_are_an_error(batch):
    with pytest.raises(ValueError, match="does not hold one row for every tokenizer"):
        nsl_array(batch[0][1:], ["mixture_id"], ["held_out"], CORPORA, 300)


def test_candidates_are_found_by_name(tmp_path):
    write_table(pl.DataFrame({"name": ["a", "b"], "x": [0.1, 0.2], "y": [0.9, 0.8]}), tmp_path / "c.parquet")
    assert candidate_shares(tmp_path / "c.parquet", "b", ["x", "y"]).tolist() == [0.2, 0.8]
    with pytest.raises(ValueError, match="has 0 mixtures named c, not one"):
        candidate_shares(tmp_path / "c.parquet", "c", ["x", "y"])
