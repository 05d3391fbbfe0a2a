"""The pipeline on a real SLURM, through the real plugin. Needs Debian and root (tests/slurm/cluster.sh):

    ./install.sh --dev --slurm && .venv/bin/pytest tests/slurm

Not part of plain `pytest`, because it installs SLURM's packages.
"""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny

CLUSTER = Path(__file__).with_name("cluster.sh")
SLURM = ["--profile", "profiles/slurm"]
# a cluster of one machine that does nothing else: look often, and wait for no file system
QUICK = ["--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "2"]
QUICK += ["--latency-wait", "5"]


@pytest.fixture(scope="module")
def cluster():
    """The environment in which the cluster's commands work."""
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("the plugin is not installed: ./install.sh --slurm")
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip("tests/slurm/cluster.sh needs root, and Debian's packages")
    state = Path(tempfile.mkdtemp(prefix="trex-slurm-"))
    state.chmod(0o755)  # munge runs as a user of its own
    settings = {**os.environ, "TREX_SLURM_DIR": str(state)}
    up = subprocess.run([CLUSTER, "up"], env=settings, capture_output=True, text=True, check=False)
    if up.returncode:
        pytest.skip(f"the cluster did not come up: {up.stderr}")
    lines = subprocess.run([CLUSTER, "env"], env=settings, capture_output=True, text=True, check=True).stdout
    shell = subprocess.run(["bash", "-c", f"{lines}\nenv -0"], env=settings, capture_output=True, check=True)
    yield dict(line.split("=", 1) for line in shell.stdout.decode().split("\0") if line)
    subprocess.run([CLUSTER, "wipe"], env=settings, capture_output=True, check=True)


@contextmanager
def started(folder: Path, environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen]:
    """Snakemake, interrupted at the end if it still runs: it then cancels its jobs."""
    command = [sys.executable, "-m", "snakemake", "--configfile", "my.yaml", *arguments]
    with open(folder / "output", "w") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait()


def finish(process: subprocess.Popen, folder: Path) -> str:
    """What Snakemake said in a run that came to its end."""
    returncode = process.wait()
    output = (folder / "output").read_text()
    assert returncode == 0, output[-5000:]
    return output


def run(folder: Path, environment: dict[str, str], *arguments: str) -> str:
    with started(folder, environment, *arguments) as process:
        return finish(process, folder)


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A run on this machine."""
    folder = tiny.make(tmp_path_factory.mktemp("runs") / "local")
    run(folder, dict(os.environ), "--cores", "2")
    return folder


def assert_same_results(folder: Path, local: Path, *, written_anew: str = "") -> None:
    """written_anew: a file of a corpus that holds the same text in other bytes; of that, provenance tells."""
    for name in ("training_set.parquet", "tokenizers/chosen/tokenizer.json"):
        assert (folder / "results" / name).read_bytes() == (local / "results" / name).read_bytes(), name
    own, other = (json.loads((of / "results/provenance.json").read_text())["run"] for of in (folder, local))
    read, expected = own.pop("corpora"), other.pop("corpora")
    assert own == other
    assert read.keys() == expected.keys()
    assert [name for name in read if read[name] != expected[name]] == ([written_anew] if written_anew else [])


def squeue(environment: dict[str, str], *arguments: str) -> list[str]:
    command = ["squeue", "--noheader", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def wait_until(condition, seconds: float = 600):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
    return found


def test_the_cluster_gives_the_same_bytes_and_a_killed_run_goes_on(cluster, local):
    """Snakemake is killed while jobs run; what it leaves in the queue does not run beside the new jobs. Later a file is
    written anew with the same text: groups of jobs, too, whose input came out as it was are not submitted."""
    folder = tiny.make(local.parent / "slurm")
    with started(folder, cluster, *SLURM, *QUICK) as process:
        wait_until(lambda: len(squeue(cluster)) >= 2 and any(" R " in line for line in squeue(cluster)))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    left = {line.split()[0] for line in squeue(cluster, "--states=PD,R", "--format=%A")}
    assert left
    for job in left:  # lest they end before they can be cancelled; those that wait cannot be, and need not
        subprocess.run(["scontrol", "suspend", job], env=cluster, capture_output=True, check=False)
    assert (folder / "results/summary.md").read_text().startswith("# This run is not complete")
    output = run(folder, cluster, *SLURM, *QUICK)
    cancelled = set(re.findall(r"cancelled SLURM job (\d+)", output))
    assert cancelled
    assert cancelled <= left
    assert_same_results(folder, local)
    submitted = re.findall(r"Job (\S+) has been submitted with SLURM jobid (\d+)", output)
    assert len(submitted) <= 34  # of 46 jobs: groups, and trivial steps that stay here
    assert not squeue(cluster, "--states=PD,R")
    corpus = folder / "aaa.jsonl"
    corpus.write_bytes(corpus.read_bytes().replace(b'"text":', b'"text" :'))
    output = run(folder, cluster, *SLURM, *QUICK)
    assert "Training the proxies of batch 00000-00011: not again" in output  # one of a group
    assert len(re.findall(r"has been submitted with SLURM", output)) == 1
    assert_same_results(folder, local, written_anew="./aaa.jsonl")


def test_one_allocation(cluster, local):
    folder = tiny.make(local.parent / "allocation")
    command = [
        "sbatch",
        "--wait",
        "--cpus-per-task=2",
        "--mem=3000",
        "--time=20",
        "profiles/slurm/allocation.sh",
    ]
    environment = {**cluster, "SNAKEMAKE": str(Path(sys.executable).with_name("snakemake"))}
    done = subprocess.run([*command, "--configfile", "my.yaml"], cwd=folder, env=environment, check=False)
    assert done.returncode == 0, "".join(path.read_text()[-3000:] for path in folder.glob("slurm-trex-*.log"))
    assert_same_results(folder, local)


def test_jobs_beyond_their_limits_are_submitted_again_with_more(cluster, local):
    """Memory, and a job that hangs: stopped in its first attempt, it is ended after its minute."""
    folder = tiny.make(local.parent / "limits")
    few = ["--set-resources", "count_words:mem_mb=150 * 4 ** (attempt - 1)", "index_words:runtime=attempt"]

    def index_words():
        find = ["pgrep", "-f", f"{folder}.*index_words.py"]
        return [
            int(pid)
            for pid in subprocess.run(find, capture_output=True, text=True, check=False).stdout.split()
        ]

    with started(folder, cluster, *SLURM, *few, *QUICK, "results/index") as process:
        for pid in wait_until(index_words):
            os.kill(pid, signal.SIGSTOP)
        output = finish(process, folder)
    failures = re.findall(r"Error in rule (\w+)", output)
    assert failures.count("index_words") == 1
    assert failures.count("count_words") >= 3
    index = {path.name: path.read_bytes() for path in (folder / "results/index").glob("*.*y")}
    assert index == {path.name: path.read_bytes() for path in (local / "results/index").glob("*.*y")}


def test_a_lost_node(cluster, local):
    """All that runs on a node is killed, its daemon first: SLURM finds out, and Snakemake submits the job again."""
    folder = tiny.make(local.parent / "node")
    name = "results/counts/aaa/words.arrow"
    with started(folder, cluster, *SLURM, *QUICK, name) as process:
        (node,) = set(wait_until(lambda: squeue(cluster, "--states=R", "--format=%N")))
        daemon = Path(cluster["TREX_SLURM_DIR"]) / f"run/slurmd.{node}.pid"
        os.kill(int(daemon.read_text()), signal.SIGKILL)
        for pid in steps_of(cluster):
            os.kill(pid, signal.SIGKILL)
        output = finish(process, folder)
    subprocess.run([CLUSTER, "up"], env=cluster, capture_output=True, check=True)
    assert "Error in rule count_words" in output
    assert (folder / name).read_bytes() == (local / name).read_bytes()


def steps_of(cluster: dict[str, str]) -> list[int]:
    """The processes of this cluster's jobs, and before them slurmstepd, which would tell of their end."""
    daemons, jobs = [], []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            name = (process / "comm").read_text()
        except OSError:
            continue
        if cluster["TREX_SLURM_DIR"].encode() in environment:
            if name.startswith("slurmstepd"):
                daemons.append(int(process.name))
            elif b"SLURM_JOB_ID=" in environment:
                jobs.append(int(process.name))
    return daemons + jobs
