"""Tables and figures of docs/language-model.md, from the bits per byte that benchmarks/language_model.py measured.

    python benchmarks/language_model_answers.py     # the tables; docs/figures/language-model.svg
    python benchmarks/language_model_answers.py collect FOLDER --proxies RESULTS RUN=OUT.npz ...

`collect` sums up what `train` wrote by corpus and stretch of documents, beside the proxies' NSL, into
benchmarks/language_model.parquet, benchmarks/language_model_runs.csv and benchmarks/language_model_nsl.csv, which
everything else is made from. A run may have several files; other runs stay as they are.
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
PAIRS = [("uniform", "m00022"), ("uniform", "m00005"), ("uniform", "english"), ("uniform", "m00046")]
RECIPES = {"older_sizes_2": "uniform", "recipes_4": "plain_32k"}  # what others are compared with


def collect(folder: Path, proxies: Path, outputs: list[tuple[str, Path]], n_bytes: int) -> None:
    """Write the lines of some runs into BITS, RUNS and NSL."""
    from language_model import texts_of

    texts, corpora = texts_of(folder, "held_out", n_bytes)
    documents = pl.DataFrame(
        {"corpus": corpora, "bytes": [len(text.encode()) for text in texts]}
    ).with_columns(
        block=(pl.int_range(pl.len()).over("corpus") * BLOCKS // pl.len().over("corpus")).cast(pl.Int8)
    )
    if few := [corpus for corpus, n in documents.group_by("corpus").len().iter_rows() if n < BLOCKS]:
        raise SystemExit(f"fewer than {BLOCKS} held-out documents: {', '.join(sorted(few))}")
    tables, models = [], []
    for run, path in outputs:
        with np.load(path) as file:
            for about in json.loads(str(file["about"])):
                steps = {f"steps_{budget}": n for budget, n in about.pop("steps").items()}
                del about["bits"]
                models.append({"run": run, "tokenizer": about.pop("name"), **about, **steps})
                name = models[-1]["tokenizer"]
                for budget in BUDGETS:
                    for seed, bits in enumerate(file[f"{name}:{budget}"], start=1):
                        tables.append(
                            documents.with_columns(bits=pl.Series(bits, dtype=pl.Float64))
                            .group_by("corpus", "block", maintain_order=True)
                            .agg(pl.col("bytes").sum(), pl.col("bits").sum().cast(pl.Float32))
                            .select(
                                pl.lit(run).alias("run"), pl.lit(name).alias("tokenizer"),
                                pl.lit(budget).alias("budget"), pl.lit(seed, pl.Int8).alias("seed"), pl.all(),
                            )
                        )  # fmt: skip
    trained = pl.DataFrame(models)
    if len(twice := trained.filter(trained.select("run", "tokenizer").is_duplicated())):
        raise SystemExit(f"{twice['run'][0]} has {twice['tokenizer'][0]} twice")
    names = ["run", "tokenizer", "budget", "corpus"]
    bits = with_runs(pl.read_parquet(BITS).with_columns(pl.col(names).cast(pl.String)), pl.concat(tables))
    bits.with_columns(pl.col(names).cast(pl.Categorical)).write_parquet(
        BITS, compression="zstd", compression_level=19
    )
    with_runs(pl.read_csv(RUNS), trained).write_csv(RUNS, float_precision=6)
    measured = pl.concat(
        pl.read_parquet(path)
        for path in sorted(proxies.glob("proxies/*.parquet"))
        if "ledger" not in path.name
    )
    nsl = measured.filter(evaluation_set="held_out").select(
        pl.col("mixture_id").alias("tokenizer"), "corpus", "tokens", "bytes", "nsl"
    )
    nsl = trained.select("run", "tokenizer").join(nsl, on="tokenizer", maintain_order="left_right")
    with_runs(pl.read_csv(NSL), nsl).write_csv(NSL, float_precision=6)


def with_runs(table: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """A table with these lines in place of those of the same runs."""
    others = table.filter(~pl.col("run").is_in(lines["run"].unique().to_list()))
    return pl.concat([others, lines], how="diagonal_relaxed")


# --- Reading ----------------------------------------------------------------------------------------------


class Run:
    """Bits per byte of one run in one budget.

    values: [tokenizers, seeds, corpora]. bits: of every stretch, [..., corpora, BLOCKS], with bytes [corpora, BLOCKS].
    nsl: [tokenizers, corpora]. Trials of other learning rates are left out.
    """

    def __init__(self, table: pl.DataFrame, run: str, budget: str, nsl: pl.DataFrame):
        rows = table.with_columns(pl.col("run", "tokenizer", "budget", "corpus").cast(pl.String)).filter(
            pl.col("run") == run, pl.col("budget") == budget, ~pl.col("tokenizer").str.contains("@")
        )
        self.tokenizers, self.seeds, self.corpora = (
            rows[column].unique(maintain_order=True).to_list() for column in ("tokenizer", "seed", "corpus")
        )
        shape = (len(self.tokenizers), len(self.seeds), len(self.corpora), BLOCKS)
        self.bits = rows["bits"].cast(pl.Float64).to_numpy().reshape(shape)
        self.bytes = rows["bytes"].to_numpy().reshape(shape)[0, 0].astype(float)
        self.values = self.bits.sum(axis=-1) / self.bytes.sum(axis=-1)
        of = {
            (row["tokenizer"], row["corpus"]): row["nsl"] for row in nsl.filter(run=run).iter_rows(named=True)
        }
        self.nsl = np.array([[of.get((t, c), np.nan) for c in self.corpora] for t in self.tokenizers])

    def near(self, most: float) -> "Run":
        """Only the tokenizers whose mean NSL is at most so many times the least."""
        x = self.nsl.mean(axis=1)
        kept = np.flatnonzero(x <= most * x.min())
        some = copy(self)
        some.__dict__.pop("draws", None)
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


def difference(run: Run, a: str, b: str, of=macro) -> tuple[float, float, float]:
    """By how many % a needs fewer bits than b, and its 95 % interval, as the stage gives it."""
    from trex.language_model.compare import gain

    values = np.concatenate([of(run.values)[None], of(run.draws)])
    every = range(len(run.tokenizers))
    return gain(values, run.tokenizers.index(a), run.tokenizers.index(b), every, [BLOCKS])


def percent(found: tuple[float, float, float]) -> str:
    value, low, high = found
    return f"{value:+.2f} % ({low:+.2f} to {high:+.2f})"


def of_mixtures(runs: pl.DataFrame) -> list[tuple[str, str]]:
    """(run, parameters in words) of the runs that compare mixtures, whose models are of one size."""
    sizes = runs.group_by("run", maintain_order=True).agg(pl.col("parameters").first())
    return [(run, f"{n / 1e6:.1f} M") for run, n in sizes.iter_rows() if run not in RECIPES]


def print_correlations(table: pl.DataFrame, nsl: pl.DataFrame, runs: pl.DataFrame) -> None:
    print(
        "| run | parameters | mixtures | budget | Spearman (95 %) | noise alone | slope (95 %) | sd of a seed |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for run, parameters in of_mixtures(runs):
        for (budget, words), most in product(BUDGETS.items(), (np.inf, NEAR)):
            of = Run(table, run, budget, nsl).near(most)
            if len(of.tokenizers) < 5:
                continue
            c = correlation(of)
            print(
                f"| {run} | {parameters} | {len(of.tokenizers)} | {words} | "
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
    columns = " | ".join(f"{a} over {b}" for a, b in PAIRS)
    print(
        f"\n| run | parameters | budget | sd of a seed | {columns} |\n|---|---|---|---|{'---|' * len(PAIRS)}"
    )
    for run, parameters in of_mixtures(runs):
        for budget, words in BUDGETS.items():
            of = Run(table, run, budget, nsl)
            cells = [words, f"{100 * noise(macro(of.values))[0]:.2f} %"]
            for pair in PAIRS:
                cells.append(percent(difference(of, *pair)) if {*pair} <= {*of.tokenizers} else "–")
            print(f"| {run} | {parameters} | {' | '.join(cells)} |")


def print_recipes(table: pl.DataFrame, nsl: pl.DataFrame, runs: pl.DataFrame) -> None:
    columns = "run | tokenizer | V | parameters | tokens | equal bytes | equal compute"
    print(f"\n| {columns} | fewer bits, equal bytes | equal compute |\n|{'---|' * 9}")
    for run, reference in RECIPES.items():
        found = {budget: Run(table, run, budget, nsl) for budget in BUDGETS}
        tokens = dict(runs.filter(run=run).select("tokenizer", "tokens").iter_rows())
        for t, name in enumerate(found["bytes"].tokenizers):
            row = runs.filter(run=run, tokenizer=name).row(0, named=True)
            cells = [f"{macro(of.values).mean(axis=1)[t]:.4f}" for of in found.values()]
            for of in found.values():
                cells.append("–" if name == reference else percent(difference(of, name, reference)))
            print(
                f"| {run} | {name} | {row['vocab_size']:,} | {row['parameters'] / 1e6:.1f} M | "
                f"{100 * (tokens[name] / tokens[reference] - 1):+.1f} % | {' | '.join(cells)} |"
            )
    # the same text, seeds and documents in two runs, so equal bytes are the same
    both = [("mixtures_4", "uniform"), ("recipes_4", "plain_32k")]
    text = pl.col("run", "tokenizer").cast(pl.String)
    sizes = pl.concat(table.with_columns(text).filter(run=run, tokenizer=name) for run, name in both)
    of_sizes = Run(sizes.with_columns(run=pl.lit("sizes_4")), "sizes_4", "bytes", nsl)
    print(f"\nplain_32k over uniform, equal bytes: {percent(difference(of_sizes, 'plain_32k', 'uniform'))}")
    of = {budget: Run(table, "recipes_4", budget, nsl) for budget in BUDGETS}
    names = [name for name in of["bytes"].tokenizers if name != "plain_32k"]
    print("\n| corpus | " + " | ".join(f"{n}, {words}" for n in names for words in BUDGETS.values()) + " |")
    print(f"|---|{'---|' * 2 * len(names)}")
    for c, corpus in enumerate(of["bytes"].corpora):
        cells = [
            percent(difference(of[budget], n, "plain_32k", lambda values, c=c: values[..., c]))
            for n in names
            for budget in BUDGETS
        ]
        print(f"| {corpus} | {' | '.join(cells)} |")


def print_rates(table: pl.DataFrame) -> None:
    """Bits per byte of trials of learning rates, each seed, mean of the corpora."""
    names = pl.col("tokenizer").cast(pl.String)
    tried = table.filter(names.str.contains("@")).select("run", tokenizer=names).unique(maintain_order=True)
    of_corpus = (
        table.filter(budget="bytes").group_by("run", "tokenizer", "seed", "corpus")
        .agg(pl.col("bits").cast(pl.Float64).sum() / pl.col("bytes").sum())
        .group_by("run", "tokenizer", "seed").agg(pl.col("bits").mean()).sort("seed")
    )  # fmt: skip
    for run, name in tried.iter_rows():
        for which in (name.split("@")[0], name):
            bits = of_corpus.filter(pl.col("run") == run, names == which)["bits"]
            print(f"\n{run}, {which}, equal bytes: {', '.join(f'{b:.4f}' for b in bits)}")


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
    collecting.add_argument("outputs", nargs="+")
    collecting.add_argument("--proxies", type=Path, required=True, help="results folder of a run")
    collecting.add_argument("--held-out-bytes", type=int, default=100_000)
    arguments = parser.parse_args()
    if arguments.command == "collect":
        outputs = [(run, Path(path)) for run, path in (item.split("=") for item in arguments.outputs)]
        collect(arguments.folder, arguments.proxies, outputs, arguments.held_out_bytes)
        return
    table, runs, nsl = pl.read_parquet(BITS), pl.read_csv(RUNS), pl.read_csv(NSL)
    print_correlations(table, nsl, runs)
    for run in ("older_2", "mixtures_4"):
        print_corpora(table, nsl, run)
    print_differences(table, nsl, runs)
    print_recipes(table, nsl, runs)
    print_rates(table)
    draw(table, nsl, [("mixtures_4", "depth 4 (5.2 M)"), ("mixtures_7", "depth 7 (20.5 M)")])


if __name__ == "__main__":
    main()
