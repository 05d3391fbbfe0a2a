"""`kernel`: a function compiled by numba, once per machine and again when code that goes into it changes.

numba keeps what it compiled (beside the source, or in the user's cache if that cannot be written to, or in
NUMBA_CACHE_DIR), whole or not at all, and takes it only for the same processor and version. Two things are added here:

- numba watches the file that a kernel is in, but not the files of the kernels that it calls, although their code is
  compiled into it. Here the cache is named by all of them, so that kernels can live where they belong.
- Processes do not wait for one another: on a fresh machine every job of a cluster would compile the same functions at
  once. Here one compiles, and the others wait for what it made.
"""

import logging
import pickle
import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from time import monotonic
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit
from numba.core.caching import IndexDataCacheFile
from numba.core.dispatcher import Dispatcher
from numba.extending import _Intrinsic

from trex.locks import one_process

log = logging.getLogger(__name__)

NOTICEABLE_SECONDS = 2
_PACKAGE = __name__.split(".")[0]


def kernel(function: Callable) -> Callable:
    """Compile a function at its first call, or load what another process compiled; it runs without Python's lock.

    Kernels call other kernels, use intrinsics, named tuples and constants, their own or imported ones.
    """
    dispatcher = njit(cache=True, nogil=True)(function)
    dispatcher.sources = _sources(function.__globals__)
    folder = Path(dispatcher.stats.cache_path)
    # numba's own name has the line of the function; of a named source no version is overwritten half way by another
    name = (
        f"{Path(function.__code__.co_filename).stem}.{function.__qualname__.replace('<locals>', 'locals')}-"
    )
    kept = f"{name}{dispatcher.sources[:16]}."
    dispatcher._cache._cache_file = IndexDataCacheFile(
        str(folder), kept + sys.implementation.cache_tag, dispatcher.sources
    )
    load_or_compile = dispatcher.compile

    def one_process_at_a_time(signature):
        start, compiled = monotonic(), dispatcher.stats.cache_misses.total()
        with one_process(folder / "compiling.lock"):
            try:
                entry_point = load_or_compile(signature)
            except (EOFError, pickle.UnpicklingError):  # a truncated file, as a full disk can leave behind
                dispatcher.recompile()  # forgets what is in the cache
                entry_point = load_or_compile(signature)
            missed = dispatcher.stats.cache_misses.total() > compiled
            if missed:
                _remove_older(folder, name, kept)
        seconds = monotonic() - start
        if seconds > NOTICEABLE_SECONDS:
            if missed:
                log.info("compiled %s, once for this machine: %.0f s", function.__name__, seconds)
            else:
                log.info("waited %.0f s for another job that compiles code", seconds)
        return entry_point

    dispatcher.compile = one_process_at_a_time
    return dispatcher


def _sources(names: dict[str, Any]) -> str:
    """SHA-256 over all that is compiled into the kernels of a module, given its names: its file, and what it has of
    other files. Those are other kernels with their own sources, intrinsics, constants, and the fields of tuples."""
    digest = sha256(_content(names["__file__"]))
    for name, value in sorted(names.items()):
        if isinstance(value, Dispatcher):
            part = getattr(value, "sources", "")
        elif isinstance(value, _Intrinsic):
            part = sha256(_content(value._defn.__code__.co_filename)).hexdigest()
        elif isinstance(value, ModuleType) and value.__name__.split(".")[0] == _PACKAGE:
            part = _sources(vars(value))
        elif isinstance(value, type) and issubclass(value, tuple):
            part = repr(getattr(value, "_fields", ()))
        elif isinstance(value, bool | int | float | tuple | np.generic):
            part = repr(value)
        else:
            continue
        digest.update(f"{name}={part}\0".encode())
    return digest.hexdigest()


@cache
def _content(file: str) -> bytes:
    return Path(file).read_bytes()


def _remove_older(folder: Path, name: str, kept: str) -> None:
    """Remove what was compiled from other sources of the function of that name."""
    for file in folder.glob(f"{name}*.nb[ic]"):
        if not file.name.startswith(kept):
            file.unlink(missing_ok=True)
