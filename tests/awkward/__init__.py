"""Files as people have them, what each is, and what reading it must give: for a test, and for a table.

`CASES` is the list, `make` writes all files into a folder, and `outcome` reads one the way a run does: the config is
loaded and checked, then the source is read.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from awkward import records, streams, tables
from awkward.case import CASES, PLAIN, SKIP, Case
from trex.config import ConfigError, check_files, load_config
from trex.corpora import BadRecords, CorpusError, DocumentLimit, read_documents

__all__ = ["CASES", "SKIP", "Case", "Outcome", "make", "outcome", "records", "streams", "tables"]


def write(content: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, (pa.Table, pa.RecordBatch)):
        pq.write_table(content, path)
    else:
        content(path)


def make(folder: Path) -> None:
    """Write the files of all cases, those of each into a folder named by its number."""
    for number, each in enumerate(CASES):
        for name, content in each.files.items():
            write(content, folder / str(number) / name)
        (folder / str(number) / "other.txt").write_bytes(PLAIN)


@dataclass(frozen=True)
class Outcome:
    """documents: what was read, or None for an error. before: the error came before the run. left_out: the ledger."""

    documents: list[str] | None
    error: str = ""
    before: bool = False
    left_out: dict[str, int] = field(default_factory=dict)


def outcome(number: int, folder: Path) -> Outcome:
    """What a case gives, in the folder that `make` filled."""
    base = folder / str(number)
    try:
        corpora = {"a": {"source": CASES[number].source}, "b": {"source": {"text": "other.txt"}}}
        config = load_config({"corpora": corpora}, base)
        check_files(config, base)
    except ConfigError as error:
        return Outcome(None, str(error), before=True)
    source = config["corpora"]["a"]["source"]
    bad, limit = BadRecords.from_source(source), DocumentLimit(config["counting"]["max_document_bytes"])
    try:
        batches = list(read_documents(source, base, limit=limit, bad=bad))
    except CorpusError as error:
        return Outcome(None, str(error))
    return Outcome([text for batch in batches for text in batch.to_pylist()], left_out=bad.ledger())
