"""The smooth kinds of surface: exact where they should be, gradients, agreement with scikit-learn."""

import numpy as np
import pytest
from made_up_proxies import K, compression, mixtures

from trex.surfaces import fit, gaussian_process
from trex.surfaces.base import NO_OWN
from trex.surfaces.gaussian_process import GaussianProcessSurface, MarginalLikelihood

SMOOTH = [kind for kind, surface in fit.KINDS.items() if surface.has_gradient]


def central_difference(function, shares: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Derivatives of function(shares) [n, t] with respect to each share, [n, t, k]."""
    up_down = [(function(shares + e) - function(shares - e)) / (2 * step) for e in step * np.eye(K)]
    return np.stack(up_down, axis=-1)


@pytest.mark.parametrize("kind", SMOOTH)
@pytest.mark.parametrize("own", [None, list(range(K))])
def test_gradients_equal_finite_differences(kind, own):
    shares, at = mixtures(40), mixtures(3, seed=1)
    surface = fit.fit_surface(shares, compression(shares), kind, own=own)
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
    surface = fit.fit_surface(shares, compression(shares), kind, own=range(K))
    mean, std = surface.predict(at)
    found = [fit.scores(*columns) for columns in zip(compression(at).T, mean.T, std.T, strict=True)]
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
    monkeypatch.setattr(gaussian_process, "SUBSET", 20)
    searches = []
    maximise = MarginalLikelihood.maximise
    monkeypatch.setattr(MarginalLikelihood, "maximise", lambda self: searches.append(1) or maximise(self))
    shares = mixtures(40)
    surface, residuals = fit.fit_with_residuals(shares, compression(shares)[:, 0], "gaussian_process")
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
        fit.fit_surface(mixtures(20), np.zeros(20), kind)
    with pytest.raises(ValueError, match="own needs the number of a corpus"):
        fit.fit_surface(mixtures(20), np.ones(20), kind, own=[K])
