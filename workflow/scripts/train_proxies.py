"""Train the proxy tokenizers of one batch of mixtures and measure their compression."""

from contextlib import ExitStack

import numpy as np

from trex.counting.word_index import WordIndex
from trex.files import whole, write_table
from trex.mixtures.sampling import MixtureSampler, asked_shares
from trex.proxies.train import Trained, Trainer, by_id
from trex.run.job import job
from trex.tokenizer.build import to_tokenizer

with job(snakemake), ExitStack() as stack:
    params, output = snakemake.params, snakemake.output
    index = WordIndex.load(snakemake.input.word_index, params.corpora)
    sampler = MixtureSampler.from_config(params.sampling, params.seed, params.corpora, index.available_bytes)
    asked = asked_shares(params.mixtures, sampler, params.corpora, index.available_bytes)
    index.check_given(list(asked), np.stack(list(asked.values())), params.sampling["bytes"])
    folder = None
    if "tokenizers" in output.keys():
        folder = stack.enter_context(whole(output.tokenizers))
        folder.mkdir()

    def keep(trained: Trained) -> None:
        if folder:
            tokenizer = to_tokenizer(trained.model, params.tokenizer["pattern"])
            tokenizer.save(str(folder / f"{trained.key['mixture_id']}.json"))

    trainer = Trainer(index, params.tokenizer, params.sampling["bytes"], params.vocab_grid)
    compression, ledger = trainer.train_batch(by_id(asked), keep)
    write_table(ledger, output.ledger)
    write_table(compression, output.compression)
