"""Compiled functions: once per machine, whoever starts first, and again if what was kept is broken."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
from trex.compiled.kernel import kernel

@kernel
def add(a, b):
    return a + b

assert add(1, 2) == 3
print(add.stats.cache_misses.total())
"""


@pytest.fixture
def start(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def start() -> subprocess.Popen:
        command = [sys.executable, str(tmp_path / "program.py")]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    return start


def compilations(*processes: subprocess.Popen) -> int:
    return sum(int(process.communicate()[0]) for process in processes)


def test_of_processes_that_start_together_one_compiles(start):
    assert compilations(start(), start(), start(), start()) == 1


def test_a_broken_cache_is_compiled_again(start, tmp_path):
    assert compilations(start()) == 1
    (kept,) = tmp_path.glob("cache/*/*.nbc")
    kept.write_bytes(kept.read_bytes()[:100])
    assert compilations(start()) == 1
    assert compilations(start()) == 0
