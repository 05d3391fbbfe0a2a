"""Train the proxies of one candidate or baseline, on several draws of its text."""

import polars as pl

from trex import proxies
from trex.bpe import Workspace
from trex.files import write_table
from trex.quality import encode_sample
from trex.run.job import job
from trex.tokenizer import to_tokenizer
from trex.wordindex import WordIndex

# Of each evaluation text, encoded to see how much documents differ: some hundred documents, in a fraction of a second.
SAMPLE_BYTES = 250_000

with job(snakemake):
    params, wildcards, output = snakemake.params, snakemake.wildcards, snakemake.output
    index = WordIndex.load(snakemake.input.word_index, params.corpora)
    shares = proxies.candidate_shares(snakemake.input.candidates, wildcards.name, params.corpora)
    compression, ledgers, workspace = [], [], Workspace()
    for replicate in range(params.replicates):
        training = index.slice(shares, params.n_bytes, replicate, params.replicates)
        model = proxies.train(index, training, params.vocab_size, params.tokenizer, workspace)
        key = [pl.lit(wildcards.name).alias("name"), pl.lit(replicate).alias("replicate")]
        compression.append(proxies.compression(index, model, params.vocab_grid).select(*key, pl.all()))
        ledgers.append(training.ledger.select(*key, pl.all()))
        if replicate == 0:
            tokenizer = to_tokenizer(model, params.tokenizer["pattern"])
            at = [tuple(key) for key in params.evaluation]
            texts = dict(zip(at, snakemake.input.documents, strict=True))
            documents = encode_sample(tokenizer, texts, SAMPLE_BYTES)
    write_table(documents, output.documents)
    write_table(pl.concat(ledgers), output.ledger)
    write_table(pl.concat(compression), output.compression)
