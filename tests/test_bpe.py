"""Merges, vocabularies and token counts, against `tokenizers` itself and the specification in plain Python."""

import random

import numpy as np
import pyarrow as pa
import pytest
from conftest import train_with_tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models

from trex.bpe import specification
from trex.bpe.byte_alphabet import BYTE_CHARACTERS, spell
from trex.bpe.model import BpeModel
from trex.bpe.training import BpeOptions, Workspace, train_bpe, train_flat
from trex.bpe.words import EvalCounts, FlatWords
from trex.counting.pretokenize import count_words
from trex.tokenizer.build import to_tokenizer


def test_by_hand():
    # a b stands 3 + 2 times and is merged first; then "ab" "c" stands 3 times, "ab" "ab" once
    model = train_bpe([b"abc", b"abab"], np.array([3, 1]), 259, eval_counts=np.array([[1, 0], [0, 10]]))
    assert model.merges == [(b"a", b"b"), (b"ab", b"c"), (b"ab", b"ab")]
    assert model.vocab["abc"] == 257
    assert [model.token_counts(v).tolist() for v in (256, 257, 258, 259)] == [
        [3, 40],
        [2, 20],
        [1, 20],
        [1, 10],
    ]


def test_ties_go_to_the_smaller_ids_and_text_runs_out():
    model = train_bpe([b"cd", b"ab"], np.array([2, 2]), 1000)
    assert model.merges == [(b"a", b"b"), (b"c", b"d")]
    assert model.vocab_size == 258
    assert train_bpe([b"cd", b"ab"], np.array([2, 1]), 1000, min_frequency=2).merges == [(b"c", b"d")]


@st.composite
def trainings(draw):
    """Words over tiny alphabets: many ties, repeats and overlapping pairs."""
    alphabet = draw(st.sampled_from(["a", "ab", "abc", " é\n"])).encode()
    word = st.lists(
        st.sampled_from(list(alphabet)), min_size=1, max_size=draw(st.sampled_from([4, 9, 40]))
    ).map(bytes)
    words = draw(st.dictionaries(word, st.integers(1, 9), min_size=1, max_size=20))
    options = {}
    if draw(st.booleans()):
        options["min_frequency"] = draw(st.integers(0, 5))
    if draw(st.booleans()):
        options["max_token_length"] = draw(st.integers(2, 8))
    special_tokens = draw(st.sampled_from([(), ("<s>",), ("ab", "<s>"), ("a",), ("aa", "Ġ")]))
    # from 2^16 on, tokens are stored in 32 bits; the text runs out long before
    vocab_size = draw(st.sampled_from([256 + len(special_tokens) + draw(st.integers(0, 60)), 70_000]))
    # counts below 2^23, above it, and on both sides
    options["scale"] = draw(st.sampled_from([1, 1, 2**23 - 5, 2**40]))
    unseen = draw(st.sets(word, max_size=5)) - set(words)
    return words, sorted(unseen), vocab_size, special_tokens, options, draw(st.sampled_from([None, 1, 10**6]))


def at_size(model: BpeModel, vocab_size: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges that the training for a smaller vocabulary gives."""
    vocab = {token: number for token, number in model.vocab.items() if number < vocab_size}
    return vocab, [(spell(a), spell(b)) for a, b in model.merges[: model.steps_at(vocab_size)]]


# Used again and again: nothing may be left over from the training before. The others end a stretch when the lists are
# full, which is soon, and when the ids outgrow slots that are made for so few.
# With much room, pairs are counted in a table of all; with little, in a sketch first.
WORKSPACES = [
    Workspace(),
    Workspace(room=8),
    Workspace(room=60, narrow=265),
    Workspace(room=10**6, narrow=258),
]


@settings(max_examples=600, deadline=None)
@given(trainings(), st.sampled_from(WORKSPACES), st.randoms(use_true_random=False))
def test_any_words(training, workspace, rng):
    words, unseen, vocab_size, special_tokens, options, theta = training
    scale = options.pop("scale")
    table = [*words, *unseen]
    evaluation = np.array([[rng.randint(0, 3) for _ in table] for _ in range(2)])
    model = train_flat(
        FlatWords.build(pa.array(table, type=pa.large_binary())),
        scale * np.array([words.get(word, 0) for word in table]),
        vocab_size,
        BpeOptions(
            special_tokens, scale * options.get("min_frequency", 0), options.get("max_token_length"), theta
        ),
        evaluation=EvalCounts.from_dense(evaluation),
        workspace=workspace,
    )
    smallest = len({*special_tokens, *BYTE_CHARACTERS})
    for size in {model.vocab_size, rng.randint(smallest, model.vocab_size)}:
        vocab, merges = train_with_tokenizers(words, size, special_tokens, **options)
        assert at_size(model, size) == (vocab, merges)
        assert specification.train(words, size, special_tokens, **options) == (vocab, merges)
        encoder = models.BPE(vocab, merges)
        tokens = np.array([len(encoder.tokenize(spell(word))) for word in table])
        assert (model.token_counts(size) == evaluation @ tokens).all()


@pytest.mark.parametrize("vocab_size", [1000, 6000])
def test_real_text_in_twenty_languages(udhr, vocab_size):
    words = count_words("\n".join("\n".join(articles) for articles in udhr.values()), by_line=True)
    languages = [count_words(articles[0]) for articles in udhr.values()]
    table = sorted(set(words).union(*languages))
    evaluation = np.array([[language.get(word, 0) for word in table] for language in languages])
    specials = ("<|endoftext|>", "<pad>")
    counts = np.array([words.get(word, 0) for word in table])
    model = train_bpe(table, counts, vocab_size, special_tokens=specials, eval_counts=evaluation)
    vocab, merges = train_with_tokenizers(words, vocab_size, specials)
    assert model.vocab == vocab
    assert [(spell(a), spell(b)) for a, b in model.merges] == merges
    for size in (500, vocab_size):
        tokenizer = to_tokenizer(train_bpe(table, counts, size, special_tokens=specials))
        encoded = [len(tokenizer.encode(articles[0]).ids) for articles in udhr.values()]
        assert model.token_counts(size).tolist() == encoded


def test_counts_beyond_32_bits_do_not_wrap():
    # the sums of `tokenizers` wrap at 2^31; here "ab" stands 3e12 times and wins over "cd"
    model = train_bpe([b"ab", b"xab", b"cd"], np.array([10**12, 2 * 10**12, 5]), 258)
    assert model.merges == [(b"a", b"b"), (b"x", b"ab")]
    with pytest.raises(OverflowError):
        train_bpe([b"ab"], np.array([2**62]), 258)


def test_refusals():
    with pytest.raises(ValueError, match="below the 257 tokens"):
        train_bpe([b"ab"], np.array([1]), 256, special_tokens=["<s>"])
    with pytest.raises(ValueError, match="distinct"):
        train_bpe([b"ab", b"ab"], np.array([1, 1]), 300)
    with pytest.raises(ValueError, match="differ from one another"):
        train_bpe([b"ab"], np.array([1]), 300, special_tokens=["<s>", "<s>"])
    with pytest.raises(ValueError, match="between 256"):
        train_bpe([b"ab"], np.array([1]), 300).token_counts(299)
    with pytest.raises(
        ValueError, match=r"counts must have one entry for each of the 2 words, not shape \(3,\)"
    ):
        train_bpe([b"ab", b"cd"], np.array([1, 2, 3]), 300)
    with pytest.raises(ValueError, match="whole numbers"):
        train_bpe([b"ab", b"cd"], np.array([0.5, 2]), 300)
    with pytest.raises(ValueError, match=r"eval_counts must have shape \(columns, 2\), not \(1, 3\)"):
        train_bpe([b"ab", b"cd"], np.array([1, 2]), 300, eval_counts=np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"eval_counts must have shape \(columns, 2\), not \(2,\)"):
        train_bpe([b"ab", b"cd"], np.array([1, 2]), 300, eval_counts=np.ones(2))


def test_tokenizer_has_exactly_v_tokens_and_gives_any_text_back(udhr, tmp_path):
    from transformers import PreTrainedTokenizerFast

    text = "\n".join(articles[0] for articles in udhr.values())
    words = count_words(text, by_line=True)
    model = train_bpe(list(words), np.array(list(words.values())), 700, special_tokens=["<|endoftext|>"])
    tokenizer = to_tokenizer(model)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    loaded = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == len(loaded) == 700
    rng = random.Random(0)
    points = [p for p in range(0x110000) if not 0xD800 <= p < 0xE000]
    for _ in range(200):
        sample = "".join(map(chr, rng.choices(points, k=50))) + text[rng.randrange(100) :][:50]
        composed = tokenizer.normalizer.normalize_str(sample)
        assert tokenizer.decode(tokenizer.encode(sample).ids) == composed
        assert loaded.decode(loaded.encode(sample, add_special_tokens=False)) == composed
