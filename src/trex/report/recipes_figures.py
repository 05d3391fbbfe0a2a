"""Figures about recipes side by side; see `trex.report.figures` for what figures have in common."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trex.recipes.compare import AVERAGE, COST, FEWER, MORE, WORST, Compared, differences
from trex.recipes.finished import EXISTING, RECIPE
from trex.report import by_corpus, markdown
from trex.report.figures import COLORS, GREY, LETTER_WIDTH, PLOT_WIDTH, ROW_HEIGHT, STYLE
from trex.report.recipes import corpora_table

PANELS = {
    AVERAGE: "mean of the corpora",
    WORST: "worst corpus",
    COST: "cost (operations)",
}
FEWER_COLOR, MORE_COLOR = COLORS[0], "#D55E00"
COLORS_OF_DIFFERENCES = LinearSegmentedColormap.from_list("differences", [FEWER_COLOR, "white", MORE_COLOR])
# How long an axis of differences is, in ranges of the recipes; an existing tokenizer outside of it is an arrow.
FAR = 1.3
CLIP = 90  # percentile of the absolute differences of recipes where the colours of the heat map end
NUMBERS = 32  # columns of the heat map: in more, that are shown smaller, nobody can read numbers
COLUMN_WIDTH = 0.5
ON_ONE_ANOTHER = 0.02  # share of an axis: points that are nearer get their numbers together
PANEL = (175.0, 150.0)  # points of print that the marks of a panel of `recipe_tradeoffs` lie within, about
MARK = 3.0  # half a mark, in points
PLACES = [  # of a number: so far from its mark (a line then leads there), on this side
    (away, side_x, side_y)
    for away in (0.0, 8.0, 18.0)
    for side_x in (1, 0, -1)
    for side_y in (0, 1, -1)
    if side_x or side_y
]


@rc_context(STYLE)
def recipe_differences(compared: Compared) -> Figure:
    """Differences of every tokenizer from the first recipe, with intervals: in the average, the worst corpus and the
    cost."""
    order = [i for i in np.argsort(compared.measures[AVERAGE].draws[0], kind="stable") if i]
    names = [compared.names[i] for i in order]
    figure = Figure(
        figsize=(PLOT_WIDTH + 0.3 + LETTER_WIDTH * max(map(len, compared.names)), 1.3 + 0.25 * len(names))
    )
    axes = figure.subplots(1, len(PANELS), sharey=True)
    for ax, (metric, title) in zip(axes, PANELS.items(), strict=True):
        rows = differences(compared.table, metric)
        low, high = _range(
            [rows[name] for name in names if rows[name]["kind"] == RECIPE] or list(rows.values())
        )
        for y, name in enumerate(names):
            _mark(ax, y, rows[name], low, high)
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set(title=title, xlim=(low, high))
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.grid(False, axis="y")
        ax.tick_params(axis="y", length=0)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    figure.supxlabel(
        f"difference from {compared.first.name} (%; left of 0 is better; blue and orange: can be claimed)",
        fontsize=8,
    )
    figure.get_layout_engine().set(w_pad=0.08)
    figure.suptitle("Recipes on the test half, with simultaneous 95 % intervals; hollow: existing tokenizers")
    return figure


def _range(rows: list[Mapping[str, Any]]) -> tuple[float, float]:
    """Of an axis that shows 0 and these rows with room at both ends."""
    low = min([0.0, *(row["low"] for row in rows)])
    high = max([0.0, *(row["high"] for row in rows)])
    room = (FAR - 1) / 2 * ((high - low) or 1.0)
    return low - room, high + room


def _mark(ax: Axes, y: int, row: Mapping[str, Any], low: float, high: float) -> None:
    color = {FEWER: FEWER_COLOR, MORE: MORE_COLOR, None: GREY}[row["claim"]]
    existing = row["kind"] == EXISTING
    if existing and not low < row["value"] < high:
        right = row["value"] > 0
        ax.text(
            high if right else low,
            y,
            f"{row['value']:+.0f} % →" if right else f"← {row['value']:+.0f} %",
            ha="right" if right else "left",
            va="center",
            fontsize=7,
            color=color,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},  # on the line of 0
        )
        return
    spread = np.maximum([[row["value"] - row["low"]], [row["high"] - row["value"]]], 0)
    fill = "none" if existing else "full"
    ax.errorbar(
        [row["value"]], [y], xerr=spread, fmt="o", markersize=4.5, elinewidth=1, color=color, fillstyle=fill
    )


@rc_context(STYLE)
def recipe_tradeoffs(compared: Compared) -> Figure:
    """The average of every tokenizer against its worst corpus, and against its cost; numbers are explained beside."""
    average = compared.measures[AVERAGE].draws[0]
    others = {
        "worst corpus (NSL; down is better)": compared.measures[WORST].draws[0],
        "GPU hours of training and serving": np.array([of.all_gpu_hours for of in compared.costs]),
    }
    recipes = np.array([of.kind == RECIPE for of in compared.tokenizers])
    inside = np.all([_is_near(values, recipes) for values in (average, *others.values())], axis=0)
    lines = [
        f"{i + 1}  {name}{'' if inside[i] else f' (outside: NSL {average[i]:.2f})'}"
        for i, name in enumerate(compared.names)
    ]
    width = 0.4 + LETTER_WIDTH * max(map(len, lines))
    figure = Figure(figsize=(PLOT_WIDTH + width, max(3.4, 0.9 + ROW_HEIGHT * len(lines))))
    axes = figure.subplots(1, 2)
    for ax, (label, values) in zip(axes, others.items(), strict=True):
        for i in range(len(lines)):
            fill = "full" if recipes[i] else "none"
            color = "#D55E00" if not i else COLORS[0] if recipes[i] else "black"
            at = (average[i], values[i]) if inside[i] else (np.nan, np.nan)
            ax.plot(*at, "o", color=color, fillstyle=fill, markersize=5, label=lines[i], zorder=2 + (not i))
        _number(ax, average, values, np.flatnonzero(inside))
        ax.set_xlabel("mean of the corpora (NSL; to the left is better)")
        ax.set_ylabel(label)
        ax.margins(0.1)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        if values.max() > 1_000:
            ax.yaxis.set_major_formatter("{x:,.0f}")
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=7, handlelength=1)
    figure.suptitle(f"What recipes trade; {compared.names[0]} is orange, existing tokenizers are hollow")
    return figure


def _is_near(values: np.ndarray, recipes: np.ndarray) -> np.ndarray:
    """Whether each value is about as near to the recipes' as these are to each other, so that showing it does not
    squeeze them together."""
    low, high = values[recipes].min(), values[recipes].max()
    room = max(high - low, 0.05 * high)
    return (values >= low - room) & (values <= high + room)


def _number(ax: Axes, x: np.ndarray, y: np.ndarray, shown: np.ndarray) -> None:
    """Write the numbers of points beside them, where they cover no point and no other number; those of points that lie
    on one another together."""
    at = np.stack(
        [(values[shown] - values[shown].min()) / (np.ptp(values[shown]) or 1.0) for values in (x, y)], 1
    )
    together: dict[tuple[int, ...], list[int]] = {}
    for i, point in enumerate(at):
        together.setdefault(tuple(np.round(point / ON_ONE_ANOTHER).astype(int)), []).append(i)
    at *= PANEL
    written: list[tuple[np.ndarray, np.ndarray]] = []  # centres of numbers, and half their sizes
    for of in together.values():
        text = ", ".join(str(shown[k] + 1) for k in of)
        half = np.array([2.2 * len(text) + 0.5, 4.0])

        def quality(
            place: tuple[float, float, float], own: int = of[0], half: np.ndarray = half
        ) -> tuple[float, ...]:
            away, *side = place
            centre = at[own] + side * (half + MARK + away)
            covered = np.all(np.abs(at - centre) < half + MARK, axis=1).sum()
            line = at[own] + np.outer((0.3, 0.5, 0.7) if away else (), centre - at[own])
            for other, size in written:
                covered += np.all(np.abs(other - centre) < half + size)
                covered += np.any(np.all(np.abs(other - line) < size, axis=1))
            alone = np.hypot(*(at - centre)[np.arange(len(at)) != own].T).min(initial=99.0)
            return (covered, away, -alone)

        away, *side = min(PLACES, key=quality)
        offset = side * (half + MARK + away)
        written.append((at[of[0]] + offset, half))
        ax.annotate(
            text,
            (x[shown[of[0]]], y[shown[of[0]]]),
            xytext=tuple(offset),
            textcoords="offset points",
            fontsize=7,
            ha="center",
            va="center",
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "black", "shrinkA": 0, "shrinkB": 0}
            if away
            else None,
        )


@rc_context(STYLE)
def recipes_by_corpus(compared: Compared, scripts: Mapping[str, str]) -> Figure:
    """A heat map of differences from the first recipe: a row a corpus, sorted by script, a column a tokenizer, recipes
    first. Numbers are bold where a difference can be claimed."""
    table = corpora_table(compared, scripts)
    others = compared.tokenizers[1:]
    if not others:
        figure = Figure(figsize=(PLOT_WIDTH, 1.0))
        figure.suptitle(f"{compared.first.name} is the only tokenizer: nothing to compare")
        return figure
    values = table.select(f"{of.name}_difference" for of in others).to_numpy().astype(float)
    claims = table.select(f"{of.name}_claim" for of in others).to_numpy()
    corpora = table["corpus"].to_list()
    if len(corpora) > by_corpus.ROWS:
        largest = set(by_corpus.shown(corpora, np.nanmax(np.abs(values), axis=1, initial=0)))
        kept = [i for i, corpus in enumerate(corpora) if corpus in largest]
        values, claims, table, corpora = values[kept], claims[kept], table[kept], [corpora[i] for i in kept]
    recipes = [i for i, of in enumerate(others) if of.kind == RECIPE] or list(range(len(others)))
    end = max(float(np.nanpercentile(np.abs(values[:, recipes]), CLIP)) if values.size else 1.0, 0.5)
    longest = max(len(of.name) for of in others)
    figure = Figure(
        figsize=(
            2.2 + LETTER_WIDTH * max(map(len, corpora)) + COLUMN_WIDTH * len(others),
            1.7 + 1.15 * ROW_HEIGHT * len(corpora) + 0.75 * LETTER_WIDTH * longest,
        )
    )
    ax = figure.subplots()
    image = ax.imshow(
        np.ma.masked_invalid(values), cmap=COLORS_OF_DIFFERENCES, norm=Normalize(-end, end), aspect="auto"
    )
    if len(others) <= NUMBERS:
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                ax.text(
                    column,
                    row,
                    markdown.signed(value, 1 if abs(value) < 99.5 else 0),
                    ha="center",
                    va="center",
                    fontsize=6.5,
                    fontweight="bold" if claims[row, column] and round(value, 1) else "normal",
                    color="white"
                    if abs(value) > 0.75 * end
                    else "black"
                    if claims[row, column] or abs(value) > 0.3 * end
                    else "#606060",
                )
    ax.set_xticks(
        range(len(others)), [of.name for of in others], rotation=40, ha="right", rotation_mode="anchor"
    )
    ax.set_yticks(range(len(corpora)), corpora)
    ax.tick_params(length=0)
    ax.grid(False)
    _script_lines(ax, table["script"].to_list())
    n_recipes = sum(of.kind == RECIPE for of in others)
    if 0 < n_recipes < len(others):
        ax.axvline(n_recipes - 0.5, color="black", linewidth=1.2)
    bar = figure.colorbar(image, ax=ax, extend="both", location="bottom", shrink=0.7, aspect=35)
    bar.outline.set_visible(False)
    bold = "\nbold: can be claimed" if len(others) <= NUMBERS else ""
    title = f"Tokens by corpus against {compared.first.name} (%){bold}"
    figure.suptitle(title, fontsize=9, x=0.02, ha="left")
    return figure


def _script_lines(ax: Axes, scripts: list[str]) -> None:
    """Lines between scripts, and their names on the right."""
    begin = 0
    for i in range(1, len(scripts) + 1):
        if i == len(scripts) or scripts[i] != scripts[begin]:
            ax.text(
                1.02,
                (begin + i - 1) / 2,
                scripts[begin],
                transform=ax.get_yaxis_transform(),
                va="center",
                fontsize=7,
            )
            if i < len(scripts):
                ax.axhline(i - 0.5, color="white", linewidth=2)
            begin = i


def figures(compared: Compared, scripts: Mapping[str, str]) -> dict[str, Figure]:
    """The figures of the page, by name."""
    return {
        "recipes_differences": recipe_differences(compared),
        "recipes_tradeoffs": recipe_tradeoffs(compared),
        "recipes_by_corpus": recipes_by_corpus(compared, scripts),
    }
