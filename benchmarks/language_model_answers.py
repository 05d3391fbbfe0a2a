"""Tables and figures of docs/language-model.md, from the bits per byte that benchmarks/language_model.py measured.

    python benchmarks/language_model_answers.py                       # the tables; docs/figures/language-model.svg
    python benchmarks/language_model_answers.py collect FOLDER NSL.parquet RUN=OUT.npz ...

`collect` sums up what `train` wrote by corpus and stretch of documents, beside the proxies' NSL, into
benchmarks/language_model.parquet and benchmarks/language_model_runs.csv, which everything else is made from.
"""

import argparse
import json
from copy import copy
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from scipy import stats

HERE = Path(__file__).parent
BITS, RUNS, NSL = (HERE / f"language_model{name}" for name in (".parquet", "_runs.csv", "_nsl.csv"))
FIGURE = HERE.parent / "docs/figures/language-model.svg"
BLOCKS = 10  # stretches of neighbouring documents of a corpus
DRAWS = 1000
NEAR = 1.15  # of the least mean NSL: the mixtures among which a search chooses
BUDGETS = {"bytes": "equal bytes", "compute": "equal compute"}


def collect(folder: Path, nsl: Path, outputs: dict[str, Path], n_bytes: int) -> None:
    """Write BITS, RUNS and NSL."""
    from language_model import texts_of

    texts, corpora = texts_of(folder, "held_out", n_bytes)
    documents = pl.DataFrame(
        {"corpus": corpora, "bytes": [len(text.encode()) for text in texts]}
    ).with_columns(
        block=(pl.int_range(pl.len()).over("corpus") * BLOCKS // pl.len().over("corpus")).cast(pl.Int8)
    )
    tables, runs = [], []
    for run, path in outputs.items():
        with np.load(path) as file:
            for about in json.loads(str(file["about"])):
                runs.append({"run": run, **{k: v for k, v in about.items() if k != "steps"}, **{
                    f"steps_{budget}": n for budget, n in about["steps"].items()
                }})  # fmt: skip
                for budget in BUDGETS:
                    for seed, bits in enumerate(file[f"{about['name']}:{budget}"], start=1):
                        tables.append(
                            documents.with_columns(bits=pl.Series(bits, dtype=pl.Float64))
                            .group_by("corpus", "block", maintain_order=True)
                            .agg(pl.col("bytes").sum(), pl.col("bits").sum().cast(pl.Float32))
                            .select(
                                pl.lit(run).alias("run"), pl.lit(about["name"]).alias("tokenizer"),
                                pl.lit(budget).alias("budget"), pl.lit(seed, pl.Int8).alias("seed"), pl.all(),
                            )
                        )  # fmt: skip
    pl.concat(tables).with_columns(
        pl.col("run", "tokenizer", "budget", "corpus").cast(pl.Categorical)
    ).write_parquet(BITS, compression="zstd", compression_level=19)
    pl.DataFrame(runs).drop("held_out_tokens").rename({"name": "tokenizer"}).write_csv(
        RUNS, float_precision=6
    )
    pl.read_parquet(nsl).filter(evaluation_set="held_out").select(
        pl.col("mixture_id").alias("tokenizer"), "corpus", "tokens", "bytes", "nsl"
    ).write_csv(NSL, float_precision=6)


# --- Reading ----------------------------------------------------------------------------------------------


class Run:
    """Bits per byte of one run in one budget.

    values: [tokenizers, seeds, corpora]. blocks: the same of every stretch, as bits [..., corpora, BLOCKS], with bytes
    [corpora, BLOCKS]. nsl: [tokenizers, corpora].
    """

    def __init__(self, table: pl.DataFrame, run: str, budget: str, nsl: pl.DataFrame):
        rows = table.filter((pl.col("run") == run) & (pl.col("budget") == budget))
        self.tokenizers, self.seeds, self.corpora = (
            rows[column]
            .unique(maintain_order=True)
            .cast(pl.String if column != "seed" else pl.Int8)
            .to_list()
            for column in ("tokenizer", "seed", "corpus")
        )
        shape = (len(self.tokenizers), len(self.seeds), len(self.corpora), BLOCKS)
        self.bits = rows["bits"].cast(pl.Float64).to_numpy().reshape(shape)
        self.bytes = rows["bytes"].to_numpy().reshape(shape)[0, 0].astype(float)
        self.values = self.bits.sum(axis=-1) / self.bytes.sum(axis=-1)
        of = {(tokenizer, corpus): value for tokenizer, corpus, _, _, value in nsl.iter_rows()}
        self.nsl = np.array([[of.get((t, c), np.nan) for c in self.corpora] for t in self.tokenizers])

    def near(self, most: float) -> "Run":
        """Only the tokenizers whose mean NSL is at most so many times the least."""
        x = self.nsl.mean(axis=1)
        kept = np.flatnonzero(x <= most * x.min())
        some = copy(self)
        some.tokenizers = [self.tokenizers[i] for i in kept]
        some.bits, some.values, some.nsl = self.bits[kept], self.values[kept], self.nsl[kept]
        return some

    @cached_property
    def draws(self) -> np.ndarray:
        """values with stretches of documents drawn with replacement, the same ones for all tokenizers and seeds.
        [DRAWS, tokenizers, seeds, corpora]"""
        rng = np.random.default_rng(2)
        times = rng.multinomial(BLOCKS, np.full(BLOCKS, 1 / BLOCKS), size=(DRAWS, len(self.corpora)))
        bits = np.einsum("kcb,tscb->ktsc", times, self.bits, optimize=True)
        return bits / np.einsum("kcb,cb->kc", times, self.bytes)[:, None, None]


def noise(values: np.ndarray) -> tuple[float, int]:
    """As `trex.language_model.compare.noise_of_seeds`. [tokenizers, seeds]"""
    from trex.language_model.compare import noise_of_seeds

    return noise_of_seeds(values)


# --- Answers ----------------------------------------------------------------------------------------------


def macro(values: np.ndarray) -> np.ndarray:
    return values.mean(axis=-1)


def correlation(run: Run, of=macro) -> dict[str, float]:
    """Spearman's rank correlation over tokenizers of NSL with bits per byte (mean of the seeds), its 95 % interval, and
    how many % more bits 1 % more tokens cost (slope of logs).

    The interval draws tokenizers with replacement, stretches of documents, and the noise of seeds: normal, with the
    standard deviation pooled over tokenizers, for the mean of the seeds there are. `seeds_low` and `seeds_high`: these
    tokenizers and no others, so noise of seeds and documents alone.
    """
    rng = np.random.default_rng(1)
    x, y = of(run.nsl), of(run.values)
    sd = noise(y)[0] / np.sqrt(y.shape[1])
    n = len(x)

    drawn = of(run.draws).mean(axis=2) * np.exp(sd * rng.standard_normal((DRAWS, n)))
    some = rng.integers(0, n, (DRAWS, n))
    some = some[[len(set(row)) > 2 for row in some.tolist()]]
    resampled = np.take_along_axis(drawn[: len(some)], some, axis=1)
    mean = y.mean(axis=1)
    found = {
        "spearman": float(spearman(x, mean)),
        "slope": float(slope(x, mean)),
        "sd": 100 * noise(y)[0],
        "by_seed": spearman(x, y.T).tolist(),
    }
    for name, draws in (
        ("", spearman(x[some], resampled)),
        ("seeds_", spearman(x, drawn)),
        ("slope_", slope(x[some], resampled)),
    ):
        found[f"{name}low"], found[f"{name}high"] = np.percentile(draws, [2.5, 97.5])
    return found


def _correlated(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(covariance, correlation) along the last axis."""
    x, y = x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    covariance = (x * y).mean(axis=-1)
    return covariance, covariance / np.sqrt((x**2).mean(axis=-1) * (y**2).mean(axis=-1))


def spearman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rank correlation along the last axis; equal values share a rank."""
    return _correlated(stats.rankdata(x, axis=-1), stats.rankdata(y, axis=-1))[1]


def slope(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of log y by log x, along the last axis."""
    x, y = np.log(x), np.log(y)
    return _correlated(x, y)[0] / x.var(axis=-1)


def difference(run: Run, a: str, b: str, of=macro) -> dict[str, float]:
    """By how many % a needs fewer bits than b, its 95 % interval over seeds and documents, and the smallest difference
    that this many seeds would tell from none."""
    i, j = run.tokenizers.index(a), run.tokenizers.index(b)
    y = of(run.values)
    sd, freedom = noise(y)
    draws = np.log(of(run.draws)).mean(axis=2)
    documents = stats.norm.ppf(0.975) * (draws[:, i] - draws[:, j]).std()
    seeds = stats.t.ppf(0.975, freedom) * sd * np.sqrt(2 / y.shape[1])
    middle, half = np.log(y).mean(axis=1)[i] - np.log(y).mean(axis=1)[j], np.hypot(seeds, documents)
    return {
        "gain": 100 * (1 - np.exp(middle)),
        "low": 100 * (1 - np.exp(middle + half)),
        "high": 100 * (1 - np.exp(middle - half)),
        "sd": 100 * sd,
        "smallest": 100 * half,
    }


def print_correlations(table: pl.DataFrame, nsl: pl.DataFrame, runs: pl.DataFrame) -> None:
    print(
        "| run | depth | rate | mixtures | budget | Spearman (95 %) | noise alone | slope (95 %) | sd of a seed |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for run, depth, rate, n in (
        runs.group_by("run", maintain_order=True)
        .agg(pl.col("depth").first(), pl.col("learning_rate").first(), pl.len())
        .iter_rows()
    ):
        if n < 10:
            continue
        for (budget, words), most in product(BUDGETS.items(), (np.inf, NEAR)):
            of = Run(table, run, budget, nsl).near(most)
            c = correlation(of)
            print(
                f"| {run} | {depth} | {rate} | {len(of.tokenizers)} | {words} | "
                f"{c['spearman']:.2f} ({c['low']:.2f} to {c['high']:.2f}) | "
                f"{c['seeds_low']:.2f} to {c['seeds_high']:.2f} | {c['slope']:.2f} ({c['slope_low']:.2f} to "
                f"{c['slope_high']:.2f}) | {c['sd']:.2f} % |"
            )


def print_corpora(table: pl.DataFrame, nsl: pl.DataFrame, run: str) -> None:
    print(f"\n| corpus ({run}) | NSL, least to most | " + " | ".join(
        f"{words}: Spearman | slope" for words in BUDGETS.values()
    ) + " |")  # fmt: skip
    print("|---|---|---|---|---|---|")
    found = {budget: Run(table, run, budget, nsl) for budget in BUDGETS}
    first = next(iter(found.values()))
    for c, corpus in enumerate(first.corpora):
        cells = [f"{first.nsl[:, c].min():.2f} to {first.nsl[:, c].max():.2f}"]
        for of in found.values():
            r = correlation(of, lambda values, c=c: values[..., c])
            cells.append(f"{r['spearman']:.2f} ({r['low']:.2f} to {r['high']:.2f})")
            cells.append(f"{r['slope']:.2f} ({r['slope_low']:.2f} to {r['slope_high']:.2f})")
        print(f"| {corpus} | " + " | ".join(cells) + " |")


def print_differences(table: pl.DataFrame, nsl: pl.DataFrame, runs: pl.DataFrame) -> None:
    pairs = [("uniform", "m00022"), ("uniform", "english"), ("uniform", "m00046")]
    print(
        "\n| run | depth | rate | budget | sd of a seed | "
        + " | ".join(f"{a} over {b}" for a, b in pairs)
        + " |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for run, depth, rate in (
        runs.group_by("run", maintain_order=True)
        .agg(pl.col("depth").first(), pl.col("learning_rate").first())
        .iter_rows()
    ):
        for budget, words in BUDGETS.items():
            of = Run(table, run, budget, nsl)
            if not any({a, b} <= set(of.tokenizers) for a, b in pairs):
                continue
            cells, sd = [], float("nan")
            for a, b in pairs:
                if {a, b} <= set(of.tokenizers):
                    d = difference(of, a, b)
                    sd = d["sd"]
                    cells.append(f"{d['gain']:+.2f} % ({d['low']:+.2f} to {d['high']:+.2f})")
                else:
                    cells.append("–")
            print(f"| {run} | {depth} | {rate} | {words} | {sd:.2f} % | " + " | ".join(cells) + " |")


def print_sizes(table: pl.DataFrame, nsl: pl.DataFrame, runs: pl.DataFrame) -> None:
    columns = "run | tokenizer | V | parameters | NSL | equal bytes | equal compute"
    print(f"\n| {columns} | fewer bits than V = 8192, equal bytes | equal compute |")
    print("|---|---|---|---|---|---|---|---|---|")
    for run in ("sizes_2", "unsteady_sizes_4"):
        found = {budget: Run(table, run, budget, nsl) for budget in BUDGETS}
        for t, name in enumerate(found["bytes"].tokenizers):
            row = runs.filter(run=run, tokenizer=name).row(0, named=True)
            cells = [f"{macro(of.values).mean(axis=1)[t]:.4f}" for of in found.values()]
            for of in found.values():
                d = difference(of, name, "uniform") if name != "uniform" else None
                cells.append(f"{d['gain']:+.2f} % ({d['low']:+.2f} to {d['high']:+.2f})" if d else "–")
            print(
                f"| {run} | {name} | {row['vocab_size']:,} | {row['parameters'] / 1e6:.2f} M | "
                f"{'–' if name == 'bytes' else format(np.mean(found['bytes'].nsl[t]), '.3f')} | "
                + " | ".join(cells)
                + " |"
            )


def draw(table: pl.DataFrame, nsl: pl.DataFrame, names: list[tuple[str, str]]) -> None:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from trex.report.figures import COLORS, STYLE, save

    with rc_context(STYLE):
        figure = Figure(figsize=(7, 5.2))
        axes = figure.subplots(2, 2, sharex=True)
        for row, (run, words) in zip(axes, names, strict=True):
            for ax, (budget, at) in zip(row, BUDGETS.items(), strict=True):
                of = Run(table, run, budget, nsl)
                x, y = macro(of.nsl), macro(of.values)
                sd = noise(y)[0]
                for s in range(y.shape[1]):
                    ax.plot(x, y[:, s], ".", color="#B0B0B0", markersize=3)
                half = stats.t.ppf(0.975, noise(y)[1]) * sd / np.sqrt(y.shape[1]) * y.mean(axis=1)
                shown = {"uniform": (COLORS[1], "s"), "english": (COLORS[2], "D")}
                for i, name in enumerate(of.tokenizers):
                    color, marker = shown.get(name, (COLORS[0], "o"))
                    label = name if name in shown else None
                    ax.errorbar(
                        x[i],
                        y[i].mean(),
                        half[i],
                        fmt=marker,
                        color=color,
                        markersize=4,
                        linewidth=1,
                        label=label,
                    )
                ax.set_title(f"{words}, {at}")
                ax.set_ylabel("bits per byte")
        axes[0, 0].legend(loc="upper left")
        for ax in axes[1]:
            ax.set_xlabel("NSL, mean of 20 corpora")
        FIGURE.parent.mkdir(exist_ok=True)
        save(figure, FIGURE)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command")
    collecting = commands.add_parser("collect")
    collecting.add_argument("folder", type=Path)
    collecting.add_argument("nsl", type=Path)
    collecting.add_argument("outputs", nargs="+")
    collecting.add_argument("--held-out-bytes", type=int, default=200_000)
    arguments = parser.parse_args()
    if arguments.command == "collect":
        outputs = {run: Path(path) for run, path in (item.split("=") for item in arguments.outputs)}
        collect(arguments.folder, arguments.nsl, outputs, arguments.held_out_bytes)
        return
    table, runs, nsl = pl.read_parquet(BITS), pl.read_csv(RUNS), pl.read_csv(NSL)
    print_correlations(table, nsl, runs)
    print_corpora(table, nsl, "mixtures_2")
    print_differences(table, nsl, runs)
    print_sizes(table, nsl, runs)
    draw(
        table,
        nsl,
        [("mixtures_2", "depth 2 (1.4 M parameters)"), ("unsteady_4", "depth 4 (5.2 M), high rate")],
    )


if __name__ == "__main__":
    main()
