"""What a run shows while it goes on."""

import logging
import time

from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_trex import LogHandler
from trex.run.progress import Progress, closing_words


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_time_left_comes_from_the_rates_of_the_rules():
    clock = Clock()
    progress = Progress(clock)
    progress.plan({"count": 2, "train": 6, "search": 1})
    progress.start(1, "count")
    progress.start(2, "count")
    clock.now = 10
    assert progress.line() == "0 of 9 jobs done, 2 running, 7 waiting; 10 s so far"
    progress.finish(1, "count")
    progress.finish(2, "count")  # 10 s each, two at a time
    progress.start(3, "train")
    progress.start(4, "train")
    clock.now = 40
    progress.finish(3, "train")
    progress.finish(4, "train")  # 30 s each
    progress.start(5, "train")
    progress.start(6, "train")
    clock.now = 50
    # four jobs of 30 s, two of them a third done, and one like the average, of 20 s: 120 s of work, two at a time
    assert progress.line() == "4 of 9 jobs done, 2 running, 3 waiting; 50 s so far, about 60 s left"
    assert progress.longest() == "; train for 10 s"
    progress.fail(5)
    assert "4 of 9 jobs done, 1 running, 3 waiting, 1 failed;" in progress.line()


def test_the_first_jobs_say_nothing_about_others():
    clock = Clock()
    progress = Progress(clock)
    progress.plan({"count": 2, "train": 98})
    for job in range(2):
        progress.start(job, "count")
        clock.now += 60
        progress.finish(job, "count")
    assert progress.line() == "2 of 100 jobs done, 98 waiting; 2.0 min so far"
    for job in range(3):
        progress.start(job, "train")
        clock.now += 1
        progress.finish(job, "train")
    assert progress.line().endswith("about 1.6 min left")


def test_a_recipe_takes_as_long_as_another():
    clock = Clock()
    progress = Progress(clock)
    progress.plan({"a__train": 1, "b__train": 1, "a__search": 1})
    progress.start(1, "a__train")
    clock.now = 30
    progress.finish(1, "a__train")
    assert progress.line().endswith(
        "30 s so far, perhaps 60 s left"
    )  # 30 s each, of a search nothing is known
    progress.start(2, "a__search")
    clock.now = 31
    progress.finish(2, "a__search")
    assert progress.line().endswith("31 s so far, about 30 s left")


def test_time_left_with_quiet_rules(capsys):
    """Snakemake then says neither which rule a job has nor that it runs, but that jobs are started and ended."""
    clock = Clock()

    class Settings:
        stdout = dryrun = False

    handler = LogHandler(Settings(), None)
    handler._progress = Progress(clock)

    def log(message, **extra):
        handler.handle(logging.makeLogRecord({"msg": message, "levelno": logging.INFO, **extra}))

    log("Job stats: ...", event=LogEvent.RUN_INFO, stats={"train": 4, "total": 4})
    log("Execute 1 jobs...", event=LogEvent.JOB_STARTED, jobs=[7])
    clock.now = 60
    log("Finished jobid: 7 (Rule: train)", event=LogEvent.JOB_FINISHED, job_id=7)
    log(None, event=LogEvent.PROGRESS, done=4, total=4)
    assert "1 of 4 jobs done, 3 waiting; 60 s so far, about 3.0 min left" in capsys.readouterr().err
    # one that need not run again says nothing of the others
    log("Execute 1 jobs...", event=LogEvent.JOB_STARTED, jobs=[8])
    log("Job 8: ...: not again, as nothing that it reads changed", not_again=8)
    log("Finished jobid: 8 (Rule: train)", event=LogEvent.JOB_FINISHED, job_id=8)
    log(None, event=LogEvent.PROGRESS, done=4, total=4)
    assert "2 of 4 jobs done, 2 waiting; 60 s so far, about 2.0 min left" in capsys.readouterr().err


def test_a_silent_run_tells_what_still_runs(capsys, monkeypatch):
    class Settings:
        stdout = dryrun = False

    monkeypatch.setattr("snakemake_logger_plugin_trex.SILENCE", 0.05)
    handler = LogHandler(Settings(), None)

    def log(message, **extra):
        handler.handle(logging.makeLogRecord({"msg": message, "levelno": logging.INFO, **extra}))

    log("Job stats: ...", event=LogEvent.RUN_INFO, stats={"train": 1, "total": 1})
    log("Job 1: Training", event=LogEvent.JOB_INFO, jobid=1, rule_name="train", rule_msg="Training")
    time.sleep(0.3)
    log("Finished jobid: 1 (Rule: train)", event=LogEvent.JOB_FINISHED, job_id=1)
    told = capsys.readouterr().err
    time.sleep(0.3)
    assert not capsys.readouterr().err  # nothing runs
    handler.close()
    assert "TREX: 0 of 1 jobs done, 1 running, 0 waiting; 0 s so far; train for 0 s" in told
    handler.close()  # as logging does once more at the end


def test_one_line_in_place_of_three_about_every_job(capsys):
    class Settings:
        stdout = dryrun = False

    handler = LogHandler(Settings(), None)
    handler.setFormatter(logging.Formatter("%(message)s"))

    def log(message, **extra):
        record = logging.makeLogRecord({"msg": message, "levelno": logging.INFO, **extra})
        handler.handle(record)

    log("Job stats: ...", event=LogEvent.RUN_INFO, stats={"count": 2, "total": 2})
    log("Execute 1 jobs...", event=LogEvent.JOB_STARTED, jobs=[7])
    log(
        "Job 7: Counting deu\nReason: Missing output files: a, b; Incomplete output files: results/summary.md; "
        "Input files updated by another job: c",
        event=LogEvent.JOB_INFO,
        jobid=7,
        rule_msg="Counting deu",
        rule_name="count",
    )
    log("Select jobs to execute...")
    log("Finished jobid: 7 (Rule: count)", event=LogEvent.JOB_FINISHED, job_id=7)
    log(None, event=LogEvent.PROGRESS, done=1, total=2)
    log("Nothing to be done (all requested files are present and up to date).")
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["Job stats: ...", "Job 7: Counting deu"]
    assert lines[2].startswith("TREX: 1 of 2 jobs done, 1 waiting; 0 s so far, about 0 s left")
    assert lines[3].startswith("Nothing to be done")
    assert len(lines) == 4


def test_the_end_of_a_run_says_what_was_found(tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_text(
        "# Recommended mixture: `found`\n\n**Train on `found`,** which\nis *better*.\n\nMore.\n"
    )
    (tmp_path / "report.html").touch()
    assert closing_words(summary) == (
        f"Recommended mixture: found\nTrain on found, which\nis better.\n"
        f"Read {summary}, or open {tmp_path / 'report.html'}"
    )
