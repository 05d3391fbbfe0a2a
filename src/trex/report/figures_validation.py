"""Figures about the full-scale tokenizers; see `trex.report.figures` for what they have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib import rc_context
from matplotlib.figure import Figure

from trex.layout import CHOSEN
from trex.objective.metrics import OVER_CORPORA
from trex.report.figures import COLORS, MARKERS, PLOT_WIDTH, STYLE, legend, nsl_by_corpus
from trex.report.figures_vocab_size import vocabulary_size
from trex.report.results import Results
from trex.validation.scales import RANKS_WELL


@rc_context(STYLE)
def full_scale_choice(choice: Mapping[str, Any], validation: pl.DataFrame) -> Figure:
    """What the recommended mixture gains over every other finalist: on the selection half, where it was chosen, and on
    the test half, of the mixtures whose tokenizers are tested there.

    choice: of `choice.json`. validation: of `trex.validation.validate.validate`.
    """
    names = [row["name"] for row in choice["ranking"] if row["name"] in choice["gains"]]
    kinds = {row["name"]: row["kind"] for row in choice["ranking"]}
    tested = validation.filter(pl.col("against").is_in(names), metric="gain_objective")
    halves = {
        "selection half": {name: choice["gains"][name] for name in names},
        "test half": {
            row["against"]: row | {"percent": row["value"]} for row in tested.iter_rows(named=True)
        },
    }
    figure = Figure(figsize=(PLOT_WIDTH, 1.3 + 0.3 * max(len(names), 1)))
    ax = figure.subplots()
    for i, (half, gains) in enumerate((half, gains) for half, gains in halves.items() if gains):
        rows = [(names.index(name), row) for name, row in gains.items()]
        y = np.array([at for at, _ in rows]) + 0.24 * (i - 0.5)
        value, low, high = (np.array([row[key] for _, row in rows]) for key in ("percent", "low", "high"))
        spread = np.maximum([value - low, high - value], 0)
        style = {"color": COLORS[i], "marker": MARKERS[i], "markersize": 4.5, "linestyle": "none"}
        ax.errorbar(value, y, xerr=spread, elinewidth=1, label=half, **style)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.grid(False, axis="y")
    ax.set_yticks(
        range(len(names)), [f"{name} ({kinds[name]})" if kinds[name] != name else name for name in names]
    )
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlabel(f"gain of {choice['chosen']} in the objective (%; right of 0 it is better)")
    figure.suptitle(f"The choice at full scale: {choice['chosen']} against the other finalists")
    legend(figure, ax)
    return figure


@rc_context(STYLE)
def full_scale_gains(validation: pl.DataFrame, trained: Sequence[str]) -> Figure:
    """What the chosen tokenizer gains over each other one, with intervals over evaluation documents: a line of panels a
    set, other mixtures on the left and existing tokenizers, from which it differs by far more, on the right.

    validation: of `trex.validation.validate.validate`. trained: the full-scale tokenizers of this run.
    """
    gains = validation.filter(pl.col("metric").str.starts_with("gain_")).drop_nulls("evaluation_set")
    sets = validation["evaluation_set"].drop_nulls().unique(maintain_order=True)
    others = gains["against"].unique(maintain_order=True)
    groups = [others.filter(others.is_in(trained)).to_list(), others.filter(~others.is_in(trained)).to_list()]
    kinds = [
        (group, kind)
        for group, kind in zip(groups, ("mixtures", "existing tokenizers"), strict=True)
        if group
    ]
    height = 0.9 + 0.25 * max((len(group) for group, _ in kinds), default=1)
    figure = Figure(figsize=(PLOT_WIDTH + 1.0, height * len(sets) + 0.5))
    axes = figure.subplots(len(sets), max(len(kinds), 1), squeeze=False)
    for line, evaluation_set in zip(axes, sets, strict=True):
        for ax, (names, kind) in zip(line, kinds, strict=False):
            for i, aggregate in enumerate(OVER_CORPORA):
                rows = gains.filter(
                    pl.col("against").is_in(names), evaluation_set=evaluation_set, metric=f"gain_{aggregate}"
                )
                y = np.array([names.index(name) for name in rows["against"]]) + 0.2 * (i - 1)
                value = rows["value"].to_numpy()
                spread = [value - rows["low"].to_numpy(), rows["high"].to_numpy() - value]
                style = {"color": COLORS[i], "marker": MARKERS[i], "markersize": 4, "linestyle": "none"}
                # a percentile interval need not hold the value
                ax.errorbar(value, y, xerr=np.maximum(spread, 0), elinewidth=1, label=aggregate, **style)
            ax.axvline(0, color="black", linewidth=0.8)
            ax.set_title(f"{evaluation_set}: {kind}")
            ax.grid(False, axis="y")
            ax.set_yticks(range(len(names)), names)
            ax.set_ylim(len(names) - 0.4, -0.6)
    if not kinds:
        axes[0, 0].set_title("There is no other tokenizer to compare with.")
    for ax in axes[-1]:
        ax.set_xlabel("gain of chosen (%; right of 0 it is better)")
    figure.suptitle("Full scale, test half: gains in NSL with simultaneous 95 % intervals")
    legend(figure, axes[0, 0])
    return figure


def full_scale_nsl(
    validation: pl.DataFrame, vocab_size: int, corpora: Sequence[str], trained: Sequence[str]
) -> Figure:
    """NSL of every full-scale and existing tokenizer in each corpus, and how far the full-scale ones are apart.

    Arguments as of `full_scale_gains`. vocab_size: of the full-scale tokenizers. corpora: in the config's order.
    """
    table = validation.filter(metric="nsl").select(
        "evaluation_set", "corpus", name="tokenizer", nsl="value", vocab_size=pl.lit(vocab_size)
    )
    return nsl_by_corpus(table, CHOSEN, vocab_size, corpora, near=trained)


@rc_context(STYLE)
def rank_invariance(ranks: pl.DataFrame) -> Figure:
    """Spearman correlations of the objective between scales, as a table of colours.

    ranks: of `trex.validation.rank_invariance.agreement`.
    """
    names = ranks["scale"].unique(maintain_order=True).to_list()
    values = ranks["spearman"].to_numpy().reshape(len(names), len(names))
    side = 1.8 + 0.75 * len(names)
    figure = Figure(figsize=(side + 0.6, side))
    ax = figure.subplots()
    ax.imshow(values, cmap="Blues", vmin=min(0.9, float(np.nanmin(values))), vmax=1.02)
    for (row, column), value in np.ndenumerate(values):
        ax.text(
            column,
            row,
            f"{value:.3f}",
            ha="center",
            va="center",
            color="white" if value >= RANKS_WELL else "black",
        )
    labels = [_scale(name) for name in names]
    ax.set_xticks(range(len(names)), labels)
    ax.set_yticks(range(len(names)), labels)
    ax.grid(False)
    ax.set_title("Spearman correlation of the objective between scales")
    return figure


def _scale(name: str) -> str:
    """Two lines of a scale's name: "10000000-8192" is 10 MB of text and a vocabulary of 8,192."""
    n_bytes, vocab_size = name.rsplit("-", 1)
    size = "all text" if n_bytes == "all" else f"{int(n_bytes) / 1e6:,.4g} MB"
    return f"{size},\nV {int(vocab_size):,}"


def full_scale_figures(results: Results) -> dict[str, Figure]:
    """The figures about the full-scale tokenizers, by name; that of ranks only where they were measured."""
    figures = {
        "vocabulary_size": vocabulary_size(
            results.vocab_curve, results.vocab_choice, results.choice["chosen"]
        ),
        "full_scale_choice": full_scale_choice(results.choice, results.validation),
        "full_scale_gains": full_scale_gains(results.distinct_validation, results.trained),
        "full_scale_nsl": full_scale_nsl(
            results.distinct_validation, results.vocab_size, results.corpora, results.trained
        ),
    }
    return figures if results.ranks is None else figures | {"rank_invariance": rank_invariance(results.ranks)}
