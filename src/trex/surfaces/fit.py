"""Fitting surfaces, calibrating their standard deviations, and how well they predict.

Rows are mixtures, columns of the targets are whatever is predicted: the NSL of every corpus, one objective, or
losses of any other experiment on mixtures. A kind of surface is a class registered in `KINDS`; everything else
here works with any of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from trex.surfaces.base import MANY, NO_OWN, Surface
from trex.surfaces.gaussian_process import GaussianProcessSurface
from trex.surfaces.lightgbm import LightGBMSurface
from trex.surfaces.linear import LinearSurface
from trex.surfaces.many_corpora import ManyCorporaSurface
from trex.surfaces.mixing_law import MixingLawSurface
from trex.surfaces.stack import StackSurface

STD_FOLDS = 5
Z90 = 1.6449  # 90 % of a normal distribution lie within so many standard deviations of its mean

KINDS: dict[str, type[Surface]] = {
    surface.kind: surface
    for surface in (GaussianProcessSurface, LightGBMSurface, MixingLawSurface, LinearSurface)
}


def surface_class(kind: str) -> type[Surface]:
    if kind not in KINDS:
        raise ValueError(f"the kind of a surface is one of {', '.join(KINDS)}; got {kind!r}")
    return KINDS[kind]


def class_to_fit(kind: str, shares: np.ndarray, own: np.ndarray) -> type[Surface]:
    """What a kind is fitted as to shares [n, k] and targets with own shares [t]: a Gaussian process of more than MANY
    corpora is `ManyCorporaSurface`."""
    many = shares.shape[1] > MANY and bool((own != NO_OWN).all())
    return ManyCorporaSurface if many and kind == GaussianProcessSurface.kind else surface_class(kind)


def _arrays(
    shares: np.ndarray, targets: np.ndarray, own: Sequence[int] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares [n, k], targets [n] or [n, t] as [n, t], own as int [t]."""
    shares, targets = np.asarray(shares, float), np.asarray(targets, float)
    targets = targets[:, None] if targets.ndim == 1 else targets
    own = np.full(targets.shape[1], NO_OWN) if own is None else np.asarray(own, int)
    if own.shape != targets.shape[1:] or ((own < NO_OWN) | (own >= shares.shape[1])).any():
        raise ValueError(
            f"own needs the number of a corpus, 0 to {shares.shape[1] - 1}, or {NO_OWN} for each of "
            f"{targets.shape[1]} targets; got {own.tolist()}"
        )
    return shares, targets, own


def fit_surface(
    shares: np.ndarray,
    targets: np.ndarray,
    kind: str,
    *,
    own: Sequence[int] | None = None,
    seed: int = 0,
    **settings,
) -> Surface:
    """Fit a surface.

    Args:
        shares: the mixtures that the proxies were given. [n, k]
        targets: what they measured, in its own unit. [n] or [n, t]
        kind: a key of KINDS.
        own: for each target the corpus whose share is its own, or NO_OWN (-1). [t]; None: no target has one.
        seed: of the fit and of the folds.
        settings: of the kind; for lightgbm its parameters, among them num_threads.

    Returns:
        The surface. Its standard deviations are those of the kind (constant in the target's unit for lightgbm and
        linear, in its log for mixing_law, the posterior's for gaussian_process) times a number per target that
        gives residuals at held-out mixtures (5 folds) a mean square of 1.
    """
    return fit_with_residuals(shares, targets, kind, own=own, seed=seed, **settings)[0]


def fit_with_residuals(
    shares: np.ndarray,
    targets: np.ndarray,
    kind: str,
    *,
    own: Sequence[int] | None = None,
    seed: int = 0,
    z: np.ndarray | None = None,
    **settings,
) -> tuple[Surface, np.ndarray]:
    """`fit_surface`, and its held-out residuals in units of its standard deviation, [n, t]: how errors go together.

    z: residuals in units of `out_of_fold`'s standard deviations, if they are known already. [n, t]
    """
    shares, targets, own = _arrays(shares, targets, own)
    surface = class_to_fit(kind, shares, own).fit(shares, targets, own=own, seed=seed, **settings)
    if z is None:
        fit = partial(surface.refit, own=own, seed=seed, **settings)
        mean, std = out_of_fold(shares, targets, fit, assign_folds(len(shares), STD_FOLDS, seed))
        z = (targets - mean) / std
    spread, residuals = standardise(z)
    return replace(surface, spread=spread), residuals


def standardise(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The root mean square [t] of residuals [n, t], and the residuals in its unit."""
    spread = np.sqrt(np.mean(z**2, axis=0))
    return spread, z / np.where(spread > 0, spread, 1.0)


def load_surface(data: Mapping) -> Surface:
    """The surface that `to_json` described, with exactly the same predictions."""
    if data["kind"] == StackSurface.kind:
        return StackSurface.from_json(data, load_surface)
    many = data["kind"] == ManyCorporaSurface.kind
    return (ManyCorporaSurface if many else surface_class(data["kind"])).from_json(data)


def assign_folds(n: int, folds: int, seed: int) -> np.ndarray:
    """The fold, 0 to folds - 1, of each of `n` mixtures: a seeded shuffle dealt out evenly. [n]"""
    if not 2 <= folds <= n:
        raise ValueError(f"folds must be between 2 and the number of mixtures, {n}; got {folds}")
    return np.random.default_rng(seed).permutation(n) % folds


def out_of_fold(
    shares: np.ndarray,
    targets: np.ndarray,
    fit: Callable[[np.ndarray, np.ndarray], Surface],
    fold: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations of spread 1, [n, t], by surfaces that did not see a mixture's fold [n].

    targets: [n, t]. fit: from some of the shares and their targets to a surface.
    """
    mean, std = np.empty_like(targets), np.empty_like(targets)
    for held_out in (fold == f for f in np.unique(fold)):
        surface = fit(shares[~held_out], targets[~held_out])
        mean[held_out], std[held_out] = surface.predict(shares[held_out])
    return mean, std


def cross_validate(
    shares: np.ndarray,
    targets: np.ndarray,
    kind: str,
    folds: int = STD_FOLDS,
    seed: int = 0,
    *,
    own: Sequence[int] | None = None,
    **settings,
) -> tuple[np.ndarray, np.ndarray]:
    """Out-of-fold predictions: each mixture predicted by a surface that did not see it.

    Args:
        shares: one row per mixture. [n, k]
        targets: [n] or [n, t]
        kind, seed, own, settings: as of `fit_surface`.
        folds: how many parts the mixtures are dealt into.

    Returns:
        Means and standard deviations, each [n, t]. What makes the standard deviations of a fold those of
        residuals comes from the other folds.
    """
    shares, targets, own = _arrays(shares, targets, own)
    fit = partial(class_to_fit(kind, shares, own).fit, own=own, seed=seed, **settings)
    fold = assign_folds(len(shares), folds, seed)
    mean, std = out_of_fold(shares, targets, fit, fold)
    z = (targets - mean) / std
    for held_out in (fold == f for f in range(folds)):
        std[held_out] *= standardise(z[~held_out])[0]
    return mean, std


def scores(
    measured: np.ndarray, predicted: np.ndarray, std: np.ndarray | None = None
) -> dict[str, float | int | None]:
    """How well `predicted` [n] fits `measured` [n].

    Returns:
        mape: mean of |predicted - measured| / |measured|, in %;
        spearman: rank correlation, None where one of the two is constant;
        r2: 1 - sum of squared residuals / sum of squares around the mean, None where measured is constant;
        coverage90: share of the measurements inside predicted +- 1.645 std; only where std [n] is given;
        n: number of values.
    """
    from scipy.stats import spearmanr  # these are slow to import
    from sklearn.metrics import mean_absolute_percentage_error, r2_score

    measured, predicted = np.asarray(measured, float), np.asarray(predicted, float)
    if measured.ndim != 1 or measured.shape != predicted.shape:
        raise ValueError(f"scores compares two arrays [n]; got shapes {measured.shape} and {predicted.shape}")
    residual = predicted - measured
    ranked = np.ptp(measured) > 0 and np.ptp(predicted) > 0
    result = {
        "mape": float(100 * mean_absolute_percentage_error(measured, predicted)),
        "spearman": float(spearmanr(measured, predicted).statistic) if ranked else None,
        "r2": float(r2_score(measured, predicted)) if np.ptp(measured) > 0 else None,
        "n": len(measured),
    }
    if std is not None:
        result["coverage90"] = float(np.mean(np.abs(residual) <= Z90 * np.asarray(std)))
    return result
