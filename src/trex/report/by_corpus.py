"""What pages and figures show of hundreds of corpora: ROWS of them, and the others summed up; corpora.csv has all."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from trex.mixtures.baselines import natural, uniform
from trex.report.results import Results

ROWS = 40  # corpora that a table or a figure shows one by one


def shown(corpora: Sequence[str], weights: np.ndarray) -> list[str]:
    """All corpora in their order if there are at most ROWS, or else the ROWS of the largest weights [k], largest first.

    >>> shown(["deu", "eng"], np.array([1, 2]))
    ['deu', 'eng']
    """
    if len(corpora) <= ROWS:
        return list(corpora)
    return [corpora[i] for i in np.argsort(-np.nan_to_num(np.asarray(weights, float)), kind="stable")[:ROWS]]


def note(corpora: Sequence[str], by: str) -> str:
    """Which corpora a table shows, if not all. by: of what they have most."""
    return (
        f"The {ROWS} of {len(corpora)} corpora with {by}; corpora.csv has all." if len(corpora) > ROWS else ""
    )


def corpora_table(results: Results) -> pl.DataFrame:
    """One row a corpus, everything that the pages say about single corpora: shares, text, and NSL at full scale."""
    sampled = {}
    if results.is_searched:
        sampled = dict(zip(("sampled_low", "sampled_high"), results.sampled_range, strict=True))
    table = pl.DataFrame(
        {
            "corpus": results.corpora,
            "recommended": results.chosen_shares,
            "uniform": uniform(len(results.corpora)),
            "natural": natural(results.available_bytes),
            **sampled,
            "text_bytes": results.available_bytes,
            "times_read": results.times_read,
        }
    )
    if results.is_searched:
        used = results.metrics.filter("used")["model"].item()
        accuracy = results.corpus_metrics.filter(model=used)
        for (name,), rows in accuracy.group_by("evaluation_set", maintain_order=True):
            scores = rows.select("corpus", pl.col("mape", "spearman").name.prefix(f"{name}_prediction_"))
            table = table.join(scores, on="corpus", how="left", maintain_order="left")
    nsl = results.validation.filter(metric="nsl").with_columns(
        column=pl.format("{}_nsl_{}", "evaluation_set", "tokenizer")
    )
    columns = nsl.pivot("column", index="corpus", values="value")
    return table.join(columns, on="corpus", how="left", maintain_order="left")
