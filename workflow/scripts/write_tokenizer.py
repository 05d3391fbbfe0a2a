"""Write a finished tokenizer, of the vocabulary size of this run, to where its users find it."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from trex.files import read_json, scratch, whole
from trex.run.job import job
from trex.tokenizer.build import cut
from trex.tokenizer.huggingface import write_folder

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    mixture = read_json(files.choice[0])["chosen"] if files.choice else snakemake.wildcards.name
    trained = dict(zip(params.mixtures, files.trained, strict=True))[mixture]
    template = Path(files.chat_template[0]).read_text(encoding="utf-8") if files.chat_template else None
    with TemporaryDirectory(dir=scratch(snakemake.output[0])) as folder:
        write_folder(cut(trained, params.vocab_size), params.release, Path(folder), params.pad_to, template)
        for output in map(Path, snakemake.output):
            with whole(output) as temporary:
                shutil.copyfile(Path(folder) / output.name, temporary)
