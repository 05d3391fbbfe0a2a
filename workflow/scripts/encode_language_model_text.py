"""Encode the language models' text, and the documents they are measured on, with one tokenizer or as raw bytes."""

from pathlib import Path

from tokenizers import Tokenizer

from trex.files import write_json, write_table
from trex.language_model.jobs import encode_view
from trex.language_model.rows import RAW_BYTES
from trex.run.job import job
from trex.tokenizer.existing import load_tokenizer

with job(snakemake):
    params, files, output, view = (
        snakemake.params,
        snakemake.input,
        snakemake.output,
        snakemake.wildcards.view,
    )
    if view == RAW_BYTES:
        tokenizer = None
    elif params.existing:
        _, tokenizer = load_tokenizer(params.existing, Path.cwd())
    else:
        tokenizer = Tokenizer.from_file(str(files.tokenizer))
    measured = dict(zip(map(tuple, params.measured_on), files.documents, strict=True))
    encoded = encode_view(tokenizer, view, files.text, measured, params.evaluation_bytes, params.normalizer)
    write_table(encoded.training, output.training)
    write_table(encoded.measured, output.measured)
    write_json(encoded.about, output.about)
