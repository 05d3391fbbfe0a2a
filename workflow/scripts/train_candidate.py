"""Train the proxies of one candidate or baseline, on several draws of its text."""

from trex.counting.word_index import WordIndex
from trex.files import write_table
from trex.proxies.tables import candidate_shares
from trex.proxies.train import Trained, Trainer
from trex.run.job import job
from trex.tokenizer.build import to_tokenizer
from trex.validation.quality import encode_sample

# Of each evaluation text, encoded to see how much documents differ: some hundred documents, in a fraction of a second.
SAMPLE_BYTES = 250_000

with job(snakemake):
    params, name, output = snakemake.params, snakemake.wildcards.name, snakemake.output
    index = WordIndex.load(snakemake.input.word_index, params.corpora)
    shares = candidate_shares(snakemake.input.candidates, name, params.corpora)
    at = [tuple(key) for key in params.evaluation]
    texts = dict(zip(at, snakemake.input.documents, strict=True))

    def encode(trained: Trained) -> None:
        if trained.key["replicate"] == 0:
            tokenizer = to_tokenizer(trained.model, params.tokenizer["pattern"])
            write_table(encode_sample(tokenizer, texts, SAMPLE_BYTES), output.documents)

    trainer = Trainer(index, params.tokenizer, params.n_bytes, params.vocab_grid)
    draws = [({"name": name, "replicate": replicate}, shares) for replicate in range(params.replicates)]
    compression, ledger = trainer.train_batch(draws, encode)
    write_table(ledger, output.ledger)
    write_table(compression, output.compression)
