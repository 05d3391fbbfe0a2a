"""Train the proxy tokenizers of one batch of mixtures and measure their compression."""

import numpy as np

from trex.files import write_table
from trex.mixtures.sampling import MixtureSampler, asked_shares
from trex.proxies.tokenizers import tokenizer_folder
from trex.proxies.train import by_id
from trex.proxies.trainers import load_trainer
from trex.run.job import job

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    trainer = load_trainer(snakemake.input, params, params.sampling["bytes"], params.vocab_grid)
    index = trainer.index
    sampler = MixtureSampler.from_config(params.sampling, params.seed, params.corpora, index.available_bytes)
    asked = asked_shares(params.mixtures, sampler, params.corpora, index.available_bytes)
    index.check_given(list(asked), np.stack(list(asked.values())), params.sampling["bytes"])
    with tokenizer_folder(output.get("tokenizers"), trainer.finished) as keep:
        compression, ledger = trainer.train_batch(by_id(asked), keep)
    write_table(ledger, output.ledger)
    write_table(compression, output.compression)
