"""Tables of proxies as arrays, joined by id."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl


def nsl_array(
    table: pl.DataFrame,
    key: Sequence[str],
    evaluation_sets: list[str],
    corpora: list[str],
    vocab_size: int,
) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """A compression table as arrays: (keys [n rows], nsl [n, sets, corpora], reference tokens [sets, corpora]).

    Rows are joined by id: keys are the distinct values of the `key` columns, sorted. A corpus that an evaluation
    set does not have gets 0 in both arrays. ValueError if a tokenizer lacks a row or has it twice.
    """
    wanted = pl.col("evaluation_set").is_in(list(evaluation_sets)) & (pl.col("vocab_size") == vocab_size)
    table = table.filter(wanted)
    keys = table.select(key).unique().sort(key).with_row_index("row")
    rows = table.join(keys, on=list(key))
    at = (
        rows["row"].to_numpy(),
        np.array([evaluation_sets.index(name) for name in rows["evaluation_set"]], dtype=np.int64),
        np.array([corpora.index(name) for name in rows["corpus"]], dtype=np.int64),
    )
    shape = (len(keys), len(evaluation_sets), len(corpora))
    nsl, reference, rows_found = np.zeros(shape), np.zeros(shape[1:]), np.zeros(shape, dtype=np.int64)
    np.add.at(rows_found, at, 1)
    nsl[at] = rows["nsl"].to_numpy()
    reference[at[1:]] = rows["reference_tokens"].to_numpy()
    if not len(keys) or (rows_found != (reference > 0)).any():
        raise ValueError(
            f"the compression table does not hold one row for every tokenizer, evaluation set of {evaluation_sets} "
            f"and corpus at vocabulary size {vocab_size}; delete it and run again"
        )
    return keys.drop("row"), nsl, reference


def shares_array(ledger: pl.DataFrame, mixture_ids: Sequence[str], corpora: list[str]) -> np.ndarray:
    """The shares that proxies were really given, [n, corpora], in the order of mixture_ids."""
    given = ledger.pivot("corpus", index="mixture_id", values="share")
    wide = pl.DataFrame({"mixture_id": mixture_ids}).join(
        given, on="mixture_id", how="left", maintain_order="left"
    )
    shares = wide.select(corpora).to_numpy()
    if wide.width != len(corpora) + 1 or wide.null_count().sum_horizontal().item():
        raise ValueError(f"the ledger of the proxies does not have the corpora {corpora} for every mixture")
    return shares


def evaluation_arrays(
    rows: pl.DataFrame, evaluation_sets: Sequence[str], corpora: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """(bytes, reference tokens) of the evaluation sets, int64 [sets, corpora]; 0 where a set lacks a corpus.

    rows: `WordIndex.evaluation_rows`.
    """
    arrays = np.zeros((2, len(evaluation_sets), len(corpora)), dtype=np.int64)
    for row in rows.iter_rows(named=True):
        if row["evaluation_set"] in evaluation_sets:
            at = list(evaluation_sets).index(row["evaluation_set"]), list(corpora).index(row["corpus"])
            arrays[:, *at] = row["bytes"], row["reference_tokens"]
    return arrays[0], arrays[1]


def candidate_shares(candidates: str | Path, name: str, corpora: list[str]) -> np.ndarray:
    """Shares [corpora] of one candidate or baseline from search/candidates.parquet."""
    rows = pl.read_parquet(candidates).filter(name=name)
    if len(rows) != 1:
        raise ValueError(
            f"{candidates} has {len(rows)} mixtures named {name}, not one; delete it and run again"
        )
    return rows.select(corpora).to_numpy()[0]


def collect(
    compression: Sequence[pl.DataFrame],
    ledgers: Sequence[pl.DataFrame],
    mixtures: pl.DataFrame,
    corpora: list[str],
    vocab_grid: list[int],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All proxies' rows as (training set, ledger), sorted by mixture.

    ValueError if the mixtures are not those of the mixture table, each once and with the shares it says, or if a
    row of the grid is missing.
    """
    training_set = pl.concat(compression).sort("mixture_id", maintain_order=True)
    ledger = pl.concat(ledgers).sort("mixture_id", maintain_order=True)
    if mixtures.columns != ["mixture_id", *corpora]:
        raise ValueError(f"the mixtures' corpora are {mixtures.columns[1:]}, not {corpora}")
    asked = ledger.group_by("mixture_id", maintain_order=True).agg("corpus", "asked_share")
    if asked["mixture_id"].to_list() != sorted(mixtures["mixture_id"]):
        raise ValueError(
            "the proxies are not those of the mixture table; delete the folder proxies and run again"
        )
    for mixture_id, order, shares in asked.iter_rows():
        row = mixtures.row(by_predicate=pl.col("mixture_id") == mixture_id)[1:]
        if order != corpora or not np.allclose(shares, row, rtol=0, atol=1e-12):
            raise ValueError(
                f"proxy {mixture_id} was trained on another mixture; delete its batch and run again"
            )
    per_mixture = training_set.group_by("mixture_id").agg(pl.len(), pl.col("vocab_size").unique().sort())
    rows = per_mixture["len"].unique().to_list()
    if len(rows) != 1 or any(list(grid) != vocab_grid for grid in per_mixture["vocab_size"]):
        raise ValueError(f"some proxies lack rows of the vocabulary grid {vocab_grid}")
    return training_set, ledger
