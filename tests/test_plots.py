"""Figures render at the smallest and at a large number of corpora, to the same bytes every time."""

import numpy as np
import polars as pl
import pytest

from trex import plots

NAMES = ["trex", "best_draw", "matched", "uniform", "natural", "tempered", "english_heavy"]
SIZES = [2048, 4096, 8192]


def tables(k: int) -> dict:
    """What the figures take, for k corpora: the mixtures NAMES, 40 proxies, 2 sets, 3 sizes, 2 replicates."""
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
                "role": ["candidate"] * 2 + ["baseline"] * 5,
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


def figures(k: int) -> dict:
    """Every figure, by name."""
    t = tables(k)
    chosen = t["candidates"].select(t["corpora"]).row(0)
    return {
        "mixture_bars": plots.mixture_bars(t["candidates"], "trex", t["corpora"]),
        "sampled_support": plots.sampled_support(t["shares"], t["corpora"], chosen),
        "predicted_measured": plots.predicted_measured(t["predictions"], t["metrics"]),
        "nsl_by_corpus": plots.nsl_by_corpus(t["compression"], "trex", 8192, t["corpora"]),
        "nsl_by_vocabulary": plots.nsl_by_vocabulary(t["compression"], "trex"),
    }
