"""Figures render at the smallest and at a large number of corpora, to the same bytes every time."""

import numpy as np
import polars as pl
import pytest

from trex import plots

NAMES = ["paper", "best_draw", "matched", "uniform"]
SIZES = [4096, 8192]


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


def draw(name: str, t: dict) -> plots.Figure:
    """One of the figures, from the tables."""
    corpora = t["corpora"]
    match name:
        case "mixture_bars":
            return plots.mixture_bars(t["candidates"], "paper", corpora)
        case "sampled_support":
            return plots.sampled_support(t["shares"], corpora, t["candidates"].select(corpora).row(0))
        case "predicted_measured":
            return plots.predicted_measured(t["predictions"], t["metrics"])
        case "nsl_by_corpus":
            return plots.nsl_by_corpus(t["compression"], "paper", 8192, corpora)
        case "nsl_by_vocabulary":
            return plots.nsl_by_vocabulary(t["compression"], "paper")


FIGURES = ["mixture_bars", "sampled_support", "predicted_measured", "nsl_by_corpus", "nsl_by_vocabulary"]


@pytest.mark.parametrize(
    ("name", "ending"), [*((name, "svg") for name in FIGURES), ("sampled_support", "png")]
)
def test_same_bytes_every_time(tmp_path, name, ending):
    t = tables(2)
    paths = [tmp_path / f"{run}.{ending}" for run in (1, 2)]
    for path in paths:
        plots.save(draw(name, t), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert b"<dc:date>" not in first
    assert len(first) > 5000
    assert sorted(tmp_path.iterdir()) == paths  # no parts are left


@pytest.mark.parametrize("name", ["mixture_bars", "sampled_support", "nsl_by_corpus"])
def test_figures_grow_with_the_corpora(name):
    few, many = draw(name, tables(2)), draw(name, tables(60))
    assert many.get_figheight() > few.get_figheight() + 57 * plots.ROW_HEIGHT


def test_sixty_corpora(tmp_path):
    plots.save(draw("nsl_by_corpus", tables(60)), tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").stat().st_size > 50_000


def test_titles_say_what_was_found():
    t = tables(2)
    first, second = t["corpora"]
    figure = plots.sampled_support(
        pl.DataFrame({first: [0.1, 0.5], second: [0.9, 0.5]}), t["corpora"], [0.05, 0.95]
    )
    assert figure.get_suptitle().endswith("outside in 2 of 2 corpora")
    compression = pl.DataFrame(
        {
            "name": ["paper", "paper", "uniform", "uniform"],
            "evaluation_set": "held_out",
            "corpus": t["corpora"] * 2,
            "vocab_size": 1024,
            "nsl": [1.0, 1.2, 1.1, 1.1],
        }
    )
    by_corpus = plots.nsl_by_corpus(compression, "paper", 1024, t["corpora"])
    assert by_corpus.axes[0].get_title("left") == "held_out: paper is best in 1 of 2 corpora"
    by_size = plots.nsl_by_vocabulary(compression, "paper")
    assert by_size.axes[0].get_title("left") == "held_out: paper is best at 1 of 1 sizes"  # 1.1 both


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"svg or \.png"):
        plots.save(plots.Figure(), tmp_path / "figure.pdf")
