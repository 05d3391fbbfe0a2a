"""Bytes that are no text, as the Latin-1 text that stands for them (`trex.corpora.binary`)."""

import numpy as np


def latin1_bytes(data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bytes that Latin-1 texts stand for.

    Args:
        data, offsets: texts as UTF-8: text k is data[offsets[k]:offsets[k + 1]].

    Returns:
        The same of the bytes: one for each character.
    """
    first = (data & 0xC0) != 0x80
    upto = np.concatenate(([0], np.cumsum(first, dtype=np.int64)))
    start = np.flatnonzero(first)
    characters = data[start]
    two = characters >= 0xC0  # a character is one byte of UTF-8, or two
    characters[two] = (characters[two] & 3) << 6 | data[start[two] + 1] & 0x3F
    return characters, upto[offsets]
