"""Jobs that a killed Snakemake has left in SLURM's queue.

Snakemake does not take them up again. They would run, or wait, beside those that a new run submits for the same files.
All jobs of a run have one name, which the run notes in its results folder: other runs, of the same clone too, may have
jobs in the queue.
"""

import subprocess
import time
from pathlib import Path

from trex.layout import Layout

PATIENCE_SECONDS = 120  # for cancelled jobs to be gone; SLURM gives them 30 seconds to end (KillWait)


class QueueError(RuntimeError):
    """SLURM does not do what it was asked for."""


def note_run(results: Path, name: str) -> None:
    """Note, before the first job is submitted, how this run's jobs are called. It may be noted already."""
    file = _noted(results)
    if name not in _names(file):
        with open(file, "a", encoding="utf-8") as names:
            names.write(f"{name}\n")


def cancel_jobs_left(results: Path) -> list[str]:
    """Cancel jobs of earlier runs in a results folder, wait until they are gone, and return their ids.

    Only for who holds the folder's lock. Without SLURM on this machine, as in a folder that was copied from a cluster,
    there are none.

    Raises:
        QueueError: SLURM does not answer, or does not end them.
    """
    file = _noted(results)
    names = _names(file)
    if not names:
        return []
    try:
        cancelled = _queued(names)
        if cancelled:  # some may end meanwhile, which is an error to scancel
            subprocess.run(["scancel", *cancelled], check=False, timeout=60)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while _queued(names):
            if time.monotonic() > deadline:
                raise QueueError(
                    f"SLURM does not end the jobs {', '.join(cancelled)} of a killed run; see squeue"
                )
            time.sleep(1)
    except FileNotFoundError:
        return []
    except (OSError, subprocess.SubprocessError) as error:
        raise QueueError(
            f"SLURM does not say whether it has jobs of an earlier run in {results}: {error}. Try again; if all of its "
            f"jobs have ended, delete {file}"
        ) from error
    file.unlink()
    return cancelled


def forget_runs(results: Path) -> None:
    """All jobs have ended."""
    _noted(results).unlink(missing_ok=True)


def _noted(results: Path) -> Path:
    return Layout(results).records / "slurm_runs"


def _names(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").split() if file.exists() else []


def _queued(names: list[str]) -> list[str]:
    """Ids of the jobs that are called so, whoever has submitted them."""
    command = ["squeue", "--noheader", f"--name={','.join(names)}", "--format=%A|%j"]
    lines = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60
    ).stdout.splitlines()
    jobs = [line.split("|", 1) for line in lines]
    return sorted({id_ for id_, name in jobs if name in names})
