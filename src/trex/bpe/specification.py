"""Byte-level BPE training from word counts in plain Python: the specification of `trex.bpe.training`.

`train` is plain BPE and what goes on from a tokenizer; `train_superwords` is both, one after the other.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from trex.bpe.byte_alphabet import BYTE_LEVEL, Alphabet

# vocabulary and merges by rank
Model = tuple[dict[str, int], list[tuple[str, str]]]


def merged(tokens: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """Tokens with every occurrence of the pair replaced, left to right.

    >>> merged([1, 1, 1, 2], (1, 1), 9)
    [9, 1, 2]
    """
    result: list[int] = []
    for token in tokens:
        # the token before is still unmerged: a new one is no half of a pair
        if result and (result[-1], token) == pair:
            result[-1] = new
        else:
            result.append(token)
    return result


def may_be(token: bytes, max_words: int, barriers: bytes) -> bool:
    """Whether superwords may be so.

    >>> [may_be(token, 2, b":") for token in (b" a b", b"a: ", b"a: b", b"a b c")]
    [True, True, False, False]
    """
    words = len(token.split())
    return words < 2 or (words <= max_words and not set(token) & set(barriers))


def train(
    words: Mapping[bytes, int],
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    min_frequency: int = 0,
    max_token_length: int | None = None,
    alphabet: Alphabet = BYTE_LEVEL,
    start: Model | None = None,
    superwords: tuple[int, bytes] | None = None,
) -> Model:
    """(vocabulary, merges) as `tokenizer.json` writes them; words: their counts.

    Ids: special tokens, then the bytes in the order of their characters' code points, then the new tokens. A token that
    is spelled like an earlier one takes its id. start: the vocabulary and merges of a tokenizer to go on from.
    superwords: the most words that a new token may have, and the bytes that none of several words may have.

    >>> train({b"abab": 1, b"ab": 2}, 258)[1]
    [('a', 'b'), ('ab', 'ab')]
    """
    vocab = {token: number for number, token in enumerate(special_tokens)}
    for byte in alphabet.by_code_point:
        vocab.setdefault(alphabet.characters[byte], len(vocab))
    vocab, merges = (dict(start[0]), list(start[1])) if start else (vocab, [])
    spelling = {number: token for token, number in vocab.items()}
    texts = {word: [vocab[alphabet.characters[byte]] for byte in word] for word in words}
    for a, b in merges:
        texts = {word: merged(tokens, (vocab[a], vocab[b]), vocab[a + b]) for word, tokens in texts.items()}
    while len(vocab) < vocab_size:
        counts: Counter[tuple[int, int]] = Counter()
        for word, tokens in texts.items():
            for pair in pairwise(tokens):
                counts[pair] += words[word]
        # a character is a byte, and pairs of bytes are formed however short the limit is
        allowed = [
            pair
            for pair, count in counts.items()
            if count >= max(1, min_frequency)
            and (
                max_token_length is None
                or (length := len(spelling[pair[0]] + spelling[pair[1]])) < max_token_length
                or length == 2
            )
            and (
                superwords is None
                or may_be(alphabet.unspell(spelling[pair[0]] + spelling[pair[1]]), *superwords)
            )
        ]
        if not allowed:
            break
        best = min(allowed, key=lambda pair: (-counts[pair], pair))
        token = spelling[best[0]] + spelling[best[1]]
        merges.append((spelling[best[0]], spelling[best[1]]))
        new = vocab.setdefault(token, len(vocab))
        spelling[new] = token
        texts = {word: merged(tokens, best, new) for word, tokens in texts.items()}
    return vocab, merges


def train_superwords(
    words: Mapping[bytes, int],
    pieces: Mapping[bytes, int],
    vocab_size: int,
    transition: int,
    superwords: tuple[int, bytes] = (4, b":"),
    **options,
) -> Model:
    """Words up to a vocabulary of `transition` tokens, then pieces of text that no white space ends.

    The tokenizer splits text into pieces alone, so that the first merges are also made where words meet within a piece.

    >>> train_superwords({b"of": 1, b" the": 2, b"in": 1}, {b"of the": 1, b"in the": 1}, 260, 259)[1]
    [('h', 'e'), ('t', 'he'), ('Ġ', 'the'), ('f', 'Ġthe')]
    """
    start = train(words, transition, **options)
    return train(pieces, vocab_size, start=start, superwords=superwords, **options)
