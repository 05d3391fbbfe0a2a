"""Mixture inference: the replay against counting by hand, the linear program by hand, and known mixtures."""

from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from trex.arrow import frozen
from trex.bpe.byte_alphabet import BYTE_CHARACTERS
from trex.bpe.training import train_bpe
from trex.inference.mixture import infer_mixture, number_merges
from trex.inference.program import Constraints, solve
from trex.inference.replay import Merges, Search, Slacks, replay
from trex.inference.words import CorpusWords, count_words_as
from trex.tokenizer.build import to_tokenizer
from trex.tokenizer.existing import load_existing


def table(words: dict[bytes, int]) -> pl.DataFrame:
    return pl.DataFrame(
        {"word": list(words), "count": list(words.values())}, schema={"word": pl.Binary, "count": int}
    )


def pair_counts(words: dict[bytes, int], merges: list[tuple[bytes, bytes]]) -> Counter:
    """Pairs of tokens after the merges, the slow way."""
    found = Counter()
    for word, count in words.items():
        tokens = [word[i : i + 1] for i in range(len(word))]
        for merge in merges:
            i = 0
            while i + 1 < len(tokens):
                if (tokens[i], tokens[i + 1]) == merge:
                    tokens[i : i + 2] = [merge[0] + merge[1]]
                i += 1
        for pair in pairwise(tokens):
            found[pair] += count
    return found


@pytest.mark.parametrize("seed", range(6))
def test_replay_counts_as_by_hand(seed):
    """Short words of two letters, full of runs; the merges are those of a mixture of three corpora."""
    rng = np.random.default_rng(seed)
    corpora = [
        {rng.choice([b"a", b"b"], rng.integers(1, 9)).tobytes(): int(rng.integers(1, 9)) for _ in range(12)}
        for _ in range(3)
    ]
    everything = Counter()
    for corpus, times in zip(corpora, (1, 3, 2), strict=True):
        everything.update({word: times * count for word, count in corpus.items()})
    merges = train_bpe(list(everything), np.array(list(everything.values())), 270).merges
    words = CorpusWords.build({str(i): table(corpus) for i, corpus in enumerate(corpora)})
    rate, slack = np.array([0.5, 0.1, 1.0]), 0.75
    steps = number_merges(merges)
    spelled = [bytes([i]) for i in range(256)] + [a + b for a, b in merges]
    counts, found_steps, keys, found_counts = replay(
        words.layout,
        words.in_corpora(),
        frozen(rate),
        Merges(frozen(steps), 256 + len(merges), frozen(np.ones(len(merges), bool))),
        Slacks(*map(frozen, (np.full(len(merges), slack), np.empty(0, np.int64), np.empty(0)))),
        Search(0.0, 1, 1, 0),
    )
    found = {int(t): (key, row) for t, key, row in zip(found_steps, keys, found_counts, strict=True)}
    for t, merge in enumerate(merges):
        by_corpus = [pair_counts(corpus, merges[:t]) for corpus in corpora]
        assert counts[t].tolist() == [count[merge] for count in by_corpus]
        pairs = set().union(*by_corpus) - {merge}
        weight = {p: sum(r * c[p] for r, c in zip(rate, by_corpus, strict=True)) for p in {*pairs, merge}}
        heaviest = max((weight[p] for p in pairs), default=0)
        if heaviest > weight[merge] + slack + 1e-9:
            key, row = found[t]
            pair = (spelled[key >> 32], spelled[key & 0xFFFFFFFF])
            assert weight[pair] == pytest.approx(heaviest)
            assert row.tolist() == [count[pair] for count in by_corpus]
        else:
            assert t not in found


def test_program_by_hand():
    def solved(steps, pairs, gains):
        return solve(Constraints(np.array(steps), np.array(pairs), np.array(gains, float)))

    # 1st corpus: at most 3 times the second; and at least that
    found = solved([0, 1], [7, 8], [[-1, 3], [1, -3]])
    assert found.shares == pytest.approx([0.75, 0.25])
    assert found.slack == pytest.approx(0)
    # a pair that outweighs both merges by one in any mixture is paid for once
    found = solved([0, 1], [7, 7], [[-1, -1], [-1, -1]])
    assert found.slack == pytest.approx(1)
    assert found.pair_slacks == pytest.approx([1])
    # and a step that two pairs outweigh, too
    found = solved([0, 0], [7, 8], [[-1, -1], [-1, -1]])
    assert found.step_slacks == pytest.approx([1])


def test_merges_that_never_take_place():
    merges = [(b"a", b"b"), (b"ab", b"c"), (b"a", b"bc"), (b"b", b"c"), (b"a", b"bc")]
    # "bc" is not there yet at the third; at the fifth "abc" is there already
    assert number_merges(merges).tolist() == [
        [97, 98, 256],
        [256, 99, 257],
        [-1] * 3,
        [98, 99, 259],
        [-1] * 3,
    ]


def language(seed: int, size: int) -> list[bytes]:
    """Words of letters that come with frequencies of their own."""
    rng = np.random.default_rng(seed)
    letters = rng.dirichlet(np.full(26, 0.5))
    lengths = rng.integers(2, 10, size)
    return list(dict.fromkeys(b" " + bytes(rng.choice(26, n, p=letters) + 97) for n in lengths))


def draw(words: list[bytes], n: int, seed: int) -> dict[bytes, int]:
    weights = 1 / np.arange(1, len(words) + 1)
    counts = np.random.default_rng(seed).multinomial(n, weights / weights.sum())
    return {word: int(count) for word, count in zip(words, counts, strict=True) if count}


@pytest.fixture(scope="module")
def trained():
    """(corpora of words, merges of a tokenizer trained on 1, 3, and 6 times them, its shares of bytes)"""
    languages = [language(seed, 3000) for seed in range(3)]
    corpora = [draw(words, 40_000, seed) for seed, words in enumerate(languages)]
    total = Counter()
    for corpus, times in zip(corpora, (1, 3, 6), strict=True):
        total.update({word: times * count for word, count in corpus.items()})
    merges = train_bpe(list(total), np.array(list(total.values())), 256 + 1500).merges
    sizes = np.array([sum(len(word) * count for word, count in corpus.items()) for corpus in corpora]) * [
        1,
        3,
        6,
    ]
    other = [draw(words, 40_000, 10 + seed) for seed, words in enumerate(languages)]
    return corpora, other, merges, sizes / sizes.sum()


def test_known_mixtures(trained):
    corpora, other, merges, shares = trained
    found = infer_mixture(merges, CorpusWords.build({str(i): table(c) for i, c in enumerate(corpora)}))
    assert found.shares["corpus"].to_list() == ["0", "1", "2"]
    assert found.shares["share"].to_numpy() == pytest.approx(shares, abs=2e-3)
    assert (found.merges, found.unseen) == (1500, 0)
    assert found.residual < 1e-6
    assert (found.shares["low"] <= found.shares["share"]).all()
    assert (found.shares["high"] >= found.shares["share"]).all()

    on_other = infer_mixture(merges, CorpusWords.build({str(i): table(c) for i, c in enumerate(other)}))
    assert on_other.shares["share"].to_numpy() == pytest.approx(shares, abs=0.02)
    # without the largest corpus, the others do not explain the merges, and keep their ratio only roughly
    without = infer_mixture(merges, CorpusWords.build({str(i): table(c) for i, c in enumerate(other[:2])}))
    assert without.residual > 5 * on_other.residual > 0
    assert without.unseen > 0


def test_text_that_shows_nothing(trained):
    words = CorpusWords.build({"x": table({b"\xd0\xb0": 3}), "y": table({b"\xd0\xb1": 3})})
    with pytest.raises(ValueError, match="text of x, y shows none of the first"):
        infer_mixture(trained[2], words)


def test_words_are_those_of_the_tokenizer(tmp_path):
    vocab = {character: i for i, character in enumerate(BYTE_CHARACTERS)}
    other = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    other.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d|[^\s\d]+|\s+"), "isolated"),
            pre_tokenizers.ByteLevel(False, use_regex=False),
        ]
    )
    other.decoder = decoders.ByteLevel()
    other.save(str(tmp_path / "other.json"))
    to_tokenizer(train_bpe([b"ab"], np.array([1]), 257)).save(str(tmp_path / "own.json"))
    texts = [pa.array(["é1a\u2028a\nb  ", "é12"], pa.large_string())]

    def counted(name, **options):
        words = count_words_as(load_existing(name, tmp_path), texts, **options)
        return dict(words.iter_rows())

    accented = "é".encode()
    space = "\u2028".encode()
    assert counted("other.json") == {
        accented: 2, b"1": 2, b"2": 1, b"a": 2, space: 1, b"\n": 1, b"b": 1, b"  ": 1
    }  # fmt: skip
    own = counted("own.json")
    assert own[b"1"] == 2
    assert own[space + b"a"] == 1  # a letter takes what stands before it along
    assert b"a\n" not in counted("other.json", by_line=True)
