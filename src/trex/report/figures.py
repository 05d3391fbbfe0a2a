"""Figures of the report. Each function takes tables and returns a matplotlib Figure; `save` writes it.

The chosen mixture has the same strong colour everywhere. Corpora are rows from top to bottom in the config's order, and
figures grow with their number; of more than `by_corpus.ROWS` they show those that matter most. Importing matplotlib
takes a third of a second, so import this module only where figures are made.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib import rc_context, rcdefaults
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator

from trex.files import whole
from trex.mixtures.sampling import support
from trex.report import by_corpus, markdown
from trex.report.results import Results

rcdefaults()  # a user's matplotlibrc does not change figures

# Okabe and Ito's colours, which people with any kind of colour vision can distinguish
# (https://jfly.uni-koeln.de/color). Vermillion is kept for the chosen mixture.
CHOSEN_COLOR = "#D55E00"
COLORS = ("#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#000000", "#E69F00")
MARKERS = "osv^PX<>*h"
GREY = "#9A9A9A"

STYLE = {
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "figure.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}

# Inches. Together with a label of usual length, panels fill the width of a page.
PLOT_WIDTH = 7.0
ROW_HEIGHT = 0.17
LETTER_WIDTH = 0.065
MAX_COLUMNS = 6
ROUNDING = 1e-4  # percentage points that rounding may move a share by


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as .svg or .png, in one step and with the same bytes whenever the figure is the same.

    Raises:
        ValueError: for another ending of the path.
    """
    path = Path(path)
    metadata = {".svg": {"Date": None, "Creator": "TREX"}, ".png": {"Software": None}}
    if path.suffix not in metadata:
        raise ValueError(f"figures are written as {' or '.join(metadata)}; got {path}")
    # The solver of the layout adds in an order that changes, which shows in the last digits of positions and so in
    # ids.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ax in figure.axes:
        ax.set_position([round(side, 9) for side in ax.get_position(original=True).bounds])
    with rc_context({"svg.hashsalt": "trex"}), whole(path) as temporary:  # without the salt, ids are random
        figure.savefig(temporary, format=path.suffix[1:], dpi=150, metadata=metadata[path.suffix])


@rc_context(STYLE)
def mixture_bars(candidates: pl.DataFrame, chosen: str, corpora: Sequence[str]) -> Figure:
    """Shares of every mixture, a panel each; the chosen one comes first and is marked in all the others.

    Args:
        candidates: columns name, role and one of shares per corpus.
        chosen: name of the chosen mixture.
        corpora: the corpus ids in the config's order.
    """
    rows = sorted(candidates.iter_rows(named=True), key=lambda row: row["name"] != chosen)
    everything, corpora = corpora, by_corpus.shown(corpora, np.array([rows[0][corpus] for corpus in corpora]))
    figure, axes = _corpus_panels(len(rows), corpora)
    y = np.arange(len(corpora))
    marked = [100 * rows[0][corpus] for corpus in corpora]
    for ax, row in zip(axes, rows, strict=True):
        is_chosen = row["name"] == chosen
        shares = [100 * row[corpus] for corpus in corpora]
        ax.barh(y, shares, height=0.75, color=CHOSEN_COLOR if is_chosen else GREY)
        if not is_chosen:
            ax.plot(marked, y, "|", color=CHOSEN_COLOR, markersize=7, markeredgewidth=1.6)
        title = f"{row['name']}\n{'chosen, ' if is_chosen else ''}{row['role']}"
        if others := len(everything) - len(corpora):
            title += f"\n{others} others: {100 * sum(map(row.get, everything)) - sum(shares):.0f} %"
        ax.set_title(title)
        ax.xaxis.set_major_locator(MaxNLocator(3))
        ax.set_xlim(0, 105 * candidates.select(corpora).to_numpy().max())
        ax.grid(False, axis="y")
    figure.suptitle(f"Training mixtures: {chosen} is chosen (orange; its shares are marked in the others)")
    figure.supxlabel("share of the training bytes (%)", fontsize=8)
    return figure


@rc_context(STYLE)
def sampled_support(
    shares: pl.DataFrame, corpora: Sequence[str], chosen: Sequence[float] | None = None
) -> Figure:
    """Range, middle 90 % and median of the proxies' shares of each corpus, and where the chosen mixture is.

    Args:
        shares: one row per proxy; columns mixture_id and one per corpus.
        corpora: the corpus ids in the config's order.
        chosen: shares of the chosen mixture, in the same order.
    """
    everything, at = list(corpora), None if chosen is None else 100 * np.asarray(chosen)
    table = support(100 * shares.select(corpora).to_numpy(), corpora)
    if at is not None:
        outside = int(
            ((at < table["min"].to_numpy() - ROUNDING) | (at > table["max"].to_numpy() + ROUNDING)).sum()
        )
    corpora = by_corpus.shown(everything, table["max"].to_numpy() if at is None else at)
    kept = [everything.index(corpus) for corpus in corpora]
    table = table[kept]
    figure, (ax,) = _corpus_panels(1, corpora)
    y = np.arange(len(corpora))
    ax.hlines(y, table["min"], table["max"], color=GREY, linewidth=1, label="lowest to highest")
    ax.hlines(y, table["p05"], table["p95"], color=COLORS[0], linewidth=4.5, alpha=0.45, label="middle 90 %")
    ax.plot(table["median"], y, "|", color=COLORS[0], markersize=8, markeredgewidth=2, label="median")
    title = f"Shares that the {shares.height:,} proxies were trained on"
    if chosen is not None:
        ax.plot(at[kept], y, "D", color=CHOSEN_COLOR, markersize=4.5, label="chosen mixture")
        title += f"; the chosen mixture lies outside of them in {outside} of {len(everything)} corpora"
    figure.suptitle(title)
    ax.set_xlabel("share of the training bytes (%)")
    ax.set_xlim(left=0)
    legend(figure, ax)
    return figure


@rc_context(STYLE)
def predicted_measured(predictions: pl.DataFrame, metrics: pl.DataFrame) -> Figure:
    """The objective of each proxy, predicted by models that did not see it, against the measurement.

    Args:
        predictions: columns model, measured, predicted, predicted_std (null: not known).
        metrics: columns model, mape (%), spearman, r2, n, used; one panel per row, the used model first.
    """
    metrics = metrics.sort("used", descending=True, maintain_order=True)
    figure, axes = _panels(metrics.height, columns=3, width=3.2, height=3.5)
    figure.get_layout_engine().set(hspace=0.06, wspace=0.04)
    measured, predicted = predictions["measured"], predictions["predicted"]
    low, high = min(measured.min(), predicted.min()), max(measured.max(), predicted.max())
    limits = (low - 0.04 * (high - low), high + 0.04 * (high - low))
    for ax, row in zip(axes, metrics.iter_rows(named=True), strict=True):
        points = predictions.filter(model=row["model"])
        color = CHOSEN_COLOR if row["used"] else COLORS[0]
        ax.plot(limits, limits, color="black", linewidth=0.8)
        ax.errorbar(
            points["measured"],
            points["predicted"],
            points["predicted_std"].fill_null(0),
            fmt="o",
            markersize=3,
            elinewidth=0.5,
            color=color,
            ecolor=GREY,
            alpha=0.7,
        )
        used = ", used by the search" if row["used"] else ""
        scores = f"MAPE {row['mape']:.2f} %, Spearman {markdown.score(row['spearman'])}, R² {markdown.score(row['r2'])}"
        ax.set_title(f"{row['model']}{used}\n{scores}")
        ax.set(xlim=limits, ylim=limits, box_aspect=1)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.yaxis.set_major_locator(MaxNLocator(5))
    figure.supxlabel("measured objective (NSL)", fontsize=8)
    figure.supylabel("predicted objective (NSL)", fontsize=8)
    figure.suptitle(f"{metrics['n'].max():,} proxies, each predicted by a regression that did not see it")
    return figure


@rc_context(STYLE)
def pareto_front(front: pl.DataFrame, points: pl.DataFrame, measured: pl.DataFrame, chosen: str) -> Figure:
    """Predicted average against worst corpus, and where points of the front, candidates and baselines were measured.

    Args:
        front: columns average, worst; none of the rows beats another on both.
        points: columns average, worst, predicted_average, predicted_worst, of the measured points of the front.
        measured: columns name, average, worst, of the candidates and baselines.
        chosen: name of the recommended one.
    """
    figure, (ax,) = _panels(1, columns=1, width=PLOT_WIDTH, height=4.2)
    ax.plot(front["average"], front["worst"], ".-", color=GREY, linewidth=1, label="predicted front")
    keys = ("predicted_average", "average", "predicted_worst", "worst")
    for i, (*averages, predicted, worst) in enumerate(points.select(keys).iter_rows()):
        ax.plot(averages, (predicted, worst), ":", color=GREY, linewidth=1)
        label = None if i else "points of the front, measured"
        ax.plot(averages[1], worst, "x", color="black", markersize=6, label=label, zorder=4)
    at = {
        name: (average, worst)
        for name, average, worst in measured.select("name", "average", "worst").iter_rows()
    }
    for name, style in _styles(measured["name"], chosen).items():
        ax.plot(*at[name], linestyle="none", label=name, **(style | {"markersize": 6}))
    ax.set_xlabel("average (NSL; to the left is better)")
    ax.set_ylabel("worst corpus (NSL; down is better)")
    ax.set_title("Average against worst corpus: the line is predicted, marks are measured")
    legend(figure, ax)
    return figure


@rc_context(STYLE)
def learning_curve(curve: pl.DataFrame) -> Figure:
    """Error at mixtures that a surface did not see, by how many proxies it was fitted to.

    curve: columns model, proxies, mape (%), one row for each random choice of so many proxies.
    """
    figure, (ax,) = _panels(1, columns=1, width=5.0, height=3.4)
    for i, (model, rows) in enumerate(curve.group_by("model", maintain_order=True)):
        medians = rows.group_by("proxies", maintain_order=True).agg(pl.col("mape").median())
        color = COLORS[i % len(COLORS)]
        ax.plot(rows["proxies"], rows["mape"], ".", color=color, alpha=0.4)
        ax.plot(medians["proxies"], medians["mape"], "o-", color=color, label=model[0])
    if len(curve):
        ax.set(xscale="log", yscale="log")
        ax.xaxis.set_major_locator(FixedLocator(sorted(set(curve["proxies"]))))
        ax.xaxis.set_major_formatter("{x:.0f}")
        ax.xaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("proxies that the surface was fitted to")
    ax.set_ylabel("MAPE of the objective (%)")
    ax.set_title("Would fewer proxies have done?")
    legend(figure, ax)
    return figure


@rc_context(STYLE)
def nsl_by_corpus(
    compression: pl.DataFrame,
    chosen: str,
    vocab_size: int,
    corpora: Sequence[str],
    near: Sequence[str] | None = None,
) -> Figure:
    """NSL of every mixture in each corpus, and how far each is from the chosen mixture's; a line of two panels
    per evaluation set.

    Args:
        compression: columns name, evaluation_set, corpus, vocab_size, nsl; replicates are averaged.
        chosen: name of the chosen mixture in this table.
        vocab_size: the vocabulary size to show.
        corpora: the corpus ids in the config's order.
        near: names to show in the panel of differences; None: all. Others would squeeze them together.
    """
    table = _beside_chosen(compression.filter(vocab_size=vocab_size), chosen, ["evaluation_set", "corpus"])
    sets = table["evaluation_set"].unique(maintain_order=True)
    styles = _styles(table["name"].unique(maintain_order=True), chosen)
    compared = table if near is None else table.filter(pl.col("name").is_in(near))
    change = dict(compared.group_by("corpus").agg(pl.col("more").abs().max()).iter_rows())
    everything = corpora
    corpora = by_corpus.shown(everything, np.array([change.get(corpus, 0.0) for corpus in everything]))
    rows = {corpus: row for row, corpus in enumerate(corpora)}
    figure, axes = _corpus_panels(2 * len(sets), corpora, columns=2)
    for left, right, evaluation_set in zip(axes[::2], axes[1::2], sets, strict=True):
        of_set = table.filter(evaluation_set=evaluation_set)
        for name, style in styles.items():
            points = of_set.filter(pl.col("corpus").is_in(corpora), name=name)
            y = [rows[corpus] for corpus in points["corpus"]]
            left.plot(points["nsl"], y, linestyle="none", label=name, **style)
            if near is None or name in near:
                right.plot(points["more"], y, linestyle="none", **style)
        right.axvline(0, color=CHOSEN_COLOR, linewidth=0.8, zorder=1)
        best = of_set.filter(name=chosen, is_best=True).height
        left.set_title(
            f"{evaluation_set}: {chosen} is best in {best} of {of_set['corpus'].n_unique()} corpora"
        )
        left.set_xlabel("NSL (tokens / reference tokens)")
        right.set_xlabel(f"NSL above that of {chosen} (%)")
    which = (
        "each corpus" if len(corpora) == len(everything) else f"the {len(corpora)} corpora that differ most"
    )
    figure.suptitle(f"Compression of {which} at a vocabulary of {vocab_size:,} (left is better)")
    legend(figure, axes[0])
    return figure


@rc_context(STYLE)
def nsl_by_vocabulary(compression: pl.DataFrame, chosen: str) -> Figure:
    """Macro NSL of every mixture against the vocabulary size, and below it how far each is from the chosen.

    Args:
        compression: columns name, evaluation_set, corpus, vocab_size, nsl; replicates are averaged.
        chosen: name of the chosen mixture in this table.
    """
    macro = _beside_chosen(compression.sort("vocab_size"), chosen, ["evaluation_set", "vocab_size"])
    sets = macro["evaluation_set"].unique(maintain_order=True)
    styles = _styles(macro["name"].unique(maintain_order=True), chosen)
    figure = Figure(figsize=(max(PLOT_WIDTH, 3.2 * len(sets)), 5.8))
    axes = figure.subplots(2, len(sets), sharex=True, squeeze=False)
    sizes = macro["vocab_size"].unique().sort()
    for (top, bottom), evaluation_set in zip(axes.T, sets, strict=True):
        of_set = macro.filter(evaluation_set=evaluation_set)
        for name, style in styles.items():
            line = of_set.filter(name=name)
            for ax, column in ((top, "nsl"), (bottom, "more")):
                ax.plot(line["vocab_size"], line[column], label=name, linewidth=1, **style)
        best = of_set.filter(name=chosen, is_best=True).height
        top.set_title(f"{evaluation_set}: {chosen} is best at {best} of {len(sizes)} sizes")
        bottom.set_xscale("log", base=2)
        bottom.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=45, ha="right")
        bottom.xaxis.set_minor_locator(NullLocator())
        bottom.set_xlabel("vocabulary size (entries)")
    axes[0, 0].set_ylabel("macro NSL\n(smaller is better)")
    axes[1, 0].set_ylabel(f"above that of\n{chosen} (%)")
    figure.suptitle("Compression against vocabulary size")
    legend(figure, axes[0, 0])
    return figure


def _beside_chosen(compression: pl.DataFrame, chosen: str, by: list[str]) -> pl.DataFrame:
    """Mean NSL of each mixture in each group, with `more`, how far it is above the chosen one's in %, and
    whether it `is_best`, the smallest of the group.
    """
    table = compression.group_by("name", *by, maintain_order=True).agg(pl.col("nsl").mean())
    of_chosen = table.filter(name=chosen).select(*by, of_chosen="nsl")
    return table.join(of_chosen, on=by, maintain_order="left").with_columns(
        more=100 * (pl.col("nsl") / pl.col("of_chosen") - 1),
        is_best=pl.col("nsl") == pl.col("nsl").min().over(by),
    )


def _panels(
    n: int, columns: int, width: float, height: float, margin: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """A figure of `n` panels of this size in inches, with a margin on the left. Panels share the y axis, and those
    of a column the x axis.
    """
    lines = math.ceil(n / columns)
    columns = math.ceil(n / lines)
    figure = Figure(figsize=(columns * width + margin, lines * height + 0.5))
    axes = figure.subplots(lines, columns, sharex="col", sharey=True, squeeze=False).flatten()
    for ax in axes[n:]:
        ax.remove()
    for ax in axes[:n]:
        ax.tick_params(labelbottom=True)
    return figure, list(axes[:n])


def _corpus_panels(n: int, corpora: Sequence[str], columns: int = MAX_COLUMNS) -> tuple[Figure, list[Axes]]:
    """`n` panels whose rows are the corpora."""
    figure, axes = _panels(
        n,
        columns,
        width=PLOT_WIDTH / min(n, columns),
        height=ROW_HEIGHT * len(corpora) + 0.8,
        margin=0.3 + LETTER_WIDTH * max(map(len, corpora)),
    )
    axes[0].set_yticks(np.arange(len(corpora)), corpora)  # for all, as they share it
    axes[0].set_ylim(len(corpora) - 0.4, -0.6)
    for ax in axes:
        ax.tick_params(axis="y", length=0)
    return figure, axes


def _styles(names: Sequence[str], chosen: str) -> dict[str, dict]:
    """Marker and colour of each mixture, the chosen one first; the others are hollow and lie on top of it."""
    styles = {chosen: {"color": CHOSEN_COLOR, "marker": "D", "markersize": 4.5, "zorder": 2}}
    for i, name in enumerate(name for name in names if name != chosen):
        color, marker = COLORS[i % len(COLORS)], MARKERS[i % len(MARKERS)]
        styles[name] = {"color": color, "marker": marker, "markersize": 4.5, "fillstyle": "none", "zorder": 3}
    return styles


def legend(figure: Figure, ax: Axes) -> None:
    """The entries of a panel below the figure, in as many columns as it is wide enough for."""
    handles, labels = ax.get_legend_handles_labels()
    columns = int(figure.get_figwidth() / (0.6 + LETTER_WIDTH * max(map(len, labels), default=1)))
    figure.legend(handles, labels, loc="outside lower center", ncols=min(max(columns, 1), 6))


def search_figures(results: Results) -> dict[str, Figure]:
    """The figures about the mixtures and the search, by name; without a search only the first."""
    chosen, corpora = results.choice["chosen"], results.corpora
    bars = {"mixture_bars": mixture_bars(results.candidates, chosen, corpora)}
    if not results.is_searched:
        return bars
    vocab_size = results.config["proxies"]["vocab_size"]
    return bars | {
        "sampled_support": sampled_support(results.proxy_shares, corpora, results.chosen_shares),
        "predicted_measured": predicted_measured(results.predictions, results.metrics),
        "pareto_front": pareto_front(results.front, results.front_measured, results.measured_front, chosen),
        "learning_curve": learning_curve(results.learning_curve),
        "nsl_by_corpus": nsl_by_corpus(results.compression, chosen, vocab_size, corpora),
        "nsl_by_vocabulary": nsl_by_vocabulary(results.compression, chosen),
    }
