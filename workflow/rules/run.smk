# Around a run: which folder it may use, what has to be made, and results/summary.md, which says what is missing until
# it is written.
from trex.hygiene.marks import marks_message, marks_of_sources
from trex.config import (
    named_files,
    paths_of_patterns,
    without_effect,
)
from trex.run.disk import check_space
from trex.files import remove_temporary_files
from trex.run.locks import FolderError, RunLock, check_folder
from trex.run.planning import (
    begin,
    forget_files_in_the_way,
    forget_forced,
    is_real_run,
    look_when_jobs_end,
    plan_by_records,
    planned_jobs,
)
from trex.run.preflight import (
    warn_of_address_space,
    warn_of_shared_text,
    warn_of_slow_pattern,
    warn_of_special_tokens,
)
from trex.run.progress import closing_words
from trex.run.records import forget_changed_inputs
from trex.run.slurm import forget_runs
from trex.run.unfinished import (
    is_unfinished,
    logs_of_failed_jobs,
    note_signals,
    page_is_due,
    write_page,
)

from snakemake.logging import logger

RESULTS = Path(config["results"])
CONFIGS = list(RECIPES.values()) or [config]
SUMMARY = FILES.page("recipes" if RECIPES else "summary")  # the page to begin with
WRITES_SUMMARY = "compare_recipes" if RECIPES else "write_summary"
RUN_LOCK = RunLock(RESULTS)
STOPPED_BY = []  # names of signals


if workflow.is_main_process:
    try:
        named = [named_files(one, BASE) for one in CONFIGS]
        check_folder(
            RESULTS, {key: files for one in named for key, files in one.items()}
        )
        for path, why in without_effect(WRITTEN, config, RECIPES).items():
            logger.warning(f"{path}: {why}")
        if line := warn_of_address_space():
            logger.warning(line)
        shared = [
            line
            for one, files in zip(CONFIGS, named)
            for line in warn_of_shared_text(one["corpora"], files)
        ]
        for line in dict.fromkeys(shared):
            logger.warning(line)
        patterns = paths_of_patterns(RECIPES or {"": config})
        for pattern, path in patterns.items():
            if line := warn_of_slow_pattern(pattern, path):
                logger.warning(line)
        for pattern, files in {
            one["tokenizer"]["pattern"]: Layout.of(one) for one in CONFIGS
        }.items():
            if cut := marks_of_sources(uncounted_sources(files), BASE, pattern):
                logger.warning(marks_message(cut, patterns[pattern]))
        for line in warn_of_special_tokens(
            {
                token: None
                for one in CONFIGS
                for token in one["tokenizer"]["special_tokens"]
            }
        ):
            logger.warning(line)
        if not all(
            Layout.of(one).index.exists() for one in CONFIGS
        ):  # most of what a run needs
            for line in check_space(CONFIGS, BASE):
                logger.warning(line)
    except (ConfigError, FolderError) as error:
        sys.exit(f"error: {error}")
plan_by_records(workflow, RESULTS, RUN_LOCK)


onstart:
    if is_real_run(workflow):
        begin(RUN_LOCK)
        look_when_jobs_end(workflow)
        remove_temporary_files(
            file for job in workflow.dag.jobs for file in job.output
        )
        forget_changed_inputs(RESULTS)
        note_signals(STOPPED_BY)
        if page_is_due(SUMMARY, WRITES_SUMMARY, planned_jobs(workflow)):
            write_page(
                SUMMARY,
                "It is under way, or was killed. When it began, it had to do:",
                planned_jobs(workflow),
                begins=True,
            )
        forget_files_in_the_way(workflow.dag)
        forget_forced(workflow.dag, RESULTS)


onsuccess:
    if is_real_run(workflow):
        forget_runs(RESULTS)
    if is_real_run(workflow) and is_unfinished(SUMMARY):  # a partial target
        write_page(
            SUMMARY,
            "The requested files are complete. No summary was requested.",
            planned_jobs(workflow),
        )
    elif is_real_run(workflow):
        logger.info(closing_words(SUMMARY))


onerror:
    if is_real_run(workflow):
        logs = [] if STOPPED_BY else logs_of_failed_jobs(log)
        why = (
            f"The run was stopped by {STOPPED_BY[0]}."
            if STOPPED_BY
            else "Jobs failed. Read their logs:"
        )
        if page_is_due(SUMMARY, WRITES_SUMMARY, planned_jobs(workflow)):
            write_page(SUMMARY, why, planned_jobs(workflow), logs)
        if STOPPED_BY:
            logger.error(f"{why} Run the same command again to continue.")
        else:
            for name in logs or log:
                logger.error(f"Read {name}")
