"""Parity-aware BPE in plain Python: the specification of `trex.bpe.parity`, and so of `ParityBpeTrainer`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from trex.bpe.byte_alphabet import BYTE_LEVEL, Alphabet
from trex.bpe.specification import merged
from trex.bpe.turns import Turns, choose

GLOBAL = -1  # the leader of a step that counts all corpora together


def train(
    corpora: Sequence[Mapping[bytes, int]],
    vocab_size: int,
    turns: Turns,
    development: Sequence[Mapping[bytes, int]] | None = None,
    *,
    special_tokens: Sequence[str] = (),
    min_frequency: int = 0,
    max_token_length: int | None = None,
    alphabet: Alphabet = BYTE_LEVEL,
) -> tuple[list[tuple[str, str]], list[int]]:
    """(merges, the corpus that led each); corpora, development: of each corpus the words and their counts.

    >>> train([{b"ab": 9}, {b"cdef": 9}], 259, Turns())  # 18 tokens, 36 tokens; of equal pairs the last by name
    ([('e', 'f'), ('d', 'ef'), ('a', 'b')], [1, 1, 0])
    """
    vocab = {token: number for number, token in enumerate(special_tokens)}
    for byte in alphabet.by_code_point:
        vocab.setdefault(alphabet.characters[byte], len(vocab))
    spelling = {number: token for token, number in vocab.items()}
    measured = corpora if development is None else development
    texts = {
        word: [vocab[alphabet.characters[byte]] for byte in word]
        for words in (*corpora, *measured)
        for word in words
    }
    at_first = [sum(len(texts[word]) * n for word, n in words.items()) for words in measured]
    merges: list[tuple[str, str]] = []
    leaders: list[int] = []
    recent: list[int] = []
    # without training text, a ratio of 0 / 0
    exhausted = {c for c, words in enumerate(corpora) if turns.ratio is not None and not sum(words.values())}
    while len(vocab) < vocab_size and len(exhausted) < len(corpora):
        if len(merges) < turns.global_merges:
            leader = GLOBAL
        else:
            tokens = [sum(len(texts[word]) * n for word, n in words.items()) for words in measured]
            if turns.ratio is not None:
                scores = [-(n / max(t, 1)) / r for n, t, r in zip(at_first, tokens, turns.ratio, strict=True)]
            else:
                scores = [
                    t / u
                    for t, u in zip(
                        tokens, [1] * len(tokens) if turns.units is None else turns.units, strict=True
                    )
                ]
            leader = choose(turns, scores, exhausted, recent)
            recent = [*recent, leader][-turns.window_size :]
        counts: Counter[tuple[int, int]] = Counter()
        for words in corpora if leader == GLOBAL else [corpora[leader]]:
            for word, n in words.items():
                for pair in pairwise(texts[word]):
                    length = len(spelling[pair[0]] + spelling[pair[1]])
                    if max_token_length is None or length < max_token_length or length == 2:
                        counts[pair] += n
        best = max(
            counts,
            key=lambda pair: (counts[pair], spelling[pair[0]], spelling[pair[1]]),
            default=None,
        )
        if best is None or counts[best] < max(1, min_frequency):
            if leader == GLOBAL:
                break
            exhausted.add(leader)
            continue
        token = spelling[best[0]] + spelling[best[1]]
        merges.append((spelling[best[0]], spelling[best[1]]))
        leaders.append(leader)
        new = vocab.setdefault(token, len(vocab))
        spelling[new] = token
        texts = {word: merged(tokens, best, new) for word, tokens in texts.items()}
    return merges, leaders
