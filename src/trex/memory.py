"""How much memory this process may still take: of the machine, of its cgroup, of SLURM's allocation."""

import os
import resource
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path


def memory_left(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> tuple[int, str]:
    """(bytes, whose limit that is). Files in the page cache count as free. root: of /proc and /sys, for tests."""
    limits = [*_of_machine(root), *_of_cgroups(root), *_of_slurm(environment)]
    return min(limits, default=(sys.maxsize, "an unknown machine"))


def _of_machine(root: Path) -> Iterator[tuple[int, str]]:
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:  # no Linux
        return
    yield from (
        (int(line.split()[1]) * 1024, "this machine") for line in lines if line.startswith("MemAvailable:")
    )


def _of_cgroups(root: Path) -> Iterator[tuple[int, str]]:
    """What the control groups of this process and those around them leave, versions 1 and 2."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        limit, usage = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes")
            if controllers
            else ("memory.max", "memory.current")
        )
        cache = "total_cache" if controllers else "file"
        group = base / path.lstrip("/")
        for folder in (group, *group.parents):
            if not folder.is_relative_to(base):
                break
            try:
                most = int((folder / limit).read_text())  # "max" is no number
                used = int((folder / usage).read_text())
                stat = dict(row.split() for row in (folder / "memory.stat").read_text().splitlines())
                yield max(most - used + int(stat[cache]), 0), "the control group of this process (cgroup)"
            except (OSError, ValueError, KeyError):
                continue


def _of_slurm(environment: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """What SLURM has given the job on this node, less what the process has taken; 0 there means all."""
    megabytes = int(environment.get("SLURM_MEM_PER_NODE", 0))
    if not megabytes:
        cores = environment.get("SLURM_CPUS_ON_NODE", "1")
        megabytes = int(environment.get("SLURM_MEM_PER_CPU", 0)) * int(cores)
    if megabytes:
        left = megabytes * 2**20 - 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        yield max(left, 0), "the memory that SLURM has given the job (mem_mb)"
