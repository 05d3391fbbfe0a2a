"""Write a finished tokenizer, in this run's vocabulary size and those of the ladder, to where its users find it."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from tokenizers import Tokenizer

from trex.files import read_json, scratch, whole
from trex.run.job import job
from trex.tokenizer.cut import cut
from trex.tokenizer.huggingface import write_folder

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    mixture = read_json(files.choice[0])["chosen"] if files.choice else snakemake.wildcards.name
    trained = Tokenizer.from_file(str(dict(zip(params.mixtures, files.trained, strict=True))[mixture]))
    template = Path(files.chat_template[0]).read_text(encoding="utf-8") if files.chat_template else None
    main = Path(snakemake.output.tokenizer).parent
    size_of = {main: read_json(files.vocab_size)["vocab_size"]}
    size_of |= {main / f"ladder/{size}": size for size in params.ladder}
    for home, vocab_size in size_of.items():
        with TemporaryDirectory(dir=scratch(main)) as folder:
            write_folder(cut(trained, vocab_size), params.release, Path(folder), params.pad_to, template)
            for output in [Path(path) for path in snakemake.output if Path(path).parent == home]:
                with whole(output) as temporary:
                    shutil.copyfile(Path(folder) / output.name, temporary)
