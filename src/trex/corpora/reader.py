"""What every kind of source has in common: the interface of its reader, its files, the errors it raises."""

import glob
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from trex.corpora.bad_records import BadRecords
from trex.corpora.errors import BadRecord, CorpusError
from trex.corpora.stretches import Stretch
from trex.corpora.where import Where

READ_BUFFER = 1 << 20
# What pyarrow raises on broken files; UnicodeDecodeError for the name of a column.
READ_ERRORS = (pa.ArrowException, OSError, UnicodeDecodeError)

# Names of files that a glob leaves out.
_MARKERS = ("_SUCCESS", "_metadata", "_common_metadata", "_committed_", "_started_", "._", ".DS_Store")


class DocumentLimit:
    """The longest document that is read; what is longer is left out and counted.

    Attributes:
        max_bytes: of UTF-8; None for no limit.
        left_out: how many documents were longer. example: where one of them is.
    """

    def __init__(self, max_bytes: int | None = None):
        self.max_bytes = max_bytes
        self.left_out, self.example = 0, ""

    @property
    def too_much(self) -> float:
        """The bytes of the shortest document that is left out."""
        return float("inf") if self.max_bytes is None else self.max_bytes + 1

    def leave_out(self, place: str) -> None:
        self.example = self.example or place
        self.left_out += 1


class Reader(ABC):
    """Reads one source. A new kind of source is a subclass in a file of its own, listed in `trex.corpora.READERS`.

    Attributes:
        kind: the key of the config that says where the text is.
        by_file: the source is its files one after the other, so that it can be read in parts.
        streamed: the source comes from elsewhere, a document after the other; it is not read twice.
        has_columns: documents are rows with columns, so that ``where`` can select them.
        source: the mapping of the config. base: the directory that relative paths and globs start from.
        limit: of documents. A reader need not look at it where it could read a longer one, but should not hold much
            more than that in memory.
        bad: what becomes of bad records; the reader hands them to it, and counts texts that are null.
        column: the option ``column``. where: the conditions of the option ``where``.
    """

    kind: ClassVar[str]
    by_file: ClassVar[bool] = False
    has_columns: ClassVar[bool] = True
    streamed: bool = False

    def __init__(
        self,
        source: Mapping[str, Any],
        base: Path,
        limit: DocumentLimit | None = None,
        bad: BadRecords | None = None,
    ):
        self.source, self.base = source, base
        self.limit = limit or DocumentLimit()
        self.bad = bad or BadRecords.from_source(source)
        self.column: str = source.get("column", "text")
        self.where = Where(source.get("where") or {}, self.what)
        self.bad.where = self.where
        if self.where and not self.has_columns:
            raise CorpusError(
                f"{self.what}: where needs rows with columns, and {self.kind} has none: leave it out"
            )

    @property
    def what(self) -> str:
        """The kind and what the config names, for messages, such as ``jsonl: a.jsonl and 7 more``."""
        named = self.source[self.kind]
        if isinstance(named, str) or not named:
            return f"{self.kind}: {named}"
        return f"{self.kind}: {named[0]}" + (f" and {len(named) - 1} more" if len(named) > 1 else "")

    def files(self) -> list[Path]:
        """The files that are read, sorted, each once; none if they are not known."""
        return []

    def check_folders(self) -> None:  # noqa: B027
        """CorpusError for a folder that a glob passes over because it may not be read."""

    @abstractmethod
    def check(self) -> None:
        """Find what is wrong without reading all of the text; bad records, by a quick look at a few of them. Raises
        CorpusError."""

    @abstractmethod
    def pieces(self) -> Iterator[pa.Array]:
        """All documents in file order: LargeStringArrays of checked UTF-8, without nulls and empty strings, of a few MB
        or one document. Raises CorpusError."""


class FileReader(Reader):
    """A reader of files named by a path, a glob, or a list of them."""

    by_file = True

    def files(self) -> list[Path]:
        named = self.source[self.kind]
        patterns = [named] if isinstance(named, str) else named
        if not patterns:
            raise CorpusError(
                f"{self.kind}: the list of files is empty; write a path, a glob, or a list of them"
            )
        real = cache(os.path.realpath)  # of folders, which have many files
        once: dict[str, Path] = {}  # also a file that a link, or a name with "..", names again
        for path in sorted({path for pattern in patterns for path in self._expand(pattern)}):
            at = os.path.realpath(path) if path.is_symlink() else f"{real(path.parent)}/{path.name}"
            once.setdefault(at, path)
        return list(once.values())

    def check_folders(self) -> None:
        """CorpusError for a folder that a glob passes over because it may not be read."""
        named = self.source[self.kind]
        for pattern in [named] if isinstance(named, str) else named:
            path = located(self.base, pattern)
            above = [] if path.is_file() else [f"{folder}/" for folder in path.parents]
            folders = (
                name for glob_ in above if glob.has_magic(glob_) for name in glob.glob(glob_, recursive=True)
            )
            for folder in folders:
                if not os.access(folder.rstrip("/"), os.R_OK | os.X_OK) and "/lost+found/" not in folder:
                    raise CorpusError(
                        f"{self.kind}: {folder}: this user may not read the folder, in which {path} may have "
                        "files; let this user read it, or write a glob that leaves it out"
                    )

    def stretches(self) -> list[Path | Stretch]:
        """What is read, in order: all files, or the ``spans`` of them that `trex.corpora.deal` chose."""
        if "spans" not in self.source:
            return self.files()
        files = [self.base / name for name in self.source[self.kind]]
        spans = zip(files, self.source["spans"], strict=True)
        return [path if span is None else self.stretch(path, *span) for path, span in spans]

    def stretch(self, path: Path, first: int, end: int) -> Stretch:
        return Stretch(path, first, end)

    def can_cut(self, path: Path, look: bool = True) -> bool:
        """Whether stretches of a file can be read; without a look into a file that takes long, whether that may be."""
        return False

    def text_in(self, path: Path) -> tuple[int, int, int]:
        """(about how many bytes of text a file has, its bytes, the bytes of its largest part that cannot be cut)."""
        size = path.stat().st_size
        return size, size, 0

    def _expand(self, pattern: str) -> list[Path]:
        path = located(self.base, pattern)
        if path.is_dir():
            raise CorpusError(
                f"{self.kind}: {path} is a directory; write a glob of the files in it, such as "
                f"{pattern.rstrip('/')}/*.{self.kind}"
            )
        if path.is_file():  # before globbing, so that names with [brackets] work
            return [path]
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]
        files = [file for file in found if not _is_marker(file) and file.is_file()]
        if not files:
            if path.exists():
                raise CorpusError(
                    f"{self.kind}: {path}: neither a file nor a folder; copy its text into a file"
                )
            if any(file.is_dir() for file in found):
                raise CorpusError(
                    f"{self.kind}: {path} matches folders and no file; write {pattern}/*, or {pattern}/**"
                )
            raise CorpusError(
                f"{self.kind}: {path}: no such file, and as a glob it matches none{_hint(pattern)}"
            )
        return files


def located(base: Path, name: str) -> Path:
    """A path of the config, where ~ and ~user are folders of users."""
    try:
        return base / Path(name).expanduser()
    except RuntimeError:  # no user of that name: a file whose name begins with a ~
        return base / name


def _hint(pattern: str) -> str:
    if "://" in pattern:
        return ". Addresses are not read: download the files, or write huggingface: OWNER/NAME"
    if "{" in pattern:
        return ". Globs know * ? [abc] and **; write several as a list"
    return ". Variables are not replaced; write the path itself" if "$" in pattern else ""


def _is_marker(path: Path) -> bool:
    """Whether a program wrote a file beside those that hold its data, which is what Spark, Hadoop and Databricks do."""
    return path.name.startswith(_MARKERS) or path.suffix == ".crc" or "_temporary" in path.parts


def decode(data: bytes) -> str:
    """The text of UTF-8 bytes; BadRecord that names the first byte that is none."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        wrong = data[error.start : error.start + 2]
        if wrong[0] == 0xED and wrong[1:] >= b"\xa0":  # as Java and some databases write half a pair
            message = f"half of a surrogate pair at byte {error.start}, which is no text"
            raise BadRecord("half_surrogate", message) from error
        message = f"not UTF-8: byte 0x{wrong[0]:02x} at byte {error.start}: {error.reason}"
        raise BadRecord("not_utf8", message) from error
