"""Which search strategy finds the best mixture at equal CPU, measured with real proxies.

    python benchmarks/search.py INDEX [--folder FOLDER] [--figure FILE] [--seeds 3] [--budget 96]

INDEX is the word index of `snakemake results-twenty/index --configfile benchmarks/twenty_corpora.yaml`. Proxies have
S = 40 MB and V = 32,768. A strategy pays for every proxy that it trains, at the median CPU time of a training, and for
its own fits and searches. What it recommends is measured on two draws of text that no strategy saw; the figure shows
what it measured itself. The folder holds trainings and rows, so that a second run is quick; strategies that are not run
again keep their rows, and none (`--strategies` alone) only redraws the figure. Needs the packages `cmaes` and
`deap` (a genetic algorithm). Set OMP_NUM_THREADS=1: more threads make the fits of Gaussian processes many times as
expensive.
"""

import argparse
import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from cmaes import CMA
from deap import algorithms, base, creator, tools
from matplotlib import rc_context
from matplotlib.figure import Figure

from trex.counting.word_index import WordIndex
from trex.mixtures.baselines import uniform
from trex.mixtures.bounds import Bounds, share_caps
from trex.mixtures.sampling import MixtureSampler
from trex.objective.aggregate import Aggregate
from trex.objective.targets import TargetObjective
from trex.proxies.tables import evaluation_arrays, nsl_array
from trex.proxies.train import Trainer
from trex.proxies.training_set import TrainingSet
from trex.report.figures import save
from trex.search.problem import Problem
from trex.search.strategies.adaptive import propose_batch
from trex.search.strategies.direct import Direct
from trex.search.strategies.matched import matched_mixture
from trex.search.strategies.paper import Paper
from trex.search.strategies.surrogate import Surrogate
from trex.surfaces.fit import fit_surface, fit_with_residuals
from trex.surfaces.gaussian_process import GaussianProcessSurface

S, V = 40_000_000, 32_768
SETS = ["held_out", "udhr"]
TOKENIZER = {
    "special_tokens": ["<|endoftext|>"],
    "min_frequency": 0,
    "max_token_length": None,
    "alphabet": "utf8",
}
STRENGTH = (0.5, 4)
BUDGETS = (32, 64)  # random proxies of surrogate
PAPER_BUDGETS = (64, 96)  # LightGBM needs 40
DRAWS, TOP_K = 500_000, 1024  # of paper; its predictions are the largest part of what it pays
FIRST, ROUND, ADAPTIVE = 16, 8, 64  # proxies of adaptive: random ones, a round, in all
DIRECT_ROUNDS = 48
SIGMA = 0.3  # of the first mixtures of CMA-ES and of the genetic algorithm, in logits around uniform
# Of the genetic algorithm: mixtures that survive and that are bred in a generation; how often by crossover, with which
# alpha (BLX), and not by mutation; the share of the logits that a mutation moves by SIGMA.
POPULATION, CROSSOVER, BLEND, MOVED = 16, 0.7, 0.5, 0.2
FRESH = (1, 2)  # draws of text for the final measurement; all strategies see draw 0
# evaluation set and aggregate
OBJECTIVES = {"macro": (0, "macro"), "worst": (0, "worst"), "udhr_macro": (1, "macro")}


class Proxies:
    """Trains proxies, and remembers them in a file of JSON lines."""

    def __init__(self, index: WordIndex, cache: Path):
        self.index, self.cache = index, cache
        self.trainer = Trainer(index, TOKENIZER, S, [V], 1 + len(FRESH))
        self.known = {}
        if cache.exists():
            rows = map(json.loads, cache.read_text().splitlines())
            self.known = {row["key"]: row for row in rows}

    def train(self, shares: np.ndarray, replicate: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Shares given [k] and NSL [sets, k] of a proxy."""
        key = hashlib.sha256(np.round(shares, 12).tobytes() + bytes([replicate])).hexdigest()[:24]
        if key not in self.known:
            start = time.process_time()
            trained = self.trainer.train(shares, replicate, {"proxy": key})
            seconds = time.process_time() - start
            _, nsl, _ = nsl_array(trained.compression, ["proxy"], SETS, list(self.index.corpora), V)
            row = {
                "key": key,
                "shares": trained.shares.tolist(),
                "nsl": nsl[0].tolist(),
                "cpu": seconds,
            }
            with self.cache.open("a") as file:
                file.write(json.dumps(row) + "\n")
            self.known[key] = row
        return np.array(self.known[key]["shares"]), np.array(self.known[key]["nsl"])

    @property
    def seconds(self) -> float:
        """Median CPU time of a training: trainings on a busy machine would cost their strategy more."""
        return float(np.median([row["cpu"] for row in self.known.values()]))


@dataclass
class Run:
    """One strategy on one objective and seed: what it has spent and what it has found."""

    proxies: Proxies
    aggregate: Aggregate
    row: int  # of SETS
    bounds: Bounds
    seed: int
    trained: int = 0
    own_seconds: float = 0.0
    best: float = np.inf
    best_shares: np.ndarray | None = None
    curve: list[tuple[float, float]] = field(default_factory=list)  # CPU seconds, best so far

    def measure(self, shares: np.ndarray) -> np.ndarray:
        """Train and pay; NSL [sets, k]."""
        _, nsl = self.proxies.train(shares)
        self.trained += 1
        value = self.value(nsl)
        if value < self.best:
            self.best, self.best_shares = value, shares
        self.curve.append((self.spent, self.best))
        return nsl

    def value(self, nsl: np.ndarray) -> float:
        """The objective of NSL [sets, k]."""
        return float(self.aggregate.value(nsl[self.row], REFERENCE[self.row]))

    @property
    def spent(self) -> float:
        return self.trained * self.proxies.seconds + self.own_seconds

    @contextmanager
    def thinking(self) -> Iterator[None]:
        start = time.process_time()
        yield
        self.own_seconds += time.process_time() - start

    def random(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Pay for the first n random proxies of the seed: given shares [n, k], NSL of the objective's set [n, k]."""
        asked = self.sampler.mixtures(range(n))
        nsl = np.stack([self.measure(shares)[self.row] for shares in asked])
        return np.stack([self.proxies.train(shares)[0] for shares in asked]), nsl

    @property
    def sampler(self) -> MixtureSampler:
        return MixtureSampler(self.seed, uniform(K), STRENGTH, caps=self.bounds.high)

    @property
    def objective(self) -> TargetObjective:
        return TargetObjective(self.aggregate, REFERENCE[[self.row]])

    def problem(self, given: np.ndarray, nsl: np.ndarray) -> Problem:
        # Folds take over the hyperparameters: one search for them and not six, which would cost more than the proxies.
        whole = GaussianProcessSurface.fit(given, nsl, own=np.arange(K), seed=0)
        surface, errors = fit_with_residuals(
            given, nsl, "gaussian_process", own=range(K), hyperparameters=whole
        )
        return Problem(surface, self.objective, self.bounds, errors=errors)

    @property
    def matched(self) -> np.ndarray:
        return matched_mixture(self.aggregate, BYTES[self.row], REFERENCE[self.row], self.bounds)


def paper(run: Run, budget: int) -> None:
    """LightGBM on the objective, as the paper does; mean of the best draws."""
    given, nsl = run.random(budget)
    with run.thinking():
        values = run.objective(nsl)
        surface = fit_surface(given, values, "lightgbm", num_threads=1)
        found = Paper(DRAWS, TOP_K).mean_of_the_best(
            lambda shares: surface.mean(shares)[:, 0], run.sampler.draws
        )
    run.best = np.inf  # the recommendation counts, not the proxies that it was learned from
    run.measure(found.candidates[0].shares)


def surrogate(run: Run, budget: int, *, within_support: bool = True, kappa: float = 1.0) -> None:
    given, nsl = run.random(budget)
    with run.thinking():
        problem = run.problem(given, nsl)
        problem = problem.within_support(given) if within_support else problem
        starts = np.stack([run.matched, uniform(K)])
        found = Surrogate(kappa, seed=run.seed).optimise(problem, starts)
    run.best = np.inf
    run.measure(found.candidates[0].shares)


def adaptive(run: Run, budget: int) -> None:
    given, nsl = run.random(FIRST)
    start = run.matched
    while run.trained < min(budget, ADAPTIVE):
        with run.thinking():
            training = TrainingSet(given, nsl, run.objective)
            batch = propose_batch(
                run.problem(given, nsl), training, ROUND, seed=run.trained, starts=start[None]
            )
        new = [run.measure(shares)[run.row] for shares in batch]
        given = np.concatenate([given, [run.proxies.train(shares)[0] for shares in batch]])
        nsl = np.concatenate([nsl, new])


def direct(run: Run, budget: int) -> None:
    Direct(min(budget, DIRECT_ROUNDS), run.seed).optimise(
        run.objective, lambda shares: run.measure(shares)[[run.row]], run.matched, run.bounds
    )


def of_logits(run: Run, logits: np.ndarray) -> np.ndarray:
    """The mixture [k] within the limits that logits [k] stand for."""
    weights = np.exp(logits - logits.max())
    return run.bounds.project(weights / weights.sum())


def cma_es(run: Run, budget: int) -> None:
    """In logits of the shares, from uniform."""
    cma = CMA(mean=np.zeros(K), sigma=SIGMA, seed=run.seed + 1)
    while run.trained + cma.population_size <= budget:
        told = []
        for _ in range(cma.population_size):
            with run.thinking():
                logits = cma.ask()
                shares = of_logits(run, logits)
            told.append((logits, run.value(run.measure(shares))))
        with run.thinking():
            cma.tell(told)


def genetic(run: Run, budget: int) -> None:
    """A (mu + lambda) genetic algorithm in logits of the shares: the best of parents and children survive."""
    random.seed(run.seed)  # DEAP's only source of chance

    def evaluate(logits: list[float]) -> tuple[float]:
        return (run.value(run.measure(of_logits(run, np.array(logits)))),)

    toolbox = base.Toolbox()
    toolbox.register("individual", tools.initRepeat, creator.Mixture, partial(random.gauss, 0, SIGMA), K)
    toolbox.register("mate", tools.cxBlend, alpha=BLEND)
    toolbox.register("mutate", tools.mutGaussian, mu=0, sigma=SIGMA, indpb=MOVED)
    toolbox.register("select", tools.selBest)
    toolbox.register("evaluate", evaluate)
    population = tools.initRepeat(list, toolbox.individual, POPULATION)
    generations = budget // POPULATION - 1
    algorithms.eaMuPlusLambda(
        population, toolbox, POPULATION, POPULATION, CROSSOVER, 1 - CROSSOVER, generations, verbose=False
    )


def fixed(run: Run, budget: int, *, uniformly: bool = False) -> None:
    run.measure(uniform(K) if uniformly else run.matched)


STRATEGIES: dict[str, tuple[Callable, tuple[int, ...]]] = {  # name: function, budgets with a run of their own
    "uniform": (partial(fixed, uniformly=True), ()),
    "matched": (fixed, ()),
    "random": (Run.random, ()),
    "paper": (paper, PAPER_BUDGETS),
    "surrogate": (surrogate, BUDGETS),
    "surrogate_free": (partial(surrogate, within_support=False), BUDGETS),
    "adaptive": (adaptive, ()),
    "direct": (direct, ()),
    "cma_es": (cma_es, ()),
    "genetic": (genetic, ()),
}
SEEDLESS = ("uniform", "matched")


def run_all(
    pool: Proxies, seeds: int, budget: int, strategies: list[str], objectives: list[str]
) -> pl.DataFrame:
    """One row per strategy, objective, seed and budget, and its curve."""
    rows = []
    bounds = Bounds(np.zeros(K), share_caps(pool.index.available_bytes, S, 4))
    for name in strategies:
        strategy, budgets = STRATEGIES[name]
        for objective in objectives:
            row, aggregate = OBJECTIVES[objective]
            for seed in range(1 if name in SEEDLESS else seeds):
                sizes = [b for b in budgets if b <= budget] or [budget]
                for size in sizes:
                    run = Run(pool, Aggregate(aggregate, np.ones(K)), row, bounds, seed)
                    strategy(run, size)
                    fresh = [run.value(pool.train(run.best_shares, r)[1]) for r in FRESH]
                    curve = [[run.spent, run.best]] if budgets else run.curve
                    rows.append(
                        {
                            "strategy": name, "objective": objective, "seed": seed, "budget": size,
                            "trained": run.trained, "cpu": run.spent, "own_cpu": run.own_seconds,
                            "best": run.best, "fresh": float(np.mean(fresh)), "curve": curve,
                            "shares": run.best_shares.tolist(),
                        }
                    )  # fmt: skip
                    print(
                        f"{name:15} {objective:10} seed {seed} budget {size:3}: {run.trained:3} proxies, "
                        f"{run.spent:6.1f} CPU s (own {run.own_seconds:5.1f}), measured {run.best:.4f}, "
                        f"on other text {np.mean(fresh):.4f}",
                        flush=True,
                    )
    return pl.DataFrame(rows)


def table(rows: pl.DataFrame, column: str) -> str:
    """Markdown: median (and range) over seeds of a measurement, `best` or `fresh`, and median of CPU seconds."""
    lines = ["| strategy | proxies | CPU s | " + " | ".join(OBJECTIVES) + " |"]
    lines.append("| --- | ---: | ---: |" + " ---: |" * len(OBJECTIVES))
    for (name, _), group in rows.group_by("strategy", "budget", maintain_order=True):
        cells = []
        for objective in OBJECTIVES:
            values = group.filter(objective=objective)[column]
            spread = f" ({values.min():.4f} to {values.max():.4f})" if values.n_unique() > 1 else ""
            cells.append(f"{values.median():.4f}{spread}" if len(values) else "")
        lines.append(
            f"| {name} | {group['trained'].median():.0f} | {group['cpu'].median():.0f} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def steps(curve: np.ndarray) -> np.ndarray:
    """The points of a curve [n, 2] where the best improves, and the last."""
    better = np.append(True, np.diff(curve[:, 1]) < 0)
    better[-1] = True
    return curve[better]


def plot(rows: pl.DataFrame, path: Path) -> None:
    """The best measured objective against CPU seconds, a line a seed; paper and surrogate at their budgets."""
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    axes = figure.subplots(1, len(OBJECTIVES))
    names = rows["strategy"].unique(maintain_order=True).to_list()
    for axis, objective in zip(axes, OBJECTIVES, strict=True):
        for i, name in enumerate(names):
            for (seed,), group in rows.filter(strategy=name, objective=objective).group_by(
                "seed", maintain_order=True
            ):
                points = np.array([point for curve in group["curve"] for point in curve])
                label = name if seed == 0 else None
                if name in SEEDLESS:
                    axis.axhline(points[0, 1], color=f"C{i}", linestyle="--", linewidth=1, label=label)
                elif STRATEGIES[name][1]:
                    axis.plot(*points.T, "o", color=f"C{i}", label=label, markersize=4)
                else:
                    axis.step(*steps(points).T, where="post", color=f"C{i}", label=label, linewidth=1)
        uniform_value = rows.filter(strategy="uniform", objective=objective)["best"].min()
        best = rows.filter(objective=objective)["best"].min()
        if uniform_value:  # mixtures far behind uniform would hide all differences
            axis.set_ylim(best - 0.1 * (uniform_value - best), uniform_value + 0.5 * (uniform_value - best))
        axis.set_xscale("log")
        axis.set_title(objective)
        axis.set_xlabel("CPU seconds, trainings and search")
    axes[0].set_ylabel("best measured NSL")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    with rc_context({"svg.fonttype": "none"}):
        save(figure, path)


creator.create("Smaller", base.Fitness, weights=(-1.0,))
creator.create("Mixture", list, fitness=creator.Smaller)


def main() -> None:
    global BYTES, REFERENCE, K
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("index", type=Path)
    parser.add_argument(
        "--folder", type=Path, default=Path("results-search"), help="of the rows and trainings"
    )
    parser.add_argument("--figure", type=Path, help="where to draw the curves, .svg or .png")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", type=int, default=96, help="proxies of a strategy, at most")
    parser.add_argument("--strategies", nargs="*", choices=STRATEGIES, default=list(STRATEGIES))
    parser.add_argument("--objectives", nargs="+", choices=OBJECTIVES, default=list(OBJECTIVES))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    index = WordIndex.load(options.index)
    BYTES, REFERENCE = evaluation_arrays(index.evaluation_rows, SETS, index.corpora)
    K = len(index.corpora)
    pool = Proxies(index, options.folder / "trainings.jsonl")
    pool.train(uniform(K))  # compiles
    rows = run_all(pool, options.seeds, options.budget, options.strategies, options.objectives)
    file = options.folder / "search.parquet"
    if file.exists():
        earlier = pl.read_parquet(file)
        earlier = earlier.join(rows, on=["strategy", "objective"], how="anti") if len(rows) else earlier
        rows = pl.concat([earlier, rows], how="diagonal")
        rows = pl.concat([rows.filter(strategy=name) for name in STRATEGIES])
    rows.write_parquet(file)
    print(f"\n{pool.seconds:.2f} CPU s a training")
    print(f"\nMeasured:\n\n{table(rows, 'best')}\n\nOn other draws of text:\n\n{table(rows, 'fresh')}")
    if options.figure:
        plot(rows, options.figure)


if __name__ == "__main__":
    main()
