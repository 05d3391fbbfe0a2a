"""How much the worst corpus depends on the draw of training text, by S: a search on one draw, measured on others.

    python benchmarks/draws.py INDEX [--bytes 140e6 4e9] [--rounds 40]

INDEX is the word index of `snakemake results-twenty/index --configfile benchmarks/twenty_corpora.yaml`. The strategy
direct searches with V = 32,768 on the first of three draws, the rotations of the shards that `train_candidate` uses.
The largest share of every corpus is that of 12 epochs of 140 MB for all S, so that all searches choose from the same
mixtures.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from trex.counting.word_index import WordIndex
from trex.mixtures.bounds import Bounds, share_caps
from trex.objective.aggregate import Aggregate
from trex.objective.metrics import worst
from trex.objective.targets import TargetObjective
from trex.proxies.tables import evaluation_arrays
from trex.proxies.train import Trainer
from trex.search.strategies.direct import Direct
from trex.search.strategies.matched import matched_mixture

V = 32_768
DRAWS = 3
CAPS = (140e6, 12)  # S and epochs
TOKENIZER = {
    "special_tokens": ["<|endoftext|>"],
    "min_frequency": 0,
    "max_token_length": None,
    "alphabet": "utf8",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("index", type=Path)
    parser.add_argument("--bytes", type=float, nargs="+", default=[140e6, 4e9], help="S")
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    index = WordIndex.load(options.index)
    corpora, k = list(index.corpora), len(index.corpora)
    n_text_bytes, reference_tokens = evaluation_arrays(index.evaluation_rows, ["held_out"], corpora)
    objective = TargetObjective(Aggregate("worst", np.ones(k)), reference_tokens)
    bounds = Bounds(np.zeros(k), share_caps(index.available_bytes, *CAPS))
    start = matched_mixture(objective.aggregate, n_text_bytes, reference_tokens, bounds)

    for n_bytes in options.bytes:
        trainer = Trainer(index, TOKENIZER, int(n_bytes), [V], DRAWS)

        def measure(shares: np.ndarray, draw: int = 0, trainer: Trainer = trainer) -> np.ndarray:
            return trainer.nsl(shares, ["held_out"], draw)

        measure(start)  # compiles
        begin = time.process_time()
        found = Direct(options.rounds).optimise(objective, measure, start, bounds)
        seconds = time.process_time() - begin
        shares = found.candidates[0].shares
        whole = trainer.train(shares).ledger["epochs"] > 0
        nsl = np.concatenate([measure(shares, draw) for draw in range(DRAWS)])  # [draws, k]
        apart = np.ptp(nsl, axis=0)
        print(
            f"S = {n_bytes / 1e6:,.0f} MB: {options.rounds} rounds in {seconds:.0f} CPU s; "
            f"{(~whole).sum()} of {k} corpora not read whole; "
            f"worst NSL on the draw searched {worst(nsl[0]):.4f}, on the others "
            f"{', '.join(f'{value:.4f}' for value in worst(nsl[1:]))}; most different between draws: "
            f"{corpora[apart.argmax()]}, {nsl[:, apart.argmax()].min():.4f} to {nsl[:, apart.argmax()].max():.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
