"""Rank correlation of our surfaces and of RegMix's LightGBM on RegMix's published runs.

    python benchmarks/regmix.py ../shared/data/regmix

512 mixtures of 17 domains with the losses of 1M-parameter models on 13 of them are fitted; 256 others are ranked,
against the losses of models of 1M and of 60M parameters, and 64 of 1B parameters if test_mixture_1B.csv and
test_pile_loss_1B.csv of RegMix's repository lie in the folder. LightGBM has the settings of RegMix (sail-sg/regmix,
regression.ipynb), which stop it early on the very losses that it is then tested on; `all 1000` is without that.
Ours are fitted to the training runs alone: `GP`, the best single kind there, and `stack`, of all kinds that predict
targets. `at least` compares the stack with the better LightGBM; `difference` is its Spearman less theirs, with the 95 %
interval of 1,000 resamples of the test runs where it is below.
"""

import argparse
import time
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl

from trex.proxies.training_set import TrainingSet
from trex.surfaces.fit import scores
from trex.surfaces.select import REGRESSIONS, cross_validate_objective, fit_objective, stack_of

SCALES = ("1m", "60m", "1B")
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


def interval(measured: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Of the difference in Spearman, 95 %, by resampling the test runs [n]."""
    random = np.random.default_rng(0)
    found = []
    for rows in random.integers(len(measured), size=(1000, len(measured))):
        a, b = (scores(measured[rows], each[rows])["spearman"] for each in (ours, theirs))
        found.append(a - b)
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="RegMix's CSV files")
    folder = parser.parse_args().folder
    if not folder.is_dir():
        parser.error(f"no such folder: {folder}")
    shares, losses, names = read(folder, "train", "1m")
    training = TrainingSet(shares, losses, lambda targets: targets.mean(axis=-1))
    start = time.process_time()
    stack = stack_of(list(REGRESSIONS.values()))
    validation = cross_validate_objective(training, stack)
    surface = fit_objective(training, stack, validation=validation).surface
    fit_seconds = time.process_time() - start
    single = fit_objective(training, stack.members[0], validation=validation.members[0]).surface
    for known in (*validation.members, validation):
        print(f"{known.regression}: held out MAPE of the mean loss {known.scores()['mape']:.4f} %")

    for scale in SCALES:
        if not (folder / f"test_mixture_{scale}.csv").is_file():
            continue
        at, measured, measured_names = read(folder, "test", scale)
        ours = [fitted.predict(at)[0] for fitted in (single, surface)]
        print(f"\n{scale}                  LightGBM  all 1000      GP   stack  at least  difference")
        found = []
        for name, true in zip(measured_names, measured.T, strict=True):
            j = names.index(name)
            theirs = [regmix_lightgbm((shares, losses[:, j]), at, true, early) for early in (True, False)]
            predictions = [*theirs, *(prediction[:, j] for prediction in ours)]
            found.append([scores(true, prediction)["spearman"] for prediction in predictions])
            *theirs_found, _, of_stack = found[-1]
            better = int(np.argmax(theirs_found))
            difference = f"{of_stack - max(theirs_found):+.4f}"
            if of_stack < max(theirs_found):
                low, high = interval(true, predictions[3], predictions[better])
                difference += f" ({low:+.4f} to {high:+.4f})"
            cells = "  ".join(f"{value:8.4f}" for value in found[-1])
            print(f"{name:20} {cells}  {'yes' if of_stack >= max(theirs_found) else 'NO':8}  {difference}")
        print(f"{'mean':20} {'  '.join(f'{value:8.4f}' for value in np.mean(found, axis=0))}")
    at, measured, _ = read(folder, "test", "1m")
    mean, std = surface.predict(at)
    ours = [scores(*columns) for columns in zip(measured.T, mean.T, std.T, strict=True)]
    print(
        f"\nstack at 1M: MAPE {np.mean([s['mape'] for s in ours]):.2f} %, 90 % intervals hold "
        f"{100 * np.mean([s['coverage90'] for s in ours]):.0f} %; fitted and calibrated in {fit_seconds:.0f} CPU s"
    )
    for member, weights in zip(surface.members, surface.weights, strict=True):
        print(f"weights of {member.kind}: {np.round(weights, 2)}")


if __name__ == "__main__":
    main()
