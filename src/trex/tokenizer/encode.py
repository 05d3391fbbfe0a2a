"""Encoding text with `tokenizers` itself, as a user of the tokenizer would."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

# encode_batch holds all encodings of its input: about 50 MB for this many characters
_BATCH_CHARACTERS = 1 << 20
_BATCH_TEXTS = 512


def of_plain_text(tokenizer: Tokenizer) -> Tokenizer:
    """The same tokenizer, set to encode all of a text and nothing else.

    A tokenizer.json may ask for truncation and padding, and finds special tokens in text: not here.
    """
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def encode(
    tokenizer: Tokenizer,
    texts: Iterable[str],
    vocab_size: int,
    decoded: Callable[[list[str], list[str]], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(tokens of each text, occurrences of each vocabulary entry), int64 [texts] and [vocab_size].

    decoded: is given texts, some at a time, and what their encodings are decoded to.
    """
    tokens, frequencies = [], np.zeros(vocab_size, dtype=np.int64)
    for batch in batches(texts):
        encodings = tokenizer.encode_batch_fast(batch, add_special_tokens=False)
        ids = [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]
        tokens += [of_text.size for of_text in ids]
        frequencies += np.bincount(np.concatenate(ids), minlength=vocab_size)
        if decoded:
            back = tokenizer.decode_batch([encoding.ids for encoding in encodings], skip_special_tokens=False)
            decoded(batch, back)
    return np.array(tokens, dtype=np.int64), frequencies


def vocabulary_size(tokenizer: Tokenizer) -> int:
    """One more than the largest id: ids may have gaps. Takes 20 ms and more: `tokenizers` copies its vocabulary."""
    return 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())


def batches(texts: Iterable[str] | pa.LargeStringArray) -> Iterator[list[str]]:
    """Texts in order, in lists of at most `_BATCH_TEXTS` and `_BATCH_CHARACTERS`, or of one that is longer."""
    batch: list[str] = []
    characters = 0
    strings = (text.as_py() for text in texts) if isinstance(texts, pa.Array | pa.ChunkedArray) else texts
    for text in strings:
        if batch and (len(batch) == _BATCH_TEXTS or characters + len(text) > _BATCH_CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(text)
        characters += len(text)
    if batch:
        yield batch
