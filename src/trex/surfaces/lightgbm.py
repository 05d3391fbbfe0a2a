"""LightGBM, the paper's regression."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np

from trex.surfaces.base import Surface
from trex.surfaces.leaf_masks import LeafMasks

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
class LightGBMSurface(Surface):
    """One LightGBM model per target, the paper's regression.

    Prediction does not use LightGBM but `LeafMasks`, which gives the same numbers to the last bit and is 7 to
    12 times as fast (64 to 480 proxies): the paper's search is 50 million predictions.
    """

    models: tuple[str, ...]  # LightGBM's text format, one per target
    spread: np.ndarray  # [t]
    num_threads: int = 1

    kind: ClassVar[str] = "lightgbm"
    has_gradient: ClassVar[bool] = False  # predictions are steps

    @classmethod
    def fewest_rows(cls, **settings) -> int:
        """LightGBM cannot split fewer rows."""
        return 2 * {**LIGHTGBM_SETTINGS, **settings}["min_data_in_leaf"]

    @classmethod
    def fit(
        cls,
        shares: np.ndarray,
        targets: np.ndarray,
        *,
        own: np.ndarray | None = None,
        seed: int,
        num_threads: int = 1,
        **settings,
    ) -> Self:
        """`settings` are LightGBM parameters that replace or add to LIGHTGBM_SETTINGS.

        `num_threads` is for predictions; fitting is single-threaded.

        Raises:
            ValueError: if there are too few rows to split even once, or for trees of more than 32 leaves.
        """
        parameters = LIGHTGBM_SETTINGS | settings
        if parameters["num_leaves"] > 32:
            raise ValueError(f"num_leaves can be 32 at most (`LeafMasks`); got {parameters['num_leaves']}")
        least = cls.fewest_rows(**settings)
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
        return cls(tuple(m.model_to_string() for m in models), np.ones(targets.shape[1]), num_threads)

    @cached_property
    def _masks(self) -> list[LeafMasks]:
        return [LeafMasks.from_text(model) for model in self.models]

    def mean(self, shares: np.ndarray) -> np.ndarray:
        shares = np.ascontiguousarray(shares, float)
        mean = np.empty((len(shares), len(self.models)))
        with ThreadPoolExecutor(self.num_threads) as pool:
            for column, masks in enumerate(self._masks):
                mean[:, column] = np.concatenate(
                    list(pool.map(masks.predict, np.array_split(shares, self.num_threads)))
                )
        return mean

    def predict(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = self.mean(shares)
        return mean, np.broadcast_to(self.spread, mean.shape)

    def to_json(self) -> dict:
        return {
            "kind": self.kind,
            "models": list(self.models),
            "spread": self.spread.tolist(),
            "num_threads": self.num_threads,
        }

    @classmethod
    def from_json(cls, data: Mapping) -> Self:
        return cls(tuple(data["models"]), np.array(data["spread"]), data["num_threads"])
