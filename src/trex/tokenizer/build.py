"""From a BpeModel to a tokenizer that `tokenizers` and `transformers` load."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from trex.bpe.byte_alphabet import LATIN1
from trex.counting.patterns import DEFAULT, regex_of

if TYPE_CHECKING:
    from trex.bpe.model import BpeModel


def to_tokenizer(model: "BpeModel", pattern: str = DEFAULT, normalizer: str = "nfc") -> Tokenizer:
    """The tokenizer whose training the model is: normalizer (nfc, nfkc or none), split by pattern, byte-level BPE.

    Its vocabulary has exactly model.vocab_size entries, special tokens included. Decoding an encoding gives the
    normalized text back. One in the alphabet LATIN1 reads and gives bytes as Latin-1 text.
    """
    spell, pattern = model.alphabet.spell, regex_of(pattern)
    merges = [(spell(a), spell(b)) for a, b in model.merges]
    tokenizer = Tokenizer(models.BPE(vocab=model.vocab, merges=merges))
    if normalizer != "none":
        tokenizer.normalizer = getattr(normalizers, normalizer.upper())()
    if model.alphabet is LATIN1:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(_splits(pattern))
        tokenizer.decoder = decoders.Fuse()
    else:
        tokenizer.pre_tokenizer = split_and_spell(pattern)
        tokenizer.decoder = decoders.ByteLevel()
    add_special_tokens(tokenizer, model.special_tokens)
    return tokenizer


def split_and_spell(pattern: str) -> pre_tokenizers.PreTokenizer:
    """Split by a regex, then write every piece in the characters of its bytes."""
    return pre_tokenizers.Sequence(
        [*_splits(pattern), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )


def _splits(pattern: str) -> list[pre_tokenizers.PreTokenizer]:
    return [pre_tokenizers.Split(Regex(pattern), "isolated")] if pattern else []


def add_special_tokens(tokenizer: Tokenizer, tokens: Iterable[str]) -> None:
    """Make tokens of the vocabulary special: found in text before it is normalized and split."""
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in tokens])
