"""The same documents in the same order whatever the tokenizer, and what each tokenizer makes of them.

A *view* is how a document becomes ids: through a tokenizer, or as its raw bytes. Before and after every document is the
border of its view, once between two documents of one view. So the first token of a document is predicted from the
border, and its end is predicted as well, by every model alike. Borders are no text: their bits count, their bytes do
not.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BYTES = 256


@dataclass(frozen=True, eq=False)
class Documents:
    """Documents as ids.

    ids: int32, of all documents one after the other, without borders. starts: int64 [n + 1], where each begins.
    n_bytes: int64 [n], of UTF-8.
    """

    ids: np.ndarray
    starts: np.ndarray
    n_bytes: np.ndarray

    def __len__(self) -> int:
        return len(self.n_bytes)

    @property
    def tokens(self) -> np.ndarray:
        """int64 [n]: ids of each."""
        return np.diff(self.starts)

    def document(self, i: int) -> np.ndarray:
        return self.ids[self.starts[i] : self.starts[i + 1]]

    def each(self) -> Iterator[np.ndarray]:
        return map(self.document, range(len(self)))

    @classmethod
    def of(cls, ids: Sequence[np.ndarray], n_bytes: Iterable[int]) -> "Documents":
        starts = np.cumsum([0, *map(len, ids)], dtype=np.int64)
        flat = np.concatenate(ids).astype(np.int32) if len(ids) else np.zeros(0, np.int32)
        return cls(flat, starts, np.array(list(n_bytes), dtype=np.int64))

    @classmethod
    def read(cls, path: str | Path) -> "Documents":
        table = pq.read_table(path, columns=["ids", "bytes"])
        lists = table["ids"].combine_chunks()
        lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
        offsets = lists.offsets.to_numpy().astype(np.int64)
        ids = lists.values.to_numpy().astype(np.int32, copy=False)[offsets[0] : offsets[-1]]
        return cls(ids, offsets - offsets[0], table["bytes"].to_numpy())

    def to_arrow(self) -> pa.Table:
        """The columns `ids` and `bytes`."""
        lists = pa.LargeListArray.from_arrays(pa.array(self.starts), pa.array(self.ids))
        return pa.table({"ids": lists, "bytes": pa.array(self.n_bytes)})


def encode_documents(tokenizer: "Tokenizer", texts: Sequence[str]) -> Documents:
    """Through a tokenizer, as plain text (`trex.tokenizer.encode.of_plain_text`)."""
    ids, batch = [], 256
    for first in range(0, len(texts), batch):
        encodings = tokenizer.encode_batch_fast(texts[first : first + batch], add_special_tokens=False)
        ids += [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]
    return Documents.of(ids, [len(text.encode()) for text in texts])


def bytes_of_documents(texts: Sequence[str]) -> Documents:
    """As raw bytes: ids 0 to 255."""
    encoded = [text.encode() for text in texts]
    return Documents.of([np.frombuffer(text, dtype=np.uint8) for text in encoded], map(len, encoded))


def shifted(documents: Documents, by: int) -> Documents:
    """The same with larger ids."""
    return Documents(documents.ids + np.int32(by), documents.starts, documents.n_bytes)


@dataclass(frozen=True)
class View:
    """How a model reads text.

    ids: how many a document can hold, from `first` on. border: the id before and after a document.
    """

    first: int
    ids: int
    border: int

    def possible(self, rows: int) -> np.ndarray:
        """bool [rows]: what may come next in this view, the border included."""
        possible = np.zeros(rows, dtype=bool)
        possible[self.first : self.first + self.ids] = True
        possible[self.border] = True
        return possible


@dataclass(frozen=True)
class Vocabulary:
    """The ids of a model: `size`, in one view, or in two that share it (Proxy Compression).

    measured: the view in which the model is measured. other: one that is only trained on.
    """

    size: int
    measured: View
    other: View | None = None


def of_tokenizer(ids: int, border: int | None) -> Vocabulary:
    """Of a tokenizer with so many ids. border: one that no text has, such as a special token; None: one more id."""
    if border is None:
        return Vocabulary(ids + 1, View(0, ids, ids))
    return Vocabulary(ids, View(0, ids, border))


def of_bytes() -> Vocabulary:
    """Raw bytes and a border."""
    return Vocabulary(BYTES + 1, View(0, BYTES, BYTES))


def of_proxy(ids: int) -> Vocabulary:
    """Raw bytes, on which the model is measured, and after them a tokenizer's ids, which it is also trained on.

    Zheng et al. 2026, "Proxy Compression for Language Modeling", arXiv 2602.04289. The tokens are dropped at the end:
    in the bytes' view they have no probability.
    """
    return Vocabulary(BYTES + ids + 2, View(0, BYTES, BYTES), View(BYTES + 1, ids, BYTES + 1 + ids))


def order_of(n: int, seed: int) -> np.ndarray:
    """int64 [n]: the order of the training documents, by the seed alone."""
    return np.random.default_rng([seed, 1]).permutation(n)


def stream(documents: Documents, vocabulary: Vocabulary, seed: int) -> np.ndarray:
    """int32: a border and a document, and so on, in the order of the seed; a border at the end."""
    border = vocabulary.measured.border
    return _joined([(documents.document(i), border) for i in order_of(len(documents), seed)])


def mixed_stream(
    raw: Documents, compressed: Documents, vocabulary: Vocabulary, byte_share: float, seed: int
) -> np.ndarray:
    """int32: the same of two views of the same documents: this share of them raw, by the seed, the rest compressed.

    raw and compressed hold the ids of the vocabulary's views `measured` and `other`.
    """
    is_raw = (np.random.default_rng([seed, 2]).random(len(raw)) < byte_share).astype(int).tolist()
    assert vocabulary.other is not None
    borders = (vocabulary.other.border, vocabulary.measured.border)
    views = (compressed, raw)
    order = order_of(len(raw), seed)
    return _joined([(views[is_raw[i]].document(i), borders[is_raw[i]]) for i in order])


def _joined(pieces: Sequence[tuple[np.ndarray, int]]) -> np.ndarray:
    parts: list[np.ndarray] = []
    before = None
    for ids, border in pieces:
        parts += [np.array([border] if before in (None, border) else [before, border], dtype=np.int32), ids]
        before = border
    last = [] if before is None else [before]
    return np.concatenate([*parts, np.array(last, dtype=np.int32)])
