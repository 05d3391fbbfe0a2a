"""Files of bytes that are no text: programs, libraries, genomes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from trex.corpora.batches import gather
from trex.corpora.reader import CorpusError, FileReader

CHUNK_BYTES = 64_000


class Binary(FileReader):
    """Files cut into chunks; a document is a chunk, as the Latin-1 text that has its bytes.

    So all 256 bytes are text that every tool can hold, and a tokenizer.json reads it as it is.
    """

    kind = "binary"
    has_columns = False

    def __init__(self, source: Mapping[str, Any], base: Path, *others: Any):
        super().__init__(source, base, *others)
        self.chunk: int = source.get("chunk") or CHUNK_BYTES

    def check(self) -> None:
        files = self.files()
        for path in files:
            _open(path).close()
        if not any(path.stat().st_size for path in files):
            raise CorpusError(f"{self.what}: all {len(files)} files are empty (0 bytes)")

    def text_in(self, path: Path) -> tuple[int, int, int]:
        size = path.stat().st_size
        return size, size, size

    def pieces(self) -> Iterator[pa.Array]:
        return gather(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        for path in self.files():
            with _open(path) as file:
                while chunk := file.read(self.chunk):
                    yield chunk.decode("latin-1").encode()


def _open(path: Path):
    try:
        return open(path, "rb")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror}; leave it out of the glob") from error
