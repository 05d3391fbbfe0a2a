"""Snakemake asks our records (`trex.run.records`) what has to be made, and nothing else.

Of itself it compares times, and what it wrote into the working folder's ``.snakemake``; either can be wrong after a
file was restored, a folder copied, or a clock set back. `plan_by_records` takes the place of both. It is the one place
that depends on how Snakemake (9.27) plans:

- `DAG.init` looks at files for the first time: a run takes its folder before (`begin`).
- `DAG.update_needrun` asks, of each job that it has no other reason to run: `Job.output_mintime` (None: no
  comparison of times), then `has_metadata`, `has_outdated_metadata` and, if `Workflow.rerun_triggers` has PARAMS,
  `params_changed` of `PersistenceBase`. It reads the reasons that were set in `dag.reason(job)` meanwhile. A job that
  runs makes all run that read its output.
- `PersistenceBase.incomplete` lists outputs whose job was killed: these have no record. `external_jobids` are jobs of
  a killed run to wait for: these are cancelled (`trex.run.slurm`). `locked` is whether another run works in the working
  folder, or was killed there: a results folder has a lock of its own (`trex.run.locks`).
- `Job.remove_existing_output` deletes the outputs before a job, `Job.cleanup` those of a job that failed. A job of
  several tasks (`trex.run.tasks`) keeps the outputs of those that need not run, and of those that did not fail.
- `PersistenceBase.finished` writes metadata of every output, with all params and a checksum of every input. Nobody
  asks for these here, and with hundreds of files a job they took longer than the job.
- `Rule.is_producer` matches a file with every output of a rule, one after another, which for thousands of files and
  rules of hundreds of outputs took a third of the planning.
- `format_files` lists files in what Snakemake prints; hundreds of them hide everything else.
- `JobScheduler.run` starts jobs that are due. One that was only planned because another makes its input again is asked
  about once more: if its input came out as it was, its outputs count, and it ends before it begins.
- `JobScheduler.schedule` looks for jobs when one has ended, and under a limit of jobs by time also a second after each
  look (`look_when_jobs_end`).
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import snakemake.jobs
from snakemake.dag import DAG
from snakemake.exceptions import WorkflowError
from snakemake.io import _IOFile
from snakemake.jobs import Job
from snakemake.logging import logger
from snakemake.persistence import NO_PARAMS_CHANGE, ParamsChange, PersistenceBase
from snakemake.rules import Rule
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.settings.enums import RerunTrigger
from snakemake.workflow import Workflow

from trex.files import remove
from trex.run.locks import FolderError, RunLock
from trex.run.records import Records, Why
from trex.run.slurm import QueueError, cancel_jobs_left, note_run
from trex.run.tasks import Task, several, stage, tasks_of
from trex.run.unfinished import is_unfinished

DEFAULT_LIMIT = (100, 1)  # jobs, seconds: Snakemake's --max-jobs-per-timespan


def is_real_run(workflow: Any) -> bool:
    """Whether this process makes files: no dry-run, --touch, --summary, --report or the like, and no job of a run."""
    return (
        workflow.is_main_process
        and workflow.executor_plugin is not None
        and not workflow.dryrun
        and not workflow.touch
    )


def look_when_jobs_end(workflow: Workflow) -> None:
    """Let Snakemake look for jobs to start when one has ended, and at no other time.

    By default it starts at most 100 jobs a second, and therefore looks again a second after every look. So each job
    that ends adds a look to every second that is left: after 500 jobs, 500. In a run of 651 jobs, Snakemake took a
    quarter of a core after 100 of them. Another limit, which somebody has asked for, stays.
    """
    limiter = workflow.scheduler.job_rate_limiter
    if limiter is not None and (limiter.max_jobs, limiter.timespan) == DEFAULT_LIMIT:
        workflow.scheduler.job_rate_limiter = None


class Planner:
    """Judges Snakemake's jobs by the records; everything is looked at once."""

    def __init__(self, records: Records):
        self.records = records
        self.digests: dict[str, str | None] = {}
        self.judged: dict[Any, Why] = {}

    def digest(self, path: str) -> str | None:
        if path not in self.digests:
            self.digests[path] = self.records.digest(path)
        return self.digests[path]

    def why(self, job: Any) -> Why:
        """Why the outputs of a job do not count. Says so of files that are there, but not what was made."""
        if job not in self.judged:
            why = Why()
            for task in tasks_of(job, job.rule.name):
                why.add(self._of_task(task))
            if not any(is_unfinished(Path(output)) for output in why.missing):
                for problem in why.problems:
                    logger.warning(f"{problem}; it is made again")
            self.judged[job] = why
        return self.judged[job]

    def _of_task(self, task: Task) -> Why:
        about = self.records.about(task.rule, task.params, task.inputs)
        digests = [self.digest(path) for path in task.inputs]
        return self.records.why_made_again(about, digests, task.inputs, task.outputs)


def begin(lock: RunLock) -> None:
    """Take the lock of a results folder, if it is not held yet, and end the SLURM jobs that a killed run has left.

    Ahead of the first look at the folder: a job that is cancelled deletes what it has written.

    Raises:
        WorkflowError: another run has the lock, or jobs are left that do not end.
    """
    if lock.held:
        return
    try:
        lock.hold()
        for job in cancel_jobs_left(lock.results) if lock.excludes else ():
            logger.warning(f"cancelled SLURM job {job}, left by a killed run")
    except (FolderError, QueueError) as error:
        raise WorkflowError(str(error)) from error


def plan_by_records(workflow: Any, results: Path, lock: RunLock) -> None:
    """Let the records of a results folder decide what runs, however Snakemake was called.

    lock: of the folder, which a real run takes.
    """
    workflow.log_provenance_info = lambda: None  # advises options that do nothing here
    planners: list[Planner] = []

    def why(job: Any) -> Why:
        if not planners:
            planners.append(Planner(Records(results, read_only=not is_real_run(workflow))))
        try:
            return planners[0].why(job)
        except ValueError as error:  # a file that cannot be read
            raise WorkflowError(str(error)) from error

    def params_changed(persistence: PersistenceBase, job: Any, file: str | None = None) -> ParamsChange:
        if not workflow.is_main_process or not job.output:  # a job of a run is told what to make
            return NO_PARAMS_CHANGE
        found, reason = why(job), persistence.dag.reason(job)
        reason.missing_output.update(found.missing)
        reason.updated_input.update(found.inputs)
        reason.code_changed = found.code
        names = set(found.params)
        return ParamsChange(names, names, set(job.output)) if names else NO_PARAMS_CHANGE

    async def no_time(_: Job) -> None:
        return None

    async def none_incomplete(*_: Any) -> list[str]:
        return []

    async def no_checksum(*_: Any) -> None:
        return None

    init = DAG.init

    async def begin_and_init(dag: DAG, *arguments: Any, **options: Any) -> None:
        if is_real_run(workflow):
            begin(lock)
        await init(dag, *arguments, **options)

    is_producer, products = Rule.is_producer, {}

    def makes(rule: Rule, file: str) -> bool:
        if "_batch_" not in rule.name or rule.has_wildcards():
            return is_producer(rule, file)
        if rule not in products:
            products[rule] = set(map(str, rule.products()))
        return str(file) in products[rule]

    remove_existing_output, cleanup = Job.remove_existing_output, Job.cleanup
    format_files = snakemake.jobs.format_files

    async def keep_outputs_of_tasks(job: Job) -> None:
        if "tasks" not in job.params.keys():  # noqa: SIM118 (Snakemake's own class)
            return await remove_existing_output(job)
        for file in job.log:
            await file.remove(remove_non_empty_dir=False)

    async def keep_recorded_outputs(job: Job, skip_outputs: Iterable[str]) -> None:
        if "tasks" in job.params.keys():  # noqa: SIM118
            store = Records(results)
            skip_outputs = [*skip_outputs, *(file for file in job.output if store.read(file))]
        await cleanup(job, skip_outputs)

    run_jobs = JobScheduler.run

    def run_if_inputs_differ(scheduler: JobScheduler, jobs: Iterable[Any], executor: Any = None) -> None:
        left = []
        for job in jobs:
            jobs_of_group = list(job) if job.is_group() else [job]
            if is_real_run(workflow) and all(_counts_already(one, results) for one in jobs_of_group):
                for one in jobs_of_group:
                    logger.info(
                        f"Job {one.jobid}: {one.message or one.name}: not again, as nothing that it reads changed",
                        extra={"not_again": one.jobid},
                    )
                scheduler._proceed(job)
            else:
                left.append(job)
        if left:
            if name := getattr(executor or scheduler._executor, "run_uuid", None):  # of SLURM's plugin
                note_run(results, name)
            run_jobs(scheduler, left, executor)

    answers = {
        (DAG, "init"): begin_and_init,
        (JobScheduler, "run"): run_if_inputs_differ,
        (Workflow, "rerun_triggers"): property(lambda _: frozenset({RerunTrigger.PARAMS})),
        (PersistenceBase, "has_metadata"): lambda *_: True,
        (PersistenceBase, "has_outdated_metadata"): lambda *_: False,
        (PersistenceBase, "params_changed"): params_changed,
        (PersistenceBase, "code_changed"): lambda _, job, file=None: False if file else [],
        (PersistenceBase, "input_changed"): lambda _, job, file=None: False if file else [],
        (PersistenceBase, "incomplete"): none_incomplete,
        (PersistenceBase, "external_jobids"): lambda *_: [],
        (PersistenceBase, "locked"): property(lambda _: False),
        (PersistenceBase, "_params"): lambda *_: [],
        (_IOFile, "checksum"): no_checksum,
        (Rule, "is_producer"): makes,
        (Job, "output_mintime"): property(no_time),
        (Job, "remove_existing_output"): keep_outputs_of_tasks,
        (Job, "cleanup"): keep_recorded_outputs,
        (snakemake.jobs, "format_files"): lambda files, **kind: several(format_files(files, **kind)),
    }
    for (kind, name), answer in answers.items():
        if not hasattr(kind, name):
            raise WorkflowError(f"this version of Snakemake has no {kind.__name__}.{name}; install 9.27")
        setattr(kind, name, answer)


def _counts_already(job: Job, results: Path) -> bool:
    """Whether all outputs of a job count with its inputs as they are now. Not those of one whose param `reads_records`
    says that it reads more than its inputs: what all jobs before it have left behind."""
    files = [*job.output, *filter(None, [job.benchmark])]
    if "reads_records" in job.params.keys() or not job.output or not all(map(os.path.exists, files)):  # noqa: SIM118
        return False
    try:  # only looks: what a job saw in a file from outside is what later ones have to see
        return not Planner(Records(results, read_only=True)).why(job)
    except ValueError:  # a file that cannot be read: the job says so
        return False


def planned_jobs(workflow: Any) -> list[tuple[str, bool]]:
    """(rule, whether it is done) of all jobs that a run has to do, in the order of the rules."""
    dag = workflow.dag
    jobs = [job for job in dag.needrun_jobs(exclude_finished=False) if not job.is_norun]
    order = [rule.name for rule in workflow.rules]
    jobs.sort(key=lambda job: order.index(job.rule.name))
    return [(stage(job.rule.name), dag.finished(job)) for job in jobs]


def forget_files_in_the_way(dag: Any) -> None:
    """Suppress Snakemake's warning about outputs that exist but will be remade."""
    for job in dag.needrun_jobs():
        reason = dag.reason(job)
        there = {file for file in reason.missing_output if os.path.lexists(file)}
        reason.missing_output.difference_update(there)
        reason.incomplete_output.update(there)


def forget_forced(dag: Any, results: Path) -> None:
    """Forget the records of jobs that the user forces to run, so that a job of several tasks does all of them."""
    store = Records(results)
    for job in dag.needrun_jobs():
        if dag.reason(job).forced:
            for output in job.output:
                remove(store.file(output))
