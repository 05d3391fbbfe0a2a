"""Train the proxies of one candidate or baseline, on several draws of its text."""

from trex.files import write_table
from trex.proxies.tables import candidate_shares
from trex.proxies.train import Trained
from trex.proxies.trainers import load_trainer
from trex.run.job import job
from trex.validation.quality import encode_sample

with job(snakemake):
    params, name, output = snakemake.params, snakemake.wildcards.name, snakemake.output
    shares = candidate_shares(snakemake.input.candidates, name, params.corpora)
    at = [tuple(key) for key in params.evaluation]
    texts = dict(zip(at, snakemake.input.selection, strict=True))

    def encode(trained: Trained) -> None:
        if trained.key["replicate"] == 0:
            write_table(encode_sample(trainer.finished(trained.model), texts), output.documents)

    trainer = load_trainer(snakemake.input, params, params.n_bytes, params.vocab_grid)
    draws = [({"name": name, "replicate": replicate}, shares) for replicate in range(params.replicates)]
    compression, ledger = trainer.train_batch(draws, encode)
    write_table(ledger, output.ledger)
    write_table(compression, output.compression)
