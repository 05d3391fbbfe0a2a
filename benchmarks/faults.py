"""Faults at random in runs of a tiny pipeline: does every run end in the bytes of an undisturbed one?

    .venv/bin/python benchmarks/faults.py                    # 200 faults, half an hour on two cores
    .venv/bin/python benchmarks/faults.py --faults 20 --seed 7 --folder /tmp/drill

First a job of every rule is killed (-9) while it runs. Then come rounds, each starting from nothing. From some moment
on, while Snakemake runs and after it ended, jobs or Snakemake itself are killed (-9), and files of the results, the
records of their content and the compiled code are damaged. Then the same command is given again, until it
succeeds with no fault left to come. The round passes if every file of the results has
then the SHA-256 that it has in an undisturbed run. Prints a table; ends with an error if a round does not pass. How
many faults a round has, when they come and what they hit follows from the seed, as far as the machine's speed lets it.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import tiny

FAULTS_PER_ROUND = (20, 40)
MOST_RUNS = 80  # of Snakemake in a round; then it is given up
COMMAND = [
    sys.executable,
    "-m",
    "snakemake",
    "--cores",
    "2",
    "--configfile",
    "my.yaml",
    "--quiet",
    "rules",
    "progress",
]


class Round:
    """A folder in which the pipeline runs and faults happen."""

    def __init__(self, folder: Path, rng: random.Random, counts: Counter, killed_jobs: Counter):
        self.folder, self.rng = tiny.make(folder), rng
        self.counts, self.killed_jobs = counts, killed_jobs  # by kind of fault; by script
        self.cache = folder.parent / "numba"
        self.process: subprocess.Popen | None = None

    def start(self, *arguments: str) -> None:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(self.cache)}
        with open(self.folder / "output", "a") as output:
            self.process = subprocess.Popen(
                [*COMMAND, *arguments], cwd=self.folder, env=environment, stdout=output, stderr=output
            )

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    # --- faults: each returns whether there was something to hit

    def jobs(self) -> list[tuple[psutil.Process, str]]:
        """The jobs that run now, with the names of their scripts, which are those of the rules."""
        jobs = []
        for process in psutil.process_iter(["cmdline", "cwd"]):
            words = process.info["cmdline"] or []
            if process.info["cwd"] == str(self.folder) and any(
                ".snakemake/scripts/" in w for w in words[1:2]
            ):
                jobs.append((process, Path(words[1]).suffixes[-2].removeprefix(".")))
        return jobs

    def kill_job(self) -> bool:
        jobs = self.jobs()
        if not jobs:
            return False
        process, script = self.rng.choice(jobs)
        self.killed_jobs[script] += 1
        return self._kill(process)

    def kill_snakemake(self) -> bool:
        if not self.running():
            return False
        return self._kill(psutil.Process(self.process.pid))

    @staticmethod
    def _kill(process: psutil.Process) -> bool:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            return False
        return True

    def _file(self, among: Path, pattern: str = "*") -> Path | None:
        files = [
            path for path in sorted(among.rglob(pattern))
            if path.is_file() and path.name[0] != "." and not {"logs", "benchmarks", "locks"} & set(path.parts)
        ]  # fmt: skip
        return self.rng.choice(files) if files else None

    def _damage(self, path: Path | None, change: Callable[[bytes], bytes | None]) -> bool:
        """Change a file in place, and half of the times put its time back."""
        try:
            stat, data = path.stat(), path.read_bytes()
            new = change(data)
            if new is None:
                path.unlink()
                return True
            if new == data:
                return False
            with open(path, "r+b") as file:
                file.write(new)
                file.truncate()
            if self.rng.random() < 0.5:
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        except (FileNotFoundError, AttributeError):  # gone meanwhile, or no file yet
            return False
        return True

    def _flip(self, data: bytes) -> bytes:
        if not data:
            return data
        at, bit = self.rng.randrange(len(data)), 1 << self.rng.randrange(8)
        return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]

    def _cut(self, data: bytes) -> bytes:
        return data[: self.rng.randrange(len(data))] if data else data

    def flip_bit(self) -> bool:
        return self._damage(self._file(self.folder / "results"), self._flip)

    def truncate(self) -> bool:
        return self._damage(self._file(self.folder / "results"), self._cut)

    def replace(self) -> bool:
        """By the content of another file of the same kind: a table of other rows, another tokenizer."""
        path = self._file(self.folder / "results")
        other = self._file(self.folder / "results", f"*{path.suffix}") if path else None
        return bool(other) and self._damage(path, lambda data: other.read_bytes())

    def delete(self) -> bool:
        return self._damage(self._file(self.folder / "results"), lambda data: None)

    def damage_record(self) -> bool:
        path = self._file(self.folder / "results/.artifacts", "*.json")
        return self._damage(path, self.rng.choice([self._flip, self._cut, lambda data: None]))

    def cut_compiled_code(self) -> bool:
        return self._damage(self._file(self.cache, "*.nb?"), self._cut)

    def inject(self) -> int:
        """One to five faults at once; returns how many there were."""
        kinds = {
            "job killed (-9)": (self.kill_job, 4),
            "Snakemake killed (-9)": (self.kill_snakemake, 2),
            "file of the results: a bit flipped": (self.flip_bit, 2),
            "file of the results: cut off": (self.truncate, 2),
            "file of the results: replaced by another": (self.replace, 2),
            "file of the results: deleted": (self.delete, 2),
            "record of content damaged or deleted": (self.damage_record, 1),
            "compiled code cut off": (self.cut_compiled_code, 1),
        }
        happened = 0
        for name in self.rng.choices(
            list(kinds), [weight for _, weight in kinds.values()], k=self.rng.randint(1, 5)
        ):
            if kinds[name][0]():
                self.counts[name] += 1
                happened += 1
                with open(self.folder / "output", "a") as output:
                    output.write(f"--- fault: {name}\n")
        return happened

    def kill_every_rule(self) -> int:
        """Run to the end, killing the first job of every rule as it runs; returns how often Snakemake ran."""
        runs, before = 0, None
        while before != self.killed_jobs.total():
            before = self.killed_jobs.total()
            runs += 1
            self.start()
            while self.running():
                for process, script in self.jobs():
                    if script not in self.killed_jobs:
                        time.sleep(self.rng.uniform(0, 1.0))
                        if self._kill(process):
                            self.killed_jobs[script] += 1
                            self.counts["job killed (-9)"] += 1
                time.sleep(0.1)
        if self.process.returncode:
            raise RuntimeError(f"a run that nothing disturbed failed; see {self.folder}/output")
        return runs

    def play(self, faults: int, quiet_seconds: float) -> int:
        """Run to the end with so many faults at least, the first after some time; returns how often Snakemake ran."""
        runs = 0
        begin = time.monotonic() + quiet_seconds
        quiet = False  # whether a run succeeded that no fault came before the end of
        while faults > 0 or not quiet:
            if runs == MOST_RUNS:
                raise RuntimeError(f"not at the end after {runs} runs; see {self.folder}/output")
            runs += 1
            quiet = faults <= 0
            self.start()
            while self.running():
                try:
                    self.process.wait(self.rng.uniform(1, 12))
                except subprocess.TimeoutExpired:
                    if faults > 0 and time.monotonic() > begin:
                        faults -= self.inject()
            quiet = quiet and self.process.returncode == 0
            if faults > 0:
                faults -= self.inject()
        return runs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to run; kept (default: a temporary folder)")
    arguments = parser.parse_args()
    base = (arguments.folder or Path(tempfile.mkdtemp(prefix="trex-faults-"))).resolve()
    begin = time.monotonic()
    counts: Counter[str] = Counter()
    killed_jobs: Counter[str] = Counter()
    undisturbed = Round(base / "undisturbed", random.Random(0), Counter(), Counter())
    undisturbed.play(0, 0)
    duration = time.monotonic() - begin
    expected = tiny.sha256s(undisturbed.folder / "results")
    print(f"undisturbed: {len(expected)} files, {duration:.0f} s", flush=True)
    runs = rounds = failed = 0
    while rounds == 0 or counts.total() < arguments.faults:
        rng = random.Random(f"{arguments.seed}/{rounds}")
        this = Round(base / f"round{rounds:02d}", rng, counts, killed_jobs)
        started, before = time.monotonic(), counts.total()
        problems = []
        try:
            if rounds == 0:
                runs += this.kill_every_rule()
            else:
                left = min(arguments.faults - before, rng.randint(*FAULTS_PER_ROUND))
                runs += this.play(left, rng.uniform(0, duration))
            found = tiny.sha256s(this.folder / "results")
            # files that nothing needs any more may stay deleted
            problems = [name for name, digest in found.items() if expected.get(name) != digest]
            problems += [name for name in tiny.FINAL if name not in found]
        except RuntimeError as error:
            problems = [str(error)]
        rounds += 1
        failed += bool(problems)
        result = f"FAILED: {', '.join(problems)}" if problems else "same bytes"
        print(
            f"round {rounds}: {counts.total() - before} faults, {time.monotonic() - started:.0f} s: {result}",
            flush=True,
        )
        if not problems:
            shutil.rmtree(this.folder)
    print("\n| fault | times |\n|---|---:|")
    for name, times in counts.most_common():
        print(f"| {name} | {times} |")
    print(f"| all | {counts.total()} |\n")
    print("Jobs killed:", ", ".join(f"{name} {times}" for name, times in killed_jobs.most_common()) + "\n")
    print(
        f"{rounds} rounds, {runs} runs of Snakemake, {time.monotonic() - begin:.0f} s; {rounds - failed} of {rounds} "
        "rounds ended in the bytes of an undisturbed run"
    )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
