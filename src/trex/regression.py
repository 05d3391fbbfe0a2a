"""Surfaces: regressions from mixture to compression, fitted on proxies.

A kind of surface is a class registered in `KINDS`; everything else here works with any of them. Rows are
mixtures, columns of the targets are whatever is predicted (one objective, or the NSL of every corpus).
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Protocol, Self

import numpy as np

from trex.leaf_masks import LeafMasks

STD_FOLDS = 5


class Surface(Protocol):
    """A fitted regression with k shares in and t targets out."""

    kind: ClassVar[str]
    # Whether predict gives an uncertainty of the kind's own; otherwise the surface is a dataclass with a
    # field `std` [t], which `fit_surface` replaces by the spread of held-out residuals.
    has_own_std: ClassVar[bool]

    @classmethod
    def fit(cls, shares: np.ndarray, targets: np.ndarray, *, seed: int, **settings) -> Self:
        """Fit to shares [n, k] and targets [n, t]; deterministic for a seed."""
        ...

    def predict(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation, each [n, t], at shares [n, k]."""
        ...

    def to_json(self) -> dict:
        """All that `from_json` needs, in types that JSON has."""
        ...

    @classmethod
    def from_json(cls, data: Mapping) -> Self:
        """The surface again, with exactly the same predictions."""
        ...


@dataclass(frozen=True, eq=False)
class LinearSurface:
    """Least squares on the shares, the simplest baseline; as they sum to 1, it needs no intercept."""

    coefficients: np.ndarray  # [k, t]
    std: np.ndarray  # [t]

    kind: ClassVar[str] = "linear"
    has_own_std: ClassVar[bool] = False

    @classmethod
    def fit(cls, shares: np.ndarray, targets: np.ndarray, *, seed: int) -> Self:
        coefficients = np.linalg.lstsq(shares, targets, rcond=None)[0]
        return cls(coefficients, np.zeros(targets.shape[1]))

    def predict(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = shares @ self.coefficients
        return mean, np.broadcast_to(self.std, mean.shape)

    def to_json(self) -> dict:
        return {"kind": self.kind, "coefficients": self.coefficients.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_json(cls, data: Mapping) -> Self:
        return cls(np.array(data["coefficients"]), np.array(data["std"]))


# The paper's: 1000 iterations, learning rate .05. Ours: all else is LightGBM's own default (31 leaves,
# min_data_in_leaf 20, squared error), as no other setting of the paper is known to us. Those trees
# are tiny on few proxies: with 64 of them 2.7 leaves on average, where 480 give 19. RegMix (sail-sg/regmix,
# regression.ipynb) has the same objective and iterations at learning rate .01, and stops after 3 rounds
# without progress on the very runs that it then reports; here all iterations run, and nothing is chosen by
# held-out runs.
LIGHTGBM_SETTINGS = {"num_iterations": 1000, "learning_rate": 0.05, "min_data_in_leaf": 20, "num_leaves": 31}

# One thread, as two took as long (64 rows: .05 s, 512 rows: .5 s).
LIGHTGBM_FIXED = {
    "objective": "regression",
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


def _import_lightgbm():
    try:
        import lightgbm  # slow to import, and only fitting needs it
    except OSError as error:
        if "libgomp" in str(error):
            raise RuntimeError(
                "LightGBM needs the OpenMP library libgomp.so.1: apt-get install libgomp1 "
                "(dnf install libgomp, apk add libgomp, or conda install libgomp)"
            ) from error
        raise
    return lightgbm


@dataclass(frozen=True, eq=False)
class LightGBMSurface:
    """One LightGBM model per target, the paper's regression.

    Prediction does not use LightGBM but `LeafMasks`, which gives the same numbers to the last bit and is 7 to
    12 times as fast (64 to 480 proxies): the paper's search is 50 million predictions.
    """

    models: tuple[str, ...]  # LightGBM's text format, one per target
    std: np.ndarray  # [t]
    num_threads: int = 1

    kind: ClassVar[str] = "lightgbm"
    has_own_std: ClassVar[bool] = False

    @classmethod
    def fit(
        cls, shares: np.ndarray, targets: np.ndarray, *, seed: int, num_threads: int = 1, **settings
    ) -> Self:
        """`settings` are LightGBM parameters that replace or add to LIGHTGBM_SETTINGS.

        `num_threads` is for predictions; fitting is single-threaded.

        Raises:
            ValueError: if there are too few rows to split even once, or for trees of more than 32 leaves.
        """
        parameters = LIGHTGBM_SETTINGS | settings
        if parameters["num_leaves"] > 32:
            raise ValueError(f"num_leaves can be 32 at most (`LeafMasks`); got {parameters['num_leaves']}")
        least = 2 * parameters["min_data_in_leaf"]
        if len(shares) < least:
            raise ValueError(
                f"LightGBM with min_data_in_leaf {parameters['min_data_in_leaf']} cannot split {len(shares)} "
                f"mixtures: train proxies until {least} are left when a fold is held out, set "
                f"min_data_in_leaf to {len(shares) // 2} or less, or choose another kind of surface"
            )
        lightgbm = _import_lightgbm()
        iterations = parameters.pop("num_iterations")
        parameters |= LIGHTGBM_FIXED | {"seed": seed}
        models = (
            lightgbm.train(parameters, lightgbm.Dataset(shares, column), num_boost_round=iterations)
            for column in targets.T
        )
        return cls(tuple(m.model_to_string() for m in models), np.zeros(targets.shape[1]), num_threads)

    @cached_property
    def _masks(self) -> list["LeafMasks"]:
        return [LeafMasks.from_text(model) for model in self.models]

    def predict(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shares = np.ascontiguousarray(shares, float)
        mean = np.empty((len(shares), len(self.models)))
        with ThreadPoolExecutor(self.num_threads) as pool:
            for column, masks in enumerate(self._masks):
                mean[:, column] = np.concatenate(
                    list(pool.map(masks.predict, np.array_split(shares, self.num_threads)))
                )
        return mean, np.broadcast_to(self.std, mean.shape)

    def to_json(self) -> dict:
        return {
            "kind": self.kind,
            "models": list(self.models),
            "std": self.std.tolist(),
            "num_threads": self.num_threads,
        }

    @classmethod
    def from_json(cls, data: Mapping) -> Self:
        return cls(tuple(data["models"]), np.array(data["std"]), data["num_threads"])


KINDS: dict[str, type[Surface]] = {surface.kind: surface for surface in (LightGBMSurface, LinearSurface)}


def _surface_class(kind: str) -> type[Surface]:
    if kind not in KINDS:
        raise ValueError(f"the kind of a surface is one of {', '.join(KINDS)}; got {kind!r}")
    return KINDS[kind]


def _columns(targets: np.ndarray) -> np.ndarray:
    """Targets [n] or [n, t] as [n, t]."""
    targets = np.asarray(targets, float)
    return targets[:, None] if targets.ndim == 1 else targets


def fit_surface(shares: np.ndarray, targets: np.ndarray, kind: str, *, seed: int = 0, **settings) -> Surface:
    """Fit a surface.

    Args:
        shares: the mixtures that the proxies were given. [n, k]
        targets: what they measured. [n] or [n, t]
        kind: lightgbm | linear (the keys of KINDS).
        seed: of the fit and of the folds.
        settings: of the kind; for lightgbm its parameters, among them num_threads.

    Returns:
        The surface. Where the kind has no uncertainty of its own, the standard deviation it gives is one
        number per target: the root mean square of the residuals at held-out mixtures (5 folds).
    """
    shares, targets = np.asarray(shares, float), _columns(targets)
    surface = _surface_class(kind).fit(shares, targets, seed=seed, **settings)
    if not surface.has_own_std:
        predicted, _ = cross_validate(shares, targets, kind, STD_FOLDS, seed, **settings)
        surface = replace(surface, std=_rms(targets - predicted))
    return surface


def load_surface(data: Mapping) -> Surface:
    """The surface that `to_json` described, with exactly the same predictions."""
    return _surface_class(data["kind"]).from_json(data)


def assign_folds(n: int, folds: int, seed: int) -> np.ndarray:
    """The fold, 0 to folds - 1, of each of `n` mixtures: a seeded shuffle dealt out evenly. [n]"""
    if not 2 <= folds <= n:
        raise ValueError(f"folds must be between 2 and the number of mixtures, {n}; got {folds}")
    return np.random.default_rng(seed).permutation(n) % folds


def cross_validate(
    shares: np.ndarray, targets: np.ndarray, kind: str, folds: int = STD_FOLDS, seed: int = 0, **settings
) -> tuple[np.ndarray, np.ndarray]:
    """Out-of-fold predictions: each mixture predicted by a surface that did not see it.

    Args:
        shares: one row per mixture. [n, k]
        targets: [n] or [n, t]
        kind, seed, settings: as of `fit_surface`.
        folds: how many parts the mixtures are dealt into.

    Returns:
        Means and standard deviations, each [n, t]. Where the kind has no uncertainty of its own, the standard
        deviation of a fold is the root mean square of the residuals in the other folds.
    """
    shares, targets = np.asarray(shares, float), _columns(targets)
    surface_class = _surface_class(kind)
    fold = assign_folds(len(shares), folds, seed)
    mean, std = np.empty_like(targets), np.empty_like(targets)
    for held_out in (fold == f for f in range(folds)):
        surface = surface_class.fit(shares[~held_out], targets[~held_out], seed=seed, **settings)
        mean[held_out], std[held_out] = surface.predict(shares[held_out])
    if not surface_class.has_own_std:
        for held_out in (fold == f for f in range(folds)):
            std[held_out] = _rms((targets - mean)[~held_out])
    return mean, std


def _rms(residuals: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(residuals**2, axis=0))


def scores(measured: np.ndarray, predicted: np.ndarray) -> dict[str, float | int | None]:
    """How well `predicted` [n] fits `measured` [n].

    Returns:
        mape: mean of |predicted - measured| / |measured|, in %;
        spearman: rank correlation, None where one of the two is constant;
        r2: 1 - sum of squared residuals / sum of squares around the mean, None where measured is constant;
        n: number of values.
    """
    from scipy.stats import spearmanr  # slow to import

    measured, predicted = np.asarray(measured, float), np.asarray(predicted, float)
    if measured.ndim != 1 or measured.shape != predicted.shape:
        raise ValueError(f"scores compares two arrays [n]; got shapes {measured.shape} and {predicted.shape}")
    residual = predicted - measured
    spread = ((measured - measured.mean()) ** 2).sum()
    ranked = np.ptp(measured) > 0 and np.ptp(predicted) > 0
    return {
        "mape": float(100 * np.mean(np.abs(residual) / np.abs(measured))),
        "spearman": float(spearmanr(measured, predicted).statistic) if ranked else None,
        "r2": float(1 - (residual**2).sum() / spread) if spread > 0 else None,
        "n": len(measured),
    }
