"""Vocabulary sizes: nested tokenizers from one training, and the size that costs a language model least."""

import json
import random
import re

import numpy as np
import polars as pl
import pytest
from conftest import train_with_tokenizers
from small_index import CORPORA, TOKENIZER, build_index
from tokenizers import AddedToken, Tokenizer

from trex.bpe.training import train_bpe
from trex.counting.pretokenize import count_words
from trex.language_model.cost import Run, cost
from trex.language_model.vocab_size import choose, cost_curve, flat_region, objective_curve
from trex.objective.objective import Objective
from trex.proxies.train import Trainer
from trex.report.figures import save
from trex.report.figures_vocab_size import vocabulary_size
from trex.report.vocab_size import advice, other_trainings, section, sentence
from trex.tokenizer.build import to_tokenizer
from trex.tokenizer.cut import cut
from trex.tokenizer.encode import encode
from trex.tokenizer.sizes import RARE, compared_sizes, curve_sizes, in_range, needed_by, needed_size

TEXT = " ".join(
    "".join(random.Random(f"word {i}").choices("abcdeé", k=i % 7 + 1))
    for i in random.Random(1).choices(range(400), [1 / (rank + 1) for rank in range(400)], k=4000)
)
WORDS = count_words(TEXT)


def trained(vocab_size: int, special_tokens: tuple[str, ...], **options):
    return train_bpe(
        list(WORDS), np.array(list(WORDS.values())), vocab_size, special_tokens=special_tokens, **options
    )


# "ab" and "Ġa" are spelled as merges are: they keep their ids, and merges that make them add no entry
@pytest.mark.parametrize("special_tokens", [(), ("<s>", "</s>"), ("ab", "<s>", "Ġa")])
@pytest.mark.parametrize("options", [{}, {"max_token_length": 4}])
def test_a_ladder_is_nested_and_equal_to_trainings_at_each_size(special_tokens, options):
    largest = to_tokenizer(trained(700, special_tokens, **options))
    last = largest.get_vocab_size()  # with max_token_length, the text ends before 700
    for size in (256 + len(special_tokens), 300, 301, 350, last):
        rung = cut(largest, size)
        assert rung.to_str() == to_tokenizer(trained(size, special_tokens, **options)).to_str()
        vocab, merges = train_with_tokenizers(WORDS, size, special_tokens, **options)
        model = json.loads(rung.to_str())["model"]
        assert model["vocab"] == vocab
        assert list(map(tuple, model["merges"])) == merges


def test_reserved_slots_behind_the_merges_move_down():
    slots = [AddedToken(f"<|reserved_{i}|>", special=True, normalized=False) for i in range(3)]

    def with_slots(size: int) -> Tokenizer:
        tokenizer = to_tokenizer(trained(size, ("<s>",)))
        tokenizer.add_special_tokens(slots)
        return tokenizer

    rung = cut(with_slots(600), 403)
    assert json.loads(rung.to_str()) == json.loads(with_slots(400).to_str())
    assert rung.encode("<|reserved_2|>", add_special_tokens=False).ids == [402]
    with pytest.raises(ValueError, match="603 entries cannot be cut to 259; write a size from 260"):
        cut(with_slots(600), 259)
    with pytest.raises(ValueError, match="cannot be cut to 604"):
        cut(with_slots(600), 604)


def test_uses_of_entries_are_those_of_encoded_text():
    model = train_bpe(
        list(WORDS),
        np.array(list(WORDS.values())),
        600,
        special_tokens=("<s>",),
        eval_counts=np.array([list(WORDS.values()), [3] * len(WORDS)]),
        count_uses=True,
    )
    for size in (257, 300, 600):
        rung = cut(to_tokenizer(model), size)
        tokens, uses = encode(rung, [TEXT], size)
        assert uses.sum() == tokens.sum()
        assert model.uses(model.made_in_training, size).tolist() == uses.tolist()
        assert model.uses(model.made(np.array([True, False])), size).tolist() == uses.tolist()
        assert model.uses(model.made(np.array([True, True])), size).sum() == model.token_counts(size).sum()
    # the last entry has lost nothing to later merges
    assert model.made_in_training[599] == model.uses(model.made_in_training, 600)[599]


def test_sizes():
    config = {
        "tokenizer": {"special_tokens": ["<s>"], "base_size": None, "algorithm": "bpe"},
        "training": {"vocab_size": None, "vocab_range": [1000, 4000], "pad_to": 128, "ladder": [700, 5000]},
    }
    sizes = compared_sizes(config)
    assert (sizes[0], sizes[-1]) == (1024, 3968)
    assert all(size % 128 == 0 for size in sizes)
    assert len(sizes) == 2 * 8
    assert curve_sizes(config) == [700, *sizes, 5000]
    assert (needed_size(config), needed_by(config)) == (5000, "training.ladder")
    config["training"] |= {"vocab_size": 1000, "ladder": []}
    assert (compared_sizes(config)[0], compared_sizes(config)[-1]) == (258, 1000)  # 257 has no merge
    assert (needed_size(config), needed_by(config)) == (1000, "training.vocab_size")
    assert in_range(128, 128, 128) == [128]


SETTINGS = {
    "training_bytes": 4e12, "parameters": 1e9, "width": 1000, "tied_embeddings": False, "context": 100,
    "peak_flops": 1e15, "utilisation": 0.5, "served_tokens": 3.0, "generated_share": 0.5,
}  # fmt: skip


def test_cost_of_serving():
    run = Run.from_config(SETTINGS, ["eng"])
    at = cost(run, np.array([4.0]), 1_000_000)  # 1e12 tokens, a billion parameters in the output layer
    assert (at.flops, at.parameters) == (6 * 2e9 * 1e12, 3e9)
    assert at.serving_flops == 2 * 1.5e9 * 3e12  # prompts, a half of the tokens, need no output layer
    assert at.total_flops == at.flops + at.serving_flops


def table(tokens: dict[int, int], name: str = "matched") -> pl.DataFrame:
    """A compression table of one corpus of 4,000 bytes, and how entries are used."""
    return pl.DataFrame(
        {
            "name": name, "draw": 0, "evaluation_set": "held_out", "corpus": "eng", "vocab_size": list(tokens),
            "tokens": list(tokens.values()), "bytes": 4000, "reference_tokens": 1000,
            "nsl": [n / 1000 for n in tokens.values()],
        }
    )  # fmt: skip


def uses(sizes, name: str = "matched") -> pl.DataFrame:
    rows = {"vocab_size": list(sizes), "entries": [size - 1 for size in sizes]}
    counts = {"rare": [size // 10 for size in sizes], "unseen": 0, "last_merged": 7}
    return pl.DataFrame(rows | counts).select(pl.lit(name).alias("name"), pl.lit(0).alias("draw"), pl.all())


# Parameters that are multiplied, in training: 1.1, 1.2, 1.4, 1.8 and 2.6 billion. Tokens so that the costs of training
# are as 1,320, 1,200, 1,208, 1,206 and 1,300.
TOKENS = {100_000: 1200, 200_000: 1000, 400_000: 863, 800_000: 670, 1_600_000: 500}


def test_a_flat_region_and_its_smallest_size():
    run = Run.from_config(SETTINGS | {"served_tokens": 0.0}, ["eng"])
    curve = cost_curve(run, table(TOKENS), uses(TOKENS), ["eng"])
    assert curve["tokens"][0] == pytest.approx(4e12 * 1200 / 4000)
    assert curve["above"].round(4).to_list() == [0.1, 0.0, 0.0068, 0.005, 0.0833]
    found = choose(curve, "matched", None, list(TOKENS))
    assert found["flat"] == {"cheapest": 200_000, "low": 200_000, "high": 800_000}
    # beside a mixture whose text gives no more than 100,000 entries, that is the least, and sizes above may cost less
    short = {size: n for size, n in TOKENS.items() if size == 100_000}
    both = [pl.concat([of(TOKENS), of(short, "natural")]) for of in (table, uses)]
    assert cost_curve(run, *both, ["eng"])["above"][:2].round(4).to_list() == [0.0, -0.0909]
    assert (found["vocab_size"], found["above"]) == (200_000, 0)
    assert found["rare"] == pytest.approx(0.1, rel=1e-4)
    # cheaper prompts make a larger vocabulary cheaper
    served = Run.from_config(SETTINGS | {"served_tokens": 100.0, "generated_share": 0.0}, ["eng"])
    cheaper = cost_curve(served, table(TOKENS), uses(TOKENS), ["eng"])
    assert choose(cheaper, "matched", None, list(TOKENS))["vocab_size"] == 1_600_000
    # and if all that is served is written, serving moves the sum but not the choice
    written = cost_curve(
        Run.from_config(SETTINGS | {"generated_share": 1.0}, ["eng"]), table(TOKENS), uses(TOKENS), ["eng"]
    )
    assert written["above"].to_list() == pytest.approx(curve["above"].to_list())
    assert written["flops"].to_list() == pytest.approx((2 * curve["flops"]).to_list())  # 6 + 3 * 2


def test_the_flat_region_has_no_gaps():
    flat = flat_region([1, 2, 3, 4, 5], [100.5, 102, 100, 100.5, 103])
    assert (flat.low, flat.cheapest, flat.high) == (3, 3, 4)
    assert flat_region([1, 2], [5, 5]).high == 2


def test_sizes_that_not_all_tokenizers_reach_are_not_chosen():
    run = Run.from_config(SETTINGS | {"served_tokens": 0.0}, ["eng"])
    short = dict(list(TOKENS.items())[:1])
    both = (
        pl.concat([table(TOKENS), table(short, "uniform")]),
        pl.concat([uses(TOKENS), uses(short, "uniform")]),
    )
    found = choose(cost_curve(run, *both, ["eng"]), "matched", None, list(TOKENS))
    assert (found["vocab_size"], found["largest"], found["largest_asked"]) == (100_000, 100_000, 1_600_000)
    assert found["others"] == {"uniform": {"cheapest": 100_000, "low": 100_000, "high": 100_000}}
    # nor those that not all draws of text reach
    draws = pl.concat([table(TOKENS), table(short).with_columns(draw=pl.lit(1, pl.Int32))])
    assert cost_curve(run, draws, uses(TOKENS), ["eng"])["vocab_size"].to_list() == [100_000]
    # a fixed size is not chosen, only described
    fixed = choose(cost_curve(run, table(TOKENS), uses(TOKENS), ["eng"]), "matched", 100_000, list(TOKENS))
    assert (fixed["vocab_size"], fixed["above"]) == (100_000, pytest.approx(0.1))
    with pytest.raises(ValueError, match="were not all measured at a vocabulary size of 123"):
        choose(cost_curve(run, table(TOKENS), uses(TOKENS), ["eng"]), "matched", 123, list(TOKENS))


def test_what_the_pages_say(tmp_path):
    run = Run.from_config(SETTINGS | {"served_tokens": 0.0}, ["eng"])
    worse = {size: round(1.02 * tokens) for size, tokens in TOKENS.items()}
    curve = cost_curve(
        run,
        pl.concat([table(TOKENS), table(worse, "uniform")]),
        pl.concat([uses(TOKENS), uses(TOKENS, "uniform")]),
        ["eng"],
    )
    objective = Objective.from_config({"aggregate": "macro", "evaluation_sets": ["held_out"]}, ["eng"])
    compression = pl.concat([table(TOKENS), table(worse, "uniform")])
    curve = curve.join(objective_curve(compression, objective), on=["name", "vocab_size"])
    found = choose(curve, "matched", None, list(TOKENS))
    assert sentence(found).startswith(
        "**V = 200,000**: for the language model of the config, anything from 200,000 to 800,000 costs within 1 % of "
        "the least, and the smallest is taken."
    )
    assert "10 % of the entries occur there fewer than 100 times" in sentence(found)
    page = section(found, curve, "matched")
    assert re.search(r"\| \*\*200,000\*\* +\| +0.00 % \|", page)
    assert re.search(r"\| 1,600,000 +\| +\+8.33 % \|", page)
    assert re.search(r"\| 400,000 +\| +\+1.93 % \|", page)  # 863 tokens against 880
    save(vocabulary_size(curve, found, "matched"), tmp_path / "vocabulary_size.svg")
    # ends of the sizes that were compared
    one = found | {"flat": {"cheapest": 100_000, "low": 100_000, "high": 100_000}, "vocab_size": 100_000}
    assert "The region begins at the start" in sentence(one)
    assert "over 1 % more at the next sizes" in sentence(one)
    assert "ends before 1,600,000" in sentence(one | {"largest": 800_000})
    fixed = choose(curve, "matched", 100_000, list(TOKENS))
    assert "200,000 costs the language model of the config least, and V costs 10.00 % more" in sentence(fixed)
    assert "`training.vocab_size: 200000` or `auto`" in next(advice(fixed))


def test_other_sizes_of_superwords_and_wordpiece_are_not_compared():
    """Sizes below the transition have no superwords, and vocab_size: auto would be an error."""
    kind = {"algorithm": "bpe", "superwords": None, "special_tokens": ["<s>"]}

    def config(**changes):
        return {"tokenizer": {**kind, **changes}, "training": {"vocab_size": 1257}}

    choice = {"asked": 1257, "vocab_size": 1257, "smallest": 300, "largest": 1257, "above": 0.0, "rare": 0.0}
    choice["flat"] = {"cheapest": 1257, "low": 1257, "high": 1257}
    assert other_trainings(config()) == ""
    assert "the largest costs" in sentence(choice)
    assert len(list(advice(choice))) == 1
    said = other_trainings(config(superwords={"from": 0.8}))
    assert said.endswith("up to 1,057 they have no superwords")
    for why in (said, other_trainings(config(algorithm="wordpiece"))):
        assert (
            sentence(choice, why)
            == f"V = 1,257, as the config says. {why}. To compare sizes, make each a recipe."
        )
        assert not list(advice(choice, why))


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return build_index(tmp_path_factory.mktemp("vocab"), 10, 300)


def test_a_training_to_where_the_text_ends(index):
    shares = np.full(4, 0.25)
    sizes = [300, 1000, 100_000]
    with pytest.raises(ValueError, match="of the 100,000 tokens asked for"):
        Trainer(index, TOKENIZER, 40_000, sizes).train(shares)
    with pytest.raises(ValueError, match=r"of the 100,000 tokens asked for by training\.ladder: use"):
        Trainer(index, TOKENIZER, 40_000, sizes, needed_by="training.ladder").train(shares)
    made = Trainer(index, TOKENIZER, 40_000, sizes, needed=1000, count_uses=True).train(
        shares, key={"name": "uniform", "draw": 0}
    )
    assert made.model.vocab_size < 100_000
    assert made.compression["vocab_size"].unique().sort().to_list() == [300, 1000]
    assert made.uses.select("name", "draw", "vocab_size", "entries").rows() == [
        ("uniform", 0, 300, 300), ("uniform", 0, 1000, 1000),
    ]  # fmt: skip
    row = made.uses.row(1, named=True)
    assert row["rare"] == int((made.model.uses(made.model.made_in_training, 1000) < RARE).sum())
    assert 0 < row["unseen"] < row["rare"]
    section = {"aggregate": "macro", "evaluation_sets": ["held_out"]}
    values = objective_curve(made.compression, Objective.from_config(section, CORPORA))
    nsl = made.compression.filter(vocab_size=300)["nsl"].mean()
    assert values.filter(vocab_size=300)["objective"].item() == pytest.approx(nsl)
