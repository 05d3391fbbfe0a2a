"""The figure about vocabularies; see `trex.report.figures` for what it has in common with others."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from trex.report import by_corpus
from trex.report.figures import CHOSEN_COLOR, COLORS, GREY, MARKERS, PLOT_WIDTH, ROW_HEIGHT, STYLE
from trex.report.vocabulary_page import Vocabularies
from trex.validation.uses import USES

_OF_USE = dict(zip(USES, (COLORS[1], COLORS[3], COLORS[5], GREY), strict=True))


@rc_context(STYLE)
def vocabulary(found: Vocabularies) -> Figure:
    """Left: how the test text uses the entries of each tokenizer. Right: how many entries are each corpus's own."""
    names = found.distinct
    owned = found.metric("owned")
    corpora = by_corpus.shown(found.corpora, np.array([owned.get((found.name, c), 0) for c in found.corpora]))
    rows = max(len(names) * 2, len(corpora), 6) * ROW_HEIGHT  # at least what axes and legends need
    figure = Figure(figsize=(PLOT_WIDTH + 1.0, rows + 1.3))
    use, own = figure.subplots(1, 2)
    left = np.zeros(len(names))
    for name_of_use, color in _OF_USE.items():
        values = found.metric(name_of_use)
        widths = np.array([100 * values[name, None] for name in names])
        use.barh(range(len(names)), widths, left=left, height=0.7, color=color, label=name_of_use)
        left += widths
    use.set_yticks(range(len(names)), names)
    use.set_ylim(len(names) - 0.4, -0.6)
    use.set_xlim(0, 100)
    use.grid(False, axis="y")
    use.set_xlabel("entries (%)")
    use.set_title("How the test text uses the entries")
    _legend_below(use, len(USES))
    for i, name in enumerate(names):
        color = CHOSEN_COLOR if name == found.name else COLORS[(i - 1) % len(COLORS)]
        style = {"color": color, "marker": MARKERS[i % len(MARKERS)], "linestyle": "none", "markersize": 4.5}
        own.plot(
            [owned.get((name, corpus), 0) for corpus in corpora],
            range(len(corpora)),
            label=name,
            fillstyle="full" if name == found.name else "none",
            **style,
        )
    own.set_yticks(range(len(corpora)), corpora)
    own.set_ylim(len(corpora) - 0.4, -0.6)
    own.set_xlim(left=0)
    own.set_xlabel("entries that are the corpus's own")
    own.set_title("Whose words they are")
    _legend_below(own, 3)
    return figure


def _legend_below(ax: Axes, columns: int) -> None:
    """Half an inch below a panel, where the label of its axis has room, however high the panel is."""
    below = ax.transAxes + ScaledTranslation(0, -0.45, ax.figure.dpi_scale_trans)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=below, ncols=columns)
