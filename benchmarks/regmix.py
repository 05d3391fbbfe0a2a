"""Rank correlation of our Gaussian process and of RegMix's LightGBM on RegMix's published runs.

    python benchmarks/regmix.py ../shared/data/regmix

512 mixtures of 17 domains with the losses of 1M-parameter models on 13 of them are fitted; 256 others are ranked,
against the losses of models of 1M and of 60M parameters. LightGBM has the settings of RegMix (sail-sg/regmix,
regression.ipynb), which stop it early on the very losses that it is then tested on; `all 1000` is without that.
Ours is fitted to the training runs alone.
"""

import argparse
import time
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl

from trex.surfaces.fit import fit_surface, scores

SCALES = ("1m", "60m")
REGMIX = {
    "objective": "regression",
    "metric": ["l1", "l2"],
    "learning_rate": 1e-2,
    "seed": 42,
    "verbosity": -1,
}
ITERATIONS = 1000
EARLY_STOPPING = 3


def read(folder: Path, part: str, scale: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Shares [n, domains], losses [n, targets], and the targets' names."""
    mixtures = pl.read_csv(folder / f"{part}_mixture_{scale}.csv")
    losses = pl.read_csv(folder / f"{part}_pile_loss_{scale}.csv")
    runs = mixtures.join(losses, on="index", validate="1:1")
    targets = [name for name in losses.columns if name != "index"]
    names = [name.removeprefix("metric/the_pile_").removesuffix("_val_loss") for name in targets]
    return runs.select(pl.col("^train_.*$")).to_numpy(), runs.select(targets).to_numpy(), names


def regmix_lightgbm(train: tuple, shares: np.ndarray, losses: np.ndarray, early: bool) -> np.ndarray:
    """Predicted losses [n] of one target at shares [n, domains]."""
    data = lightgbm.Dataset(*train, params={"num_threads": 1})
    options = {}
    if early:
        stop = lightgbm.early_stopping(EARLY_STOPPING, verbose=False)
        options = {"valid_sets": [lightgbm.Dataset(shares, losses, reference=data)], "callbacks": [stop]}
    return lightgbm.train(REGMIX | {"num_threads": 1}, data, ITERATIONS, **options).predict(shares)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="RegMix's CSV files")
    folder = parser.parse_args().folder
    if not folder.is_dir():
        parser.error(f"no such folder: {folder}")
    shares, losses, names = read(folder, "train", "1m")
    start = time.process_time()
    surface = fit_surface(shares, losses, "gaussian_process")
    fit_seconds = time.process_time() - start

    print("                      1M parameters                          60M parameters")
    print("target                LightGBM  all 1000  ours   at least    LightGBM  all 1000  ours   at least")
    found = []
    for scale in SCALES:
        at, measured, _ = read(folder, "test", scale)
        ours = surface.predict(at)[0]
        for j in range(len(names)):
            theirs = [
                regmix_lightgbm((shares, losses[:, j]), at, measured[:, j], early) for early in (True, False)
            ]
            predictions = [*theirs, ours[:, j]]
            found.append([scores(measured[:, j], prediction)["spearman"] for prediction in predictions])
    table = np.array(found).reshape(len(SCALES), len(names), 3)
    for name, *scales in zip(names, *table, strict=True):
        cells = [f"{a:.4f}    {b:.4f}    {c:.4f} {'yes' if c >= max(a, b) else 'NO':5}" for a, b, c in scales]
        print(f"{name:20}  {'     '.join(cells)}")
    means = ["    ".join(f"{value:.4f}" for value in table[i].mean(axis=0)) for i in range(len(SCALES))]
    print(f"{'mean':20}  {'           '.join(means)}")
    at, measured, _ = read(folder, "test", "1m")
    mean, std = surface.predict(at)
    ours = [scores(*columns) for columns in zip(measured.T, mean.T, std.T, strict=True)]
    print(
        f"ours at 1M: MAPE {np.mean([s['mape'] for s in ours]):.2f} %, 90 % intervals hold "
        f"{100 * np.mean([s['coverage90'] for s in ours]):.0f} %; fitted and calibrated in {fit_seconds:.0f} CPU s"
    )


if __name__ == "__main__":
    main()
