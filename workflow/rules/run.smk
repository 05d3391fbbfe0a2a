# Around a run: which folder it may use, what has to be made, and results/summary.md, which says what is missing until
# it is written.
from trex.hygiene.marks import marks_message, marks_of_sources
from trex.run.disk import check_space
from trex.files import remove_temporary_files
from trex.run.locks import FolderError, RunLock, check_folder
from trex.run.planning import (
    forget_files_in_the_way,
    forget_forced,
    hold,
    is_real_run,
    plan_by_records,
    planned_jobs,
)
from trex.run.progress import closing_words
from trex.run.records import forget_changed_inputs
from trex.run.unfinished import (
    is_unfinished,
    logs_of_failed_jobs,
    note_signals,
    page_is_due,
    write_page,
)
from trex.run.slurm import cancel_jobs_left

from snakemake.logging import logger

SUMMARY = FILES.page("summary")
RUN_LOCK = RunLock(RESULTS)
STOPPED_BY = []  # names of signals


if workflow.is_main_process:
    try:
        check_folder(RESULTS, named_files(config, BASE))
        if line := warn_of_address_space():
            logger.warning(line)
        if line := warn_of_slow_pattern(TOKENIZER["pattern"]):
            logger.warning(line)
        for line in warn_of_special_tokens(TOKENIZER["special_tokens"]):
            logger.warning(line)
        if not INDEX.exists():  # most of what a run needs
            for line in check_space(config, BASE):
                logger.warning(line)
        if cut := marks_of_sources(uncounted_sources(), BASE, TOKENIZER["pattern"]):
            logger.warning(marks_message(cut))
    except (ConfigError, FolderError) as error:
        sys.exit(f"error: {error}")
plan_by_records(workflow, RESULTS, RUN_LOCK)


# What the results came from: config, code, versions, texts, and the SHA-256 of every file on the way.
rule write_provenance:
    input:
        # without costs.md, whose times are never the same twice
        summary=rules.write_summary.output.summary,
        details=rules.write_summary.output.details,
        validation=rules.write_summary.output.validation,
        vocabulary=rules.write_vocabulary.output,
        candidates=rules.write_summary.output.candidates,
        hygiene=rules.write_hygiene.output.page,
        corpora=rules.write_summary.output.corpora,
        figures=rules.plot_figures.output,
        language_models=LANGUAGE_MODELS,
        tokenizers=expand(rules.write_tokenizer.output, name=TOKENIZERS),
        tokenizer_configs=rules.write_tokenizer_configs.output,
        counts=REPORTED["counts"],
        tokenizer_ledgers=REPORTED["full_scale_ledgers"],
        training_ledger=FILES.training_ledger if SEARCHES else [],
    output:
        provenance=FILES.provenance,
    log:
        LOGS / "write_provenance.log",
    benchmark:
        BENCHMARKS / "write_provenance.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(500, 1.0),
        runtime=minutes(5),
    params:
        code=code_of("write_provenance"),
        config=verbatim(config),
    message:
        "Writing down what the results came from"
    script:
        "../scripts/write_provenance.py"


# The last job: what it may find wrong with a tokenizer can be looked at in all pages and tables.
rule pass_gates:
    input:
        gates=FILES.gates,
        pages=[
            *rules.write_summary.output,
            *rules.write_vocabulary.output,
            *rules.write_hygiene.output,
            *rules.plot_figures.output,
            *rules.write_provenance.output,
            *rules.write_page.output,
        ],
    output:
        passed=FILES.gates_passed,
    log:
        LOGS / "pass_gates.log",
    benchmark:
        BENCHMARKS / "pass_gates.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes(300, 1.0),
        runtime=minutes(5),
    params:
        code=code_of("pass_gates"),
        names=TOKENIZERS,
        waived=config["validation"]["waived_gates"],
    message:
        "Whether every tokenizer of this run passed its gates"
    script:
        "../scripts/pass_gates.py"


onstart:
    if is_real_run(workflow):
        hold(RUN_LOCK)
        for job in cancel_jobs_left(Path.cwd()):
            logger.warning(f"cancelled SLURM job {job}, left by a killed run")
        remove_temporary_files(
            file for job in workflow.dag.jobs for file in job.output
        )
        forget_changed_inputs(RESULTS)
        note_signals(STOPPED_BY)
        if page_is_due(SUMMARY, planned_jobs(workflow)):
            write_page(
                SUMMARY, "It is under way, or was killed.", planned_jobs(workflow)
            )
        forget_files_in_the_way(workflow.dag)
        forget_forced(workflow.dag, RESULTS)


onsuccess:
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
        if page_is_due(SUMMARY, planned_jobs(workflow)):
            write_page(SUMMARY, why, planned_jobs(workflow), logs)
        if STOPPED_BY:
            logger.error(f"{why} Run the same command again to continue.")
        else:
            for name in logs or log:
                logger.error(f"Read {name}")
