"""Write a finished tokenizer in the formats of other programs, and encode all evaluation text with each of them."""

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from trex.files import scratch, whole
from trex.run.job import job
from trex.tokenizer.export import export
from trex.tokenizer.formats import CHECKED

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    texts = (text for file in files.documents for text in pl.read_parquet(file, columns=["text"])["text"])
    name = snakemake.wildcards.name
    with TemporaryDirectory(dir=scratch(snakemake.output[0])) as folder:
        output = Path(folder)
        checked = export(Path(files.folder[0]).parent, name, params.formats, params.alphabet, texts, output)
        (output / CHECKED).write_text(json.dumps(checked, indent=2) + "\n")
        for path in map(Path, snakemake.output):
            with whole(path) as temporary:
                shutil.copyfile(output / path.name, temporary)
