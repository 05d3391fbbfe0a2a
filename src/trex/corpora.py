"""Reading the documents of a corpus as a stream, whatever they are stored in.

A *source* is the mapping that the config gives for a corpus: one kind key that says where the text is, and
options.

    {parquet: "fineweb/deu/*.parquet", column: text, where: {quality: high}, max_bytes: 10_000_000_000}
    {jsonl: [a.jsonl.zst, b.jsonl.gz]}              {text: notes.txt, sample_by: paragraph}
    {dataset: saved/deu, split: train}              {huggingface: epfml/FineWeb2-HQ, config: deu_Latn}
    {demo: deu}

Whatever the kind, documents come out in file order as arrays of valid UTF-8, a batch at a time.
"""

import glob
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trex import demo

KINDS = ("demo", "parquet", "jsonl", "text", "dataset", "huggingface")
_PATH_KINDS = ("parquet", "jsonl", "text")
_SAMPLE_BY = ("line", "paragraph", "document")
# Tables are decoded, and loose documents gathered, in pieces of about this size: large enough that the cost
# of a call vanishes (1, 4 and 16 MB read equally fast), small beside a batch.
_PIECE_BYTES = 4 << 20
_PIECE_ROWS = 16_384
_TABLE_ROWS = 256  # of datasets, which do not say how large their rows are
_READ_BUFFER = 1 << 20
# What pyarrow raises on broken files; UnicodeDecodeError for the name of a column.
_READ_ERRORS = (pa.ArrowException, OSError, UnicodeDecodeError)


class CorpusError(ValueError):
    """A corpus cannot be read; the message says where (file, row, line), what is there, what is right."""


def source_files(source: Mapping[str, Any], base: Path) -> list[Path]:
    """The files a source reads, sorted, each once; none for ``demo`` and ``huggingface``.

    Args:
        source: see the module's description.
        base: the directory that relative paths and globs start from.

    Raises:
        CorpusError: a path or glob that matches no file, or a directory in place of a file.
    """
    kind = _kind(source)
    if kind == "dataset":
        return sorted(path for path in _dataset_dir(source, base).rglob("*") if path.is_file())
    if kind not in _PATH_KINDS:
        return []
    patterns = [source[kind]] if isinstance(source[kind], str) else source[kind]
    if not patterns:
        raise CorpusError(f"{kind}: the list of files is empty; write a path, a glob, or a list of them")
    return sorted({path for pattern in patterns for path in _expand(kind, pattern, base)})


def deal_files(source: Mapping[str, Any], base: Path, parts: int) -> list[list[Path]]:
    """The files of a source in at most ``parts`` parts of nearly equal bytes, none of them empty.

    Each part is a stretch of the sorted files, so that the parts one after the other are the source. Whatever
    cannot be read in parts is one part: sources without files of their own, and those with ``max_bytes``, whose end
    depends on all that comes before.
    """
    files = source_files(source, base)
    if parts == 1 or _kind(source) not in _PATH_KINDS or source.get("max_bytes") is not None:
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
    """The source with these of its files alone."""
    return {**source, _kind(source): [str(path) for path in files]}


def check_source(source: Mapping[str, Any], base: Path) -> None:
    """Find what is wrong with a source without reading it: footers, schemas and first records only.

    Names on the Hugging Face hub are not looked up, and files are not read to their end: what only reading
    finds, :func:`read_documents` raises.

    Raises:
        CorpusError: what is missing or broken, and what there is instead.
    """
    kind = _kind(source)
    files = source_files(source, base)
    if kind == "demo":
        _guard_demo(demo.check_demo, source["demo"])
    elif kind == "huggingface":
        _check_huggingface(source, base)
    elif kind == "dataset":
        _check_dataset(source, base)
    elif kind == "parquet":
        _check_parquet(files, source)
    else:
        for path in files:
            _check_lines(path, source)


def read_documents(
    source: Mapping[str, Any], base: Path, batch_bytes: int = 16 << 20, *, may_be_empty: bool = False
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
        may_be_empty: that there is no document at all is no error, as in a part of a corpus.

    Yields:
        Non-empty arrays without nulls, offset 0, of fully checked UTF-8.

    Raises:
        CorpusError: on the first ``next``, a source that cannot be opened; later, what is broken further on;
            and at the end, that there was no document at all.
    """
    kind = _kind(source)
    if kind == "demo":
        texts = _guard_demo(demo.demo_documents, source["demo"])
        pieces = _gather(text.encode() for text in texts)
    elif kind == "huggingface":
        pieces = _read_huggingface(source, base)
    elif kind == "dataset":
        pieces = _read_dataset(source, base)
    elif kind == "parquet":
        pieces = _read_parquet(source_files(source, base), source)
    elif kind == "jsonl":
        pieces = _gather(_read_jsonl(source_files(source, base), source))
    else:
        pieces = _gather(_read_text(source_files(source, base), source))
    empty = True
    for batch in _batches(pieces, batch_bytes, source.get("max_bytes")):
        empty = False
        yield batch
    if empty and not may_be_empty:
        where = f" after where: {dict(source['where'])}" if source.get("where") else ""
        raise CorpusError(f"{kind}: {source[kind]}: the corpus is empty{where}: no document has any text")


# --- sources ---


def _kind(source: Mapping[str, Any]) -> str:
    """The one kind key of a source; CorpusError for none or several, or options that cannot go with it."""
    kinds = [kind for kind in KINDS if kind in source]
    if len(kinds) != 1:
        raise CorpusError(
            f"a source needs exactly one of the keys {', '.join(KINDS)}; this one has "
            f"{' and '.join(kinds) or 'none'}: {dict(source)}"
        )
    kind = kinds[0]
    if kind in ("text", "demo") and source.get("where"):
        raise CorpusError(
            f"{kind}: {source[kind]}: where needs rows with columns, and {kind} has none: leave it out"
        )
    sample_by = source.get("sample_by", "line")
    if kind == "text" and sample_by not in _SAMPLE_BY:
        raise CorpusError(
            f"text: {source[kind]}: sample_by is {sample_by!r}; write one of {', '.join(_SAMPLE_BY)}"
        )
    return kind


def _column(source: Mapping[str, Any]) -> str:
    return source.get("column", "text")


def _expand(kind: str, pattern: str, base: Path) -> list[Path]:
    path = base / Path(pattern).expanduser()
    if path.is_dir():
        raise CorpusError(
            f"{kind}: {path} is a directory; write a glob of the files in it, such as {pattern}/*.{kind}"
        )
    if path.is_file():  # before globbing, so that names with [brackets] work
        return [path]
    files = [Path(name) for name in glob.glob(str(path), recursive=True)]
    files = [file for file in files if file.is_file()]
    if not files:
        raise CorpusError(f"{kind}: {path}: there is no such file, and as a glob it matches none")
    return files


def _guard_demo(function: Callable[[str], Any], code: str) -> Any:
    """Call a function of :mod:`trex.demo`, its errors turned into CorpusError."""
    try:
        return function(code)
    except (ValueError, ModuleNotFoundError) as error:
        raise CorpusError(f"demo: {error}") from error


# --- tables: parquet, saved datasets, the Hugging Face hub ---


def _check_schema(place: str, schema: pa.Schema, source: Mapping[str, Any]) -> None:
    """CorpusError unless the text column is there and a string, and the where columns fit their values."""
    column, where = _column(source), source.get("where") or {}
    for name in (column, *where):
        if name not in schema.names:
            option = "column" if name == column else "where"
            raise CorpusError(
                f"{place}: {option}: there is no column {name!r}; there are: {', '.join(schema.names)}"
            )
    kind = schema.field(column).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        strings = [field.name for field in schema if "string" in str(field.type)]
        raise CorpusError(
            f"{place}: column {column!r} is {kind}, not string; strings are: {', '.join(strings) or 'none'}"
        )
    for name, value in where.items():
        _where_scalar(place, name, value, schema.field(name).type)


def _where_scalar(place: str, name: str, value: Any, kind: pa.DataType) -> pa.Scalar:
    try:
        return pa.scalar(value, kind.value_type if pa.types.is_dictionary(kind) else kind)
    except (pa.ArrowException, OverflowError) as error:
        raise CorpusError(
            f"{place}: where: column {name!r} is {kind} and cannot be equal to {value!r}: "
            "write the value as that type (in YAML, quotes make a string)"
        ) from error


def _documents(rows: pa.RecordBatch, source: Mapping[str, Any], place: str, first: int) -> pa.Array:
    """The documents of some rows, as a LargeStringArray; errors count rows from ``first``."""
    _check_schema(place, rows.schema, source)
    texts = rows.column(_column(source)).cast(pa.large_string())
    # Null for null, which filter drops. Not pc.greater(..., 0): a Python value makes pyarrow import pandas.
    keep = pc.binary_length(texts).cast(pa.bool_())
    for name, value in (source.get("where") or {}).items():
        values = rows.column(name)
        keep = pc.and_(keep, pc.equal(values, _where_scalar(place, name, value, values.type)))
    documents = texts.filter(keep)
    try:
        documents.validate(full=True)  # Arrow takes the bytes of a file for UTF-8 without looking
    except pa.ArrowInvalid as error:
        kept = np.flatnonzero(pc.fill_null(keep, False).to_numpy(zero_copy_only=False))
        for row, document in zip(kept, documents.cast(pa.large_binary()), strict=True):
            _decode(
                document.as_py(), f"{place}: row {first + row} (counted from 0): column {_column(source)!r}"
            )
        raise CorpusError(f"{place}: rows from {first} on: {error}") from error
    return documents


def _check_parquet(files: list[Path], source: Mapping[str, Any]) -> None:
    rows = 0
    for path in files:
        try:
            with pq.ParquetFile(path) as file:
                rows += file.metadata.num_rows
                schema = file.schema_arrow
        except _READ_ERRORS as error:
            raise CorpusError(f"{path}: not a readable parquet file: {error}") from error
        _check_schema(str(path), schema, source)
    if rows == 0:
        raise CorpusError(f"parquet: {source['parquet']}: the corpus is empty: no file has any row")


def _read_parquet(files: list[Path], source: Mapping[str, Any]) -> Iterator[pa.Array]:
    columns = list(dict.fromkeys([_column(source), *(source.get("where") or {})]))
    for path in files:
        row = 0
        try:
            # A buffer in place of the whole column chunk, which may be gigabytes.
            with pq.ParquetFile(path, buffer_size=_READ_BUFFER, page_checksum_verification=True) as file:
                _check_schema(str(path), file.schema_arrow, source)
                for batch in file.iter_batches(_piece_rows(file.metadata, _column(source)), columns=columns):
                    yield _documents(batch, source, str(path), row)
                    row += batch.num_rows
        except _READ_ERRORS as error:
            raise CorpusError(f"{path}: not a readable parquet file from row {row} on: {error}") from error


def _piece_rows(metadata: pq.FileMetaData, column: str) -> int:
    """How many rows to decode at once for about ``_PIECE_BYTES`` of the row group with the longest texts."""
    longest = 1.0
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            if chunk.path_in_schema == column and group.num_rows:
                longest = max(longest, chunk.total_uncompressed_size / group.num_rows)
    return max(1, min(_PIECE_ROWS, int(_PIECE_BYTES / longest)))


def _dataset_dir(source: Mapping[str, Any], base: Path) -> Path:
    directory = base / Path(source["dataset"]).expanduser()
    if not directory.is_dir():
        raise CorpusError(
            f"dataset: {directory}: there is no such directory; it is what save_to_disk was given"
        )
    return directory


def _dataset_split_dir(source: Mapping[str, Any], base: Path) -> Path:
    """The directory of the one Dataset to read: of a DatasetDict, that of the split (default ``train``)."""
    directory = _dataset_dir(source, base)
    if not (directory / "dataset_dict.json").is_file():
        if "split" in source:
            raise CorpusError(
                f"dataset: {directory} is one Dataset, not a DatasetDict, and has no split "
                f"{source['split']!r}: leave it out"
            )
        return directory
    splits = json.loads((directory / "dataset_dict.json").read_text())["splits"]
    split = source.get("split", "train")
    if split not in splits:
        raise CorpusError(
            f"dataset: {directory}: there is no split {split!r}; there are: {', '.join(splits)}"
        )
    return directory / split


def _check_dataset(source: Mapping[str, Any], base: Path) -> None:
    # From the files themselves: importing datasets takes seconds.
    directory = _dataset_split_dir(source, base)
    try:
        state = json.loads((directory / "state.json").read_text())
        with pa.OSFile(str(directory / state["_data_files"][0]["filename"])) as file:
            schema = pa.ipc.open_stream(file).schema
    except (OSError, ValueError, LookupError, pa.ArrowException) as error:
        raise CorpusError(
            f"dataset: {directory} was not saved by datasets' save_to_disk, or is broken: {error}"
        ) from error
    _check_schema(f"dataset: {directory}", schema, source)


def _read_dataset(source: Mapping[str, Any], base: Path) -> Iterator[pa.Array]:
    _check_dataset(source, base)
    directory = _dataset_split_dir(source, base)

    def load():
        import datasets

        return datasets.load_from_disk(directory)

    return _read_rows(f"dataset: {directory}", load, source)


def _check_huggingface(source: Mapping[str, Any], base: Path) -> None:
    name = source["huggingface"]
    if not name:
        raise CorpusError(
            "huggingface: the name is empty; write OWNER/NAME, a directory, or a builder such as json"
        )
    if (base / name).is_dir() and not any((base / name).iterdir()):
        raise CorpusError(f"huggingface: {base / name}: the directory is empty")


def _read_huggingface(source: Mapping[str, Any], base: Path) -> Iterator[pa.Array]:
    name = source["huggingface"]
    files = source.get("data_files")

    def load():
        import datasets

        return datasets.load_dataset(
            # With data_files it is a builder or a repository, even if there is a directory called "json".
            str(base / name) if files is None and (base / name).is_dir() else name,
            source.get("config"),
            split=source.get("split", "train"),
            revision=source.get("revision"),
            data_files=_local_files(files, base),
            streaming=True,
        )

    _check_huggingface(source, base)
    return _read_rows(f"huggingface: {name}", load, source)


def _local_files(files: str | list[str] | None, base: Path) -> str | list[str] | None:
    """``data_files``: what exists under ``base`` as an absolute path; the rest is inside a repository."""
    if files is None:
        return None
    patterns = [files] if isinstance(files, str) else files
    return [str(base / file) if glob.glob(str(base / file), recursive=True) else file for file in patterns]


def _read_rows(place: str, load: Callable[[], Any], source: Mapping[str, Any]) -> Iterator[pa.Array]:
    """The documents of a Dataset or IterableDataset, as arrays."""
    row = 0
    try:
        for table in load().with_format("arrow").iter(_TABLE_ROWS):
            for batch in table.to_batches():
                yield _documents(batch, source, place, row)
                row += batch.num_rows
    except CorpusError:
        raise
    except Exception as error:  # the hub, the network and every file format raise their own
        raise CorpusError(
            f"{place}: cannot be read from row {row} on: {type(error).__name__}: {error}"
        ) from error


# --- lines: jsonl and text ---


def _check_lines(path: Path, source: Mapping[str, Any]) -> None:
    if path.stat().st_size == 0:
        raise CorpusError(f"{path}: the file is empty (0 bytes)")
    jsonl = "jsonl" in source
    for number, line in _lines(path):
        if not jsonl:
            _decode(line, f"{path}:{number}")
        elif line.strip():
            _text(_record(line, f"{path}:{number}"), _column(source), f"{path}:{number}")
        else:
            continue
        return
    raise CorpusError(f"{path}: the file has no record")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number (from 1) and bytes of each line with newline. Only ``\\n`` ends one, as in ``tokenizers``."""
    number = 0
    try:
        # Arrow decompresses by suffix, and unlike zstandard it notices a truncated stream.
        with io.BufferedReader(pa.input_stream(str(path), compression="detect"), _READ_BUFFER) as stream:
            for number, line in enumerate(stream, 1):
                yield number, line
    except _READ_ERRORS as error:
        raise CorpusError(f"{path}: cannot be read after line {number}: {error}") from error


def _read_jsonl(files: list[Path], source: Mapping[str, Any]) -> Iterator[bytes]:
    column, where = _column(source), source.get("where") or {}
    for path in files:
        for number, line in _lines(path):
            if not line.strip():
                continue
            place = f"{path}:{number}"
            record = _record(line, place)
            if all(name in record and record[name] == value for name, value in where.items()):
                yield _text(record, column, place)


def _record(line: bytes, place: str) -> dict[str, Any]:
    text = _decode(line, place).removeprefix("\ufeff")
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:  # RecursionError: [[[[... without end
        raise CorpusError(f"{place}: not JSON: {error}; jsonl is one JSON object a line") from error
    if not isinstance(record, dict):
        raise CorpusError(
            f"{place}: a JSON {type(record).__name__}, not an object; jsonl is one JSON object a line"
        )
    return record


def _text(record: dict[str, Any], column: str, place: str) -> bytes:
    """The text of a record as UTF-8; empty for null."""
    if column not in record:
        raise CorpusError(f"{place}: column: there is no key {column!r}; there are: {', '.join(record)}")
    text = record[column]
    if text is None:
        return b""
    if not isinstance(text, str):
        raise CorpusError(f"{place}: {column!r} is {text!r:.60}, not a string")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise CorpusError(
            f"{place}: {column!r} holds \\u{ord(text[error.start]):04x} at character {error.start}, half "
            "of a surrogate pair, which is no text: repair or remove the document"
        ) from error


def _read_text(files: list[Path], source: Mapping[str, Any]) -> Iterator[bytes]:
    sample_by = source.get("sample_by", "line")
    for path in files:
        if sample_by == "line":
            yield from _checked_lines(path)
        elif sample_by == "document":
            yield b"".join(_checked_lines(path))
        else:
            for blank, lines in groupby(_checked_lines(path), key=lambda line: not line.strip()):
                if not blank:
                    yield b"".join(lines)


def _checked_lines(path: Path) -> Iterator[bytes]:
    for number, line in _lines(path):
        _decode(line, f"{path}:{number}")
        yield line


def _decode(data: bytes, place: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{place}: not UTF-8: byte 0x{data[error.start]:02x} at byte {error.start}: {error.reason}; "
            "convert the file to UTF-8"
        ) from error


# --- batches ---


def _gather(documents: Iterable[bytes]) -> Iterator[pa.Array]:
    """Loose documents, which are UTF-8, as arrays of about ``_PIECE_BYTES``, without the empty ones."""
    gathered: list[bytes] = []
    size = 0
    for document in documents:
        if document:
            gathered.append(document)
            size += len(document)
        if size >= _PIECE_BYTES:
            yield _to_array(gathered)
            gathered, size = [], 0
    yield _to_array(gathered)


def _to_array(documents: list[bytes]) -> pa.LargeStringArray:
    # From buffers, because pa.array would import pandas.
    offsets = np.zeros(len(documents) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, documents), np.int64, len(documents)), out=offsets[1:])
    text = pa.py_buffer(b"".join(documents))
    return pa.LargeStringArray.from_buffers(len(documents), pa.py_buffer(offsets), text)


def _batches(
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
