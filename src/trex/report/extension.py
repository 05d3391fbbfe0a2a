"""What the new entries of a tokenizer that goes on from a base buy, by corpus."""

import numpy as np
import polars as pl

from trex.report import by_corpus, markdown
from trex.report.results import Results

PARTS = (8, 4, 2, 1)  # of the new entries, at which the table shows the tokens
ALL = "all"


def tokens_by_size(results: Results) -> pl.DataFrame:
    """Tokens of the recommended mixture's tokenizer at full scale on the objective's sets (selection half), by number
    of new entries, from 0 on: corpus (or ALL), entries, tokens, change (against the base, as a share)."""
    path = results.files.full_scale(results.choice["chosen"], 0, "compression")
    sets = results.choice["objective"]["evaluation_sets"]
    entries = pl.col("vocab_size") - results.config["tokenizer"]["base_size"]
    of_corpora = (
        pl.read_parquet(path)
        .filter(pl.col("evaluation_set").is_in(sets), pl.col("vocab_size") <= results.vocab_size)
        .group_by("corpus", entries.alias("entries"), maintain_order=True)
        .agg(pl.col("tokens").sum())
    )
    total = of_corpora.group_by("entries", maintain_order=True).agg(pl.col("tokens").sum())
    table = pl.concat([of_corpora, total.select(pl.lit(ALL).alias("corpus"), "entries", "tokens")])
    of_base = pl.col("tokens").sort_by("entries").first().over("corpus")
    return table.with_columns(change=pl.col("tokens") / of_base - 1)


def section(results: Results) -> str:
    """The table, and what a thousand entries buy at its end; empty without a base."""
    if not results.config["tokenizer"]["base"]:
        return ""
    table = tokens_by_size(results)
    measured = table["entries"].unique().sort().to_numpy()
    last = int(measured[-1])
    shown = sorted({int(measured[np.abs(measured - last / part).argmin()]) for part in PARTS} - {0})
    before = shown[-2] if len(shown) > 1 else 0
    change = {(corpus, entries): value for corpus, entries, _, value in table.iter_rows()}
    gained = np.array([-change[corpus, last] for corpus in results.corpora])
    corpora = by_corpus.shown(results.corpora, gained)
    rows = []
    for corpus in [*sorted(corpora, key=lambda corpus: change[corpus, last]), ALL]:
        cells = (markdown.signed(100 * change[corpus, entries], 1, " %") for entries in shown)
        rate = 1000 * (change[corpus, last] - change[corpus, before]) / (last - before)
        rows.append((f"`{corpus}`" if corpus != ALL else ALL, *cells, markdown.gain(100 * rate)))
    header = ("corpus", *(f"+{entries:,}" for entries in shown), "per thousand")
    intro = markdown.paragraph(
        "Tokens of the recommended mixture's tokenizer by number of new entries, against its base, on the selection "
        f"half. *Per thousand*: what a thousand entries change between {before:,} and {last:,}, in percent of the "
        "base's tokens. vocabulary.md says which new entries no text uses.",
        by_corpus.note(results.corpora, "the largest gain"),
    )
    return f"## What new entries buy\n\n{intro}\n\n{markdown.table(header, rows)}"
