"""Locks between processes: those of the operating system on open files, which end with the process, however it ends."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import FileLock

log = logging.getLogger(__name__)


@cache  # one object a file: a process that holds it can take it again
def _lock(file: Path) -> "FileLock":
    from filelock import FileLock

    return FileLock(file)


@contextmanager
def one_process(lock_file: Path, waiting_for: str = "") -> Iterator[None]:
    """Hold a lock, which may have to wait for another process; hold none where the file system has none.

    waiting_for: what the log says that this process waits for; nothing if it is empty.
    """
    from filelock import Timeout

    lock = _lock(lock_file)
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if waiting_for:
                log.warning("waiting for %s (%s)", waiting_for, lock_file)
            lock.acquire()
    except (OSError, NotImplementedError):  # a file system without locks
        yield
        return
    try:
        yield
    finally:
        lock.release()
