"""Writing files whole or not at all: every output is written beside its place and then moved there.

What was written is hashed before it gets its name (`written`), so that nothing that happens to the file afterwards can
be taken for what the job made (`trex.run.records`).
"""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import pyarrow as pa

# Of a file: its SHA-256 and its stamp. Of a path, which may be a folder: those of its files by name; of a file, by ".".
Content = dict[str, tuple[str, list[int]]]

written: dict[str, Content] = {}  # by absolute path: what this process wrote

_PART = re.compile(r"\.(?P<name>.+)\.\d+-[0-9a-f]{8}\.part")


def stamp(file: Path) -> list[int]:
    """[bytes, modified ns, changed ns, inode]: what differs after a file's content did. A program can put the time of
    modification back, but not that of the last change."""
    stat = file.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def sha256(file: Path) -> str:
    with open(file, "rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def members(path: Path) -> dict[str, Path]:
    """The files of a folder, with those of its folders, by name; of a file, itself as ".".

    Hidden ones are left out: Snakemake puts one into every folder."""
    if not path.is_dir():
        return {".": path}
    files = (file for file in sorted(path.rglob("[!.]*")) if file.is_file())
    return {file.relative_to(path).as_posix(): file for file in files}


def scratch(path: str | Path) -> Path:
    """The folder for temporary files of a job that writes `path`: the environment's TREX_SCRATCH, such as a disk of the
    node (variables in it are filled in, as in '$SLURM_TMPDIR'), or else beside `path`."""
    return (
        Path(os.path.expandvars(os.environ["TREX_SCRATCH"]))
        if "TREX_SCRATCH" in os.environ
        else Path(path).parent
    )


def remove(path: Path) -> None:
    """Delete a file or a folder; it need not be there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_temporary_files(paths: Iterable[str | Path]) -> None:
    """Delete what writers that were killed have left half-written beside these paths."""
    names: dict[Path, set[str]] = {}
    for path in map(Path, paths):
        names.setdefault(path.parent, set()).add(path.name)
    for folder, known in names.items():
        for file in folder.glob(".*.part"):
            match = _PART.fullmatch(file.name)
            if match and match["name"] in known:
                remove(file)


def _disk_is_full(error: Exception) -> bool:
    """Whether an error says so in one of the ways of Python, NumPy, Polars or Arrow."""
    full = "No space left on device" in str(error) or "Disk quota exceeded" in str(error)
    return full or (isinstance(error, OSError) and "requested and" in str(error))


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A path to write a file or folder to; it takes the place of `path` when the block ends without an error.

    The content is on disk before it gets its name, so that a full disk is an error here and not a short file later.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        yield temporary
        digests = {}
        for name, file in members(temporary).items():
            with open(file, "rb") as data:
                os.fsync(data.fileno())
            digests[name] = sha256(file)
        if path.is_dir():
            shutil.rmtree(path)
        elif temporary.is_dir():
            path.unlink(missing_ok=True)
        os.replace(temporary, path)
        written[os.path.abspath(path)] = {
            name: (digest, stamp(path / name if name != "." else path)) for name, digest in digests.items()
        }
    except Exception as error:
        if not _disk_is_full(error):
            raise
        what = f"{path}: cannot be written, the disk is full ({error}). Free space and run the same command again"
        raise OSError(what) from error
    finally:
        remove(temporary)


def write_table(table: "pl.DataFrame | pa.Table", path: str | Path) -> None:
    """Write a parquet file."""
    with whole(path) as temporary:
        if hasattr(table, "write_parquet"):
            table.write_parquet(temporary)
        else:
            import pyarrow.parquet as pq

            pq.write_table(table, temporary, compression="zstd")


def write_array(array: "np.ndarray", path: str | Path) -> None:
    """Write a .npy file."""
    import numpy as np

    with whole(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array)


def write_text(text: str, path: str | Path) -> None:
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(data: Any, path: str | Path) -> None:
    write_text(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n", path)


def read_json(path: str | Path) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def check_input_name(path: Path) -> None:
    """ValueError for a path that cannot be an input of a rule: Snakemake takes braces for wildcards and cannot escape
    them, and a name that is not UTF-8 cannot be written down."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"{str(path).encode(errors='backslashreplace').decode()}: the name of the file or folder is not UTF-8; "
            "rename it"
        ) from None
    if re.search(r"\{.*\}", str(path)):
        raise ValueError(
            f"{path}: Snakemake takes braces in a path for a wildcard; rename the file or folder"
        )
