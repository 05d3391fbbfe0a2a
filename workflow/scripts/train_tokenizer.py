"""Train a full-scale tokenizer and measure its compression."""

from trex.files import read_json, whole, write_table
from trex.proxies.tables import candidate_shares
from trex.proxies.train import Trainer
from trex.run.job import job
from trex.tokenizer.build import to_tokenizer

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    name = snakemake.wildcards.name
    if files.choice:  # the name is of no mixture
        name = read_json(files.choice[0])["chosen"]
    trainer = Trainer.load(files.word_index, params, params.n_bytes, [params.vocab_size])
    trained = trainer.train(candidate_shares(files.candidates, name, params.corpora))
    write_table(trained.compression, output.compression)
    write_table(trained.ledger, output.ledger)
    kind = params.tokenizer
    with whole(output.tokenizer) as temporary:
        to_tokenizer(trained.model, kind["pattern"], kind["normalizer"]).save(str(temporary))
