"""Documents into arrays, and arrays into batches of a size that is asked for."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from trex.arrow import bytes_of, from_numpy
from trex.corpora.reader import DocumentLimit
from trex.corpora.tables import PIECE_BYTES


def gather(documents: Iterable[bytes]) -> Iterator[pa.Array]:
    """Loose documents, which are UTF-8, as arrays of about ``PIECE_BYTES``, without the empty ones."""
    gathered: list[bytes] = []
    size = 0
    for document in documents:
        if document:
            gathered.append(document)
            size += len(document)
        if size >= PIECE_BYTES:
            yield _to_array(gathered)
            gathered, size = [], 0
    yield _to_array(gathered)


def within(pieces: Iterable[pa.Array], limit: DocumentLimit, place: str) -> Iterator[pa.Array]:
    """The documents that the limit allows; the others are counted in it, as being in `place`."""
    for piece in pieces:
        sizes = np.diff(np.frombuffer(piece.buffers()[1], np.int64)[piece.offset :][: len(piece) + 1])
        kept = np.flatnonzero(sizes < limit.too_much)
        for _ in range(len(piece) - len(kept)):
            limit.leave_out(place)
        yield piece if len(kept) == len(piece) else piece.take(from_numpy(kept))


def without_marks(pieces: Iterable[pa.Array]) -> Iterator[pa.Array]:
    """The documents without the byte order mark (U+FEFF) that may begin one, and is no part of its text."""
    for piece in pieces:
        if len(piece):
            text, borders = bytes_of(piece)
            suspects = np.flatnonzero(text[borders[:-1]] == _MARK[0])  # no document is empty
            marked = [i for i in suspects.tolist() if text[borders[i] : borders[i] + 3].tobytes() == _MARK]
            if marked:
                documents = [document.encode().removeprefix(_MARK) for document in piece.to_pylist()]
                yield from gather(documents)
                continue
        yield piece


_MARK = "\ufeff".encode()


def _to_array(documents: list[bytes]) -> pa.LargeStringArray:
    # From buffers, because pa.array would import pandas.
    offsets = np.zeros(len(documents) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, documents), np.int64, len(documents)), out=offsets[1:])
    text = pa.py_buffer(b"".join(documents))
    return pa.LargeStringArray.from_buffers(len(documents), pa.py_buffer(offsets), text)


def batches(
    pieces: Iterator[pa.Array], batch_bytes: int, max_bytes: int | None
) -> Iterator[pa.LargeStringArray]:
    """Join and cut pieces so that each batch ends with the document that fills it; stop at ``max_bytes``."""
    left = float("inf") if max_bytes is None else max_bytes
    parts: list[pa.Array] = []
    size = 0
    for piece in pieces:
        while len(piece):
            offsets = np.frombuffer(piece.buffers()[1], np.int64)[piece.offset :][: len(piece) + 1]
            ends = offsets[1:] - offsets[0]
            count = min(len(piece), 1 + int(np.searchsorted(ends, min(batch_bytes - size, left))))
            parts.append(piece[:count])
            size += int(ends[count - 1])
            left -= int(ends[count - 1])
            piece = piece[count:]
            if size >= batch_bytes or left <= 0:
                yield pa.concat_arrays(parts)  # copies even a single slice, so offset is 0
                parts, size = [], 0
            if left <= 0:
                return
    if parts:
        yield pa.concat_arrays(parts)
