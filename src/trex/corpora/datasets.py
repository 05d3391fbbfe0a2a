"""The `datasets` library: folders that it saved, and what it loads from the Hugging Face hub or from files."""

import glob
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from trex.corpora.arrow_files import arrow_documents, check_arrow_files
from trex.corpora.reader import CorpusError, Reader, located
from trex.corpora.tables import check_schema, documents, slices

# Documents among which the next one of a shuffled stream is drawn; the order of shards is shuffled too.
SHUFFLE_BUFFER = 10_000
_TABLE_ROWS = 256  # at a time, for datasets does not say how large its rows are


class SavedDataset(Reader):
    """A folder that save_to_disk wrote: a Dataset, or a DatasetDict of splits.

    It is read without the library, whose import takes seconds, and which has no way to bound a batch of rows.
    """

    kind = "dataset"

    def files(self) -> list[Path]:
        """What save_to_disk wrote, without what the library keeps beside it (``cache-*.arrow``)."""
        files = [path for folder in self._split_folders() for path in self._files_of(folder)]
        about = {path.parent / name for path in files for name in ("state.json", "dataset_info.json")}
        about.add(self._folder() / "dataset_dict.json")
        return sorted({*files, *filter(Path.is_file, about)})

    def check(self) -> None:
        files = [path for folder in self._split_folders() for path in self._files_of(folder)]
        check_arrow_files(files, self, self.what)

    def pieces(self) -> Iterator[pa.Array]:
        for folder in self._split_folders():
            for path in self._files_of(folder):
                yield from arrow_documents(path, self)

    def _folder(self) -> Path:
        directory = located(self.base, self.source["dataset"])
        if not directory.is_dir():
            raise CorpusError(
                f"dataset: {directory}: no such directory; write the folder that save_to_disk was given"
            )
        return directory

    def _files_of(self, folder: Path) -> list[Path]:
        """The files of one Dataset, in order."""
        try:
            state = json.loads((folder / "state.json").read_text())
            files = [folder / file["filename"] for file in state["_data_files"]]
            if state.get("_indices_data_files"):
                raise ValueError(
                    "it selects rows of another one; save it again after flatten_indices() with a newer datasets"
                )
            for path in files:
                if not path.is_file():
                    raise FileNotFoundError(f"{path.name} is not there")
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise CorpusError(
                f"dataset: {folder} was not saved by datasets' save_to_disk, or is broken: {error}"
            ) from error
        return files

    def _split_folders(self) -> list[Path]:
        """The folders to read: of a DatasetDict, that of the split, or of several with a + between them."""
        directory, split = self._folder(), self.source.get("split")
        if (directory / "dataset_dict.json").is_file():
            try:
                splits = json.loads((directory / "dataset_dict.json").read_text())["splits"]
            except (OSError, ValueError, LookupError, TypeError) as error:
                raise CorpusError(
                    f"dataset: {directory / 'dataset_dict.json'} is broken: {error!r}; save it again"
                ) from error
            wanted = [name.strip() for name in (split or "train").split("+")]
            for name in wanted:
                if name not in splits:
                    raise CorpusError(
                        f"dataset: {directory}: unknown split {name!r}; write split: and one of those available, or "
                        f"several with a + between them: {', '.join(splits)}"
                    )
            return [directory / name for name in dict.fromkeys(wanted)]
        if not (directory / "state.json").is_file():
            raise CorpusError(
                f"dataset: {directory} is no dataset: it has neither state.json nor dataset_dict.json, which "
                "save_to_disk writes. For files of other kinds write parquet, arrow, jsonl or text"
            )
        if split:
            raise CorpusError(
                f"dataset: {directory} is one Dataset, not a DatasetDict, and has no split {split!r}: leave it out"
            )
        return [directory]


class HuggingFace(Reader):
    """What `datasets.load_dataset` streams: a repository on the hub, a local folder, or files by a builder."""

    kind = "huggingface"

    @property
    def streamed(self) -> bool:
        return not self.files()

    def files(self) -> list[Path]:
        """Those of a local folder, and ``data_files`` that are on this machine, below `base` or in the local folder."""
        inside = self.base / self.source["huggingface"]
        patterns = [pattern for file in self._data_files() for pattern in (self.base / file, inside / file)]
        found = {Path(path) for pattern in patterns for path in glob.glob(str(pattern), recursive=True)}
        if (folder := self._local_folder()) is not None:
            found |= {path for path in folder.rglob("*") if ".cache" not in path.relative_to(folder).parts}
        return sorted(path for path in found if path.is_file())

    def _local_folder(self) -> Path | None:
        # With data_files it is a builder or a repository, even if there is a directory called "json".
        folder = self.base / self.source["huggingface"]
        return folder if self.source.get("data_files") is None and folder.is_dir() else None

    def _data_files(self) -> list[str]:
        """``data_files``: what exists under `base` as an absolute path; the rest is inside a repository."""
        files = self.source.get("data_files") or []
        patterns = [files] if isinstance(files, str) else files
        here = [str(self.base / file) for file in patterns]
        return [
            path if glob.glob(path, recursive=True) else file
            for path, file in zip(here, patterns, strict=True)
        ]

    def check(self) -> None:
        name = self.source["huggingface"]
        if not name:
            raise CorpusError(
                "huggingface: the name is empty; write OWNER/NAME, a directory, or a builder such as json"
            )
        if (self.base / name).is_dir() and not any((self.base / name).iterdir()):
            raise CorpusError(f"huggingface: {self.base / name}: the directory is empty")

    def pieces(self) -> Iterator[pa.Array]:
        source, name = self.source, self.source["huggingface"]

        def load():
            import datasets

            stream = datasets.load_dataset(
                str(self._local_folder() or name),
                source.get("config"),
                split=source.get("split") or "train",
                revision=source.get("revision"),
                data_files=self._data_files() or None,
                streaming=True,
            )
            if "shuffle" in source:
                return stream.shuffle(seed=source["shuffle"], buffer_size=SHUFFLE_BUFFER)
            return stream

        self.check()
        return _read_rows(f"huggingface: {name}", load, self)


def _read_rows(place: str, load: Callable[[], Any], reader: Reader) -> Iterator[pa.Array]:
    """The documents of a Dataset or IterableDataset, as arrays."""
    row = 0
    try:
        for table in load().with_format("arrow").iter(_TABLE_ROWS):
            check_schema(place, table.schema, reader)
            for batch in table.to_batches():
                for rows in slices(batch, reader.column):
                    yield documents(rows, reader, place, row)
                    row += rows.num_rows
    except CorpusError:
        raise
    except Exception as error:  # the hub, the network and every file format raise their own
        raise CorpusError(
            f"{place}: cannot be read from row {row} on: {type(error).__name__}: {error}"
        ) from error
