"""What a run shows while it goes on: `snakemake --logger trex`, which the profiles ask for.

Snakemake's own messages, with one line about the whole run in place of three about every job that ends. All messages
are in Snakemake's own log file, as ever.
"""

import logging
import re
import sys
import threading
import time

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from trex.run.progress import Progress

EVERY = 10  # seconds at least between two lines about the run
SILENCE = 60  # seconds without a message after which a line tells that jobs still run
_RULE = re.compile(r"\(Rule: (.+)\)$")  # in the message that a job ended
_NOISE = "Select jobs to execute..."
# why jobs of a first run run; other reasons, such as changed settings, are shown. Until its job
# has run, summary.md says that the run is not complete.
_USUAL = re.compile(
    r"\nReason: (Missing output files|Input files updated by another job): [^;]*"
    r"(; Incomplete output files: [^;,]*summary\.md)?(; Input files .*)?$"
)


class LogHandler(LogHandlerBase):
    """Writes to stderr (dry runs: stdout), with Snakemake's own formatter and filter."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self._progress = Progress()
        self._last_line = 0.0
        self._last_text = time.monotonic()
        self._ended = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._print(self._texts(record))
        except Exception:  # as of every handler: a message that cannot be shown ends no run
            self.handleError(record)

    def close(self) -> None:
        self._ended.set()
        super().close()

    def _print(self, texts: list[str]) -> None:
        for text in texts:
            print(text, file=sys.stdout if self.common_settings.stdout else sys.stderr, flush=True)
            self._last_text = time.monotonic()

    def _watch(self) -> None:
        """Tell every SILENCE seconds that jobs still run, until the run ends."""
        while not self._ended.wait(max(self._last_text + SILENCE - time.monotonic(), 0.01)):
            with self.lock:
                if time.monotonic() - self._last_text < SILENCE:
                    continue
                if self._progress.running:
                    self._print(self._line(due=True, longest=True))
                self._last_text = time.monotonic()

    def _texts(self, record: logging.LogRecord) -> list[str]:
        event, progress = getattr(record, "event", None), self._progress
        if event == LogEvent.RUN_INFO:
            stats = dict(record.stats)
            stats.pop("total", None)
            progress.plan(stats)
            if not self.common_settings.dryrun:
                threading.Thread(target=self._watch, daemon=True).start()
        elif event == LogEvent.JOB_INFO:
            progress.start(record.jobid, record.rule_name)
        elif event == LogEvent.JOB_STARTED:  # all that tells of a start with --quiet rules
            for job in record.jobs:
                if isinstance(job, int):  # the jobs of a group end one by one
                    progress.start(job, "")
            return []
        elif event == LogEvent.JOB_ERROR:
            progress.fail(record.jobid)
        elif event == LogEvent.GROUP_ERROR:
            for job in record.job_error_info:
                progress.fail(job["jobid"])
        elif event == LogEvent.JOB_FINISHED:
            rule = _RULE.search(record.getMessage())
            progress.finish(record.job_id, rule[1] if rule else "")
            return []
        elif event == LogEvent.PROGRESS:
            return self._line(due=record.done == record.total)
        elif hasattr(record, "not_again"):  # of trex.run.planning
            progress.skip(record.not_again)
        elif event is None and record.msg == _NOISE:
            return []
        if event == LogEvent.JOB_INFO and not record.rule_msg and not self.common_settings.dryrun:
            return [f"Job {record.jobid}: {record.rule_name}"]  # a target, which only lists its files
        text = self.format(record)
        return [
            _USUAL.sub("", text) if event == LogEvent.JOB_INFO and not self.common_settings.dryrun else text
        ]

    def _line(self, due: bool, longest: bool = False) -> list[str]:
        now = time.monotonic()
        if not due and now - self._last_line < EVERY:
            return []
        self._last_line = now
        return [f"TREX: {self._progress.line()}{self._progress.longest() if longest else ''}"]
