"""Load the tokenizer that is extended, and write it down with its merges."""

from pathlib import Path

from trex.files import whole
from trex.run.job import job
from trex.tokenizer.existing import load_existing
from trex.tokenizer.extend import kept_merges, load_base

with job(snakemake):
    existing = load_existing(snakemake.params.tokenizer, Path.cwd())
    load_base(existing, kept_merges(snakemake.params.keep))  # refuses what merges cannot go on from
    with whole(snakemake.output.base) as temporary:
        existing.save(temporary)
