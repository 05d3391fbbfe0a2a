"""Reading the documents of a corpus as a stream, whatever they are stored in.

A *source* is the mapping that the config gives for a corpus: one kind key that says where the text is, and
options.

    {parquet: "fineweb/deu/*.parquet", column: text, where: {quality: ">= 8"}, max_bytes: 10_000_000_000}
    {jsonl: [a.jsonl.zst, b.jsonl.gz]}              {text: notes.txt, sample_by: paragraph}
    {arrow: "deu/*.arrow", column: translation.de}  {jsonl: a.jsonl, on_bad_record: skip, max_bad_records: 0.001}
    {dataset: saved/deu, split: train}              {huggingface: epfml/FineWeb2-HQ, config: deu_Latn}
    {demo: deu}                                      {binary: "bin/*", chunk: 64_000}

Each kind has a reader in a file of this package (`trex.corpora.reader.Reader` is what a new one needs). Whatever the
kind, documents come out in file order as arrays of valid UTF-8, a batch at a time.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from trex.corpora.arrow_files import ArrowFiles
from trex.corpora.bad_records import BadRecords
from trex.corpora.batches import batches, within, without_marks
from trex.corpora.binary import Binary
from trex.corpora.datasets import HuggingFace, SavedDataset
from trex.corpora.dealing import job_sources
from trex.corpora.demo import Demo
from trex.corpora.lines import JsonLines, PlainText
from trex.corpora.parquet import Parquet
from trex.corpora.reader import CorpusError, DocumentLimit, Reader
from trex.files import check_input_name

__all__ = [
    "BadRecords",
    "CorpusError",
    "DocumentLimit",
    "check_source",
    "deal",
    "read_bytes",
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
    reader.kind: reader
    for reader in (Demo, Parquet, ArrowFiles, JsonLines, PlainText, Binary, SavedDataset, HuggingFace)
}


def open_source(
    source: Mapping[str, Any], base: Path, limit: DocumentLimit | None = None, bad: BadRecords | None = None
) -> Reader:
    """The reader of a source; CorpusError for none or several kind keys, or options that cannot go with it."""
    kinds = [kind for kind in READERS if kind in source]
    if len(kinds) != 1:
        raise CorpusError(
            f"a source needs exactly one of the keys {', '.join(READERS)}; this one has "
            f"{' and '.join(kinds) or 'none'}: {dict(source)}"
        )
    return READERS[kinds[0]](source, base, limit, bad)


def source_files(source: Mapping[str, Any], base: Path) -> list[Path]:
    """The files a source reads, sorted, each once; none for ``demo`` and what is on the Hugging Face hub.

    Args:
        source: see the module's description.
        base: the directory that relative paths and globs start from.

    Raises:
        CorpusError: a path or glob that matches no file, or a directory in place of a file.
    """
    reader = open_source(source, base)
    with _readable(reader):
        return reader.files()


@contextmanager
def _readable(reader: Reader) -> Iterator[None]:
    """CorpusError for a file or folder that may not be read."""
    try:
        yield
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        cure = "; let this user read it" if isinstance(error, PermissionError) else ""
        raise CorpusError(f"{reader.what}: {what}{cure}") from error


def deal(
    source: Mapping[str, Any], base: Path, parts: int = 1, seed: int = 0, draw_from: float | None = None
) -> list[dict[str, Any]]:
    """The source as jobs read it: at most ``parts`` sources, with nearly equal bytes of its files.

    One after the other they are the source, its files sorted. Single files are cut where they can be: parquet between
    row groups, plain text and JSON Lines that are not compressed between lines. What is not read file by file is one
    part.

    Of a source with ``max_bytes`` whose files hold more than ``draw_from`` times as much text, the parts are places of
    the files, all over them, that hold about that much (`trex.corpora.dealing.places_of`); not with ``where``, for
    then nobody knows how much text there is. A stream from the hub will be shuffled. What the parts have of
    ``max_bytes`` is for `trex.counting.sampling` to draw.

    Args:
        source: see the module's description.
        base: the directory that relative paths and globs start from.
        seed: of the order of places and of streams.
        draw_from: None to read everything.

    Returns:
        Sources with their files by name, and what only these functions know: ``spans`` (of each file the first byte
        and the end, or None for all), ``read_share`` (of the bytes of all files, if not all are read), ``shuffle``.
    """
    return job_sources(open_source(source, base), source, parts, seed, draw_from)


def read_bytes(source: Mapping[str, Any], base: Path) -> int:
    """Bytes of files that a source of `deal` reads."""
    if "spans" not in source:
        return sum(path.stat().st_size for path in source_files(source, base))
    kind = open_source(source, base).kind
    spans = zip(source[kind], source["spans"], strict=True)
    return sum(span[1] - span[0] if span else (base / name).stat().st_size for name, span in spans)


def check_source(source: Mapping[str, Any], base: Path, limit: DocumentLimit | None = None) -> None:
    """Find what is wrong with a source without reading it: footers, schemas, and some records of the start and of the
    end of a file.

    Names on the Hugging Face hub are not looked up, and of many files few are looked at more closely: what only
    reading finds, :func:`read_documents` raises.

    Raises:
        CorpusError: what is missing or broken, and what there is instead.
    """
    reader = open_source(source, base, DocumentLimit(limit.max_bytes if limit else _CHECKED_BYTES))
    with _readable(reader):
        reader.check_folders()
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
    bad: BadRecords | None = None,
    may_be_empty: bool = False,
) -> Iterator[pa.LargeStringArray]:
    """All documents of a source, in file order.

    Empty strings and nulls are no documents, and a byte order mark (U+FEFF) that begins one is no part of it.
    Of a text file by line, each line keeps its newline, which is the unit that ``tokenizers`` trains on.

    Args:
        source: see the module's description, or one of `deal`. ``max_bytes`` ends streams from the hub, with the
            document that fills it; of other sources all is given, and `trex.counting.sampling` draws.
        base: the directory that relative paths and globs start from.
        batch_bytes: a batch ends with the document that fills it up to this size, so memory is bounded by a
            few times this and the longest document.
        limit: documents that exceed it are left out, and counted in it.
        bad: what becomes of bad records, which are counted in it; None for what the source says.
        may_be_empty: the source is a part of a corpus. That it has no document at all is no error, and whether too
            many records are bad is for the caller to judge, with those of the other parts.

    Yields:
        Non-empty arrays without nulls, offset 0, of fully checked UTF-8.

    Raises:
        CorpusError: on the first ``next``, a source that cannot be opened; later, what is broken further on;
            and at the end, that there was no document at all, or too many bad records.
    """
    limit, bad = limit or DocumentLimit(), bad or BadRecords.from_source(source)
    reader = open_source(source, base, limit, bad)
    what = reader.what
    max_bytes = source.get("max_bytes") if reader.streamed else None
    documents = within(without_marks(reader.pieces()), limit, what)
    for batch in batches(documents, batch_bytes, max_bytes):
        bad.good += len(batch)
        yield batch
    if said := str(bad):
        log.warning("records were left out: %s", said)
    if not may_be_empty:
        bad.check(what)
    too_long = (
        f"{limit.left_out:,} documents were left out, for they are longer than {limit.max_bytes or 0:,} bytes"
    )
    if limit.left_out:
        log.warning("%s; one is in %s", too_long, limit.example)
    reader.where.log_left_out(what)
    if not bad.good and not may_be_empty:
        where = f" after where: {reader.where.written}" if reader.where else ""
        nothing = "no document has any text" + (f"; records were left out: {said}" if said else "")
        problem = f"{too_long}, one in {limit.example}" if limit.left_out else nothing
        raise CorpusError(f"{what}: the corpus is empty{where}: {problem}{_CURE if limit.left_out else ''}")
