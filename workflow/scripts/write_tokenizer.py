"""Write a finished tokenizer, of the vocabulary size of this run, to where its users find it."""

from trex.files import read_json, whole
from trex.run.job import job
from trex.tokenizer.build import cut

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    mixture = read_json(files.choice[0])["chosen"] if files.choice else snakemake.wildcards.name
    trained = dict(zip(params.mixtures, files.trained, strict=True))[mixture]
    with whole(snakemake.output.tokenizer) as temporary:
        cut(trained, params.vocab_size).save(str(temporary))
