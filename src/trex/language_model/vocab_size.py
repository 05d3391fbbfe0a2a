"""Which vocabulary size costs a language model least, from full-scale tokenizers measured at many sizes.

A larger vocabulary makes fewer tokens, each of which costs more in the output layer. The sum falls, is flat, and rises.
A model that reads the same text is taken to be as good at every size, so what is compared is the price of training it
and of serving it (`trex.language_model.cost`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from trex.language_model.cost import Run, cost
from trex.objective.objective import Objective
from trex.proxies.tables import nsl_array
from trex.tokenizer.sizes import FLAT

MEASURED_ON = "held_out"  # the only evaluation set that every corpus has


@dataclass(frozen=True)
class Flat:
    """Sizes around the cheapest at which the cost is within `FLAT` of the least: from low to high, neighbours all."""

    cheapest: int
    low: int
    high: int


def cost_curve(
    run: Run, compression: pl.DataFrame, uses: pl.DataFrame, corpora: Sequence[str]
) -> pl.DataFrame:
    """What the run costs with each tokenizer at each size.

    Args:
        compression: of `trex.proxies.train.Trained`, with the column name. Draws of text are averaged, at sizes that
            all of them have.
        uses: the same.
        corpora: in the order of the run's training_bytes.

    Returns:
        One row a name and size, sizes rising: name, vocab_size, tokens (of the run's training text), parameters,
        training_flops, serving_flops, flops (their sum), above (part by which flops exceed the name's least
        at sizes that all names have), context_bytes, and the columns of `uses`.
    """
    rows = compression.filter(evaluation_set=MEASURED_ON)
    means = rows.group_by("name", "vocab_size", "corpus", maintain_order=True).agg(
        pl.col("tokens").mean(), pl.col("bytes").mean(), draws=pl.len()
    )
    # where the text of one draw ends earlier, the others' tokens at larger sizes are no mean of the same
    means = means.filter(pl.col("draws") == pl.col("draws").max().over("name"))
    found = []
    for (name, size), of in means.group_by("name", "vocab_size", maintain_order=True):
        by_corpus = dict(of.select("corpus", pl.col("bytes") / pl.col("tokens")).iter_rows())
        at = cost(run, np.array([by_corpus[corpus] for corpus in corpora]), size)
        found.append(
            {
                "name": name,
                "vocab_size": size,
                "tokens": at.tokens,
                "parameters": at.parameters,
                "training_flops": at.flops,
                "serving_flops": at.serving_flops,
                "flops": at.total_flops,
                "context_bytes": at.context_bytes,
            }
        )
    counted = uses.group_by("name", "vocab_size").agg(
        pl.col("entries", "rare", "unseen", "last_merged").mean()
    )
    curve = pl.DataFrame(found)
    of_all = pl.col("name").n_unique().over("vocab_size") == curve["name"].n_unique()
    return (
        curve.with_columns(of_all=of_all)
        .with_columns(above=pl.col("flops") / pl.col("flops").filter("of_all").min().over("name") - 1)
        .drop("of_all")
        .join(counted, on=["name", "vocab_size"], how="left", maintain_order="left")
    )


def flat_region(sizes: Sequence[int], flops: Sequence[float]) -> Flat:
    """The flat region of a curve; sizes rising.

    >>> flat_region([8, 16, 32, 64], [103.0, 100.5, 100.0, 100.9])
    Flat(cheapest=32, low=16, high=64)
    """
    flops = np.asarray(flops)
    best = int(flops.argmin())
    within = flops <= (1 + FLAT) * flops[best]
    outside = np.flatnonzero(~within)
    low = int(outside[outside < best].max(initial=-1)) + 1
    high = int(outside[outside > best].min(initial=len(flops))) - 1
    return Flat(int(sizes[best]), int(sizes[low]), int(sizes[high]))


def best_over_sizes(curve: pl.DataFrame) -> str:
    """The tokenizer with the smallest objective in the mean over the sizes that all have; of equal ones the first.

    curve: of `cost_curve`, with the objective of `objective_curve`.

    >>> sizes = {"name": ["a", "a", "b"], "vocab_size": [8, 16, 8], "objective": [1.2, 0.5, 1.1]}
    >>> best_over_sizes(pl.DataFrame(sizes))
    'b'
    """
    of_all = pl.col("name").n_unique().over("vocab_size") == curve["name"].n_unique()
    means = curve.filter(of_all).group_by("name", maintain_order=True).agg(pl.col("objective").mean())
    return means.row(means["objective"].arg_min())[0]


def choose(curve: pl.DataFrame, decides: str, asked: int | None, sizes: Sequence[int]) -> dict[str, Any]:
    """The vocabulary size of a run, and why.

    Of the flat region the smallest size is taken: within it costs are equal, and what their model leaves out (memory,
    rarely used entries) speaks for the smaller.

    Args:
        curve: of `cost_curve`.
        decides: the tokenizer whose curve decides.
        asked: a fixed size, which the curve only describes; None: choose.
        sizes: that were to be measured, rising. Those that not all tokenizers have are left out of the choice.

    Returns:
        vocab_size; asked; decides; flat (of `Flat`); above, the part by which its cost exceeds the least; smallest and
        largest, the sizes compared; largest_asked; rare and unseen (shares of the entries at vocab_size) and
        last_merged; others, the flat region of every tokenizer by name.

    Raises:
        ValueError: no size was measured on all, or not the fixed one.
    """
    names = curve["name"].n_unique()
    common = curve.group_by("vocab_size").len().filter(pl.col("len") == names)["vocab_size"]
    compared = sorted(set(common) & set(sizes))
    if not compared or (asked is not None and asked not in compared):
        raise ValueError(
            f"the full-scale tokenizers were not all measured at a vocabulary size of {asked or list(sizes)}; delete "
            "the folder full_scale and run again"
        )
    regions = {}
    for (name,), rows in (
        curve.filter(pl.col("vocab_size").is_in(compared))
        .sort("vocab_size", maintain_order=True)
        .group_by("name", maintain_order=True)
    ):
        regions[name] = flat_region(rows["vocab_size"].to_list(), rows["flops"].to_list())
    flat = regions[decides]
    vocab_size = flat.low if asked is None else asked
    of_decides = curve.filter(pl.col("vocab_size").is_in(compared), name=decides)
    row = of_decides.row(by_predicate=pl.col("vocab_size") == vocab_size, named=True)
    return {
        "vocab_size": vocab_size,
        "asked": asked,
        "decides": decides,
        "flat": asdict(flat),
        "above": row["flops"] / of_decides["flops"].min() - 1,
        "smallest": compared[0],
        "largest": compared[-1],
        "largest_asked": max(sizes),
        "rare": row["rare"] / row["entries"],
        "unseen": row["unseen"] / row["entries"],
        "last_merged": row["last_merged"],
        "others": {name: asdict(region) for name, region in regions.items() if name != decides},
    }


def objective_curve(compression: pl.DataFrame, objective: Objective) -> pl.DataFrame:
    """The objective of every tokenizer at every size: name, vocab_size, objective; draws of text are averaged.

    compression: as of `cost_curve`.
    """
    sets, corpora = objective.evaluation_sets, list(objective.corpora)
    keys = [key for key in ("name", "draw") if key in compression.columns]
    tables = []
    for size in compression["vocab_size"].unique().sort():
        found, nsl, reference = nsl_array(compression, keys, sets, corpora, size)
        of_targets = objective.on(reference)
        tables.append(
            found.with_columns(vocab_size=pl.lit(size, pl.Int64), objective=of_targets(of_targets.flat(nsl)))
        )
    return (
        pl.concat(tables).group_by("name", "vocab_size", maintain_order=True).agg(pl.col("objective").mean())
    )
