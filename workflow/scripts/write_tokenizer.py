"""Write a finished tokenizer, in this run's vocabulary size and those of the ladder, to where its users find it."""

from tokenizers import Tokenizer

from trex.files import read_json, whole
from trex.run.job import job
from trex.tokenizer.cut import cutter
from trex.tokenizer.huggingface import released

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    mixture = read_json(files.choice[0])["chosen"] if files.choice else snakemake.wildcards.name
    trained = Tokenizer.from_file(str(dict(zip(params.mixtures, files.trained, strict=True))[mixture]))
    sizes = [read_json(files.vocab_size)["vocab_size"], *params.ladder]
    cut = cutter(files.get("base"), params.keep)
    for path, vocab_size in zip([output.tokenizer, *output.ladder], sizes, strict=True):
        with whole(path) as temporary:
            released(cut(trained, vocab_size), params.ends, params.pad_to).save(str(temporary))
