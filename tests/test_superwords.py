"""Going on from a model, and superwords: against the specification, `tokenizers`, and what finished tokenizers give."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_index import CORPORA, TOKENIZER, build_index, made_up_text
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from trex.bpe import specification
from trex.bpe.byte_alphabet import BYTE_CHARACTERS, spell
from trex.bpe.superwords import Counted, train_superwords
from trex.bpe.training import BpeOptions, SuperwordLimits, Workspace, train_flat
from trex.bpe.words import EvalCounts, FlatWords
from trex.counting.pretokenize import count_words
from trex.proxies.superwords import SuperwordTrainer
from trex.proxies.train import Trainer
from trex.tokenizer.build import to_tokenizer
from trex.tokenizer.sizes import transition_size


def flat(words) -> FlatWords:
    return FlatWords.build(pa.array(list(words), type=pa.large_binary()))


def counted(words: dict[bytes, int]) -> Counted:
    return Counted(flat(words), np.array(list(words.values()), dtype=np.int64))


@st.composite
def two_stages(draw):
    """Words and pieces over tiny alphabets, related or not: merges across words, limits, runs, long pieces."""
    alphabet = list(draw(st.sampled_from(["ab ", "a ", "ab: \n", "a:b", " é"])).encode())
    letters = st.lists(st.sampled_from(alphabet), min_size=1, max_size=draw(st.sampled_from([6, 30])))
    words = draw(st.dictionaries(letters.map(bytes), st.integers(1, 9), min_size=1, max_size=12))
    some = st.lists(st.one_of(st.sampled_from(sorted(words)), letters.map(bytes)), min_size=1, max_size=12)
    pieces = draw(st.dictionaries(some.map(b"".join), st.integers(0, 9), min_size=1, max_size=12))
    special_tokens = draw(st.sampled_from([(), ("<s>",), ("ab", "<s>"), ("a",), ("aĠ", "Ġa", "ba")]))
    options = {"special_tokens": special_tokens}
    if draw(st.booleans()):
        options["min_frequency"] = draw(st.integers(0, 4))
    if draw(st.booleans()):
        options["max_token_length"] = draw(st.integers(2, 12))
    limits = draw(st.sampled_from([(1, b""), (2, b":"), (3, b"a"), (4, b":")]))
    smallest = len({*special_tokens, *BYTE_CHARACTERS})
    transition = smallest + draw(st.integers(0, 12))
    return words, pieces, transition, transition + draw(st.integers(0, 40)), options, limits


WORKSPACES = [
    Workspace(),
    Workspace(room=8),
    Workspace(room=60, narrow=265),
    Workspace(room=10**6, narrow=258),
]


@settings(max_examples=80, deadline=None)
@given(
    two_stages(),
    st.sampled_from(WORKSPACES),
    st.sampled_from([None, 1, 10**6]),
    st.randoms(use_true_random=False),
)
def test_any_pieces(training, workspace, theta, rng):
    words, pieces, transition, vocab_size, options, limits = training
    first = specification.train(words, transition, **options)
    transition = len(first[0])  # the text may give no more
    evaluation = np.array([[rng.randint(0, 3) for _ in pieces] for _ in range(2)])
    vocab, merges = specification.train_superwords(words, pieces, vocab_size, transition, limits, **options)
    [model] = train_superwords(
        counted(words),
        counted(pieces),
        vocab_size,
        [transition],
        BpeOptions(**options, theta=theta, superwords=SuperwordLimits(*limits)),
        evaluation=EvalCounts.from_dense(evaluation),
        workspace=workspace,
    )
    assert (model.vocab, [(spell(a), spell(b)) for a, b in model.merges]) == (vocab, merges)
    smallest = len({*options["special_tokens"], *BYTE_CHARACTERS})
    for size in {model.vocab_size, transition, rng.randint(smallest, model.vocab_size)}:
        cut = model.cut(size)
        encoder = models.BPE(cut.vocab, [(spell(a), spell(b)) for a, b in cut.merges])
        tokens = np.array([len(encoder.tokenize(spell(piece))) for piece in pieces])
        assert (model.token_counts(size) == evaluation @ tokens).all()


@settings(max_examples=60, deadline=None)
@given(two_stages(), st.sampled_from(WORKSPACES), st.randoms(use_true_random=False))
def test_going_on_equals_training_in_one_go(training, workspace, rng):
    _, pieces, _, vocab_size, options, limits = training
    pieces = {piece: count + 1 for piece, count in pieces.items()}
    options = BpeOptions(**options, superwords=rng.choice([None, SuperwordLimits(*limits)]))
    evaluation = EvalCounts.from_dense(np.array([list(pieces.values())]))
    words, counts = counted(pieces)
    whole = train_flat(words, counts, vocab_size, options, evaluation=evaluation, workspace=workspace)
    start = whole.cut(
        rng.randint(int(whole.vocab_before[0]) if len(whole.steps) else whole.vocab_size, whole.vocab_size)
    )
    model = train_flat(
        words, counts, vocab_size, options, evaluation=evaluation, workspace=workspace, start=start
    )
    assert (model.vocab, model.merges) == (whole.vocab, whole.merges)
    assert model.token_counts() == whole.token_counts()


def test_equal_to_tokenizers_on_tokens_spelled_as_characters(udhr):
    text = "\n".join(udhr["eng_Latn"] + udhr["fra_Latn"])
    words, pieces = (count_words(text, pattern, by_line=True) for pattern in ("default", "superwords"))
    [model] = train_superwords(
        counted(words), counted(pieces), 900, [600], BpeOptions(superwords=SuperwordLimits(10**6, b""))
    )
    first = model.cut(600)
    encoder = models.BPE(first.vocab, [(spell(a), spell(b)) for a, b in first.merges])
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split("\x00", "removed")
    characters = [chr(0x4E00 + number) for number in range(600)]
    trainer = trainers.BpeTrainer(vocab_size=900, initial_alphabet=characters, show_progress=False)
    tokens = {piece: [token.id for token in encoder.tokenize(spell(piece))] for piece in pieces}
    spelled = ("".join(characters[i] for i in tokens[piece]) for piece, n in pieces.items() for _ in range(n))
    tokenizer.train_from_iterator(spelled, trainer)
    theirs = json.loads(tokenizer.to_str())["model"]
    assert len(theirs["vocab"]) == 900
    pairs = [(theirs["vocab"][a], theirs["vocab"][b]) for a, b in theirs["merges"]]
    assert model.steps[len(first.steps) :, :2].tolist() == [list(pair) for pair in pairs]
    assert any(b" " in a[1:] or b" " in b for a, b in model.merges[len(first.merges) :])


@pytest.mark.parametrize("pattern", ["superwords", "superbpe"])
def test_finished_tokenizers_give_the_counted_tokens(udhr, pattern, tmp_path):
    languages = ["eng_Latn", "vie_Latn", "zho_Hans", "hin_Deva", "fra_Latn", "arb_Arab", "tha_Thai"]
    articles = {name: udhr[name] for name in languages if name in udhr}
    assert len(articles) > 3
    text = "\n".join("\n".join(of) for of in articles.values()) + " a:b: c 2024... 12,5!? (x)\n\n  y  : z\r\n"
    words, pieces = count_words(text, "default", by_line=True), count_words(text, pattern, by_line=True)
    documents = ["\n\n".join(of) + text[-50:] for of in articles.values()]
    columns = [count_words(document, pattern) for document in documents]
    table = sorted(set(pieces).union(*columns))
    evaluation = EvalCounts.from_dense(
        np.array([[column.get(piece, 0) for piece in table] for column in columns])
    )
    counts = np.array([pieces.get(piece, 0) for piece in table])
    grid = train_superwords(
        counted(words),
        Counted(flat(table), counts),
        1500,
        [transition_size(1500, share, 1) for share in (0.5, 0.8)],
        BpeOptions(special_tokens=["<|endoftext|>"]),
        evaluation=evaluation,
    )
    for model, share in zip(grid, (0.5, 0.8), strict=True):
        for size in (257, 700, 1100, 1300, 1500):
            path = str(tmp_path / "tokenizer.json")
            to_tokenizer(model.cut(size), pattern).save(path)
            tokenizer = Tokenizer.from_file(path)
            encoded = [len(tokenizer.encode(document).ids) for document in documents]
            assert model.token_counts(size).tolist() == encoded
        new = [a + b for a, b in model.merges[transition_size(1500, share, 1) - 257 :]]
        several = [token for token in new if len(token.split()) > 1]
        assert several
        assert max(len(token.split()) for token in several) <= 4
        assert not any(b":" in token for token in several)


def test_refusals():
    words = counted({b"ab": 3})
    with pytest.raises(ValueError, match=r"transitions \[300\] must be sizes of a vocabulary of 299 tokens"):
        train_superwords(words, words, 299, [300])
    with pytest.raises(ValueError, match="the words give 257 tokens, fewer than the 299 of the transition"):
        train_superwords(words, words, 300, [299])
    model = train_flat(*words, 257)
    with pytest.raises(ValueError, match="below the 257 tokens of the model"):
        train_flat(*words, 256, start=model)


def test_proxies_on_mixtures(tmp_path):
    words = build_index(tmp_path / "words", 6, 300)
    pieces = build_index(tmp_path / "pieces", 6, 300, "superwords")
    shares, sizes = np.full(4, 0.25), [400, 700]
    trainer = SuperwordTrainer(words, TOKENIZER, 40_000, sizes, pieces=pieces, pieces_bytes=20_000)
    trained = trainer.train(shares)
    assert trained.ledger.equals(Trainer(words, TOKENIZER, 40_000, [700]).train(shares).ledger)
    texts = [made_up_text(corpus, 20_000, 6) for corpus in CORPORA]
    for size in sizes:
        tokenizer = to_tokenizer(trained.model.cut(size), "superwords")
        tokens = [len(tokenizer.encode(text).ids) for text in texts]
        assert trained.compression.filter(vocab_size=size)["tokens"].to_list() == tokens
    beyond = replace(trainer, vocab_sizes=[100_000], needed_by="training.vocab_size")
    with pytest.raises(
        ValueError, match=r"tokenizer.superwords.from is 0.8 of .* 100,000 tokens of training.vocab"
    ):
        beyond.train(shares)
    alone = np.array([1.0, 0, 0, 0])
    of_one = SuperwordTrainer(words, TOKENIZER, 40_000, sizes, pieces=pieces, word_shares=alone)
    n = transition_size(700, 0.8) - 256
    plain = Trainer(words, TOKENIZER, 40_000, [700]).train(alone).model
    assert of_one.train(shares).model.merges[:n] == plain.merges[:n]
    assert trained.model.merges[:n] != plain.merges[:n]
