"""The smooth kinds of surface: exact where they should be, gradients, agreement with scikit-learn, selection."""

import json

import numpy as np
import pytest

from trex import regression, selection
from trex.surfaces import gaussian_process, mixing_law, vocabulary
from trex.surfaces.base import NO_OWN
from trex.surfaces.gaussian_process import GaussianProcessSurface, MarginalLikelihood

K = 5
SMOOTH = [kind for kind, surface in regression.KINDS.items() if surface.has_gradient]


def mixtures(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(K), n)


def compression(shares: np.ndarray) -> np.ndarray:
    """Like NSL: a power law in the own share of each of the K corpora, with some transfer between 0 and 1."""
    transfer = np.eye(K) + 0.1 * (np.eye(K, k=1) + np.eye(K, k=-1))[:, ::-1].T * (np.arange(K) < 2)
    return 0.6 + 0.2 * (shares @ transfer + 0.01) ** -0.3


def central_difference(function, shares: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Derivatives of function(shares) [n, t] with respect to each share, [n, t, k]."""
    up_down = [(function(shares + e) - function(shares - e)) / (2 * step) for e in step * np.eye(K)]
    return np.stack(up_down, axis=-1)


@pytest.mark.parametrize("kind", SMOOTH)
@pytest.mark.parametrize("own", [None, list(range(K))])
def test_gradients_equal_finite_differences(kind, own):
    shares, at = mixtures(40), mixtures(3, seed=1)
    surface = regression.fit_surface(shares, compression(shares), kind, own=own)
    mean, std, mean_slope, std_slope = surface.gradient(at)
    assert mean_slope.shape == std_slope.shape == (3, K, K)
    assert np.array_equal(mean, surface.predict(at)[0])
    assert np.array_equal(mean, surface.mean(at))
    assert np.array_equal(std, surface.predict(at)[1])
    expected = central_difference(lambda x: surface.predict(x)[0], at)
    assert mean_slope == pytest.approx(expected, rel=1e-4, abs=1e-6)
    expected = central_difference(lambda x: surface.predict(x)[1], at)
    assert std_slope == pytest.approx(expected, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("own", [NO_OWN, 2])
def test_marginal_likelihood_gradient(own):
    from scipy.optimize import approx_fprime

    shares = mixtures(30)
    objective = MarginalLikelihood(shares, np.log(compression(shares)[:, 2]), own)
    at = objective.prior_mean + np.random.default_rng(2).normal(0, 0.3, len(objective.prior_mean))
    value, gradient = objective(at)
    expected = approx_fprime(at, lambda x: objective(x)[0], 1e-6)
    assert np.isfinite(value)
    assert gradient == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_gaussian_process_equals_scikit_learn():
    """The posterior and, up to constants and priors, the marginal likelihood at the fitted hyperparameters."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, WhiteKernel

    shares, at = mixtures(40), mixtures(100, seed=1)
    measured = compression(shares)[:, 0]
    surface = GaussianProcessSurface.fit(shares, measured[:, None], own=np.array([NO_OWN]), seed=0)
    # Without an own share, all features have the same linear variance in units of their own.
    units = np.log(shares + np.exp(gaussian_process.OFFSET[0])).std(axis=0)
    features = (np.log(shares + surface.offset[0]) - surface.center[0]) / units
    linear = surface.linear[0] * units**2
    assert linear == pytest.approx(np.full(K, linear[0]))
    kernel = (
        ConstantKernel(surface.signal[0]) * Matern(surface.lengthscale[0] / units, nu=2.5)
        + ConstantKernel(linear[0]) * DotProduct(sigma_0=1e-9, sigma_0_bounds="fixed")
        + WhiteKernel(surface.noise[0])
    )
    y = (np.log(measured) - surface.location[0]) / surface.scale[0]
    theirs = GaussianProcessRegressor(kernel, optimizer=None, alpha=0).fit(features, y)
    features_at = (np.log(at + surface.offset[0]) - surface.center[0]) / units
    mean, std = theirs.predict(features_at, return_std=True)
    expected = np.exp(surface.location[0] + surface.scale[0] * mean)
    ours_mean, ours_std = surface.predict(at)
    assert ours_mean[:, 0] == pytest.approx(expected, rel=1e-7)
    assert ours_std[:, 0] == pytest.approx(expected * surface.scale[0] * std, rel=1e-5)

    likelihood = MarginalLikelihood(shares, y, NO_OWN)
    parameters = np.log(
        [surface.signal[0], surface.noise[0], linear[0], *surface.lengthscale[0] / units, *surface.offset[0]]
    )
    prior = (((parameters - likelihood.prior_mean) / likelihood.prior_sd) ** 2).sum() / 2
    ours = likelihood(parameters)[0] - prior + len(y) / 2 * np.log(2 * np.pi)
    assert ours == pytest.approx(-theirs.log_marginal_likelihood_value_, rel=1e-6)


@pytest.mark.parametrize(("kind", "mape"), [("gaussian_process", 0.4), ("mixing_law", 0.4), ("linear", 12)])
def test_own_share_law_is_learned(kind, mape):
    shares, at = mixtures(48), mixtures(200, seed=1)
    surface = regression.fit_surface(shares, compression(shares), kind, own=range(K))
    mean, std = surface.predict(at)
    found = [regression.scores(*columns) for columns in zip(compression(at).T, mean.T, std.T, strict=True)]
    assert max(score["mape"] for score in found) < mape
    if kind != "linear":
        assert min(score["spearman"] for score in found) > 0.99


def test_std_of_many_proxies_comes_from_a_subset(monkeypatch):
    monkeypatch.setattr(gaussian_process, "SUBSET", 20)
    shares = mixtures(60)
    surface = GaussianProcessSurface.fit(shares, compression(shares), own=np.arange(K), seed=0)
    mean, std = surface.predict(shares)
    measured = compression(shares)
    errors = np.abs(mean / measured - 1)
    assert len(surface.subset) == 20
    # The mean knows all mixtures, whether they are in the subset or not.
    left_out = np.setdiff1d(np.arange(60), surface.subset)
    assert np.median(errors[left_out]) < 2 * np.median(errors[surface.subset]) + 1e-4
    assert std[left_out].mean() > std[surface.subset].mean()


def test_folds_of_many_proxies_share_hyperparameters(monkeypatch):
    monkeypatch.setattr(regression, "SUBSET", 20)
    searches = []
    maximise = MarginalLikelihood.maximise
    monkeypatch.setattr(MarginalLikelihood, "maximise", lambda self: searches.append(1) or maximise(self))
    shares = mixtures(40)
    surface, residuals = regression.fit_with_residuals(shares, compression(shares)[:, 0], "gaussian_process")
    assert len(searches) == 1
    # The residuals are still those of mixtures that were left out, and the surface is the one fitted to all.
    alone = GaussianProcessSurface.fit(shares, compression(shares)[:, :1], own=np.array([NO_OWN]), seed=0)
    assert np.array_equal(surface.mean(shares), alone.mean(shares))
    assert (residuals**2).mean() == pytest.approx(1)
    errors = np.abs(compression(shares)[:, :1] - alone.mean(shares))
    assert np.abs(residuals * surface.predict(shares)[1]).mean() > 2 * errors.mean()


@pytest.mark.parametrize("kind", ["gaussian_process", "mixing_law"])
def test_targets_without_logarithm_are_refused(kind):
    with pytest.raises(ValueError, match="needs positive targets"):
        regression.fit_surface(mixtures(20), np.zeros(20), kind)
    with pytest.raises(ValueError, match="own needs the number of a corpus"):
        regression.fit_surface(mixtures(20), np.ones(20), kind, own=[K])


def test_objective_std_knows_how_errors_go_together():
    mean, std = np.ones((1, 2)), np.full((1, 2), 0.1)
    average = lambda targets: targets.mean(axis=-1)  # noqa: E731
    together, against = np.array([[1, 1], [-1, -1.0]]), np.array([[1, -1], [-1, 1.0]])
    assert selection.objective_std(mean, std, together, average) == pytest.approx([0.1])
    assert selection.objective_std(mean, std, against, average) == pytest.approx([0.0])
    # The larger of two targets is .1 too high in both cases of `against`.
    worst = lambda targets: targets.max(axis=-1)  # noqa: E731
    assert selection.objective_std(mean, std, against, worst) == pytest.approx([0.1])


def test_selection_is_nested_and_prefers_the_law_that_holds(monkeypatch):
    monkeypatch.setattr(mixing_law, "MAX_ITERATIONS", 15)
    shares = mixtures(40)
    targets = compression(shares)
    macro = lambda values: values.mean(axis=-1)  # noqa: E731
    recipes = (
        selection.Recipe("linear", direct=True),
        selection.Recipe("mixing_law"),
    )
    found = selection.select_surface(shares, targets, macro, recipes=recipes, own=range(K), folds=3)
    assert found.chosen.recipe.name == "mixing_law"
    assert found.nested_recipes == ("mixing_law",) * 3
    direct, law = (validation.scores() for validation in found.validations)
    assert law["mape"] < direct["mape"] / 5
    assert found.nested.scores()["n"] == 40
    assert len(found.nested.target_scores()) == K
    assert found.validations[0].target_scores() == []

    # A fold's prediction is that of a surface fitted without it.
    held_out = regression.assign_folds(40, 3, 0) == 1
    alone = selection.fit_objective(shares[~held_out], targets[~held_out], macro, recipes[1], own=range(K))
    assert np.array_equal(found.nested.mean[held_out], alone.predict(shares[held_out])[0])
    assert np.array_equal(alone.mean(shares), alone.predict(shares)[0])
    again = selection.ObjectiveSurface.from_json(json.loads(json.dumps(alone.to_json())), macro)
    assert np.array_equal(again.predict(shares), alone.predict(shares))


def test_learning_curve():
    shares = mixtures(60)
    macro = lambda values: values.mean(axis=-1)  # noqa: E731
    recipe = selection.Recipe("linear", direct=True)
    rows = selection.learning_curve(shares, compression(shares), macro, recipe, [10, 40], repeats=2)
    assert [(row["proxies"], row["repeat"], row["n"]) for row in rows] == [
        (10, 0, 50), (40, 0, 20), (10, 1, 50), (40, 1, 20),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="up to 60 needs mixtures to test on"):
        selection.learning_curve(shares, compression(shares), macro, recipe, [60])


def test_vocabulary_sizes_are_joined_by_straight_lines():
    shares = mixtures(30)
    # log target = log 8 - log V / 2 + log compression: a straight line in log V
    sizes = (1024, 4096, 8192)
    surfaces = [
        mixing_law.MixingLawSurface.fit(
            shares, compression(shares) * 8 / np.sqrt(size), own=np.arange(K), seed=0
        )
        for size in sizes
    ]
    surface = vocabulary.VocabularySurface(sizes, tuple(surfaces))
    base = surfaces[0].predict(shares)[0] * np.sqrt(1024)
    for size in (512, 2048, 8192, 16384):  # below, between, measured, above
        mean, std = surface.predict(shares, size)
        assert mean * np.sqrt(size) == pytest.approx(base, rel=1e-3)
        assert std.shape == mean.shape
        assert (std > 0).all()
    means = np.stack([s.mean(shares) for s in surfaces])
    assert vocabulary.leave_one_size_out(means, sizes) == pytest.approx(means, rel=3e-3)
    again = vocabulary.VocabularySurface.from_json(json.loads(json.dumps(surface.to_json())))
    assert np.array_equal(again.predict(shares, 3000), surface.predict(shares, 3000))
    with pytest.raises(ValueError, match="two or more ascending"):
        vocabulary.line_weights([8192], 4096)
