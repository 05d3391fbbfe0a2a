"""Train a batch of the proxies' mixtures at another scale and measure their compression."""

from trex.counting.word_index import WordIndex
from trex.files import write_table
from trex.mixtures.sampling import MixtureSampler
from trex.proxies.train import Trainer
from trex.run.job import job

with job(snakemake):
    params = snakemake.params
    index = WordIndex.load(snakemake.input.word_index, params.corpora)
    sampler = MixtureSampler.from_config(params.sampling, params.seed, params.corpora, index.available_bytes)
    trainer = Trainer(index, params.tokenizer, params.n_bytes, params.vocab_sizes)
    compression, _ = trainer.train_batch(
        ({"mixture_id": mixture_id, "n_bytes": params.n_bytes}, sampler.mixture(number))
        for mixture_id, number in params.mixtures.items()
    )
    write_table(compression, snakemake.output.compression)
