"""How well each kind of regression predicts proxies that it did not see, by the number that it did.

    python benchmarks/regression.py RESULTS [--sizes 16 32 64 128] [--subsets 5] [--aggregate macro]

RESULTS is a results folder of the workflow with training_set.parquet and training_ledger.parquet. For every size,
random subsets of the proxies are fitted and all others predicted; the tables show the median over subsets (and, for
the objective's MAPE, the range). `corpora` is the mean over corpora, `90 %` how many measurements lie in the 90 %
intervals. `_objective` regressions are fitted to the objective's value, as in the paper.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import polars as pl

from trex.objective.aggregate import AGGREGATES, Aggregate
from trex.proxies.tables import nsl_array, shares_array
from trex.proxies.training_set import TrainingSet
from trex.surfaces.fit import scores
from trex.surfaces.select import REGRESSIONS, Regression, cross_validate_objective, fit_objective
from trex.surfaces.vocabulary import left_out_scores

MEASURES = ("mape", "spearman", "r2", "coverage90")


def median_scores(rows: list[dict]) -> np.ndarray:
    """Median over rows of each of MEASURES; an undefined rank correlation counts as 0."""
    return np.median([[row[name] or 0.0 for name in MEASURES] for row in rows], axis=0)


def show_kinds(training, sizes, subsets, regressions) -> None:
    print("                           objective                                        corpora")
    print(
        "regression        proxies   MAPE % (range)       Spearman  R2      90 %    MAPE %  Spearman  90 %    CPU s"
    )
    for regression in regressions:
        for size in sizes:
            of_objective, of_corpora, seconds = [], [], []
            for subset in range(subsets):
                order = np.random.default_rng([subset, 1]).permutation(len(training))
                seen, unseen = training.take(order[:size]), training.take(order[size:])
                start = time.process_time()
                try:
                    fitted = fit_objective(seen, regression)
                except ValueError as error:
                    print(f"{regression.name:17} {size:7}   {str(error).split(':')[0]}")
                    break
                seconds.append(time.process_time() - start)
                of_objective.append(scores(unseen.values, *fitted.predict(unseen.shares)))
                if not regression.predicts_objective:
                    mean, std = fitted.surface.predict(unseen.shares)
                    columns = zip(unseen.targets.T, mean.T, std.T, strict=True)
                    each = [scores(*column) for column in columns]
                    of_corpora.append(
                        {name: np.mean([score[name] or 0.0 for score in each]) for name in MEASURES}
                    )
            if not of_objective or len(of_objective) < subsets:
                continue
            mape, spearman, r2, coverage = median_scores(of_objective)
            each = [row["mape"] for row in of_objective]
            cells = f"{mape:6.3f} ({min(each):.3f} to {max(each):.3f})  {spearman:7.4f}  {r2:6.3f}  {coverage:6.1%}"
            if of_corpora:
                mape, spearman, _, coverage = median_scores(of_corpora)
                cells += f"  {mape:7.3f}  {spearman:7.4f}  {coverage:6.1%}"
            else:
                cells += " " * 26
            print(f"{regression.name:17} {size:7}  {cells}  {np.median(seconds):7.1f}", flush=True)


def show_vocab_sizes(by_size, proxies) -> None:
    """Each size predicted from the others alone, at mixtures that were held out, too."""
    n = len(next(iter(by_size.values())))
    chosen = np.random.default_rng(0).permutation(n)[:proxies]
    by_size = {vocab_size: training.take(chosen) for vocab_size, training in by_size.items()}
    print(
        f"\nGaussian processes cross-validated on {proxies} proxies: with each V's measurements, and without them"
    )
    print("              with: objective      without: objective    without: corpora")
    print("V              MAPE %  Spearman     MAPE %  Spearman     MAPE %  Spearman")
    regression = REGRESSIONS["gaussian_process"]
    validated = {size: cross_validate_objective(of_size, regression) for size, of_size in by_size.items()}
    for row in left_out_scores(by_size, validated):
        outside = " (extrapolated)" if row["outermost"] else ""
        print(
            f"{row['vocab_size']:9,d}     {row['mape_with']:6.3f}   {row['spearman_with']:.4f}     "
            f"{row['mape']:6.3f}   {row['spearman']:.4f}     "
            f"{row['mape_corpora']:6.3f}   {row['spearman_corpora']:.4f}{outside}"
        )


def show_scale(n: int, k: int) -> None:
    """CPU time on made-up compression of k corpora by n proxies, .3 % noise."""
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.ones(k), n + 200)
    transfer = np.eye(k) + 0.02 * random.random((k, k))
    truth = 0.7 + 0.1 * (shares @ transfer + 0.001) ** -0.3
    measured = truth * np.exp(random.normal(0, 0.003, truth.shape))
    start = time.process_time()
    training = TrainingSet(shares, measured, lambda nsl: nsl.mean(axis=-1), np.arange(k))
    fitted = fit_objective(training.take(np.arange(n)), Regression("gaussian_process"))
    seconds = time.process_time() - start
    start = time.process_time()
    found = scores(measured[n:].mean(axis=1), *fitted.predict(shares[n:]))
    print(
        f"{k} corpora, {n} proxies: fitted and calibrated in {seconds:.0f} CPU s, 200 predictions with std in "
        f"{time.process_time() - start:.1f} s; macro on held-out mixtures: {found}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--subsets", type=int, default=5)
    parser.add_argument("--aggregate", choices=[a for a in AGGREGATES if a != "weighted"], default="macro")
    parser.add_argument("--evaluation-set", default="held_out")
    parser.add_argument(
        "--vocab-proxies", type=int, default=64, help="proxies for the table by V; 0: no table"
    )
    parser.add_argument("--regressions", nargs="+", choices=list(REGRESSIONS))
    parser.add_argument(
        "--scale", type=int, nargs=2, metavar=("PROXIES", "CORPORA"), help="only time such a fit"
    )
    options = parser.parse_args()
    if options.scale:
        show_scale(*options.scale)
        return

    table = pl.read_parquet(options.results / "training_set.parquet")
    ledger = pl.read_parquet(options.results / "training_ledger.parquet")
    corpora = ledger["corpus"].unique(maintain_order=True).to_list()
    vocab_sizes = sorted(table["vocab_size"].unique())
    arrays = [
        nsl_array(table, ["mixture_id"], [options.evaluation_set], corpora, vocab_size)
        for vocab_size in vocab_sizes
    ]
    names, _, reference = arrays[-1]
    shares = shares_array(ledger, names["mixture_id"].to_list(), corpora)
    aggregate = Aggregate(options.aggregate, np.ones(len(corpora)))

    def objective(nsl: np.ndarray) -> np.ndarray:
        return aggregate.value(nsl, reference[0])

    own = np.arange(len(corpora))
    by_size = {
        vocab_size: TrainingSet(shares, nsl[:, 0], objective, own)
        for vocab_size, (_, nsl, _) in zip(vocab_sizes, arrays, strict=True)
    }
    training = by_size[vocab_sizes[-1]]
    values = training.values
    print(
        f"{len(shares)} proxies, {len(corpora)} corpora, V = {vocab_sizes[-1]:,}; {options.aggregate} NSL from "
        f"{values.min():.4f} to {values.max():.4f}; {options.subsets} random subsets of each size\n"
    )
    regressions = [REGRESSIONS[name] for name in options.regressions or REGRESSIONS]
    show_kinds(training, options.sizes, options.subsets, regressions)
    if options.vocab_proxies and len(vocab_sizes) > 2:
        show_vocab_sizes(by_size, options.vocab_proxies)


if __name__ == "__main__":
    main()
