"""What the summary says about the search: predictions and measurements, the front, and how good the surfaces are."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from trex import markdown
from trex.costs import strategy_costs
from trex.results import Results
from trex.search.choose import SLACK

# Of a corpus that a mixture reads a smaller part of, it matters which: with 16 of 100 shards Japanese NSL differed by
# 5 % between draws (docs/search.md).
FEW_SHARDS = 0.2  # of all


def predictions(results: Results) -> str:
    limited = results.choice["ranking"][0]["violation"] is not None
    rows = []
    for row in results.choice["ranking"]:
        known = row["predicted"] is not None
        predicted = markdown.nsl(row["predicted"]) if known else "–"
        error = f"{100 * (row['predicted'] / row['measured'] - 1):+.2f} %" if known else "–"
        measured = markdown.nsl(row["measured"]) + markdown.plus_minus(row["standard_error"])
        excess = [over(row)] if limited else []
        rows.append((f"`{row['name']}`", row["role"], row["strategy"], measured, predicted, error, *excess))
    header = ("mixture", "role", "strategy", "measured", "predicted", "prediction's error")
    ranking = markdown.table((*header, *(["over the limits"] if limited else [])), rows, left=3)
    notes = [
        f"- {strategy}: {', '.join(f'{note} {markdown.number(value)}' for note, value in numbers.items())}"
        for strategy, numbers in results.notes.items()
    ]
    best_first = "best first" + (", those over the limits last" if limited else "")
    text = [
        "## Predicted and measured",
        f"The objective of every mixture on proxies, {best_first}. The choice is by measurement.",
        ranking,
        "Notes of the search:",
        "\n".join(notes),
        *_few_shards(results),
    ]
    return "\n\n".join(text)


def _few_shards(results: Results) -> list[str]:
    """A paragraph if the recommended mixture reads so little of a corpus that draws of its text differ much."""
    chosen = results.ledger.filter(name=results.choice["chosen"], replicate=0)
    shards = results.config["counting"]["shards"]
    few = chosen.filter(
        (pl.col("epochs") == 0) & (pl.col("shards") < FEW_SHARDS * shards) & (pl.col("share") > 0)
    )
    if few.is_empty():
        return []
    available = dict(zip(results.corpora, results.available_bytes.tolist(), strict=True))
    named = ", ".join(f"`{row['corpus']}` ({row['shards']} of {shards})" for row in few.iter_rows(named=True))
    # so many bytes that the mixture reads every corpus at least once, and how often it then reads the one most repeated
    whole = max(available[corpus] / share for corpus, share in few.select("corpus", "share").iter_rows())
    epochs = max(
        whole * share / available[corpus] for corpus, share in chosen.select("corpus", "share").iter_rows()
    )
    return [
        f"**Of some corpora the recommended mixture reads few shards**: {named}. Which ones they are makes a "
        "part of the difference between replicates. With `proxies.bytes` and `training.bytes` of "
        f"{markdown.size(whole)} or more and `proxies.max_epochs` of {math.ceil(epochs)} every corpus is read whole, "
        "and shares are weights of its text: training from counts costs hardly more."
    ]


def over(row: Mapping[str, Any]) -> str:
    """By how much a mixture exceeds the limits of the objective."""
    return f"{100 * row['violation']:.2f} %" if row["violation"] > SLACK else "no"


def surfaces(results: Results) -> str:
    columns = ("MAPE", "Spearman", "R²", "90 % interval holds")

    def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
        holds = "–" if row["coverage90"] is None else f"{100 * row['coverage90']:.0f} %"
        return f"{row['mape']:.2f} %", markdown.score(row["spearman"]), markdown.score(row["r2"]), holds

    models = [
        (f"`{row['model']}`", "yes" if row["used"] else "", *cells(row), f"{row['n']:,}")
        for row in results.metrics.iter_rows(named=True)
    ]
    used = results.metrics.filter("used")["model"].item()
    corpora = [
        (f"`{row['corpus']}`", f"`{row['evaluation_set']}`", *cells(row))
        for row in results.corpus_metrics.filter(model=used).iter_rows(named=True)
    ]
    medians = results.learning_curve.group_by("recipe", "proxies", maintain_order=True).agg(
        pl.col("mape", "spearman", "r2", "coverage90").median()
    )
    curve = [
        (f"`{row['recipe']}`", f"{row['proxies']:,}", *cells(row)) for row in medians.iter_rows(named=True)
    ]
    text = [
        "## The surfaces",
        "How well proxies that a surface did not see are predicted (MAPE: mean absolute error in %; Spearman: rank "
        "correlation; R²: explained variance). `selected` is the whole procedure of choosing and fitting, in nested "
        "cross-validation; `lightgbm_objective` is the paper's regression.",
        markdown.table(("surface", "used", *columns, "proxies"), models, left=2),
    ]
    if corpora:
        text += [
            f"By corpus, `{used}`:",
            markdown.table(("corpus", "evaluation set", *columns), corpora, left=2),
        ]
    if curve:
        text += [
            "Would fewer proxies have done? Medians over random choices of so many, tested on the others; where "
            "twice as many change little, more will not help:",
            markdown.table(("surface", "proxies", *columns), curve, left=1),
        ]
    return "\n\n".join(text)


def vocabulary(results: Results) -> str:
    rows = [
        (
            f"{row['vocab_size']:,}{' (outside of the others)' if row['outermost'] else ''}",
            f"{row['mape_with']:.2f} %",
            markdown.score(row["spearman_with"]),
            f"{row['mape']:.2f} %",
            markdown.score(row["spearman"]),
            f"{row['mape_corpora']:.2f} %",
            markdown.score(row["spearman_corpora"]),
        )
        for row in results.vocabulary.iter_rows(named=True)
    ]
    header = (
        "vocabulary left out",
        "MAPE with its measurements",
        "Spearman",
        "MAPE without",
        "Spearman",
        "corpora: MAPE without",
        "Spearman",
    )
    text = "## Another vocabulary size\n\n"
    if not rows:
        return text + (
            "How well a size that was not measured can be predicted is not known: it takes three sizes or more in "
            "`proxies.vocab_grid`."
        )
    return text + (
        "What the surfaces say about a vocabulary size without its measurements, by straight lines in log V between "
        "the other sizes, at proxies that they did not see either; beside it, with its measurements. The "
        "objective, and the mean over corpora.\n\n" + markdown.table(header, rows)
    )


def costs(results: Results) -> str:
    """The page about what the searches cost. It is no section of the summary, as two runs never take the same time."""

    def seconds(value: float | None) -> str:
        return "–" if value is None else f"{value:,.0f} s"

    rows = [
        (
            f"`{cost.strategy}`",
            f"{cost.proxies:,}",
            *map(seconds, (cost.training, cost.regression, cost.search, cost.total)),
        )
        for cost in strategy_costs(results.config, results.cpu_seconds, results.notes)
    ]
    header = ("strategy", "proxies", "training them", "surfaces", "its own search", "in all")
    text = [
        "# What the searches cost",
        "CPU seconds that each strategy would have taken alone, by `benchmarks/` (Snakemake looks at a job every "
        "half a minute, so they are a little too small): the sampled proxies and all that `fit_regression` does count "
        "for every strategy that needs them; the rounds of `adaptive` and `direct` are counted with their proxies. "
        "Not counted: counting and the index, which all share, measuring the candidates, and `matched`, which costs "
        "nothing.",
        markdown.table(header, rows),
    ]
    return "\n\n".join(text) + "\n"


def k_curve(results: Results) -> str:
    curve = results.tables.get("paper")
    if not curve:
        return ""
    best = min(curve, key=lambda row: row["predicted"])
    rows = [(f"{row['k']:,}", markdown.nsl(row["predicted"])) for row in curve]
    return (
        "## The mean of the best draws\n\nThe paper's search recommends the mean of its best draws. The prediction at "
        f"the mean of the best k; smallest at k = {best['k']:,}:\n\n"
        + markdown.table(("k", "predicted"), rows)
    )


def pareto(results: Results) -> str:
    rows = [
        (
            f"`{row['name']}`",
            markdown.nsl(row["average"]),
            markdown.nsl(row["worst"]),
            ", ".join(
                f"{corpus} {markdown.percent(share)}" for corpus, share in _largest(row, results.corpora)
            ),
        )
        for row in results.pareto.iter_rows(named=True)
    ]
    return (
        "## Average against worst corpus\n\nPredicted mixtures from the best average to the best worst corpus, all "
        "from "
        "the same proxies (`search/pareto.parquet` has their shares; to measure one, give it as a baseline).\n\n"
        + markdown.table(("mixture", "average", "worst", "largest shares"), rows, left=1)
    )


def _largest(row: Mapping[str, Any], corpora: Sequence[str], n: int = 3) -> list[tuple[str, float]]:
    return sorted(((corpus, row[corpus]) for corpus in corpora), key=lambda item: -item[1])[:n]
