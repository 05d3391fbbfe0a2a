"""Count one evaluation set of one corpus, and its tokens by the reference tokenizer."""

from pathlib import Path

import numpy as np
import polars as pl

from trex.corpora import BadRecords, DocumentLimit, read_documents
from trex.counting.corpus import EvaluationOptions, count_evaluation, evaluation_file
from trex.counting.sampling import draw
from trex.files import write_table
from trex.run.job import job
from trex.tokenizer.reference import load_reference

with job(snakemake), evaluation_file(snakemake.output.documents) as keep:
    params, output, wildcards = snakemake.params, snakemake.output, snakemake.wildcards
    first, limit = (DocumentLimit(params.max_document_bytes) for _ in range(2))
    bad = BadRecords.from_source(params.source)
    training_documents = np.load(snakemake.input.documents, mmap_mode="r")
    documents = read_documents(params.source, Path.cwd(), limit=first, bad=bad.uncapped())
    sample = draw(documents, params.source, params.seed, excluded=training_documents)
    words, ledger = count_evaluation(
        read_documents(params.source, Path.cwd(), limit=limit, bad=bad),
        (wildcards.evaluation_set, wildcards.corpus),
        load_reference(params.reference, Path.cwd()).count,
        keep,
        training_documents,
        EvaluationOptions(params.seed, params.pattern, sample, params.normalizer),
    )
    bad.check(
        f"evaluation set {wildcards.evaluation_set} of {wildcards.corpus}"
    )  # reading may have ended early
    write_table(words.summed(), output.words)
    left_out = {"too_long": limit.left_out, **bad.ledger(zeros=True)}
    write_table(ledger.with_columns(**{kind: pl.lit(n) for kind, n in left_out.items()}), output.ledger)
