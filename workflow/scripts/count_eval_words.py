"""Deal evaluation sets of corpora into halves; count their words, and their tokens by the reference tokenizer."""

from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from trex.bpe.byte_alphabet import ALPHABETS
from trex.corpora import BadRecords, DocumentLimit, read_documents
from trex.counting.corpus import EvaluationOptions, count_evaluation, evaluation_file
from trex.counting.sampling import draw
from trex.files import write_table
from trex.run.job import each_task
from trex.run.tasks import Task
from trex.tokenizer.reference import Reference, load_reference

REFERENCE = snakemake.params.reference
ALPHABET = ALPHABETS[snakemake.params.alphabet]


@cache  # takes a second, which a job without work need not pay
def reference() -> Reference:
    return load_reference(REFERENCE, Path.cwd(), ALPHABET)


def count(task: Task) -> None:
    params, output = task.params, task.output
    first, limit = (DocumentLimit(params["max_document_bytes"]) for _ in range(2))
    bad = BadRecords.from_source(params["source"])
    training_documents = np.load(task.input["documents"], mmap_mode="r")
    documents = read_documents(params["source"], Path.cwd(), limit=first)
    sample = draw(documents, params["source"], params["seed"], excluded=training_documents)
    with evaluation_file(output["selection"]) as selection, evaluation_file(output["test"]) as test:
        words, ledger = count_evaluation(
            read_documents(params["source"], Path.cwd(), limit=limit, bad=bad),
            (task.wildcards["evaluation_set"], task.wildcards["corpus"]),
            reference().count,
            (selection, test),
            training_documents,
            EvaluationOptions(
                params["seed"],
                params["pattern"],
                sample,
                params["normalizer"],
                params["alphabet"],
                params["parallel"],
            ),
        )
    write_table(words.summed(), output["words"])
    left_out = {"too_long": limit.left_out, **bad.ledger(zeros=True)}
    write_table(ledger.with_columns(**{kind: pl.lit(n) for kind, n in left_out.items()}), output["ledger"])


each_task(snakemake, count)
