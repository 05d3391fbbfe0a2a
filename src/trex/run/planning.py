"""Snakemake asks our records (`trex.run.records`) what has to be made, and nothing else.

Of itself it compares times, and what it wrote into the working folder's ``.snakemake``; either can be wrong after a
file was restored, a folder copied, or a clock set back. `plan_by_records` takes the place of both. It is the one place
that depends on how Snakemake (9.27) plans:

- `DAG.update_needrun` asks, of each job that it has no other reason to run: `Job.output_mintime` (None: no
  comparison of times), then `has_metadata`, `has_outdated_metadata` and, if `Workflow.rerun_triggers` has PARAMS,
  `params_changed` of `PersistenceBase`. It reads the reasons that were set in `dag.reason(job)` meanwhile. A job that
  runs makes all run that read its output.
- `PersistenceBase.incomplete` lists outputs whose job was killed: these have no record. `external_jobids` are jobs of
  a killed run to wait for: these are cancelled (`trex.run.slurm`). `locked` is whether another run works in the working
  folder, or was killed there: a results folder has a lock of its own (`trex.run.locks`).
"""

import os
from pathlib import Path
from typing import Any

from snakemake.exceptions import WorkflowError
from snakemake.jobs import Job
from snakemake.logging import logger
from snakemake.persistence import NO_PARAMS_CHANGE, ParamsChange, PersistenceBase
from snakemake.settings.enums import RerunTrigger
from snakemake.workflow import Workflow

from trex.run.locks import FolderError, RunLock
from trex.run.records import Records, Why
from trex.run.unfinished import is_unfinished


def is_real_run(workflow: Any) -> bool:
    """Whether this process makes files: no dry-run, --touch, --summary, --report or the like, and no job of a run."""
    return (
        workflow.is_main_process
        and workflow.executor_plugin is not None
        and not workflow.dryrun
        and not workflow.touch
    )


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
            inputs, outputs = list(map(str, job.input)), list(map(str, job.output))
            about = self.records.about(job.rule.name, dict(job.params.items()), inputs)
            digests = [self.digest(path) for path in inputs]
            why = self.records.why_made_again(about, digests, inputs, outputs)
            if not any(is_unfinished(Path(output)) for output in why.missing):
                for problem in why.problems:
                    logger.warning(f"{problem}; it is made again")
            self.judged[job] = why
        return self.judged[job]


def hold(lock: RunLock) -> None:
    """Take the lock of a results folder, which may be held already. WorkflowError if another run has it."""
    try:
        lock.hold()
    except FolderError as error:
        raise WorkflowError(str(error)) from error


def plan_by_records(workflow: Any, results: Path, lock: RunLock) -> None:
    """Let the records of a results folder decide what runs, however Snakemake was called.

    lock: of the folder; a real run takes it ahead of the first look at the folder.
    """
    workflow.log_provenance_info = lambda: None  # advises options that do nothing here
    planners: list[Planner] = []

    def why(job: Any) -> Why:
        if not planners:
            if is_real_run(workflow):
                hold(lock)
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

    answers = {
        (Workflow, "rerun_triggers"): property(lambda _: frozenset({RerunTrigger.PARAMS})),
        (PersistenceBase, "has_metadata"): lambda *_: True,
        (PersistenceBase, "has_outdated_metadata"): lambda *_: False,
        (PersistenceBase, "params_changed"): params_changed,
        (PersistenceBase, "code_changed"): lambda _, job, file=None: False if file else [],
        (PersistenceBase, "input_changed"): lambda _, job, file=None: False if file else [],
        (PersistenceBase, "incomplete"): none_incomplete,
        (PersistenceBase, "external_jobids"): lambda *_: [],
        (PersistenceBase, "locked"): property(lambda _: False),
        (Job, "output_mintime"): property(no_time),
    }
    for (kind, name), answer in answers.items():
        if not hasattr(kind, name):
            raise WorkflowError(f"this version of Snakemake has no {kind.__name__}.{name}; install 9.27")
        setattr(kind, name, answer)


def planned_jobs(workflow: Any) -> list[tuple[str, bool]]:
    """(rule, whether it is done) of all jobs that a run has to do, in the order of the rules."""
    dag = workflow.dag
    jobs = [job for job in dag.needrun_jobs(exclude_finished=False) if not job.is_norun]
    order = [rule.name for rule in workflow.rules]
    jobs.sort(key=lambda job: order.index(job.rule.name))
    return [(job.rule.name, dag.finished(job)) for job in jobs]


def forget_files_in_the_way(dag: Any) -> None:
    """Suppress Snakemake's warning about outputs that exist but will be remade."""
    for job in dag.needrun_jobs():
        reason = dag.reason(job)
        there = {file for file in reason.missing_output if os.path.lexists(file)}
        reason.missing_output.difference_update(there)
        reason.incomplete_output.update(there)
