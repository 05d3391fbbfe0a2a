"""Train the proxy tokenizers of one batch of mixtures and measure their compression."""

import logging
from contextlib import ExitStack
from pathlib import Path

import polars as pl

from trex import proxies
from trex.bpe import Workspace
from trex.files import whole, write_table
from trex.mixtures import resolve, sample_mixture, sampling_law
from trex.run.job import job
from trex.tokenizer import to_tokenizer
from trex.wordindex import WordIndex

with job(snakemake), ExitStack() as stack:
    params, output = snakemake.params, snakemake.output
    index = WordIndex.load(snakemake.input.word_index, params.corpora)
    law = sampling_law(params.sampling, params.seed, params.corpora, index.available_bytes)
    folder: Path | None = None
    if "tokenizers" in output.keys():
        folder = stack.enter_context(whole(output.tokenizers))
        folder.mkdir()
    compression, ledgers, workspace = [], [], Workspace()
    for mixture_id, mixture in params.mixtures.items():
        if isinstance(mixture, int):
            shares = sample_mixture(mixture, **law)
        else:
            shares = resolve({"shares": mixture}, params.corpora, index.available_bytes)
        training = index.slice(shares, params.sampling["bytes"])
        model = proxies.train(index, training, params.vocab_size, params.tokenizer, workspace)
        name = pl.lit(mixture_id).alias("mixture_id")
        compression.append(proxies.compression(index, model, params.vocab_grid).select(name, pl.all()))
        ledgers.append(training.ledger.select(name, pl.all()))
        if folder:
            to_tokenizer(model, params.tokenizer["pattern"]).save(str(folder / f"{mixture_id}.json"))
        logging.info("%s: %d tokens from %d bytes", mixture_id, model.vocab_size, training.n_bytes)
    write_table(pl.concat(ledgers), output.ledger)
    write_table(pl.concat(compression), output.compression)
