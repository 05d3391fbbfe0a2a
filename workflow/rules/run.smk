# Around a run: files are checked before it is planned, and results/summary.md says what is missing until it is written.
import re
import sys

from snakemake.logging import logger

from trex.run.records import sweep
from trex.disk import check_space
from trex.slurm import cancel_jobs_left
from trex.run.unfinished import is_unfinished, logs_of_failed_jobs, write_page

SUMMARY = RESULTS / "summary.md"


def locked():
    """Whether another Snakemake runs here, or was killed: this one will then stop by itself, without a sweep."""
    locks = Path(".snakemake/locks")
    return locks.is_dir() and any(locks.iterdir())


def is_dry_run(arguments):
    return any(
        re.fullmatch("--dry-?run|-[a-zA-Z]*n[a-zA-Z]*", argument)
        for argument in arguments
    )


ALONE = workflow.is_main_process and not locked()
if ALONE:
    # a dry-run moves nothing; Snakemake tells of it only after this file is read
    for line in sweep(RESULTS, look_only=is_dry_run(sys.argv)):
        logger.warning(line)
    if is_unfinished(SUMMARY):
        SUMMARY.unlink()
    if not INDEX.exists():  # most of what a run needs
        try:
            for line in check_space(config, BASE):
                logger.warning(line)
        except ConfigError as error:
            raise WorkflowError(str(error))


def planned_jobs():
    """(rule, whether it is done) of all jobs that this run has to do, in the order of the rules."""
    dag = workflow.dag
    jobs = [job for job in dag.needrun_jobs(exclude_finished=False) if not job.is_norun]
    order = [rule.name for rule in workflow.rules]
    jobs.sort(key=lambda job: order.index(job.rule.name))
    return [(job.rule.name, dag.finished(job)) for job in jobs]


def page_is_due():
    """Whether there is no summary of what is asked for: none at all, or one that is to be made again."""
    jobs = planned_jobs()
    return (
        not SUMMARY.exists()
        or is_unfinished(SUMMARY)
        or ("write_summary", False) in jobs
    )


onstart:
    if ALONE:
        for job in cancel_jobs_left(Path.cwd()):
            logger.warning(f"cancelled SLURM job {job}, left by a killed run")
    if page_is_due():
        write_page(SUMMARY, "It is under way, or was stopped.", planned_jobs())
        for (
            job
        ) in (
            workflow.dag.needrun_jobs()
        ):  # or Snakemake warns of a file that it does not know
            workflow.dag.reason(job).missing_output.difference_update(
                [str(SUMMARY)]
            )


onsuccess:
    if is_unfinished(SUMMARY):  # a partial target
        write_page(
            SUMMARY,
            "What was asked for is there; a summary was not.",
            planned_jobs(),
        )


onerror:
    logs = logs_of_failed_jobs(log)
    if page_is_due():
        write_page(SUMMARY, "Jobs failed. Read their logs:", planned_jobs(), logs)
    for name in logs or log:
        logger.error(f"Read {name}")
