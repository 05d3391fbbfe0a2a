"""Unigram and WordPiece, trained by `tokenizers` itself from counts of words spelled in the characters of their bytes.

A trainer of `tokenizers` only takes text, and counts its words when it gets it. So it is given each word as often as it
was counted, one after another: it then trains on the same counts as from the text itself.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from trex.bpe.byte_alphabet import BYTE_CHARACTERS
from trex.counting.patterns import regex_of
from trex.tokenizer.build import add_special_tokens, split_and_spell

Algorithm = Literal["unigram", "wordpiece"]

# Marks a WordPiece entry that goes on with a word. The usual ## is also how a word of two such signs is spelled, and
# decoding could not tell the two apart; no byte is written as this character.
PREFIX = "＃"
# Longer words are cut every so many bytes: WordPiece takes time with the square of a word's length, and by itself makes
# one unknown token of long words.
LONGEST_WORD = 100
LONGEST_PIECE = 64  # bytes of a Unigram entry; SentencePiece's 16 characters have at most so many
# Scores differ by rounding errors from run to run, as the trainer adds numbers in the order of a hash table.
DECIMALS = 5
PENALTY = 1e-4  # by which the trainer sets apart the scores of bytes that it has not learned
NEVER = -1e6  # score of special tokens, so that text is never encoded as one
_TEXT = 1 << 15  # characters that a trainer gets at a time


def train(
    algorithm: Algorithm,
    words: Iterable[tuple[str, int]],
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    *,
    min_frequency: int = 0,
    max_token_length: int | None = None,
) -> models.Model:
    """A model trained on words.

    Args:
        words: each as its bytes are spelled, at most LONGEST_WORD of them, and how often it occurs.
        vocab_size: of the model, with the special tokens, which get the first ids; fewer if the words give no more.
        min_frequency: of WordPiece, as in BPE. max_token_length: bytes of the longest entry of Unigram.

    Raises:
        ValueError: a special token is an entry of the text too.
    """
    alphabet = sorted(BYTE_CHARACTERS)
    if algorithm == "wordpiece":
        # all bytes, at the beginning of a word and within, so that nothing is unknown
        first = [*special_tokens, *alphabet, *(PREFIX + character for character in alphabet)]
        trainer = trainers.WordPieceTrainer(
            vocab_size=vocab_size, min_frequency=min_frequency, special_tokens=first,
            continuing_subword_prefix=PREFIX, show_progress=False,
        )  # fmt: skip
        vocab = _trained(models.WordPiece(), trainer, words).get_vocab()
        return models.WordPiece(
            vocab, unk_token="", max_input_chars_per_word=LONGEST_WORD, continuing_subword_prefix=PREFIX
        )
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size - len(special_tokens), initial_alphabet=alphabet, show_progress=False,
        max_piece_length=max_token_length or LONGEST_PIECE,
    )  # fmt: skip
    pieces = _scores(_trained(models.Unigram(), trainer, words))
    if both := next((token for token in special_tokens if token in pieces), None):
        raise ValueError(
            f"tokenizer.special_tokens: {both!r} is spelled like an entry that Unigram learned from the text; choose "
            "another name, such as <|name|>"
        )
    ordered = sorted(pieces.items(), key=lambda item: (-item[1], item[0]))
    return models.Unigram([*((token, NEVER) for token in special_tokens), *ordered])


def build(model: models.Model, special_tokens: Sequence[str], pattern: str, normalizer: str) -> Tokenizer:
    """The tokenizer of a model: normalizer (nfc, nfkc or none), split by pattern, bytes. Decoding an encoding gives the
    normalized text back."""
    tokenizer = Tokenizer(model)
    if normalizer != "none":
        tokenizer.normalizer = getattr(normalizers, normalizer.upper())()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split_and_spell(regex_of(pattern)), _cut()])
    without = [decoders.Replace(PREFIX, "")] if isinstance(model, models.WordPiece) else []
    tokenizer.decoder = decoders.Sequence([*without, decoders.ByteLevel()])
    add_special_tokens(tokenizer, special_tokens)
    return tokenizer


def of_words(model: models.Model) -> Tokenizer:
    """What encodes spelled words as the finished tokenizer does."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = _cut()
    return tokenizer


def cut_words(words: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Words, with their counts, in pieces of at most LONGEST_WORD bytes."""
    for word, count in words:
        for begin in range(0, len(word), LONGEST_WORD):
            yield word[begin : begin + LONGEST_WORD], count


def _cut() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Split(Regex(f".{{1,{LONGEST_WORD}}}"), "isolated")


def _trained(model: models.Model, trainer: trainers.Trainer, words: Iterable[tuple[str, int]]) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # no byte is written as white space
    tokenizer.train_from_iterator(_texts(words), trainer)
    return tokenizer


def _scores(tokenizer: Tokenizer) -> dict[str, float]:
    """Score of every entry that was learned, the same in every run."""
    pieces = dict(json.loads(tokenizer.to_str())["model"]["vocab"])
    lowest = min(pieces.values())
    # the trainer numbers the bytes that it has not learned in the order of a hash table
    near = [
        character
        for character in sorted(BYTE_CHARACTERS)
        if pieces[character] < lowest + PENALTY * len(BYTE_CHARACTERS)
    ]
    pieces |= {character: lowest + PENALTY * i for i, character in enumerate(reversed(near))}
    return {piece: round(score, DECIMALS) for piece, score in pieces.items()}


def _texts(words: Iterable[tuple[str, int]]) -> Iterator[str]:
    """Each word as often as its count, in texts of about _TEXT characters."""
    parts: list[str] = []
    size = 0
    for word, count in words:
        while count:
            times = min(count, 1 + (_TEXT - size) // (len(word) + 1))
            parts.append((word + " ") * times)
            size += times * (len(word) + 1)
            count -= times
            if size >= _TEXT:
                yield "".join(parts)
                parts, size = [], 0
    yield "".join(parts)
