"""What a run shows: how far it is and how long it will take, by Snakemake's events; at its end, what was found."""

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path


class Progress:
    """Jobs done, running and waiting, and the time left by the rates of the rules seen so far.

    A rule's jobs that are still to come take as long as its jobs that ended, on average, and run as many at a time as
    so far. Jobs of rules of which none has ended are taken to be like the average job; where that is most of what is
    left, the line says "perhaps".
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._began = clock()
        self.planned: Counter[str] = Counter()
        self._running: dict[int, tuple[str, float]] = {}  # rule and start by job id
        self._done: Counter[str] = Counter()
        self._seconds: Counter[str] = Counter()  # of the jobs done
        self._failed = 0

    def plan(self, jobs: Mapping[str, int]) -> None:
        """The run's jobs, by rule."""
        self.planned = Counter(jobs)

    def start(self, job: int, rule: str) -> None:
        """On a cluster, that a job was submitted."""
        self._running[job] = rule, self._clock()

    def finish(self, job: int) -> None:
        rule, began = self._running.pop(job, ("", self._clock()))
        self._done[rule] += 1
        self._seconds[rule] += self._clock() - began

    def fail(self, job: int) -> None:
        self._running.pop(job, None)
        self._failed += 1

    def line(self) -> str:
        """Such as ``12 of 71 jobs done, 2 running, 57 waiting; 3 min so far, about 4 min left``."""
        done, running, total = self._done.total(), len(self._running), self.planned.total()
        failed = f", {self._failed} failed" if self._failed else ""
        waiting = max(total - done - running - self._failed, 0)
        jobs = f"{done} of {total} jobs done, {running} running, {waiting} waiting{failed}"
        return f"{jobs}; {duration(self._clock() - self._began)} so far{self._left()}"

    def _left(self) -> str:
        now = self._clock()
        means = {rule: self._seconds[rule] / n for rule, n in self._done.items()}
        left = {rule: n - self._done[rule] for rule, n in self.planned.items() if n > self._done[rule]}
        worked = self._seconds.total() + sum(now - began for _, began in self._running.values())
        if not means or not left or worked <= 0:
            return ""
        at_a_time = max(worked / max(now - self._began, 1e-9), 1.0)
        known = sum(n * means[rule] for rule, n in left.items() if rule in means)
        known -= sum(min(now - began, means.get(rule, 0.0)) for rule, began in self._running.values())
        unknown = (
            sum(n for rule, n in left.items() if rule not in means)
            * self._seconds.total()
            / self._done.total()
        )
        word = "about" if known > unknown else "perhaps"
        return f", {word} {duration((max(known, 0) + unknown) / at_a_time)} left"


def duration(seconds: float) -> str:
    """In words, to two digits or so.

    >>> duration(8.4), duration(150), duration(7500)
    ('8 s', '2.5 min', '2.1 h')
    """
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}" if seconds < 10 * size else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def closing_words(summary: Path) -> str:
    """The title and the first paragraph of summary.md as plain text, and where to read on."""
    title, first = summary.read_text().split("\n\n", 2)[:2]
    plain = re.sub(r"\*\*|`|^# ", "", f"{title}\n{first}")
    report = summary.with_name("report.html")
    return f"{plain}\nRead {summary}" + (f", or open {report}" if report.exists() else "")
