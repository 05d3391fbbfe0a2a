"""How well the mixture of a tokenizer is inferred from its merges, on tokenizers of known mixtures; or, with
--tokenizers, what it is of existing ones."""

import argparse
import glob
import logging
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from trex.bpe import BpeModel, EvalCounts, Workspace, train_flat
from trex.existing import load_existing
from trex.inference import CorpusWords, count_words, infer_mixture
from trex.mixtures import sample_mixture
from trex.pretokenize import WordCounter


def words_of(texts: pl.Series) -> pl.DataFrame:
    counter = WordCounter(by_line=True)
    counter.add(pa.concat_arrays([texts.to_arrow().cast(pa.large_string())]))
    counts = counter.result()
    return pl.DataFrame({"word": pl.from_arrow(counts.words), "count": counts.totals()})


class Trainer:
    """Tokenizers trained on the first halves of the corpora, and how well they compress either half."""

    def __init__(self, halves: list[dict[str, pl.DataFrame]], n_merges: int):
        self.k = len(halves[0])
        named = [{f"{name}.{h}": table for name, table in half.items()} for h, half in enumerate(halves)]
        self.words = CorpusWords.build(named[0] | named[1])
        self.n_bytes = self.words.n_bytes.reshape(2, self.k)
        self.evaluation = EvalCounts(self.words.offsets, self.words.columns, self.words.counts, 2 * self.k)
        self.n_merges, self.workspace = n_merges, Workspace()

    def train(self, repeats: np.ndarray) -> tuple[BpeModel, np.ndarray]:
        """On every corpus so often; and bytes per token float64 [2, k]."""
        rate = np.concatenate([repeats, np.zeros(self.k)])
        counts = np.rint(self.words.weighted(rate)).astype(np.int64)
        size = 256 + self.n_merges
        model = train_flat(
            self.words.words, counts, size, evaluation=self.evaluation, workspace=self.workspace
        )
        return model, self.n_bytes / model.token_counts().reshape(2, self.k)

    def repeats(self, shares: np.ndarray) -> np.ndarray:
        """Whole repeats of the corpora that come near to the shares: a thousand of the one with the largest share."""
        wanted = shares / self.n_bytes[0]
        return np.maximum(np.rint(1000 * wanted / wanted.max()), 1)


def by_efficiency(shares: np.ndarray, ratios: np.ndarray) -> np.ndarray:
    """Shares told from compression: the baseline of Hayase et al. [n, k]

    ratios: bytes per token of every tokenizer over those of a tokenizer trained on that corpus alone. [n, k]
    The share is log-linear in it, fitted to all tokenizers but the one in question, and brought to sum 1.
    """
    x, y = np.log(ratios), np.log(shares)
    told = []
    for i in range(len(shares)):
        others = np.arange(len(shares)) != i
        slope, intercept = np.polyfit(x[others].ravel(), y[others].ravel(), 1)
        logs = intercept + slope * x[i]
        told.append(np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum())
    return np.array(told)


def check(files: dict[str, str], n: int, n_merges: int, seed: int) -> None:
    halves = []
    for half in range(2):
        texts = {name: pl.read_parquet(path)["text"] for name, path in files.items()}
        halves.append({name: words_of(text.gather_every(2, half)) for name, text in texts.items()})
    trainer = Trainer(halves, n_merges)
    words = [CorpusWords.build(half) for half in halves]
    k = len(files)
    alone = np.array([trainer.train(np.arange(k) == i)[1][:, i] for i in range(k)]).T  # [2, k]
    truth, ratios, inferred, inside, seconds = [], [], [], [], []
    for i in range(n):
        drawn = sample_mixture(i, seed=seed, prior=np.full(k, 1 / k), strength=(1, 1))
        repeats = trainer.repeats(drawn)
        shares = repeats * trainer.n_bytes[0]
        shares /= shares.sum()
        model, ratio = trainer.train(repeats)
        rows = []
        for half in range(2):
            start = time.process_time()
            found = infer_mixture(model.merges, words[half], n_merges=n_merges, seed=seed)
            seconds.append(time.process_time() - start)
            told = found.shares["share"].to_numpy()
            rows.append(told)
            low, high = found.shares["low"].to_numpy(), found.shares["high"].to_numpy()
            inside.append((half, ((low <= shares + 1e-9) & (shares <= high + 1e-9)).mean(), found.residual))
            error = 100 * np.abs(told - shares).mean()
            print(
                f"mixture {i}, {('same', 'other')[half]} text: {error:.4f} points",
                file=sys.stderr,
                flush=True,
            )
        truth.append(shares)
        ratios.append(ratio / alone)
        inferred.append(rows)
    truth, ratios, inferred = np.array(truth), np.array(ratios), np.array(inferred)
    print(f"{n} tokenizers of {n_merges} merges, mixtures of {k} corpora, Dirichlet(1)\n")
    print(
        "| text | way | mean absolute error, points | worst mixture | log10 mean squared error | in the 95 % interval |"
    )
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for half, text in enumerate(("the same", "other documents")):
        coverage = np.mean([share for h, share, _ in inside if h == half])
        told = {
            "merges": (inferred[:, half], f"{100 * coverage:.0f} %"),
            "compression": (by_efficiency(truth, ratios[:, half]), ""),
        }
        for way, (shares, covered) in told.items():
            error = 100 * np.abs(shares - truth).mean(axis=1)
            logs = np.log10(((shares - truth) ** 2).mean(axis=1))
            print(
                f"| {text} | {way} | {error.mean():.4f} | {error.max():.4f} | {logs.mean():.2f} ± {logs.std():.2f} "
                f"| {covered} |"
            )
    uniform = 100 * np.abs(1 / k - truth).mean()
    print(f"| | uniform | {uniform:.4f} | | {np.log10(((1 / k - truth) ** 2).mean(axis=1)).mean():.2f} | |")
    residual = [np.mean([r for h, _, r in inside if h == half]) for half in range(2)]
    print(f"\nCPU seconds each: {np.median(seconds):.0f}. Residuals: {residual[0]:.2g} and {residual[1]:.2g}")


def show(names: list[str], files: dict[str, str], n_merges: int, seed: int) -> None:
    for name in names:
        start = time.process_time()
        existing = load_existing(name, Path())
        tables = {
            corpus: count_words(existing, [pl.read_parquet(path)["text"].to_arrow().cast(pa.large_string())])
            for corpus, path in files.items()
        }
        counted = time.process_time()
        found = infer_mixture(existing.merges, CorpusWords.build(tables), n_merges=n_merges, seed=seed)
        print(
            f"\n{name}: {found.merges} merges, {found.unseen} unseen, residual {found.residual:.3f}, "
            f"{found.rounds} rounds; CPU seconds: {counted - start:.0f} to count, "
            f"{time.process_time() - counted:.0f} to infer\n"
        )
        for corpus, share, low, high in found.shares.sort("share", descending=True).iter_rows():
            print(f"| {corpus} | {100 * share:.2f} | {100 * low:.2f} to {100 * high:.2f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", help='parquet files with a column "text", one a corpus, as a quoted glob')
    parser.add_argument("--tokenizers", nargs="+", help="infer these: o200k_base, a tokenizer.json, ...")
    parser.add_argument("--mixtures", type=int, default=20)
    parser.add_argument("--merges", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO if args.verbose else logging.WARNING, format="%(message)s")
    found = {Path(path).stem: path for path in sorted(glob.glob(args.files))}
    if not found:
        sys.exit(f"{args.files}: no such files; see benchmarks/README.md")
    if args.tokenizers:
        show(args.tokenizers, found, args.merges, args.seed)
    else:
        check(found, args.mixtures, args.merges, args.seed)
