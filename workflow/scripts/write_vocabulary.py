"""Write the page about the vocabularies, and draw its figure."""

import polars as pl

from trex.files import write_text
from trex.report.figures import save
from trex.report.figures_vocabulary import vocabulary
from trex.report.vocabulary_page import Vocabularies, write_vocabulary
from trex.run.job import job
from trex.tokenizer.base import kept_tokens

with job(snakemake):
    params, files, output = snakemake.params, snakemake.input, snakemake.output
    base = files.get("base")
    found = Vocabularies(
        **{name: pl.read_parquet(files[name]) for name in ("gates", "composition", "entries", "words")},
        name=params.trained[0],
        corpora=params.corpora,
        trained=params.trained,
        waived=params.waived,
        kept={*kept_tokens(base, params.keep)[0].values()} if base else None,
    )
    save(vocabulary(found), output.figure)
    write_text(write_vocabulary(found), output.page)
