"""The figure about the vocabulary size; see `trex.report.figures` for what figures have in common."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from trex.report.figures import CHOSEN_COLOR, COLORS, GREY, MARKERS, PLOT_WIDTH, STYLE
from trex.report.vocab_size import gains_by_size
from trex.tokenizer.sizes import FLAT, RARE

HIGHEST = 30  # percent above the least cost that the first panel shows


@rc_context(STYLE)
def vocabulary_size(curve: pl.DataFrame, choice: Mapping[str, Any], chosen: str) -> Figure:
    """What a language model costs, how many entries are hardly used, and what the mixture gains, by vocabulary size.

    Args:
        curve: of `choice/vocab_curve.parquet`.
        choice: of `trex.language_model.vocab_size.choose`.
        chosen: the recommended mixture.
    """
    by_size = gains_by_size(curve, chosen)
    figure = Figure(figsize=(PLOT_WIDTH, 7.2 if len(by_size) else 5.2))
    heights = [1.3, 1, 1] if len(by_size) else [1.3, 1]  # a mixture alone gains nothing
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    costs, entries = axes[:2]
    decides, vocab_size, flat = choice["decides"], choice["vocab_size"], choice["flat"]
    of_decides = curve.filter(name=decides).sort("vocab_size")
    for (name,), rows in (
        curve.filter(pl.col("name") != decides)
        .sort("vocab_size", maintain_order=True)
        .group_by("name", maintain_order=True)
    ):
        costs.plot(
            rows["vocab_size"],
            100 * rows["above"],
            color=GREY,
            linewidth=0.7,
            label="other mixtures" if name else "",
        )
    costs.plot(of_decides["vocab_size"], 100 * of_decides["above"], color=COLORS[0], label=decides)
    costs.axvspan(
        flat["low"], flat["high"], color=COLORS[0], alpha=0.12, label=f"within {100 * FLAT:g} % of the least"
    )
    costs.set_ylim(0, min(HIGHEST, 110 * float(of_decides["above"].max()) + 1))
    costs.set_ylabel("cost of the language model\nabove the least (%)")
    for column, color, label in (
        ("rare", COLORS[1], f"fewer than {RARE} times in the training text"),
        ("unseen", COLORS[2], "never in held-out text"),
    ):
        share = 100 * of_decides[column] / of_decides["entries"]
        entries.plot(of_decides["vocab_size"], share, color=color, label=label)
    entries.set_ylim(bottom=0)
    entries.set_ylabel("entries (%)")
    gains = axes[-1]
    for i, ((name,), rows) in enumerate(by_size.group_by("name", maintain_order=True)):
        style = {"color": COLORS[i % len(COLORS)], "marker": MARKERS[i % len(MARKERS)], "markersize": 3}
        gains.plot(rows["vocab_size"], rows["gain"], linewidth=1, label=name, fillstyle="none", **style)
    if len(by_size):
        gains.axhline(0, color="black", linewidth=0.8)
        gains.set_ylabel(f"gain of {chosen}\n(% of the objective)")
    for ax in axes:
        ax.axvline(vocab_size, color=CHOSEN_COLOR, linewidth=1.2)
        _legend_beside(ax)
    _doublings(axes[-1], of_decides["vocab_size"].to_list())
    axes[-1].set_xlabel(f"vocabulary size (entries); the line is V = {vocab_size:,}")
    figure.suptitle("Which vocabulary size?")
    return figure


def _legend_beside(ax: Axes) -> None:
    """The panel's own legend on its right, each label once."""
    handles, labels = ax.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    if once:
        ax.legend(once.values(), once.keys(), loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=7)


def _doublings(ax: Axes, sizes: list[int]) -> None:
    """A logarithmic axis with ticks at powers of two."""
    powers = (2**power for power in range(8, 25))
    ticks = [power for power in powers if min(sizes) <= power <= max(sizes)] or [min(sizes), max(sizes)]
    ax.set_xscale("log", base=2)
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
