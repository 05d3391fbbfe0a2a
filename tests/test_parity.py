"""Parity-aware BPE, against `ParityBpeTrainer` and the specification in plain Python."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_index import build_index
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.trainers import ParityBpeTrainer

from trex.bpe import parity_specification as specification
from trex.bpe.byte_alphabet import spell
from trex.bpe.parity import ParityModel, train_parity
from trex.bpe.stretches import Workspace
from trex.bpe.training import BpeOptions
from trex.bpe.turns import Turns, choose
from trex.bpe.words import EvalCounts, FlatWords
from trex.tokenizer.build import to_tokenizer


def trained(corpora, vocab_size, turns, development=None, evaluation=(), workspace=None, **options):
    table = sorted(set().union(*corpora, *(development or []), *evaluation))
    flat = FlatWords.build(pa.array(table, type=pa.large_binary()))

    def counts(columns):
        return EvalCounts.from_dense(
            np.array([[column.get(word, 0) for word in table] for column in columns])
            if columns
            else np.empty((0, len(table)))
        )

    return train_parity(
        flat, counts(corpora), vocab_size, turns, BpeOptions(**options),
        development=None if development is None else counts(development), evaluation=counts(list(evaluation)),
        workspace=workspace,
    )  # fmt: skip


def steps(model: ParityModel) -> tuple[list[tuple[str, str]], list[int]]:
    return [(spell(a), spell(b)) for a, b in model.merges], model.leaders.tolist()


def merges_of_tokenizers(corpora, n_merges, turns, development=None, **options) -> list[tuple[str, str]]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split("\x00", "removed")
    options["special_tokens"] = list(options.get("special_tokens", ()))
    trainer = ParityBpeTrainer(
        n_merges, turns.variant, global_merges=turns.global_merges, window_size=turns.window_size, alpha=turns.alpha,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False, **options,
    )  # fmt: skip

    def text(words):
        return iter(["\x00".join(spell(word) for word, n in words.items() for _ in range(n))])

    trainer.train_from_iterator(
        tokenizer,
        [text(words) for words in corpora],
        dev_iterators=None if development is None else [text(words) for words in development],
        ratio=turns.ratio,
    )
    return [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]


@st.composite
def trainings(draw):
    """Corpora over tiny alphabets, which share words: many ties, and corpora that run out of pairs or have no text."""
    alphabet = draw(st.sampled_from(["a", "ab", "abc", "aé\n"])).encode()
    longest = draw(st.sampled_from([4, 9, 30]))
    word = st.lists(st.sampled_from(list(alphabet)), min_size=1, max_size=longest).map(bytes)
    words = st.dictionaries(word, st.integers(1, 9), max_size=12)
    k = draw(st.integers(1, 4))
    corpora = draw(st.lists(words, min_size=k, max_size=k))
    development = draw(st.none() | st.lists(words, min_size=k, max_size=k))
    ratio = None
    if development is None:
        numbers = st.lists(st.sampled_from([0.5, 1.0, 2.57]), min_size=k, max_size=k)
        ratio = draw(st.none() | numbers)
    turns = Turns(
        draw(st.sampled_from(["base", "window"])),
        global_merges=draw(st.sampled_from([0, 0, 3, 10])),
        window_size=draw(st.sampled_from([1, 3, 10, 100])),
        alpha=draw(st.sampled_from([0.3, 1.0, 1.5, 2.0])),
        ratio=ratio,
    )
    options = {}
    if draw(st.booleans()):
        options["min_frequency"] = draw(st.integers(0, 5))
    if draw(st.booleans()):
        options["max_token_length"] = draw(st.integers(2, 8))
    options["special_tokens"] = draw(st.sampled_from([(), ("<s>",), ("ab", "<s>"), ("a",), ("aa", "Ġ")]))
    vocab_size = 256 + len(options["special_tokens"]) + draw(st.sampled_from([5, 20, 50]))
    return corpora, vocab_size, turns, development, options


# full lists, slots that become too narrow, and a sketch of the pairs: stretches end and begin again
WORKSPACES = [Workspace(), Workspace(room=8), Workspace(room=60, narrow=265)]


@settings(deadline=None, max_examples=100)
@given(trainings(), st.sampled_from(WORKSPACES), st.sampled_from([1, 10**6]))
def test_equal_to_the_specification(training, workspace, scale):
    corpora, vocab_size, turns, development, options = training
    corpora = [{word: n * scale for word, n in words.items()} for words in corpora]
    expected = specification.train(corpora, vocab_size, turns, development, **options)
    assert steps(trained(corpora, vocab_size, turns, development, workspace=workspace, **options)) == expected


@settings(deadline=None, max_examples=60)
@given(trainings())
def test_equal_to_tokenizers(training):
    corpora, vocab_size, turns, development, options = training
    if turns.ratio is not None and not all(corpora):
        return  # `tokenizers` never returns once the other corpora are exhausted: 0 / 0 is never the smallest
    never_returns = False

    def watched(turns, scores, exhausted, recent):
        nonlocal never_returns
        c = choose(turns, scores, exhausted, recent)
        share = list(recent).count(c) / turns.window_size
        if turns.variant == "window" and exhausted not in (set(), {0}):
            never_returns |= share > turns.alpha / len(scores)
        return c

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(specification, "choose", watched)
        merges, _ = specification.train(corpora, vocab_size, turns, development, **options)
    if never_returns:
        return
    # as many merges as there are, as it counts those that give no new token
    theirs = merges_of_tokenizers(corpora, len(merges), turns, development, **options)
    assert theirs == merges


def test_ties_go_to_the_spelling_that_comes_last_and_to_the_first_corpus():
    # all pairs count 2; plain BPE would begin with (a, b), whose ids are smaller
    assert steps(trained([{b"ab": 2, b"cd": 2}], 258, Turns()))[0] == [("c", "d"), ("a", "b")]
    # long first tokens that differ late, or not at all: the second one decides
    words = {b"ab" * 8 + b"x": 2, b"ab" * 8 + b"y": 2}
    assert steps(trained([words], 261, Turns()))[0][-2:] == [("abababab", "abababab"), ("ab" * 8, "y")]
    assert trained([{b"ab": 2}, {b"cd": 2}], 258, Turns()).leaders.tolist() == [0, 1]


def test_development_text_decides_and_units_make_it_comparable():
    corpora = [{b"ab": 10, b"abc": 5}, {b"cd": 5, b"cde": 3}]
    development = [{b"abc": 1}, {b"cde": 9}]  # 3 tokens and 27
    assert trained(corpora, 258, Turns(), development).leaders.tolist() == [1, 1]
    # 3 / 1 and 27 / 100
    assert trained(corpora, 258, Turns(units=[1, 100]), development).leaders.tolist() == [0, 0]


def test_a_window_gives_the_others_a_turn():
    corpora = [{b"aabb": 100}, {b"ccdd": 1}]
    merges = ["b b", "a bb", "d d", "a abb", "c dd", "c cdd"]  # as in the tests of `tokenizers`
    model = trained(corpora, 262, Turns("window", window_size=2, alpha=1.0))
    assert [f"{a} {b}" for a, b in steps(model)[0]] == merges
    assert trained(corpora, 262, Turns()).leaders.tolist() == [0, 0, 0, 1, 1, 1]


def test_the_finished_tokenizer_makes_the_tokens_that_training_reported():
    corpora = [{"été".encode(): 9, b"hat": 4}, {b"the": 8, b"that": 5, b"hat": 1}]
    evaluation = [{"tété".encode(): 3, b"unseen": 2}, {b"thatch": 7, b"the": 1}]
    model = trained(corpora, 262, Turns("window"), evaluation=evaluation, special_tokens=("<s>",))
    for size in (257, 259, 262):
        smaller = trained(corpora, size, Turns("window"), evaluation=evaluation, special_tokens=("<s>",))
        tokenizer = to_tokenizer(smaller)
        encoded = [
            sum(n * len(tokenizer.encode(word.decode()).ids) for word, n in words.items())
            for words in evaluation
        ]
        assert model.token_counts(size).tolist() == smaller.token_counts().tolist() == encoded


def test_slices_by_corpus_add_up_to_the_slice(tmp_path):
    index = build_index(tmp_path, 8)
    shares = np.array([0.6, 0.2, 0.15, 0.05])
    n_bytes = int(index.available_bytes.sum())  # the first corpus is read more than once
    counts, ledger = index.slice_by_corpus(shares, n_bytes, 1)
    whole = index.slice(shares, n_bytes, 1)
    sums = np.zeros(len(index.words), np.int64)
    np.add.at(sums, np.repeat(counts.words, np.diff(counts.offsets)), counts.counts)
    assert sums.tolist() == whole.counts.tolist()
    assert ledger.equals(whole.ledger)
    # a corpus's bytes are those of its words, up to the spaces between shards
    each = np.repeat(index.words.sizes[counts.words], np.diff(counts.offsets))
    sizes = np.bincount(counts.columns, counts.counts * each)
    assert np.allclose(sizes, ledger["given_bytes"].to_numpy(), rtol=1e-3)


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        (Turns("widow"), "variant must be one of base, window, not 'widow'"),
        (Turns(ratio=[1.0]), "ratio must be 2 positive numbers, one a corpus"),
        (Turns(units=[1.0, 0.0]), "units must be 2 positive numbers"),
        (Turns("window", alpha=0), "alpha must be a positive number, not 0"),
        (Turns(ratio=[1, 1], units=[1, 1]), "give either ratio"),
    ],
)
def test_settings_that_do_not_fit(turns, message):
    with pytest.raises(ValueError, match=message):
        trained([{b"ab": 1}, {b"cd": 1}], 300, turns)


def test_more_corpora_than_bits_of_a_word():
    rng = np.random.default_rng(0)
    corpora = [
        {bytes(rng.choice(list(b"abcd"), 5).tolist()): int(n) for n in rng.integers(1, 5, 3)}
        for _ in range(70)
    ]
    turns = Turns("window", window_size=20)
    assert steps(trained(corpora, 290, turns)) == specification.train(corpora, 290, turns)
