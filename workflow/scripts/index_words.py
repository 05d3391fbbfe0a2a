"""Build the word index from the counts of all corpora and evaluation sets."""

from pathlib import Path

from trex.counting.build_index import build_index
from trex.run.job import job

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    evaluation = [tuple(pair) for pair in params.evaluation]
    build_index(
        Path(snakemake.output.word_index),
        dict(zip(params.corpora, files.words, strict=True)),
        dict(zip(params.corpora, files.ledgers, strict=True)),
        dict(zip(evaluation, zip(files.eval_words, files.eval_ledgers, strict=True), strict=True)),
    )
