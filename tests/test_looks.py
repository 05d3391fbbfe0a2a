"""Snakemake looks for jobs to start when one has ended, and not more and more often."""

import subprocess
import sys
from pathlib import Path

import pytest

JOBS = 25
SNAKEFILE = f"""
from trex.run.planning import look_when_jobs_end

onstart:
    look_when_jobs_end(workflow)

rule all:
    input: expand("{{i}}.txt", i=range({JOBS}))

rule one:
    output: "{{i}}.txt"
    shell: "sleep .15; touch {{output}}"
"""


@pytest.mark.parametrize("limit", [None, "90/1s"])
def test_a_look_for_each_job(tmp_path: Path, limit: str | None):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--scheduler", "greedy", "--verbose"]
    command += ["--max-jobs-per-timespan", limit] if limit else []
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    looks = done.stderr.count("Resources before job selection")
    if limit:  # one that somebody asked for stays, and what it costs shows what the other saves
        assert looks > 2 * JOBS
    else:
        assert JOBS <= looks <= JOBS + 5
