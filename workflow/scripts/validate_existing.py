"""Encode the test half of the evaluation text with an existing tokenizer and measure its quality."""

from pathlib import Path

from trex.bpe.byte_alphabet import ALPHABETS
from trex.files import write_table
from trex.run.job import job
from trex.tokenizer.existing import load_tokenizer
from trex.validation.quality import quality_of

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    at = [tuple(key) for key in params.evaluation]
    _, tokenizer = load_tokenizer(params.tokenizer, Path.cwd())
    texts = dict(zip(at, snakemake.input.test, strict=True))
    quality = quality_of(tokenizer, texts, ALPHABETS[params.alphabet])
    write_table(quality.documents, output.documents)
    write_table(quality.scripts, output.scripts)
    write_table(quality.entries, output.entries)
    write_table(quality.words, output.words)
    write_table(quality.corpora, output.corpora)
