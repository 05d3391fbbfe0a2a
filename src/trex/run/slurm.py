"""Jobs that a killed Snakemake has left in SLURM's queue.

Snakemake does not take them up again. They would run, or wait, beside those that a new run submits for the same files.
"""

import getpass
import re
import subprocess
import time
from pathlib import Path

JOB_NAME = re.compile(
    r"trex_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)  # slurm-jobname-prefix in profiles/slurm
PATIENCE_SECONDS = 120  # for cancelled jobs to be gone; SLURM gives them 30 seconds to end (KillWait)


def jobs_left(folder: Path) -> list[str]:
    """Ids of the user's jobs that runs of Snakemake in a folder have submitted.

    Raises:
        OSError, SubprocessError: SLURM is not there or does not answer.
    """
    command = ["squeue", "--noheader", f"--user={getpass.getuser()}", "--format=%A|%j|%Z"]
    lines = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60
    ).stdout.splitlines()
    jobs = [line.split("|", 2) for line in lines]
    return sorted(
        {id_ for id_, name, where in jobs if JOB_NAME.fullmatch(name) and Path(where) == folder.resolve()}
    )


def cancel_jobs_left(folder: Path) -> list[str]:
    """Cancel them and wait until they are gone; returns their ids. For use only while no other run is in the folder.

    Raises:
        TimeoutError: they are still there.
    """
    try:
        cancelled = jobs_left(folder)
        if cancelled:
            subprocess.run(["scancel", *cancelled], check=True, timeout=60)
    except (
        OSError,
        subprocess.SubprocessError,
    ):  # no SLURM here, or none that answers: no job of ours either
        return []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while jobs_left(folder):
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"SLURM does not end the jobs {', '.join(cancelled)} of a killed run; see squeue"
            )
        time.sleep(1)
    return cancelled
