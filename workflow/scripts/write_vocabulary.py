"""Write the page about the vocabularies, and draw its figure."""

import polars as pl

from trex.files import write_text
from trex.report.figures import save
from trex.report.figures_vocabulary import vocabulary
from trex.report.vocabulary_page import Vocabularies, write_vocabulary
from trex.run.job import job

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    found = Vocabularies(
        **{
            name: pl.read_parquet(getattr(snakemake.input, name))
            for name in ("gates", "composition", "entries", "words")
        },
        name=params.trained[0],
        corpora=params.corpora,
        trained=params.trained,
        waived=params.waived,
    )
    save(vocabulary(found), output.figure)
    write_text(write_vocabulary(found), output.page)
