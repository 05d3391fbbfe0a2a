"""Reading the documents of a corpus as a stream, whatever they are stored in.

A *source* is the mapping that the config gives for a corpus: one kind key that says where the text is, and
options.

    {parquet: "fineweb/deu/*.parquet", column: text, where: {quality: high}, max_bytes: 10_000_000_000}
    {jsonl: [a.jsonl.zst, b.jsonl.gz]}              {text: notes.txt, sample_by: paragraph}
    {dataset: saved/deu, split: train}              {huggingface: epfml/FineWeb2-HQ, config: deu_Latn}
    {demo: deu}                                      {binary: "bin/*", chunk: 64_000}

Each kind has a reader in a file of this package (`trex.corpora.reader.Reader` is what a new one needs). Whatever the
kind, documents come out in file order as arrays of valid UTF-8, a batch at a time.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from trex.corpora.batches import batches, within
from trex.corpora.binary import Binary
from trex.corpora.datasets import HuggingFace, SavedDataset
from trex.corpora.demo import Demo
from trex.corpora.lines import JsonLines, PlainText
from trex.corpora.parquet import Parquet
from trex.corpora.reader import CorpusError, DocumentLimit, Reader
from trex.files import check_input_name

__all__ = [
    "CorpusError",
    "DocumentLimit",
    "check_source",
    "deal_files",
    "only_files",
    "read_documents",
    "source_files",
]

log = logging.getLogger(__name__)

_CHECKED_BYTES = 10_000_000  # of a first line, which may be of any length
_CURE = (
    ". Give shorter ones (of a text file, sample_by: paragraph or line), or raise counting.max_document_bytes, for "
    "evaluation text evaluation.max_document_bytes"
)

# Every kind of source. The config's schema lists their options.
READERS: dict[str, type[Reader]] = {
    reader.kind: reader for reader in (Demo, Parquet, JsonLines, PlainText, SavedDataset, HuggingFace, Binary)
}


def open_source(source: Mapping[str, Any], base: Path, limit: DocumentLimit | None = None) -> Reader:
    """The reader of a source; CorpusError for none or several kind keys, or options that cannot go with it."""
    kinds = [kind for kind in READERS if kind in source]
    if len(kinds) != 1:
        raise CorpusError(
            f"a source needs exactly one of the keys {', '.join(READERS)}; this one has "
            f"{' and '.join(kinds) or 'none'}: {dict(source)}"
        )
    return READERS[kinds[0]](source, base, limit)


def source_files(source: Mapping[str, Any], base: Path) -> list[Path]:
    """The files a source reads, sorted, each once; none for ``demo`` and what is on the Hugging Face hub.

    Args:
        source: see the module's description.
        base: the directory that relative paths and globs start from.

    Raises:
        CorpusError: a path or glob that matches no file, or a directory in place of a file.
    """
    return open_source(source, base).files()


def deal_files(source: Mapping[str, Any], base: Path, parts: int) -> list[list[Path]]:
    """The files of a source in at most ``parts`` parts of nearly equal bytes, none of them empty.

    Each part is a stretch of the sorted files, so that the parts one after the other are the source. Whatever
    cannot be read in parts is one part: sources without files of their own, and those with ``max_bytes``, whose end
    depends on all that comes before.
    """
    reader = open_source(source, base)
    files = reader.files()
    if parts == 1 or not reader.by_file or source.get("max_bytes") is not None:
        return [files]
    sizes = np.array([path.stat().st_size for path in files], dtype=np.int64)
    ends = np.cumsum(sizes)
    # A file belongs to the part in which its middle lies.
    part = np.minimum((2 * ends - sizes) * parts // max(2 * int(ends[-1]), 1), parts - 1)
    dealt: list[list[Path]] = [[] for _ in range(parts)]
    for path, number in zip(files, part.tolist(), strict=True):
        dealt[number].append(path)
    return [some for some in dealt if some]


def only_files(source: Mapping[str, Any], files: Iterable[str | Path]) -> dict[str, Any]:
    """The source with these of its files alone; one that is not read file by file stays as it is."""
    reader = open_source(source, Path())
    return {**source, reader.kind: [str(path) for path in files]} if reader.by_file else dict(source)


def check_source(source: Mapping[str, Any], base: Path, limit: DocumentLimit | None = None) -> None:
    """Find what is wrong with a source without reading it: footers, schemas and first records only.

    Names on the Hugging Face hub are not looked up, and files are not read to their end: what only reading
    finds, :func:`read_documents` raises.

    Raises:
        CorpusError: what is missing or broken, and what there is instead.
    """
    reader = open_source(source, base, limit or DocumentLimit(_CHECKED_BYTES))
    for path in reader.files():
        try:
            check_input_name(path)
        except ValueError as error:
            raise CorpusError(f"{reader.kind}: {error}") from error
    reader.check()


def read_documents(
    source: Mapping[str, Any],
    base: Path,
    batch_bytes: int = 16 << 20,
    *,
    limit: DocumentLimit | None = None,
    may_be_empty: bool = False,
) -> Iterator[pa.LargeStringArray]:
    """All documents of a source, in file order.

    Empty strings and nulls are no documents. Of a text file by line, each line keeps its newline, which is
    the unit that ``tokenizers`` trains on.

    Args:
        source: see the module's description. With ``max_bytes``, reading stops once that many bytes of UTF-8
            were given; the document that crosses the limit is still given.
        base: the directory that relative paths and globs start from.
        batch_bytes: a batch ends with the document that fills it up to this size, so memory is bounded by a
            few times this and the longest document.
        limit: documents that exceed it are left out, and counted in it.
        may_be_empty: that there is no document at all is no error, as in a part of a corpus.

    Yields:
        Non-empty arrays without nulls, offset 0, of fully checked UTF-8.

    Raises:
        CorpusError: on the first ``next``, a source that cannot be opened; later, what is broken further on;
            and at the end, that there was no document at all.
    """
    limit = limit or DocumentLimit()
    reader = open_source(source, base, limit)
    what = f"{reader.kind}: {source[reader.kind]}"
    empty = True
    for batch in batches(within(reader.pieces(), limit, what), batch_bytes, source.get("max_bytes")):
        empty = False
        yield batch
    too_long = (
        f"{limit.left_out:,} documents were left out, for they are longer than {limit.max_bytes or 0:,} bytes"
    )
    if limit.left_out:
        log.warning("%s; one is in %s", too_long, limit.example)
    if empty and not may_be_empty:
        where = f" after where: {dict(reader.where)}" if reader.where else ""
        problem = f"{too_long}, one in {limit.example}" if limit.left_out else "no document has any text"
        raise CorpusError(f"{what}: the corpus is empty{where}: {problem}{_CURE if limit.left_out else ''}")
