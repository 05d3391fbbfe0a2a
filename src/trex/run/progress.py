"""What a run shows: how far it is and how long it will take, by Snakemake's events; at its end, what was found."""

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from trex.run.tasks import stage

FIRST = 0.05  # of the jobs say nothing yet about how long others take


class Progress:
    """Jobs done, running and waiting, and the time left by the rates of the rules seen so far.

    A rule's jobs that are still to come take as long as its jobs that ended, on average, or else those of the same rule
    of another recipe, and run as many at a time as so far. Jobs of rules of which none has ended are taken to be like
    the average job; where that is most of what is left, the line says "perhaps", and says nothing yet of a run's first
    jobs, of which some also compile what all others use.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._began = clock()
        self.planned: Counter[str] = Counter()
        self._running: dict[int, tuple[str, float]] = {}  # rule and start by job id
        self._done: Counter[str] = Counter()
        self._timed: Counter[str] = Counter()  # of the jobs done, those whose start was seen
        self._seconds: Counter[str] = Counter()  # of these
        self._failed = 0

    def plan(self, jobs: Mapping[str, int]) -> None:
        """The run's jobs, by rule."""
        self.planned = Counter(jobs)

    def start(self, job: int, rule: str) -> None:
        """On a cluster, that a job was submitted. rule: "" if it is not known yet."""
        _, began = self._running.get(job, (rule, self._clock()))
        self._running[job] = rule, began

    def skip(self, job: int) -> None:
        """A job that need not run after all. It will finish, but says nothing of how long others take."""
        self._running.pop(job, None)

    def finish(self, job: int, rule: str) -> None:
        _, began = self._running.pop(job, (rule, None))
        self._done[rule] += 1
        if began is not None:
            self._timed[rule] += 1
            self._seconds[rule] += self._clock() - began

    def fail(self, job: int) -> None:
        self._running.pop(job, None)
        self._failed += 1

    def line(self) -> str:
        """Such as ``12 of 71 jobs done, 2 running, 57 waiting; 3 min so far, about 4 min left``."""
        done, running, total = self._done.total(), len(self._running), self.planned.total()
        failed = f", {self._failed} failed" if self._failed else ""
        waiting = max(total - done - running - self._failed, 0)
        now = (
            f", {running} running" if running else ""
        )  # when a job has ended, the only one at a time is none
        jobs = f"{done} of {total} jobs done{now}, {waiting} waiting{failed}"
        return f"{jobs}; {duration(self._clock() - self._began)} so far{self._left()}"

    @property
    def running(self) -> int:
        return len(self._running)

    def longest(self) -> str:
        """The job that has run for the longest, such as ``; train_tokenizer for 2.1 min``; "" if none runs."""
        known = [(began, rule) for rule, began in self._running.values() if rule]
        if not known:
            return ""
        began, rule = min(known)
        return f"; {rule} for {duration(self._clock() - began)}"

    def _left(self) -> str:
        now = self._clock()
        means = self._means()
        left = {rule: n - self._done[rule] for rule, n in self.planned.items() if n > self._done[rule]}
        worked = self._seconds.total() + sum(now - began for _, began in self._running.values())
        if not means or not left or worked <= 0:
            return ""
        at_a_time = max(worked / max(now - self._began, 1e-9), 1.0)
        known = sum(n * means[rule] for rule, n in left.items() if rule in means)
        known -= sum(min(now - began, means.get(rule, 0.0)) for rule, began in self._running.values())
        average = self._seconds.total() / self._timed.total()
        unknown = average * sum(n for rule, n in left.items() if rule not in means)
        if unknown >= known and self._done.total() < FIRST * self.planned.total():
            return ""
        word = "about" if known > unknown else "perhaps"
        return f", {word} {duration((max(known, 0) + unknown) / at_a_time)} left"

    def _means(self) -> dict[str, float]:
        """Seconds of a job, by rule; of a rule of which none has ended, those of the same rule of other recipes."""
        jobs: Counter[str] = Counter()
        seconds: Counter[str] = Counter()
        for rule, n in self._timed.items():
            for name in {rule, _alike(rule)}:
                jobs[name] += n
                seconds[name] += self._seconds[rule]
        names = {rule: rule if rule in jobs else _alike(rule) for rule in {*self.planned, *self._timed}}
        return {rule: seconds[name] / jobs[name] for rule, name in names.items() if jobs[name]}


def _alike(rule: str) -> str:
    """What the same rules of several recipes, and of several batches, have in common: `plain__count_words_batch_001`
    is a `count_words`."""
    return stage(rule.rpartition("__")[2])


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
    """The title and the first paragraph or list of summary.md or recipes.md as plain text, and where to read on."""
    title, first = summary.read_text(encoding="utf-8").split("\n\n", 2)[:2]
    plain = re.sub(r"[*`]|^# ", "", f"{title}\n{first}")
    plain = re.sub(r"\[[^]]*\]\(([^)]*)\)", rf"{summary.parent}/\1", plain)  # a link to where it leads
    pages = [
        page for page in (summary.with_suffix(".html"), summary.with_name("report.html")) if page.exists()
    ]
    return f"{plain}\nRead {summary}" + (f", or open {pages[0]}" if pages else "")
