"""Encode the test half of the evaluation text with a tokenizer, as a user of it would, and measure its quality."""

from tokenizers import Tokenizer

from trex.bpe.byte_alphabet import ALPHABETS
from trex.files import write_table
from trex.run.job import job
from trex.validation.quality import quality_of

with job(snakemake):
    files, output = snakemake.input, snakemake.output
    at = [tuple(key) for key in snakemake.params.evaluation]
    quality = quality_of(
        Tokenizer.from_file(str(files.tokenizer)),
        dict(zip(at, files.test, strict=True)),
        ALPHABETS[snakemake.params.alphabet],
    )
    write_table(quality.documents, output.documents)
    write_table(quality.scripts, output.scripts)
    write_table(quality.entries, output.entries)
    write_table(quality.words, output.words)
    write_table(quality.corpora, output.corpora)
