"""Write the README.md of every tokenizer's folder."""

from tokenizers import Tokenizer

from trex.files import read_json, write_text
from trex.layout import Layout
from trex.report.card import write_card
from trex.report.results import Results
from trex.run.job import job

with job(snakemake):
    files, params = snakemake.input, snakemake.params
    results = Results.load(Layout.of(params.config), params.config)
    provenance = read_json(files.provenance)
    for name, tokenizer, card in zip(params.names, files.tokenizers, snakemake.output.cards, strict=True):
        entries = Tokenizer.from_file(str(tokenizer)).get_vocab_size()
        write_text(write_card(results, name, provenance, entries), card)
