"""What every workflow script shares: its log, errors that a person can read, and checks of what it reads and writes."""

import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits

from trex.run.records import Records, tracked
from trex.run.tasks import Task, tasks_of

log = logging.getLogger(__name__)


class TasksFailed(ValueError):
    """Tasks of a job failed; the message names them."""


@contextmanager
def job(snakemake: Any) -> Iterator[Any]:
    """Run a script's body with logging to the rule's log file and to the terminal.

    An error ends the job with its message as one paragraph that names the log; the traceback is in the log. Inputs
    and outputs are checked and recorded (`trex.run.records`).
    """
    with _logged(snakemake):
        store = Records(snakemake.config["results"])
        (task,) = tasks_of(snakemake, snakemake.rule)
        with _recorded(store, task):
            yield snakemake


def each_task(snakemake: Any, work: Callable[[Task], None]) -> None:
    """Do the tasks of a job (`trex.run.tasks`), one after another, as `job` does a script's body.

    A task of several whose outputs count already is left alone. One that fails does not keep the others from being
    done; the job then ends with the errors of all that failed, each with the name of its task.
    """
    with _logged(snakemake) as write_to_log:
        store = Records(snakemake.config["results"])
        tasks = tasks_of(snakemake, snakemake.rule)
        if len(tasks) == 1:
            with _recorded(store, tasks[0]):
                work(tasks[0])
            return
        failed = []
        for task in tasks:
            about = store.about(task.rule, task.params, task.inputs)
            digests = [store.digest(path) for path in task.inputs]
            if not store.why_made_again(about, digests, task.inputs, task.outputs):
                log.info("%s: is as it should be", task.name)
                continue
            log.info("%s: begins", task.name)
            try:
                with _recorded(store, task):
                    work(task)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:
                write_to_log(traceback.format_exc())
                failed.append(f"{task.name}: {_in_words(error)}")
        if failed:
            done = len(tasks) - len(failed)
            kept = f"\nThe other {done} of this job are done." if done else ""
            raise TasksFailed("\n".join(failed) + kept)


@contextmanager
def _recorded(store: Records, task: Task) -> Iterator[None]:
    about = store.about(task.rule, task.params, task.inputs)
    with tracked(store.results, task.inputs, task.outputs, about):
        yield


def _in_words(error: BaseException) -> str:
    what = str(error) if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {error}"
    if "Onig" in what:  # the regex engine of `tokenizers`
        what += ". A regex cannot cope with this text: tokenizer.pattern, or that of a tokenizer.json"
    return what


@contextmanager
def _logged(snakemake: Any) -> Iterator[Callable[[str], None]]:
    """Logging, and the end of a job by an error; gives what writes to the log file alone. Matrices are computed by one
    thread, whatever the rule's threads: sums in another order have other last digits."""
    log_file = snakemake.log[0]
    to_file = logging.FileHandler(log_file, mode="w", encoding="utf-8")
    to_terminal = logging.StreamHandler(sys.stderr)
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    to_terminal.setFormatter(logging.Formatter(f"[{snakemake.rule}] %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[to_file, to_terminal], force=True)
    logging.captureWarnings(True)

    def write_to_log(text: str) -> None:
        to_file.stream.write(text)
        to_file.flush()

    try:
        os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for libraries that are loaded later
        with threadpool_limits(1, user_api="blas"):
            yield write_to_log
    except KeyboardInterrupt:  # the run was stopped
        sys.exit(130)
    except SystemExit:
        raise
    except BaseException as error:  # a panic in Rust is no Exception
        write_to_log(traceback.format_exc())
        print(f"[{snakemake.rule}] error: {_in_words(error)}\n(log: {log_file})", file=sys.stderr)
        sys.exit(1)
