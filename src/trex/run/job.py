"""What every workflow script shares: its log, errors that a person can read, and checks of what it reads and writes."""

import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits

from trex.run.records import Records, tracked


@contextmanager
def job(snakemake: Any) -> Iterator[Any]:
    """Run a script's body with logging to the rule's log file and to the terminal.

    An error ends the job with its message as one paragraph that names the log; the traceback is in the log. Inputs
    and outputs are checked and recorded (`trex.run.records`). Matrices are computed by one thread, whatever the rule's
    threads: sums in another order have other last digits.
    """
    log_file = snakemake.log[0]
    to_file = logging.FileHandler(log_file, mode="w", encoding="utf-8")
    to_terminal = logging.StreamHandler(sys.stderr)
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    to_terminal.setFormatter(logging.Formatter(f"[{snakemake.rule}] %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[to_file, to_terminal], force=True)
    logging.captureWarnings(True)
    try:
        params, inputs = dict(snakemake.params.items()), list(snakemake.input)
        about = Records(snakemake.config["results"]).about(snakemake.rule, params, inputs)
        os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for libraries that are loaded later
        with (
            threadpool_limits(1, user_api="blas"),
            tracked(snakemake.config["results"], inputs, snakemake.output, about),
        ):
            yield snakemake
    except KeyboardInterrupt:  # the run was stopped
        sys.exit(130)
    except SystemExit:
        raise
    except BaseException as error:  # a panic in Rust is no Exception
        to_file.stream.write(traceback.format_exc())
        to_file.flush()
        what = str(error) if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {error}"
        if "Onig" in what:  # the regex engine of `tokenizers`
            what += ". A regex cannot cope with this text: tokenizer.pattern, or that of a tokenizer.json"
        print(f"[{snakemake.rule}] error: {what}\n(log: {log_file})", file=sys.stderr)
        sys.exit(1)
