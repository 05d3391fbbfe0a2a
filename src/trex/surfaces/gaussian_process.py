"""Gaussian processes on log shares, one per target.

A target's log is a Gaussian process in x_d = log(share_d + offset_d), with the covariance

    sum_d linear_d x_d x'_d + signal * Matern_5/2(|(x - x') / lengthscale|) + noise,

a Bayesian linear regression on the log shares plus a smooth deviation from it. An offset says below which share a
corpus makes no more difference; every corpus has one of its own for every target. Where a target has an own
share, that has its own `linear` and `lengthscale`, and all other shares have one of each in common. Where it has
none, every share has its own lengthscale (automatic relevance determination), so that the data can tell which
matter.

The hyperparameters maximise the marginal likelihood (Rasmussen & Williams 2006, section 5.4.1) times the priors
below, by L-BFGS with analytic gradients. The posterior is that of scikit-learn's GaussianProcessRegressor (a
test compares them), whose kernels can express neither offsets to learn nor lengthscales shared by groups, and whose
gradient takes n^2 k memory.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from scipy.linalg import cho_solve, lapack, solve_triangular
from scipy.optimize import minimize

from trex.compiled.kernel import kernel
from trex.surfaces.base import NO_OWN, OfArrays, check_positive

# Priors of the logs of the hyperparameters (mean, sd), with log targets and features brought to unit variance;
# offsets are shares. Wide: two sds are factors of 20 and more for all but the lengthscales, 7. Bounds are at 5 sds.
SIGNAL = (0.0, 1.5)
NOISE = (-5.0, 2.0)
LINEAR = (-2.0, 1.5)
LENGTHSCALE = (np.log(3.0), 1.0)
OFFSET = (np.log(0.01), 1.5)
BOUND = 5.0

# Hyperparameters and standard deviations come from this many of the proxies, at random; the mean from all. On RegMix
# (512 runs, 17 domains) 300 of them cost .019 of rank correlation on one of 13 targets, .002 or less on the others.
SUBSET = 512
MAX_ITERATIONS = 100
HYPERPARAMETERS = ("offset", "center", "lengthscale", "linear", "signal", "noise")
CHUNK = 4096  # mixtures predicted at a time


@dataclass(frozen=True, eq=False)
class _Model:
    """The posterior of one target, in units of its standardised log."""

    offset: np.ndarray  # [k]
    center: np.ndarray  # [k]
    lengthscale: np.ndarray  # [k]
    linear: np.ndarray  # [k]
    signal: float
    noise: float
    shares: np.ndarray  # [n, k], those that the mean is conditioned on
    alpha: np.ndarray  # [n]: inverse covariance times the measurements
    subset: np.ndarray  # rows of `shares` that the standard deviation is conditioned on

    def features(self, shares: np.ndarray) -> np.ndarray:
        return np.log(shares + self.offset) - self.center

    @cached_property
    def x(self) -> np.ndarray:
        return self.features(self.shares)

    @cached_property
    def x_linear_alpha(self) -> np.ndarray:
        return self.linear * (self.alpha @ self.x)

    @cached_property
    def factor(self) -> np.ndarray:
        """Cholesky factor of the subset's covariance."""
        x = self.x[self.subset]
        return cholesky_factor(self.covariance(x, x), self.noise)

    def covariance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Between features [m, k] and [n, k], without noise. [m, n]"""
        squares = _squared_distances(x / self.lengthscale, y / self.lengthscale)
        return self.signal * _matern(squares)[0] + (x * self.linear) @ y.T

    def mean(self, shares: np.ndarray) -> np.ndarray:
        x = self.features(shares)
        squares = _squared_distances(x / self.lengthscale, self.x / self.lengthscale)
        return x @ self.x_linear_alpha + _matern_times(squares, self.signal * self.alpha)

    def std(self, shares: np.ndarray) -> np.ndarray:
        x = self.features(shares)
        weights = solve_triangular(self.factor, self.covariance(self.x[self.subset], x), lower=True)
        prior = self.signal + self.noise + (x**2) @ self.linear
        return np.sqrt(prior - (weights**2).sum(axis=0))

    def gradient(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of mean and std with respect to the shares, each [m, k]."""
        x = self.features(shares)
        near = self.x[self.subset]
        solved = cho_solve((self.factor, True), self.covariance(near, x)).T
        slope = self._covariance_slope(x, self.x, np.broadcast_to(self.alpha, (len(x), len(self.alpha))))
        variance_slope = 2 * x * self.linear - 2 * self._covariance_slope(x, near, solved)
        inner = 1 / (shares + self.offset)
        return slope * inner, variance_slope * inner / (2 * self.std(shares)[:, None])

    def _covariance_slope(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """d / dx of sum_i weights_i covariance(x, y_i), at features [m, k], [n, k] and weights [m, n]. [m, k]"""
        z, at = x / self.lengthscale, y / self.lengthscale
        steep = weights * (2 * self.signal * _matern(_squared_distances(z, at))[1])
        return (steep.sum(axis=1, keepdims=True) * z - steep @ at) / self.lengthscale + weights @ (
            y * self.linear
        )


@dataclass(frozen=True, eq=False)
class GaussianProcessSurface(OfArrays):
    """One Gaussian process per target (see the module)."""

    shares: np.ndarray  # [n, k], of the proxies
    subset: np.ndarray  # [up to SUBSET] rows of them
    offset: np.ndarray  # [t, k]
    center: np.ndarray  # [t, k]
    lengthscale: np.ndarray  # [t, k]
    linear: np.ndarray  # [t, k]
    signal: np.ndarray  # [t]
    noise: np.ndarray  # [t]
    alpha: np.ndarray  # [t, n]
    location: np.ndarray  # [t], mean of the log targets
    scale: np.ndarray  # [t], their standard deviation
    spread: np.ndarray  # [t]

    kind: ClassVar[str] = "gaussian_process"
    has_gradient: ClassVar[bool] = True

    @classmethod
    def fit(
        cls,
        shares: np.ndarray,
        targets: np.ndarray,
        *,
        own: np.ndarray,
        seed: int,
        hyperparameters: Self | None = None,
    ) -> Self:
        """Fit to positive targets; the log of each is modelled on its own.

        hyperparameters: a surface of the same targets whose hyperparameters are taken over, which is fast.
        """
        check_positive(targets, cls.kind)
        n, t = targets.shape
        logs = np.log(targets)
        location, scale = logs.mean(axis=0), logs.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        subset = np.sort(np.random.default_rng(seed).permutation(n)[:SUBSET])
        models = []
        for j in range(t):
            y = (logs[:, j] - location[j]) / scale[j]
            if hyperparameters is None:
                found = MarginalLikelihood(shares[subset], y[subset], own[j]).maximise()
            else:
                found = {name: getattr(hyperparameters, name)[j] for name in HYPERPARAMETERS}
            model = _Model(**found, shares=shares, alpha=np.zeros(n), subset=subset)
            factor = cholesky_factor(model.covariance(model.x, model.x), model.noise)
            models.append({**found, "alpha": cho_solve((factor, True), y)})
        stacked = {name: np.array([model[name] for model in models]) for name in models[0]}
        return cls(shares, subset, **stacked, location=location, scale=scale, spread=np.ones(t))

    def refit(
        self, shares: np.ndarray, targets: np.ndarray, *, own: np.ndarray, seed: int, **settings
    ) -> Self:
        """With the hyperparameters of this surface if it was fitted to more than SUBSET mixtures.

        That saves the search for them, and leaving out one fold hardly changes the few hyperparameters.
        """
        if len(self.shares) > SUBSET:
            settings = {"hyperparameters": self, **settings}
        return self.fit(shares, targets, own=own, seed=seed, **settings)

    @cached_property
    def _models(self) -> list[_Model]:
        names = (*HYPERPARAMETERS, "alpha")
        return [
            _Model(**{name: getattr(self, name)[j] for name in names}, shares=self.shares, subset=self.subset)
            for j in range(len(self.alpha))
        ]

    def mean(self, shares: np.ndarray) -> np.ndarray:
        shares = np.asarray(shares, float)
        result = np.empty((len(shares), len(self._models)))
        for start in range(0, len(shares), CHUNK):
            rows = slice(start, start + CHUNK)
            for j, model in enumerate(self._models):
                result[rows, j] = model.mean(shares[rows])
        return np.exp(self.location + self.scale * result)

    def predict(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shares = np.asarray(shares, float)
        mean = self.mean(shares)
        std = np.empty_like(mean)
        for start in range(0, len(shares), CHUNK):
            rows = slice(start, start + CHUNK)
            for j, model in enumerate(self._models):
                std[rows, j] = model.std(shares[rows])
        return mean, mean * (self.spread * self.scale) * std

    def gradient(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        shares = np.asarray(shares, float)
        mean, std = self.predict(shares)
        slopes = [model.gradient(shares) for model in self._models]
        mean_slope = mean[..., None] * self.scale[:, None] * np.stack([s for s, _ in slopes], axis=1)
        # std = mean * unit * std of the standardised log: the product's derivative
        unit = (mean * self.spread * self.scale)[..., None]
        std_slope = (std / mean)[..., None] * mean_slope + unit * np.stack([s for _, s in slopes], axis=1)
        return mean, std, mean_slope, std_slope


class MarginalLikelihood:
    """Negative log of marginal likelihood times prior, of one target on some proxies, and its gradient.

    Parameters are logs: signal, noise, linear [groups], lengthscale [groups, or k without an own share],
    offset [k]. The groups are the own share and all others, or all shares.
    """

    def __init__(self, shares: np.ndarray, y: np.ndarray, own: int):
        k = shares.shape[1]
        self.shares, self.y = shares, y
        self.linear_group = np.ones(k, int) if own != NO_OWN else np.zeros(k, int)
        self.linear_group[own] = 0
        self.length_group = self.linear_group if own != NO_OWN else np.arange(k)
        groups, lengths = self.linear_group.max() + 1, self.length_group.max() + 1
        priors = [SIGNAL, NOISE, *[LINEAR] * groups, *[LENGTHSCALE] * lengths, *[OFFSET] * k]
        self.prior_mean, self.prior_sd = np.array(priors).T
        self.ends = np.cumsum([1, 1, groups, lengths])
        # Features of unit variance give the priors their meaning.
        usual = np.log(shares + np.exp(OFFSET[0]))
        self.center, self.unit = usual.mean(axis=0), usual.std(axis=0)
        self.unit[self.unit == 0] = 1.0

    def maximise(self) -> dict[str, np.ndarray]:
        """The hyperparameters of the highest posterior, as `_Model` has them."""
        bounds = np.stack(
            [self.prior_mean - BOUND * self.prior_sd, self.prior_mean + BOUND * self.prior_sd], 1
        )
        found = minimize(
            self,
            self.prior_mean,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": MAX_ITERATIONS},
        )
        signal, noise, linear, lengthscale, offset = self._unpack(found.x)
        return {
            "signal": signal,
            "noise": noise,
            "linear": linear / self.unit**2,
            "lengthscale": lengthscale * self.unit,
            "offset": offset,
            "center": self.center,
        }

    def _unpack(self, parameters: np.ndarray) -> tuple:
        signal, noise, linear, lengthscale, offset = np.split(np.exp(parameters), self.ends)
        return signal[0], noise[0], linear[self.linear_group], lengthscale[self.length_group], offset

    def __call__(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        signal, noise, linear, lengthscale, offset = self._unpack(parameters)
        x = (np.log(self.shares + offset) - self.center) / self.unit
        z = x / lengthscale
        matern, matern_slope = _matern(_squared_distances(z, z))
        factor = cholesky_factor(signal * matern + (x * linear) @ x.T, noise)
        alpha = cho_solve((factor, True), self.y)
        from_prior = (parameters - self.prior_mean) / self.prior_sd
        value = self.y @ alpha / 2 + np.log(np.diag(factor)).sum() + from_prior @ from_prior / 2

        # d value / d covariance, then the chain rule; sums over pairs of rows are matrix products
        inverse = lapack.dpotri(factor, lower=True)[0]
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        slope = (inverse - np.outer(alpha, alpha)) / 2
        slope_x = slope @ x
        pairs = -2 * signal * slope * matern_slope
        pull = pairs.sum(axis=1, keepdims=True) * z - pairs @ z
        d_x = 2 * linear * slope_x - 2 * pull / lengthscale
        d_linear = linear * (x * slope_x).sum(axis=0)
        d_lengthscale = 2 * (z * pull).sum(axis=0)
        d_offset = (d_x * offset / (self.shares + offset) / self.unit).sum(axis=0)
        gradient = [
            [signal * (slope * matern).sum(), noise * np.trace(slope)],
            np.bincount(self.linear_group, d_linear),
            np.bincount(self.length_group, d_lengthscale),
            d_offset,
        ]
        return value, np.concatenate(gradient) + from_prior / self.prior_sd


def _squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Between rows [m, k] and [n, k], by a matrix product. [m, n]"""
    squares = x @ y.T
    squares *= -2
    squares += (x**2).sum(axis=1)[:, None]
    squares += (y**2).sum(axis=1)
    return np.maximum(squares, 0, out=squares)


def _matern(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Matern 5/2 correlation at squared distances, and its derivative with respect to them."""
    root = np.sqrt(5 * squares)
    decay = np.exp(-root)
    return (1 + root + 5 / 3 * squares) * decay, -5 / 6 * (1 + root) * decay


@kernel
def _matern_times(squares, weights):
    """`_matern(squares)[0] @ weights`, in one pass over the memory. [m, n], [n] -> [m]"""
    result = np.zeros(len(squares))
    for i in range(len(squares)):
        for j in range(len(weights)):
            root = np.sqrt(5 * squares[i, j])
            result[i] += weights[j] * (1 + root + 5 / 3 * squares[i, j]) * np.exp(-root)
    return result


def cholesky_factor(covariance: np.ndarray, noise: float) -> np.ndarray:
    """The lower Cholesky factor of covariance + noise; the former is overwritten. ValueError if it is singular."""
    covariance[np.diag_indices_from(covariance)] += noise
    # scipy.linalg.cholesky takes as long again to look at its arguments, as matrices are small
    factor, minor = lapack.dpotrf(covariance, lower=True, overwrite_a=True)
    if minor:
        raise ValueError(
            f"the Gaussian process cannot be fitted to these {len(covariance)} mixtures: the covariance of the first "
            f"{minor} of them is not positive definite. Several of them are nearly the same: make proxies.bytes "
            "larger, or set regression.model to another surface"
        )
    return factor
