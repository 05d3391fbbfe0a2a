"""Token counts of the reference tokenizer: the denominator of normalized sequence length (NSL)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from trex.existing import load_tokenizer
from trex.patterns import ENCODINGS

_CHUNK_DOCUMENTS = 512
_CHUNK_CHARACTERS = 1 << 20  # encode_batch holds all ids of its input: about 50 MB for this many characters


class Reference:
    """A tokenizer that only counts; make one with :func:`load_reference`.

    Attributes:
        name: what the reports call it.
    """

    def __init__(self, name: str, count_chunk: Callable[[list[str]], list[int]]):
        self.name = name
        self._count_chunk = count_chunk

    def count(self, texts: Iterable[str] | pa.LargeStringArray) -> np.ndarray:
        """Tokens of each document, int64, one for each text in order.

        Text that looks like a special token is counted as ordinary text, and no special token is added, as by
        tiktoken's ``encode_ordinary``: of ``["", "<|endoftext|>"]`` o200k_base makes ``[0, 7]``.
        """
        counts = [count for chunk in _chunks(texts) for count in self._count_chunk(chunk)]
        return np.array(counts, dtype=np.int64)


def load_reference(spec: str | Mapping, base: Path) -> Reference:
    """The reference tokenizer that the config names.

    Args:
        spec, base: as in `trex.existing.load_tokenizer`.

    Raises:
        ValueError: no such tokenizer, no such file, or not a tokenizer; says what there is.
    """
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
    # A tokenizer.json may ask for truncation and padding, and finds special tokens in text: not here.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True

    def count_chunk(texts: list[str]) -> list[int]:
        return [len(encoding) for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    return Reference(name, count_chunk)


def _chunks(texts: Iterable[str] | pa.LargeStringArray) -> Iterator[list[str]]:
    """Lists of at most ``_CHUNK_DOCUMENTS`` texts and ``_CHUNK_CHARACTERS`` characters, or one longer."""
    chunk: list[str] = []
    characters = 0
    strings = (text.as_py() for text in texts) if isinstance(texts, pa.Array | pa.ChunkedArray) else texts
    for text in strings:
        if chunk and (len(chunk) == _CHUNK_DOCUMENTS or characters + len(text) > _CHUNK_CHARACTERS):
            yield chunk
            chunk, characters = [], 0
        chunk.append(text)
        characters += len(text)
    if chunk:
        yield chunk
