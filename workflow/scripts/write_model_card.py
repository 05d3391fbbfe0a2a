"""Write the README.md of a tokenizer's folder."""

from tokenizers import Tokenizer

from trex.files import read_json, write_text
from trex.report.card import write_card
from trex.report.results import Results
from trex.run.job import job

with job(snakemake):
    files, config = snakemake.input, snakemake.params.config
    results = Results.load(config["results"], config)
    entries = Tokenizer.from_file(str(files.tokenizer)).get_vocab_size()
    card = write_card(results, snakemake.wildcards.name, read_json(files.provenance), entries)
    write_text(card, snakemake.output.card)
