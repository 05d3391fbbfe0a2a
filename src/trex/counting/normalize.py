"""Unicode normal forms of text, as `tokenizers` makes them, at the cost of what they change.

A quick check (`trex.counting.scanner.doubtful_lines`) finds the parts of lines that may change; only they go through
`tokenizers`.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from trex.arrow import binary, bytes_of, frozen
from trex.counting import scanner, unicode_tables

# Parts of lines that are normalized at a time, some 250 bytes each.
PARTS = 1 << 12


def padded(*pieces: bytes | np.ndarray) -> np.ndarray:
    """The pieces, one after the other, and what the kernels want behind a text."""
    return np.frombuffer(b"".join([*pieces, bytes(scanner.PADDING)]), dtype=np.uint8)


def normalized(documents: pa.LargeStringArray, normalizer: str) -> tuple[pa.LargeStringArray, int]:
    """(documents after normalization, as `tokenizers` does it; about how many of their bytes are in words that it
    changed). normalizer: nfc, nfkc or none."""
    if not len(documents):
        return documents, 0
    text, bounds = bytes_of(documents)
    text = padded(text[bounds[0] : bounds[-1]])
    changes: list[int] = []
    text, bounds = normalized_text(text, frozen(bounds - bounds[0]), normalizer, changes)
    return (binary(text, bounds).view(pa.large_string()), sum(changes)) if changes else (documents, 0)


def normalized_text(
    text: np.ndarray, bounds: np.ndarray, normalizer: str, changes: list[int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Documents text[bounds[d]:bounds[d + 1]] after normalization; text is padded. The same arrays if nothing needs it.

    changes: gets the bytes, afterwards, of the words that it changed, of each part that has any."""
    if normalizer == "none":
        return text, bounds
    quick_check = unicode_tables.load()[normalizer]
    lines = scanner.doubtful_lines(text, bounds, quick_check, unicode_tables.suspects(normalizer))
    if not len(lines):
        return text, bounds
    data = memoryview(text)
    doubtful = [bytes(data[a:b]).removesuffix(b"\n") for _, a, b in lines.tolist()]
    normalize = _of_lines(normalizer)
    clean = normalize(doubtful)
    if changes is not None:
        both = zip(doubtful, clean, strict=True)
        changes += [_bytes_changed(before, normalize) for before, after in both if before != after]
    pieces, at = [], int(bounds[0])
    for (_, a, _), before, after in zip(lines.tolist(), doubtful, clean, strict=True):
        pieces += [data[at:a], after]
        at = a + len(before)
    pieces.append(data[at : bounds[-1]])
    gained = np.zeros(len(bounds), dtype=np.int64)
    np.add.at(
        gained, lines[:, 0] + 1, [len(after) - len(b) for b, after in zip(doubtful, clean, strict=True)]
    )
    return padded(*pieces), frozen(bounds - bounds[0] + np.cumsum(gained))


def _of_lines(normalizer: str) -> Callable[[list[bytes]], list[bytes]]:
    """What normalizes texts without newlines.

    Newlines are inert, and no other character becomes one, so many texts go through `tokenizers` in one call, one to a
    line; not all of them, because a call takes 50 bytes of memory a byte."""
    from tokenizers import normalizers

    normalize = getattr(normalizers, normalizer.upper())().normalize_str

    def of_lines(texts: list[bytes]) -> list[bytes]:
        clean: list[bytes] = []
        for first in range(0, len(texts), PARTS):
            clean += normalize(b"\n".join(texts[first : first + PARTS]).decode()).encode().split(b"\n")
        return clean

    return of_lines


def _bytes_changed(before: bytes, normalize: Callable[[list[bytes]], list[bytes]]) -> int:
    """Bytes, afterwards, of the words that normalization changes, as spaces part them before; what is before a space
    does not change what comes after. Of the first word, what precedes the part is not counted."""
    words = before.split(b" ")
    return sum(len(after) for word, after in zip(words, normalize(words), strict=True) if word != after)
