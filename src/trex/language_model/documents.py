"""What language models read: training documents of a corpus, and the documents on which they are measured."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trex.counting.documents import Seen, contained, document_hashes, sizes_of
from trex.counting.normalize import normalized


def bytes_by_corpus(
    total: int, training_bytes: int | Mapping[str, int], corpora: Sequence[str]
) -> dict[str, int]:
    """`total` divided as `language_model.training_bytes` is: evenly, or in proportion to its amounts.

    >>> bytes_by_corpus(100, {"a": 3, "b": 1}, ["a", "b", "c"])
    {'a': 75, 'b': 25, 'c': 0}
    """
    if not isinstance(training_bytes, Mapping):
        return dict.fromkeys(corpora, round(total / len(corpora)))
    whole = sum(training_bytes.values())
    return {corpus: round(total * training_bytes.get(corpus, 0) / whole) for corpus in corpora}


def training_documents(
    documents: Iterable[pa.LargeStringArray],
    training_hashes: np.ndarray,
    seed: int,
    normalizer: str,
    n_bytes: int,
) -> pa.LargeStringArray:
    """The first documents of a corpus that tokenizers train on, each once, normalized, until they hold n_bytes.

    The document that crosses n_bytes is the last one. Fewer bytes come out if the corpus has no more.

    training_hashes: sorted, of counts/{corpus}/documents.npy. seed: of these hashes.
    normalizer: nfc, nfkc or none, that of the tokenizers.
    """
    taken, left, seen = [pa.array([], pa.large_string())], n_bytes, Seen()
    for batch in documents if n_bytes else ():
        hashes = document_hashes(batch, seed)
        trained_on = contained(hashes, training_hashes) & seen.add(hashes)
        texts, _ = normalized(batch.filter(pa.array(trained_on)), normalizer)
        enough = int(np.searchsorted(np.cumsum(sizes_of(texts)), left)) + 1 if len(texts) else 0
        taken.append(texts.slice(0, enough))
        left -= int(sizes_of(pa.concat_arrays([taken[-1]])).sum())
        if left <= 0:
            break
    return pa.concat_arrays(taken)


def measured_documents(path: str | Path, n_bytes: int) -> list[str]:
    """The first documents of an evaluation set of a corpus, until they hold n_bytes.

    path: evaluation/{set}/{corpus}.documents.parquet, where text is normalized.
    """
    texts, size = [], 0
    for text in pq.read_table(path, columns=["text"])["text"].to_pylist():
        if size >= n_bytes:
            break
        texts.append(text)
        size += len(text.encode())
    return texts
