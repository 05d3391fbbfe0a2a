"""Figures render at the smallest and at a large number of corpora, to the same bytes every time."""

import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from made_up_run import ranks
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trex.report import by_corpus, figures, figures_validation

NAMES = ["found", "drawn", "matched", "uniform"]
SIZES = [4096, 8192]
VALIDATION = {
    **dict.fromkeys(("tokenizer", "evaluation_set", "corpus", "metric", "against"), pl.String),
    **dict.fromkeys(("value", "low", "high"), pl.Float64),
}


def tables(k: int) -> dict:
    """What the figures take, for k corpora: the mixtures NAMES, 40 proxies, 2 sets, 2 sizes, 2 replicates."""
    rng = np.random.default_rng(k)
    corpora = [f"c{i:02}_Latn" for i in range(k - 1)] + ["a_corpus_with_a_really_long_id_of_some_domain"]
    mixtures = rng.dirichlet(np.full(k, 2.0), size=len(NAMES))
    sampled = rng.dirichlet(np.full(k, 1.0), size=40)
    measured = rng.uniform(1.2, 1.5, 40)
    base = rng.uniform(0.9, 1.6, k)
    return {
        "corpora": corpora,
        "candidates": pl.DataFrame(
            {
                "name": NAMES,
                "role": ["candidate"] * 2 + ["baseline"] * (len(NAMES) - 2),
                **dict(zip(corpora, mixtures.T, strict=True)),
            }
        ),
        "shares": pl.DataFrame({"mixture_id": range(40), **dict(zip(corpora, sampled.T, strict=True))}),
        "predictions": pl.concat(
            pl.DataFrame(
                {
                    "model": [model] * 40,
                    "measured": measured,
                    "predicted": measured + rng.normal(0, noise, 40),
                    "predicted_std": [std] * 40,
                },
                schema_overrides={"predicted_std": pl.Float64},
            )
            for model, noise, std in [("linear", 0.03, None), ("lightgbm", 0.01, 0.01)]
        ),
        "metrics": pl.DataFrame(
            {
                "model": ["linear", "lightgbm"],
                "mape": [2.1, 0.8],
                "spearman": [None, 0.991],
                "r2": [0.9, 0.99],
                "n": [40, 40],
                "used": [False, True],
            }
        ),
        "validation": pl.concat(
            [
                pl.DataFrame(
                    [
                        (name, evaluation_set, corpus, "nsl", None, base[i] + 0.1 * n, None, None)
                        for n, name in enumerate(["chosen", "uniform", "o200k_base"])
                        for evaluation_set in ("held_out", "udhr")
                        for i, corpus in enumerate(corpora)
                    ],
                    schema=VALIDATION,
                    orient="row",
                ),
                pl.DataFrame(
                    [
                        (
                            "chosen",
                            evaluation_set,
                            None,
                            f"gain_{aggregate}",
                            name,
                            gain,
                            gain - 0.1,
                            gain + 0.1,
                        )
                        for name, gain in [("uniform", 0.2), ("o200k_base", 30.0)]
                        for evaluation_set in ("held_out", "udhr")
                        for aggregate in ("macro", "pooled", "worst")
                    ],
                    schema=VALIDATION,
                    orient="row",
                ),
            ]
        ),
        "compression": pl.DataFrame(
            [
                (name, replicate, evaluation_set, corpus, size, 4 - 0.2 * np.log2(size) + base[i] + extra)
                for n, name in enumerate(NAMES)
                for replicate in (0, 1)
                for evaluation_set, part in [("held_out", corpora), ("udhr", corpora[: k // 2 + 1])]
                for i, corpus in enumerate(part)
                for size in SIZES
                for extra in [rng.normal(0.01 * n, 0.02)]
            ],
            schema=["name", "replicate", "evaluation_set", "corpus", "vocab_size", "nsl"],
            orient="row",
        ),
    }


def draw(name: str, t: dict) -> figures.Figure:
    """One of the figures, from the tables."""
    corpora = t["corpora"]
    match name:
        case "mixture_bars":
            return figures.mixture_bars(t["candidates"], "found", corpora)
        case "sampled_support":
            return figures.sampled_support(t["shares"], corpora, t["candidates"].select(corpora).row(0))
        case "predicted_measured":
            return figures.predicted_measured(t["predictions"], t["metrics"])
        case "nsl_by_corpus":
            return figures.nsl_by_corpus(t["compression"], "found", 8192, corpora)
        case "nsl_by_vocabulary":
            return figures.nsl_by_vocabulary(t["compression"], "found")
        case "pareto_front":
            front = pl.DataFrame({"average": [1.0, 1.1, 1.3], "worst": [1.6, 1.4, 1.35]})
            # four mixtures on nearly one spot, as candidates usually are
            measured = pl.DataFrame(
                {"name": NAMES, "average": [1.01, 1.011, 1.012, 1.012], "worst": [1.6] * 4}
            )
            points = pl.DataFrame(
                {
                    "average": [1.02, 1.12], "worst": [1.62, 1.41],
                    "predicted_average": [1.0, 1.1], "predicted_worst": [1.6, 1.4],
                }
            )  # fmt: skip
            return figures.pareto_front(front, points, measured, "found")
        case "learning_curve":
            rows = [("gaussian_process", n, error / n) for n in (16, 32, 48) for error in (8.0, 10.0, 16.0)]
            return figures.learning_curve(
                pl.DataFrame(rows, schema=["model", "proxies", "mape"], orient="row")
            )
        case "full_scale_gains":
            return figures_validation.full_scale_gains(t["validation"], ["chosen", "uniform"])
        case "full_scale_nsl":
            return figures_validation.full_scale_nsl(t["validation"], 8192, corpora, ["chosen", "uniform"])
        case "rank_invariance":
            return figures_validation.rank_invariance(ranks(corpora))


FIGURES = [
    "mixture_bars",
    "sampled_support",
    "predicted_measured",
    "pareto_front",
    "learning_curve",
    "nsl_by_corpus",
    "nsl_by_vocabulary",
    "full_scale_gains",
    "full_scale_nsl",
    "rank_invariance",
]


@pytest.mark.parametrize(
    ("name", "ending"), [*((name, "svg") for name in FIGURES), ("sampled_support", "png")]
)
def test_same_bytes_every_time(tmp_path, name, ending):
    t = tables(2)
    paths = [tmp_path / f"{run}.{ending}" for run in (1, 2)]
    for path in paths:
        figures.save(draw(name, t), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert b"<dc:date>" not in first
    assert len(first) > 5000
    assert sorted(tmp_path.iterdir()) == paths  # no parts are left


def texts_of(figure):
    """(what, box in pixels) of titles, labels and legends of a figure as it is drawn."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    found = [("figure title", figure._suptitle), *(("legend", legend) for legend in figure.legends)]
    found += [("label of the figure", label) for label in (figure._supxlabel, figure._supylabel)]
    for number, ax in enumerate(figure.axes):
        found += [(f"title {number}", ax.title), (f"title {number}", ax._left_title)]
        found += [(f"x label {number}", ax.xaxis.label), (f"y label {number}", ax.yaxis.label)]
    drawn = [(what, artist) for what, artist in found if artist is not None]
    return [
        (what, artist.get_window_extent(canvas.get_renderer()))
        for what, artist in drawn
        if what == "legend" or artist.get_text()
    ]


@pytest.mark.parametrize("k", [2, 20])
@pytest.mark.parametrize("name", FIGURES)
def test_no_text_lies_on_another_or_is_cut_off(name, k):
    figure = draw(name, tables(k))
    texts = texts_of(figure)
    width, height = figure.canvas.get_width_height()
    for what, box in texts:
        assert min(box.x0, box.y0) >= -1, what
        assert max(box.x1 - width, box.y1 - height) <= 1, what
    for i, (what, box) in enumerate(texts):
        for other, other_box in texts[i + 1 :]:
            assert not box.overlaps(other_box), (what, other)


@pytest.mark.parametrize("name", ["mixture_bars", "sampled_support", "nsl_by_corpus"])
def test_figures_grow_with_the_corpora(name):
    few, many = draw(name, tables(2)), draw(name, tables(40))
    assert many.get_figheight() > few.get_figheight() + 37 * figures.ROW_HEIGHT


@pytest.mark.parametrize("name", ["mixture_bars", "sampled_support", "nsl_by_corpus"])
def test_figures_show_forty_of_hundreds_of_corpora(name):
    figure = draw(name, tables(300))
    assert figure.get_figheight() < draw(name, tables(40)).get_figheight() + 0.5
    assert len(figure.axes[0].get_yticklabels()) == by_corpus.ROWS
    if name == "mixture_bars":
        assert "260 others: " in figure.axes[0].get_title(loc="left")


def test_forty_corpora(tmp_path):
    figures.save(draw("nsl_by_corpus", tables(40)), tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").stat().st_size > 50_000


def test_titles_say_what_was_found():
    t = tables(2)
    first, second = t["corpora"]
    figure = figures.sampled_support(
        pl.DataFrame({first: [0.1, 0.5], second: [0.9, 0.5]}), t["corpora"], [0.05, 0.95]
    )
    assert figure.get_suptitle().endswith("outside of them in 2 of 2 corpora")
    compression = pl.DataFrame(
        {
            "name": ["found", "found", "uniform", "uniform"],
            "evaluation_set": "held_out",
            "corpus": t["corpora"] * 2,
            "vocab_size": 1024,
            "nsl": [1.0, 1.2, 1.1, 1.1],
        }
    )
    by_corpus = figures.nsl_by_corpus(compression, "found", 1024, t["corpora"])
    assert by_corpus.axes[0].get_title("left") == "held_out: found is best in 1 of 2 corpora"
    by_size = figures.nsl_by_vocabulary(compression, "found")
    assert by_size.axes[0].get_title("left") == "held_out: found is best at 1 of 1 sizes"  # 1.1 both


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"svg or \.png"):
        figures.save(figures.Figure(), tmp_path / "figure.pdf")


def test_a_users_matplotlibrc_changes_nothing(tmp_path):
    (tmp_path / "matplotlibrc").write_text(
        "lines.linewidth: 9\naxes.facecolor: red\nfont.family: monospace\n"
    )
    code = (
        "import polars as pl, sys; from trex.report import by_corpus, figures\n"
        "table = pl.DataFrame({'name': ['a'], 'role': ['baseline'], 'x': [0.5], 'y': [0.5]})\n"
        "figures.save(figures.mixture_bars(table, 'a', ['x', 'y']), sys.argv[1])"
    )
    for name, changed in (("plain", {}), ("styled", {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")})):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **changed}
        subprocess.run([sys.executable, "-c", code, tmp_path / f"{name}.svg"], check=True, env=environment)
    assert (tmp_path / "plain.svg").read_bytes() == (tmp_path / "styled.svg").read_bytes()


def test_what_is_saved_does_not_depend_on_how_the_layout_was_solved(tmp_path):
    """Its solver adds in an order that changes, so that one of some ten files had other last digits."""
    figure = Figure(layout="constrained")
    for ax, label in zip(figure.subplots(1, 3), ("a", "a longer label", "b"), strict=True):
        ax.set_ylabel(label)
    figures.save(figure, tmp_path / "figure.svg")
    corners = [float(side) for ax in figure.axes for side in ax.get_position(original=True).p0]
    assert corners == [round(side, 9) for side in corners]
