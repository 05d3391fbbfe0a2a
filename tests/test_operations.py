"""Runs of a tiny pipeline as people have them: two in a folder, parts of it, failing jobs; always the same bytes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny
import yaml


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "snakemake", "--configfile", "my.yaml", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env={**os.environ, **environment}, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip


def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    process = start(folder, *arguments, **environment)
    output = process.communicate()[0]
    return process.returncode, output


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run during which another one was tried in the same folder."""
    folder = tiny.make(tmp_path_factory.mktemp("runs") / "one")
    first = start(folder, "--cores", "2", PYTHONHASHSEED="0")
    while not list(folder.glob(".snakemake/locks/*")):
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.1)
    returncode, output = run(folder, "--cores", "2")
    assert returncode != 0
    assert "Directory cannot be locked" in output
    output = first.communicate()[0]
    assert first.returncode == 0, output[-3000:]
    return folder


def test_results_do_not_depend_on_how_they_are_run(finished):
    """Other cores, threads, hash seed and batches, in steps, after a failure: the same bytes."""
    folder = tiny.make(finished.parent / "other", proxies={"per_job": 6}, training={"vocab_size": 100_000})
    summary = folder / "results/summary.md"
    options = {"PYTHONHASHSEED": "12345", "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}

    returncode, output = run(folder, "--cores", "1", "proxies", **options)
    assert returncode == 0, output[-3000:]
    page = summary.read_text()
    assert page.startswith("# This run is not complete\n\nWhat was asked for is there")
    assert "| `train_proxies` | 4 | 4 | 0 |" in page

    returncode, output = run(folder, "--cores", "1", **options)
    assert returncode != 0
    log = "results/logs/train_tokenizer/chosen.log"
    assert "of the 100,000 tokens asked for" in output
    assert f"Read {log}" in output.splitlines()[-10:]
    assert "Traceback" not in output
    assert "Traceback" in (folder / log).read_text()
    page = summary.read_text()
    assert f"- `{log}`" in page
    assert "| `train_tokenizer` | 1 | 0 | 1 |" in page

    config = yaml.safe_load((folder / "my.yaml").read_text())
    config["training"]["vocab_size"] = 500
    (folder / "my.yaml").write_text(yaml.safe_dump(config))
    returncode, output = run(folder, "--cores", "1", **options)
    assert returncode == 0, output[-3000:]

    one, other = tiny.sha256s(finished / "results"), tiny.sha256s(folder / "results")
    batches = {name for name in one | other if name.startswith(("proxies/", "validation/grid/"))}
    one, other = ({name: sha for name, sha in found.items() if name not in batches} for found in (one, other))
    del (
        one["provenance.json"],
        other["provenance.json"],
    )  # the config is not the same, and batches have their names
    assert one == other


def test_damage_after_the_end_is_repaired(finished):
    before = tiny.sha256s(finished / "results")
    tokenizer = finished / "results/tokenizers/chosen/tokenizer.json"
    stat = tokenizer.stat()
    tokenizer.write_bytes(tokenizer.read_bytes().replace(b"a", b"b"))
    os.utime(tokenizer, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    returncode, output = run(finished, "--cores", "2")
    assert returncode == 0, output[-3000:]
    assert f"damaged file: {tokenizer}" in output
    assert tiny.sha256s(finished / "results") == before
    assert "Nothing to be done" in run(finished, "--cores", "2")[1]
