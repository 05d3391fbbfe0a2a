"""Write what is in the text of the corpora, as facts and as a page, and warn of what looks wrong."""

import logging

from trex.bpe.byte_alphabet import LATIN1
from trex.files import write_json, write_text
from trex.hygiene.facts import corpus_facts
from trex.hygiene.page import write_hygiene
from trex.run.job import job

with job(snakemake):
    files, output = snakemake.input, snakemake.output
    corpora = zip(snakemake.params.corpora, files.words, files.ledgers, files.held_out, strict=True)
    pattern, alphabet = snakemake.params.pattern, snakemake.params.alphabet
    if alphabet == LATIN1.name:
        corpora = ()
    found = {corpus: corpus_facts(corpus, *paths, pattern) for corpus, *paths in corpora}
    for corpus, facts in found.items():
        for warning in facts["warnings"]:
            logging.warning("%s: %s", corpus, warning["text"])
    write_json(found, output.facts)
    write_text(write_hygiene(found), output.page)
