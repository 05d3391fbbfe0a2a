"""Compiled functions: once per machine, whoever starts first, and again if the code changed or the cache is broken."""

import os
import subprocess
import sys

import pytest

LIBRARY = """
from typing import NamedTuple

from trex.compiled.kernel import kernel

STEP = 1

class Pair(NamedTuple):
    first: int
    second: int

@kernel
def increment(a):
    return a + 1
"""

PROGRAM = """
from library import STEP, Pair, increment
from trex.compiled.kernel import kernel

@kernel
def calculate(pair):
    return increment(pair.first) * 100 + pair.second * STEP

print(calculate(Pair(1, 2)), calculate.stats.cache_misses.total())
"""


@pytest.fixture
def start(tmp_path):
    (tmp_path / "library.py").write_text(LIBRARY)
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}

    def start() -> subprocess.Popen:
        command = [sys.executable, str(tmp_path / "program.py")]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    return start


def results(*processes: subprocess.Popen) -> list[tuple[int, int]]:
    """What each program calculated, and whether it had to compile for that."""
    return [tuple(map(int, process.communicate()[0].split())) for process in processes]


def test_of_processes_that_start_together_one_compiles(start):
    assert sorted(results(start(), start(), start(), start())) == [(202, 0)] * 3 + [(202, 1)]


def test_a_broken_cache_is_compiled_again(start, tmp_path):
    assert results(start()) == [(202, 1)]
    (kept,) = tmp_path.glob("cache/*/program*.nbc")
    kept.write_bytes(kept.read_bytes()[:100])
    assert results(start(), start()) in ([(202, 1), (202, 0)], [(202, 0), (202, 1)])


def test_changes_in_another_file_are_compiled_in_and_the_old_code_is_removed(start, tmp_path):
    assert results(start()) == [(202, 1)]
    before = {path.name for path in tmp_path.glob("cache/*/*.nb?")}
    for old, new, result in [
        ("a + 1", "a + 2", 302),  # a kernel that the kernel calls
        ("STEP = 1", "STEP = 3", 206),  # a constant
        ("first: int\n    second: int", "second: int\n    first: int", 301),  # the fields of an argument
    ]:
        (tmp_path / "library.py").write_text(LIBRARY.replace(old, new))
        assert results(start()) == [(result, 1)]
    after = {path.name for path in tmp_path.glob("cache/*/*.nb?")}
    assert len(after) == len(before)
    assert not after & before
    assert results(start()) == [(301, 0)]
