"""Train a batch of the proxies' mixtures at another scale and measure their compression."""

import polars as pl

from trex.files import write_table
from trex.mixtures.sampling import MixtureSampler
from trex.proxies.trainers import load_trainer
from trex.run.job import job

with job(snakemake):
    params = snakemake.params
    # smaller vocabularies are cut from the largest; with superwords each has a transition of its own
    sizes = params.vocab_sizes
    trainings = [[size] for size in sizes] if params.tokenizer["superwords"] else [sizes]
    tables = []
    for vocab_sizes in trainings:
        trainer = load_trainer(snakemake.input, params, params.n_bytes, vocab_sizes)
        available = trainer.index.available_bytes
        sampler = MixtureSampler.from_config(params.sampling, params.seed, params.corpora, available)
        compression, _ = trainer.train_batch(
            ({"mixture_id": mixture_id, "n_bytes": params.n_bytes}, sampler.mixture(number))
            for mixture_id, number in params.mixtures.items()
        )
        tables.append(compression)
    write_table(pl.concat(tables), snakemake.output.compression)
