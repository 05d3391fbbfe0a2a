"""Train a full-scale tokenizer and measure its compression."""

import logging

from trex import proxies
from trex.files import read_json, whole, write_table
from trex.run.job import job
from trex.tokenizer import to_tokenizer
from trex.wordindex import WordIndex

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    name = snakemake.wildcards.name
    if name == "chosen":
        name = read_json(files.choice[0])["chosen"]
    index = WordIndex.load(files.word_index, params.corpora)
    shares = proxies.candidate_shares(files.candidates, name, params.corpora)
    training = index.slice(shares, params.n_bytes or int(index.available_bytes.sum()))
    model = proxies.train(index, training, params.vocab_size, params.tokenizer)
    write_table(proxies.compression(index, model, [params.vocab_size]), output.compression)
    write_table(training.ledger, output.ledger)
    tokenizer = to_tokenizer(model, params.tokenizer["pattern"])
    with whole(output.tokenizer) as part:
        tokenizer.save(str(part))
    logging.info("%s: %d tokens from %d bytes", name, tokenizer.get_vocab_size(), training.n_bytes)
