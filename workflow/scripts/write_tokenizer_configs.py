"""Write the files beside every tokenizer.json: special tokens, longest text and chat template for transformers."""

from pathlib import Path

from tokenizers import Tokenizer

from trex.files import write_text
from trex.run.job import job
from trex.tokenizer.huggingface import config_files

with job(snakemake):
    template = snakemake.input.chat_template
    chat = Path(template[0]).read_text(encoding="utf-8") if template else None
    for path in snakemake.input.tokenizers:
        tokenizer = Tokenizer.from_file(str(path))
        for name, text in config_files(tokenizer, snakemake.params.release, chat).items():
            write_text(text, Path(path).with_name(name))
