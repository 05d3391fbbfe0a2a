"""Encode all evaluation text with a full-scale tokenizer, as a user of it would, and measure its quality."""

import polars as pl
from tokenizers import Tokenizer

from trex.bpe.byte_alphabet import ALPHABETS
from trex.files import write_table
from trex.run.job import job
from trex.validation.quality import check_tokens, quality_of

with job(snakemake):
    files, output = snakemake.input, snakemake.output
    at = [tuple(key) for key in snakemake.params.evaluation]
    quality = quality_of(
        Tokenizer.from_file(str(files.tokenizer)),
        dict(zip(at, files.documents, strict=True)),
        ALPHABETS[snakemake.params.alphabet],
    )
    check_tokens(quality.corpora, pl.read_parquet(files.compression), files.tokenizer)
    write_table(quality.documents, output.documents)
    write_table(quality.scripts, output.scripts)
    write_table(quality.corpora, output.corpora)
