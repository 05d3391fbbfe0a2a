"""Surfaces: exactness, round trips, cross-validation, and RegMix's published runs."""

import builtins
import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from trex.config import checks
from trex.surfaces import fit
from trex.surfaces.leaf_masks import LeafMasks
from trex.surfaces.lightgbm import LightGBMSurface
from trex.surfaces.linear import LinearSurface

REGMIX = Path(os.environ.get("TREX_TEST_DATA", Path(__file__).parents[1] / "../shared/data")) / "regmix"


def mixtures_and_targets(n: int, k: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Random mixtures, and two targets: one linear in the shares, one that is not."""
    shares = np.random.default_rng(0).dirichlet(np.ones(k), n)
    return shares, np.stack([shares @ np.arange(1.0, k + 1), 2 - np.log(0.05 + shares[:, 0])], axis=1)


def test_linear_is_exact_on_a_linear_target():
    shares, targets = mixtures_and_targets(30)
    surface = fit.fit_surface(shares, targets[:, 0], "linear")
    mean, std = surface.predict(np.eye(6))
    assert mean[:, 0] == pytest.approx(np.arange(1, 7))
    assert std == pytest.approx(np.zeros((6, 1)), abs=1e-9)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("linear", {}),
        ("mixing_law", {}),
        ("gaussian_process", {}),
        ("lightgbm", {"num_iterations": 60, "num_threads": 2}),
    ],
)
def test_round_trip_is_exact(kind, settings):
    shares, targets = mixtures_and_targets(80)
    surface = fit.fit_surface(shares, targets, kind, own=[-1, 0], **settings)
    loaded = fit.load_surface(json.loads(json.dumps(surface.to_json())))
    assert loaded.kind == kind
    at = np.random.default_rng(1).dirichlet(np.ones(6), 1000)
    for before, after in zip(surface.predict(at), loaded.predict(at), strict=True):
        assert before.shape == (1000, 2)
        assert np.array_equal(before, after)


@pytest.mark.parametrize("n", [45, 64, 400])
def test_leaf_masks_equal_lightgbm(n):
    """Stumps, small trees and full ones: the last bit is the same, at the cuts, too."""
    import lightgbm

    shares, targets = mixtures_and_targets(n)
    surface = LightGBMSurface.fit(shares, targets, seed=1, num_iterations=200)
    at = np.concatenate([np.random.default_rng(1).dirichlet(np.ones(6), 3000), shares])
    cuts = LeafMasks.from_text(surface.models[1]).cuts
    at = np.concatenate([at, np.resize(cuts, (500, 6))])
    for column, model in enumerate(surface.models):
        expected = lightgbm.Booster(model_str=model).predict(at)
        assert np.array_equal(surface.predict(at)[0][:, column], expected)


def test_lightgbm_without_any_split():
    shares, _ = mixtures_and_targets(50)
    surface = fit.fit_surface(shares, np.ones(50), "lightgbm", num_iterations=5)
    assert surface.predict(shares)[0] == pytest.approx(np.ones((50, 1)))


def test_lightgbm_is_deterministic_whatever_the_threads():
    shares, targets = mixtures_and_targets(100)
    one, two = (
        LightGBMSurface.fit(shares, targets, seed=7, num_iterations=50, num_threads=threads)
        for threads in (1, 2)
    )
    assert one.models == two.models
    assert np.array_equal(one.predict(shares)[0], two.predict(shares)[0])


def test_errors_say_what_to_do():
    shares, targets = mixtures_and_targets(30)
    with pytest.raises(ValueError, match=r"cannot split 30 mixtures.* set min_data_in_leaf to 15 or less"):
        fit.fit_surface(shares, targets, "lightgbm")
    with pytest.raises(ValueError, match=r"is one of gaussian_process, .*linear; got 'forest'"):
        fit.fit_surface(shares, targets, "forest")
    with pytest.raises(ValueError, match="num_leaves can be 32 at most"):
        fit.fit_surface(*mixtures_and_targets(50), "lightgbm", num_leaves=80)


def test_missing_openmp_library_is_explained(monkeypatch):
    real_import = builtins.__import__

    def without_libgomp(name, *args, **kwargs):
        if name == "lightgbm":
            raise OSError("libgomp.so.1: cannot open shared object file: No such file or directory")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_libgomp)
    with pytest.raises(RuntimeError, match="apt-get install libgomp1"):
        fit.fit_surface(*mixtures_and_targets(60), "lightgbm")


def test_cross_validation_predicts_unseen_mixtures():
    shares, targets = mixtures_and_targets(40)
    fold = fit.assign_folds(40, 4, seed=3)
    assert np.bincount(fold).tolist() == [10] * 4
    mean, std = fit.cross_validate(shares, targets, "linear", folds=4, seed=3)
    held_out = fold == 2
    surface = LinearSurface.fit(shares[~held_out], targets[~held_out], seed=3)
    assert np.array_equal(mean[held_out], surface.predict(shares[held_out])[0])
    # The spread of a fold comes from the others.
    residuals = (targets - mean)[~held_out]
    assert std[held_out] == pytest.approx(np.tile(np.sqrt((residuals**2).mean(axis=0)), (10, 1)))


def test_scores():
    assert fit.scores([1, 2, 4], [1.1, 1.8, 4]) == pytest.approx(
        # errors 10 %, 10 %, 0; residuals .01 + .04 against 14/3 around the mean
        {"mape": 20 / 3, "spearman": 1, "r2": 1 - 0.05 / (14 / 3), "n": 3}
    )
    constant = fit.scores([1, 2], [1, 1])
    assert constant["spearman"] is None
    assert fit.scores([2, 2], [1, 3])["r2"] is None
    with pytest.raises(ValueError, match="two arrays"):
        fit.scores([1, 2], [[1], [2]])


@pytest.mark.skipif(not REGMIX.is_dir(), reason=f"RegMix's runs are not in {REGMIX}; set TREX_TEST_DATA")
@pytest.mark.parametrize(
    ("kind", "least", "most"), [("lightgbm", 0.975, 1.5), ("gaussian_process", 0.994, 0.8)]
)
def test_regmix(kind, least, most):
    """Pile-CC loss of 256 unseen runs from 512 others: rank correlation and MAPE.

    LightGBM with RegMix's settings has .989 (`python benchmarks/regmix.py`).
    """

    def read(part: str) -> tuple[np.ndarray, np.ndarray]:
        runs = pl.read_csv(REGMIX / f"{part}_mixture_1m.csv").join(
            pl.read_csv(REGMIX / f"{part}_pile_loss_1m.csv"), on="index", validate="1:1"
        )
        shares = runs.select(pl.col("^train_.*$")).to_numpy()
        return shares, runs.select("metric/the_pile_pile_cc_val_loss").to_numpy()

    shares, losses = read("test")
    surface = fit.KINDS[kind].fit(*read("train"), own=np.array([-1]), seed=0)
    found = fit.scores(losses[:, 0], surface.mean(shares)[:, 0])
    assert found["n"] == 256
    assert found["spearman"] > least
    assert found["mape"] < most


def test_config_checks_know_what_lightgbm_needs():
    assert checks.STD_FOLDS == fit.STD_FOLDS
    assert LightGBMSurface.fewest_rows() == checks.FEWEST_PROXIES
