"""Train a batch of the proxies' mixtures at another scale and measure their compression."""

import polars as pl

from trex import proxies
from trex.bpe import Workspace
from trex.files import write_table
from trex.mixtures import sample_mixture, sampling_law
from trex.run.job import job
from trex.wordindex import WordIndex

with job(snakemake):
    params = snakemake.params
    index = WordIndex.load(snakemake.input.word_index, params.corpora)
    law = sampling_law(params.sampling, params.seed, params.corpora, index.available_bytes)
    n_bytes = params.n_bytes or int(index.available_bytes.sum())
    compression, workspace = [], Workspace()
    for mixture_id, number in params.mixtures.items():
        training = index.slice(sample_mixture(number, **law), n_bytes)
        model = proxies.train(index, training, params.vocab_sizes[-1], params.tokenizer, workspace)
        key = [pl.lit(mixture_id).alias("mixture_id"), pl.lit(params.n_bytes, pl.Int64).alias("n_bytes")]
        compression.append(proxies.compression(index, model, params.vocab_sizes).select(*key, pl.all()))
    write_table(pl.concat(compression), snakemake.output.compression)
