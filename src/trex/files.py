"""Writing files whole or not at all: every output is written beside its place and then moved there."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A path to write a file or folder to; it takes the place of `path` when the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        if part.is_dir() and path.exists():
            shutil.rmtree(path)
        os.replace(part, path)
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


def write_table(table: "pl.DataFrame | pa.Table", path: str | Path) -> None:
    """Write a parquet file."""
    with whole(path) as part:
        if hasattr(table, "write_parquet"):
            table.write_parquet(part)
        else:
            import pyarrow.parquet as pq

            pq.write_table(table, part, compression="zstd")


def write_array(array: "np.ndarray", path: str | Path) -> None:
    """Write a .npy file."""
    import numpy as np

    with whole(path) as part, open(part, "wb") as file:
        np.save(file, array)


def write_text(text: str, path: str | Path) -> None:
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(data: Any, path: str | Path) -> None:
    write_text(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n", path)


def read_json(path: str | Path) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))
