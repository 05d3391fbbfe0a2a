"""Which vocabulary size costs which language model least, from one training on equal shares.

    .venv/bin/python benchmarks/vocabulary_size.py results-twenty [--largest 524288]

Takes the word index of a finished run and its selection half, trains to the largest size, and prints a table (Markdown,
as in docs/vocabulary.md): for each model the size that `training.vocab_size: auto` would take, the flat region, and
what other sizes cost above the least.
"""

import argparse
import json
import resource
from pathlib import Path

import numpy as np
import polars as pl

from trex.config.models import Config
from trex.counting.word_index import WordIndex
from trex.language_model.cost import Run
from trex.language_model.vocab_size import choose, cost_curve
from trex.proxies.train import Trainer
from trex.tokenizer.sizes import DEFAULT_PAD, in_range

MODELS = {
    ".1 billion parameters, width 768": {"parameters": 1e8, "width": 768},
    "1 billion, width 2,048": {"parameters": 1e9, "width": 2048},
    "7 billion, width 4,096": {},
    "the same, 10 tokens served, a tenth written": {"served_tokens": 10.0, "generated_share": 0.1},
    "70 billion, width 8,192": {"parameters": 7e10, "width": 8192},
}
SHOWN = [32_768, 65_536, 131_072, 262_144]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--smallest", type=int, default=16_384)
    parser.add_argument("--largest", type=int, default=524_288)
    args = parser.parse_args()
    config = json.loads((args.results / "provenance.json").read_text())["run"]["config"]
    corpora = list(config["corpora"])
    sizes = sorted({*in_range(args.smallest, args.largest, DEFAULT_PAD), *SHOWN})
    trainer = Trainer(
        WordIndex.load(args.results / "index", corpora), config["tokenizer"], None, sizes, count_uses=True
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    trained = trainer.train(np.full(len(corpora), 1 / len(corpora)), key={"name": "uniform", "draw": 0})
    seconds = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
    print(f"{trained.ledger['given_bytes'].sum():,} bytes, {seconds:.1f} CPU s\n")
    print(
        f"| model | V taken | within 1 % | cheapest | {' | '.join(f'cost at {size:,}' for size in SHOWN)} |"
    )
    print("|---|" + "---:|" * (3 + len(SHOWN)))
    defaults = Config.model_fields["language_model"].get_default(call_default_factory=True).model_dump()
    for name, model in MODELS.items():
        run = Run.from_config(defaults | model, corpora)
        curve = cost_curve(run, trained.compression, trained.uses, corpora)
        found = choose(curve, "uniform", None, sizes)
        above = dict(curve.select("vocab_size", "above").iter_rows())
        costs = " | ".join(f"{100 * above[size]:+.1f} %" for size in SHOWN)
        flat = found["flat"]
        print(f"| {name} | {found['vocab_size']:,} | to {flat['high']:,} | {flat['cheapest']:,} | {costs} |")
    at = curve.filter(pl.col("vocab_size").is_in(SHOWN)).select(
        "vocab_size", rare=pl.col("rare") / pl.col("entries"), unseen=pl.col("unseen") / pl.col("entries")
    )
    print()
    for size, rare, unseen in at.iter_rows():
        print(f"V = {size:,}: {rare:.1%} of the entries are rare, {unseen:.1%} unseen")


if __name__ == "__main__":
    main()
