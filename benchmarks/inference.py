"""How well the mixture of a tokenizer is inferred from its merges, on tokenizers of known mixtures; or, with
--tokenizers, what it is of existing ones."""

import argparse
import glob
import json
import logging
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from trex.bpe.model import BpeModel
from trex.bpe.training import Workspace, train_flat
from trex.bpe.words import EvalCounts
from trex.counting.pretokenize import WordCounter
from trex.inference.mixture import infer_mixture
from trex.inference.words import CorpusWords, count_words_as
from trex.mixtures.sampling import MixtureSampler
from trex.tokenizer.existing import load_existing


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
        self.evaluation = EvalCounts.from_entries(
            self.words.word, self.words.columns, self.words.counts, 2 * self.k
        )
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
    """Shares inferred from compression: the baseline of Hayase et al. [n, k]

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


def check(files: dict[str, str], n: int, n_merges: int, seed: int, rows_file: Path | None) -> None:
    halves = []
    for half in range(2):
        texts = {name: pl.read_parquet(path)["text"] for name, path in files.items()}
        halves.append({name: words_of(text.gather_every(2, half)) for name, text in texts.items()})
    trainer = Trainer(halves, n_merges)
    words = [CorpusWords.build(half) for half in halves]
    k = len(files)
    alone = np.array([trainer.train(np.arange(k) == i)[1][:, i] for i in range(k)]).T  # [2, k]
    rows = json.loads(rows_file.read_text()) if rows_file and rows_file.exists() else []
    for i in range(len(rows), n):
        repeats = trainer.repeats(MixtureSampler(seed, np.full(k, 1 / k), (1, 1)).mixture(i))
        truth = repeats * trainer.n_bytes[0] / (repeats @ trainer.n_bytes[0])
        model, ratio = trainer.train(repeats)
        row = {"truth": truth.tolist(), "ratios": (ratio / alone).tolist(), "inferred": []}
        for half in range(2):
            start = time.process_time()
            found = infer_mixture(
                model.merges, words[half], n_merges=n_merges, seed=seed, subsets=8 if half else 0
            )
            seconds = time.process_time() - start
            row["inferred"].append(
                {**found.shares.to_dict(as_series=False), "residual": found.residual, "cpu": seconds}
            )
            error = 100 * np.abs(found.shares["share"].to_numpy() - truth).mean()
            print(f"mixture {i}, text {half}: {error:.4f} points", file=sys.stderr, flush=True)
        rows.append(row)
        if rows_file:
            rows_file.write_text(json.dumps(rows))
    report(rows, n_merges)


def report(rows: list[dict], n_merges: int) -> None:
    truth = np.array([row["truth"] for row in rows])
    ratios = np.array([row["ratios"] for row in rows])
    k = truth.shape[1]
    print(f"{len(rows)} tokenizers of {n_merges} merges, mixtures of {k} corpora, Dirichlet(1)\n")
    print("| text | inferred from | mean absolute error, points | worst mixture | log10 mean squared error |")
    print("| --- | --- | ---: | ---: | ---: |")
    for half, text in enumerate(("the same", "other documents")):
        inferred = np.array([row["inferred"][half]["share"] for row in rows])
        told = {"merges": inferred, "compression": by_efficiency(truth, ratios[:, half])}
        for way, shares in told.items():
            error = 100 * np.abs(shares - truth).mean(axis=1)
            logs = np.log10(((shares - truth) ** 2).mean(axis=1))
            print(
                f"| {text} | {way} | {error.mean():.4f} | {error.max():.4f} | {logs.mean():.2f} ± {logs.std():.2f} |"
            )
    uniform = np.abs(1 / k - truth).mean(), np.log10(((1 / k - truth) ** 2).mean(axis=1)).mean()
    print(f"| | uniform | {100 * uniform[0]:.4f} | | {uniform[1]:.2f} |")
    low, high = (np.array([row["inferred"][1][end] for row in rows]) for end in ("low", "high"))
    inside = (low <= truth + 1e-9) & (truth <= high + 1e-9)
    residuals = [np.mean([row["inferred"][half]["residual"] for row in rows]) for half in range(2)]
    seconds = [np.median([row["inferred"][half]["cpu"] for row in rows]) for half in range(2)]
    print(
        f"\n95 % intervals from other documents hold {100 * inside.mean():.0f} % of the shares. Residuals: the same "
        f"text {residuals[0]:.2g}, other documents {residuals[1]:.2g}. CPU seconds: {seconds[0]:.0f}, with intervals "
        f"{seconds[1]:.0f}"
    )


def show(names: list[str], files: dict[str, str], n_merges: int, seed: int) -> None:
    for name in names:
        start = time.process_time()
        existing = load_existing(name, Path())
        tables = {
            corpus: count_words_as(
                existing, [pl.read_parquet(path)["text"].to_arrow().cast(pa.large_string())]
            )
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
    parser.add_argument(
        "--rows", type=Path, help="file of the mixtures that are done, to go on where a run ended"
    )
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO if args.verbose else logging.WARNING, format="%(message)s")
    found = {Path(path).stem: path for path in sorted(glob.glob(args.files))}
    if not found:
        sys.exit(f"{args.files}: no such files; see benchmarks/README.md")
    if args.tokenizers:
        show(args.tokenizers, found, args.merges, args.seed)
    else:
        check(found, args.mixtures, args.merges, args.seed, args.rows)
