"""`kernel`: a function compiled by numba, once per machine.

numba keeps what it compiled (beside the source, or in the user's cache if that cannot be written to, or in
NUMBA_CACHE_DIR), whole or not at all, and takes it only for the same source, processor and version. But processes do
not wait for one another: on a fresh machine every job of a cluster would compile the same functions at once.
"""

import logging
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import monotonic

from filelock import FileLock
from numba import njit

log = logging.getLogger(__name__)

NOTICEABLE_SECONDS = 2


def kernel(function: Callable) -> Callable:
    """Compile a function at its first call, or load what another process compiled; it runs without Python's lock."""
    dispatcher = njit(cache=True, nogil=True)(function)
    load_or_compile = dispatcher.compile

    def one_process_at_a_time(signature):
        start, compiled = monotonic(), dispatcher.stats.cache_misses.total()
        with _alone(Path(dispatcher.stats.cache_path)):
            try:
                entry_point = load_or_compile(signature)
            except (EOFError, pickle.UnpicklingError):  # a truncated file, as a full disk can leave behind
                dispatcher.recompile()  # forgets what is in the cache
                entry_point = load_or_compile(signature)
        seconds = monotonic() - start
        if seconds > NOTICEABLE_SECONDS:
            did = "compiled" if dispatcher.stats.cache_misses.total() > compiled else "waited for"
            log.info("%s %s, once for this machine: %.0f s", did, function.__name__, seconds)
        return entry_point

    dispatcher.compile = one_process_at_a_time
    return dispatcher


@cache
def _lock(folder: Path) -> FileLock:
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / "compiling.lock")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; without one where the file system has none."""
    try:
        lock = _lock(folder)
        lock.acquire()
    except (OSError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        lock.release()
