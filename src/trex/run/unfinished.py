"""The page results/summary.md of a run that is not complete: what is done, what is missing, what to read.

It has the summary's place from the start of a run until the summary is written, so that a run which was killed says so
too. The first line tells it from a summary.
"""

import re
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trex.files import write_text

FIRST_LINE = "# This run is not complete"
_LOG = re.compile(r"^\s+log: (.+?)(?: \(check log file|$)", re.MULTILINE)


def is_unfinished(page: Path) -> bool:
    """Whether a page is of this kind, and no summary."""
    try:
        with open(page, encoding="utf-8", errors="replace") as file:
            return file.readline().rstrip("\n") == FIRST_LINE
    except OSError:
        return False


def page_is_due(page: Path, rule: str, jobs: Iterable[tuple[str, bool]]) -> bool:
    """Whether no summary of what is asked for is there: none at all, or one that is to be made again.

    rule: that writes the summary. jobs: as of `write_page`.
    """
    return not page.exists() or is_unfinished(page) or (rule, False) in jobs


def logs_of_failed_jobs(snakemake_logs: Iterable[str]) -> list[str]:
    """The logs that Snakemake's own log names under its errors, each once, in order."""
    text = "".join(Path(log).read_text(encoding="utf-8", errors="replace") for log in snakemake_logs)
    errors = text.split("Error in ")[1:]  # "Error in rule x:", "Error in group y:"
    named = (names for error in errors for names in _LOG.findall(error.split("\n\n")[0]))
    return list(dict.fromkeys(log for names in named for log in names.split(", ")))


def note_signals(names: list[str]) -> None:
    """From now on, add the name of a signal that asks this process to stop, ahead of what is done about it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        former = signal.getsignal(number)

        def note(received: int, frame: Any, former: Any = former) -> None:
            names.append(signal.Signals(received).name)
            if callable(former):
                former(received, frame)

        signal.signal(number, note)


def write_page(
    page: Path,
    why: str,
    jobs: Iterable[tuple[str, bool]],
    failed_logs: Iterable[str] = (),
    *,
    begins: bool = False,
) -> None:
    """Write the page.

    Args:
        why: a sentence.
        jobs: (rule, whether it is done) of every job that the run had to do.
        failed_logs: logs of jobs that failed.
        begins: the run begins, so that the page cannot tell later how many jobs are done.
    """
    done: dict[str, list[bool]] = {}
    for rule, finished in jobs:
        done.setdefault(rule, []).append(finished)
    logs = [f"- `{log}`" for log in failed_logs]
    lines = [FIRST_LINE, "", why, "", *logs, *([""] if logs else [])]
    if begins:
        lines += [
            "| stage | jobs to do |",
            "|---|---:|",
            *(f"| `{rule}` | {len(d)} |" for rule, d in done.items()),
        ]
    else:
        lines += ["| stage | jobs to do | done | missing |", "|---|---:|---:|---:|"]
        lines += [f"| `{rule}` | {len(d)} | {sum(d)} | {len(d) - sum(d)} |" for rule, d in done.items()]
    lines += [
        "",
        "Run the same command again to continue.",
        "",
    ]
    write_text("\n".join(lines), page)
