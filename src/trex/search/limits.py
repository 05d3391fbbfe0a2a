"""Limits against existing tokenizers: what they compress, and what that means for proxies.

Such a limit is for the full-scale tokenizer: a proxy with a quarter of the vocabulary never compresses as well as the
tokenizer that is to be replaced. For proxies the limit of each corpus is divided by what the step from the proxies'
scale to the full one changes, which is measured on one mixture. For other mixtures the step differs by 1 % in the mean
over corpora and by up to 4 % for one (docs/decisions.md), so this guides searches, and decides nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from trex.objective.constraints import violation
from trex.objective.objective import Objective
from trex.proxies.tables import nsl_array


def limits_table(
    encoded: Mapping[str, pl.DataFrame], proxy: pl.DataFrame | None, full_scale: pl.DataFrame | None
) -> pl.DataFrame:
    """What existing tokenizers compress, at both scales.

    Args:
        encoded: by name, tokens of every evaluation document: evaluation_set, corpus, tokens, reference_tokens.
        proxy, full_scale: what one mixture compresses at either scale: evaluation_set, corpus, nsl; None: no proxies
            are held to limits.

    Returns:
        tokenizer, evaluation_set, corpus, tokens, reference_tokens, nsl, and proxy_nsl, the NSL of a proxy that would
        become as good at full scale (null without proxies).
    """
    key = ["evaluation_set", "corpus"]
    tables = [
        documents.group_by(key, maintain_order=True)
        .agg(pl.col("tokens", "reference_tokens").sum())
        .select(
            pl.lit(name).alias("tokenizer"),
            pl.all(),
            nsl=pl.col("tokens") / pl.col("reference_tokens"),
        )
        for name, documents in encoded.items()
    ]
    if proxy is None or full_scale is None:
        return pl.concat(tables).with_columns(proxy_nsl=pl.lit(None, pl.Float64))
    steps = full_scale.select(*key, full_scale="nsl").join(
        proxy.select(*key, proxy="nsl"), on=key, validate="1:1"
    )
    return (
        pl.concat(tables)
        .join(steps, on=key, how="left", maintain_order="left", validate="m:1")
        .with_columns(proxy_nsl=pl.col("nsl") * pl.col("proxy") / pl.col("full_scale"))
        .drop("proxy", "full_scale")
    )


def with_existing(objective: Objective, tables: Sequence[pl.DataFrame], scale: str) -> Objective:
    """The objective with the NSL of the existing tokenizers that its limits compare with; 0 where a set lacks a corpus.

    tables: of `limits_table`; none if no limit compares with one. scale: proxies | full.
    """
    column = {"proxies": "proxy_nsl", "full": "nsl"}[scale]
    sets, corpora = objective.evaluation_sets, list(objective.corpora)
    found: dict[str, np.ndarray] = {}
    for table in tables:
        for row in table.iter_rows(named=True):
            nsl = found.setdefault(row["tokenizer"], np.zeros((len(sets), len(corpora))))
            if row["evaluation_set"] in sets:
                nsl[sets.index(row["evaluation_set"]), corpora.index(row["corpus"])] = row[column]
    return replace(objective, existing=found)


def without_existing(objective: Objective, tables: Sequence[pl.DataFrame]) -> Objective:
    """The objective without the limits that compare with existing tokenizers."""
    names = {name for table in tables for name in table["tokenizer"]}
    return replace(objective, max_loss={n: p for n, p in objective.max_loss.items() if n not in names})


def expected_excess(
    compression: pl.DataFrame, objective: Objective, tables: Sequence[pl.DataFrame]
) -> dict[str, float] | None:
    """By how much mixtures are expected to exceed limits against existing tokenizers at full scale, mean over draws.

    None if there are no such limits.

    compression: of proxies, with the columns name and draw. objective: with its limits and the vocabulary size.
    """
    if not tables:
        return None
    only = replace(objective, max_gini=None, max_premium=None)
    only = with_existing(only, tables, "proxies")
    only = replace(only, max_loss={name: objective.max_loss[name] for name in only.existing})
    corpora, sets = list(only.corpora), only.evaluation_sets
    keys, nsl, reference = nsl_array(compression, ["name", "draw"], sets, corpora, only.vocab_size)
    over = keys.with_columns(over=violation(only.constraints({}), nsl, reference))
    return dict(over.group_by("name", maintain_order=True).agg(pl.col("over").mean()).iter_rows())
