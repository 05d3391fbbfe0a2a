"""One run in a results folder at a time; and which folder may be a results folder."""

import json
import logging
import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from trex.layout import Layout

log = logging.getLogger(__name__)


class FolderError(ValueError):
    """A results folder that another run works in, or that is not one."""


class RunLock:
    """Keeps other runs out of a results folder, from whatever working folder or machine they start."""

    def __init__(self, results: Path):
        self.results, self.lock = results, None

    @property
    def held(self) -> bool:
        return self.lock is not None

    @property
    def excludes(self) -> bool:
        """Whether it is held on a file system that can lock."""
        return self.lock is not None and self.lock.is_locked

    def hold(self) -> None:
        """Take the lock, until the process ends; it may be held already.

        Raises:
            FolderError: another process holds it.
        """
        from filelock import FileLock, Timeout

        if self.held:
            return
        folder = Layout(self.results).records
        holder = folder / "run.json"
        self.lock = FileLock(folder / "run.lock")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.lock.acquire(timeout=0)
            about = {"host": socket.gethostname(), "pid": os.getpid(), "working folder": os.getcwd()}
            holder.write_text(json.dumps(about), encoding="utf-8")
        except Timeout:
            self.lock = None
            try:
                about = json.loads(holder.read_text(encoding="utf-8"))
                who = ", ".join(f"{key} {value}" for key, value in about.items())
            except (OSError, ValueError, AttributeError):
                who = "unknown process"
            raise FolderError(
                f"{self.results}: another run works in this results folder ({who}). Wait until it ends, or stop it"
            ) from None
        except (OSError, NotImplementedError) as error:
            log.warning("%s: cannot be locked (%s); start no other run in it", self.results, error)


def check_folder(results: Path, inputs: Mapping[str, Iterable[str | Path]]) -> None:
    """See that a results folder is new or that of an earlier run, and that no input lies in it.

    Args:
        inputs: files by the key of the config that names them.

    Raises:
        FolderError: otherwise. Nothing was written.
    """
    folder = results.resolve()
    for key, files in inputs.items():
        for file in files:
            if Path(file).resolve().is_relative_to(folder):
                raise FolderError(
                    f"{key}: {file} lies in the results folder (results: {results}), where files are replaced and "
                    "deleted. Move it, or give another folder as results"
                )
    records = Layout(results).records
    ours = records.is_dir()
    if results.exists() and not ours and (not results.is_dir() or any(results.iterdir())):
        raise FolderError(
            f"results: {results} is not empty, and holds no records of an earlier run ({records}). Give a "
            "new folder, or delete this one; to copy results, copy the hidden files too (cp -a)"
        )
