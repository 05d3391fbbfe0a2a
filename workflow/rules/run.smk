# Around a run: which folder it may use, what has to be made, and results/summary.md, which says what is missing until
# it is written.
from trex.run.disk import check_space
from trex.files import remove_parts
from trex.run.locks import FolderError, RunLock, check_folder
from trex.run.planning import (
    forget_files_in_the_way,
    forget_forced,
    is_real_run,
    plan_by_records,
)
from trex.run.records import forget_changed_inputs
from trex.run.unfinished import (
    is_unfinished,
    logs_of_failed_jobs,
    note_signals,
    write_page,
)
from trex.run.slurm import cancel_jobs_left
from trex.run.tasks import stage

from snakemake.logging import logger

SUMMARY = FILES.page("summary")
RUN_LOCK = RunLock(RESULTS)
STOPPED_BY = []  # names of signals


def begin():
    try:
        RUN_LOCK.hold()
    except FolderError as error:
        raise WorkflowError(str(error))


if workflow.is_main_process:
    try:
        check_folder(RESULTS, named_files(config, BASE))
        if line := warn_of_address_space():
            logger.warning(line)
        if not INDEX.exists():  # most of what a run needs
            for line in check_space(config, BASE):
                logger.warning(line)
    except (ConfigError, FolderError) as error:
        raise WorkflowError(str(error))
plan_by_records(workflow, RESULTS, begin)


def planned_jobs():
    """(rule, whether it is done) of all jobs that this run has to do, in the order of the rules."""
    dag = workflow.dag
    jobs = [job for job in dag.needrun_jobs(exclude_finished=False) if not job.is_norun]
    order = [rule.name for rule in workflow.rules]
    jobs.sort(key=lambda job: order.index(job.rule.name))
    return [(stage(job.rule.name), dag.finished(job)) for job in jobs]


def page_is_due():
    """Whether there is no summary of what is asked for: none at all, or one that is to be made again."""
    jobs = planned_jobs()
    return (
        not SUMMARY.exists()
        or is_unfinished(SUMMARY)
        or ("write_summary", False) in jobs
    )


onstart:
    if is_real_run(workflow):
        begin()
        for job in cancel_jobs_left(Path.cwd()):
            logger.warning(f"cancelled SLURM job {job}, left by a killed run")
        remove_parts(file for job in workflow.dag.jobs for file in job.output)
        forget_changed_inputs(RESULTS)
        note_signals(STOPPED_BY)
        if page_is_due():
            write_page(SUMMARY, "It is under way, or was killed.", planned_jobs())
        forget_files_in_the_way(workflow.dag)
        forget_forced(workflow.dag, RESULTS)


onsuccess:
    if is_real_run(workflow) and is_unfinished(SUMMARY):  # a partial target
        write_page(
            SUMMARY,
            "The requested files are complete. No summary was requested.",
            planned_jobs(),
        )


onerror:
    if is_real_run(workflow):
        logs = [] if STOPPED_BY else logs_of_failed_jobs(log)
        why = (
            f"The run was stopped by {STOPPED_BY[0]}."
            if STOPPED_BY
            else "Jobs failed. Read their logs:"
        )
        if page_is_due():
            write_page(SUMMARY, why, planned_jobs(), logs)
        if STOPPED_BY:
            logger.error(f"{why} Run the same command again to continue.")
        else:
            for name in logs or log:
                logger.error(f"Read {name}")
