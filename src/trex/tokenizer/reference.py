"""Token counts of the reference tokenizer: the denominator of normalized sequence length (NSL)."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from trex.bpe.byte_alphabet import BYTE_LEVEL, LATIN1, Alphabet
from trex.tokenizer.encode import batches, of_plain_text
from trex.tokenizer.encodings import BYTES, ENCODINGS
from trex.tokenizer.existing import load_tokenizer


class Reference:
    """A tokenizer that only counts; make one with :func:`load_reference`.

    Attributes:
        name: what the reports call it.
    """

    def __init__(self, name: str, count_batch: Callable[[list[str]], list[int]]):
        self.name = name
        self._count_batch = count_batch

    def count(self, texts: Iterable[str] | pa.LargeStringArray) -> np.ndarray:
        """Tokens of each document, int64, one for each text in order.

        Text that looks like a special token is counted as ordinary text, and no special token is added, as by
        tiktoken's ``encode_ordinary``: of ``["", "<|endoftext|>"]`` o200k_base makes ``[0, 7]``.
        """
        counts = [count for batch in batches(texts) for count in self._count_batch(batch)]
        return np.array(counts, dtype=np.int64)


def load_reference(spec: str | Mapping, base: Path, alphabet: Alphabet = BYTE_LEVEL) -> Reference:
    """The reference tokenizer that the config names.

    Args:
        spec, base: as in `trex.tokenizer.existing.load_tokenizer`; or spec is `bytes`.
        alphabet: how a text stands for bytes.

    Raises:
        ValueError: no such tokenizer, no such file, or not a tokenizer; says what there is.
    """
    if spec == BYTES:
        if alphabet is LATIN1:
            return Reference(BYTES, lambda texts: list(map(len, texts)))
        return Reference(BYTES, lambda texts: [len(text.encode()) for text in texts])
    if isinstance(spec, str) and spec in ENCODINGS:
        return _load_encoding(spec)
    return _from_tokenizer(*load_tokenizer(spec, base))


def _load_encoding(name: str) -> Reference:
    # The binding itself, because the public Encoding refuses texts of a million characters or 200,000 tokens,
    # and builds the ids only to be counted. It keeps the interpreter's lock: only processes help.
    # It knows no special tokens and does not normalize; tests/test_reference.py holds it against tiktoken.
    from bpe_openai import _bindings

    count = _bindings.tokenizer_for_encoding(name).count
    return Reference(name, lambda texts: [count(text) for text in texts])


def _from_tokenizer(name: str, tokenizer: Tokenizer) -> Reference:
    tokenizer = of_plain_text(tokenizer)

    def count_batch(texts: list[str]) -> list[int]:
        return [len(encoding) for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    return Reference(name, count_batch)
