"""From a BpeModel to a tokenizer that `tokenizers` and `transformers` load."""

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from trex.bpe.training import BpeModel, spell
from trex.counting.patterns import DEFAULT


def to_tokenizer(model: BpeModel, pattern: str = DEFAULT) -> Tokenizer:
    """The tokenizer whose training the model is: NFC, split by the pattern, byte-level BPE.

    Its vocabulary has exactly model.vocab_size entries, special tokens included. Decoding an encoding gives the
    text back, in NFC.
    """
    merges = [(spell(a), spell(b)) for a, b in model.merges]
    tokenizer = Tokenizer(models.BPE(vocab=model.vocab, merges=merges))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in model.special_tokens]
    )
    return tokenizer
