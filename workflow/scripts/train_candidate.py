"""Train the proxies of one candidate or baseline, on several draws of its text."""

import polars as pl

from trex import proxies
from trex.bpe import Workspace
from trex.files import write_table
from trex.job import job
from trex.wordindex import WordIndex

with job(snakemake):
    params, wildcards = snakemake.params, snakemake.wildcards
    index = WordIndex.load(snakemake.input.word_index, params.corpora)
    shares = proxies.candidate_shares(snakemake.input.candidates, wildcards.name, params.corpora)
    compression, ledgers, workspace = [], [], Workspace()
    for replicate in range(params.replicates):
        training = index.slice(shares, params.n_bytes, replicate, params.replicates)
        model = proxies.train(index, training, params.vocab_size, params.tokenizer, workspace)
        key = [pl.lit(wildcards.name).alias("name"), pl.lit(replicate).alias("replicate")]
        compression.append(proxies.compression(index, model, params.vocab_grid).select(*key, pl.all()))
        ledgers.append(training.ledger.select(*key, pl.all()))
    write_table(pl.concat(ledgers), snakemake.output.ledger)
    write_table(pl.concat(compression), snakemake.output.compression)
