"""How much the worst corpus depends on the draw of training text, by S: a search on one draw, measured on others.

    python benchmarks/draws.py INDEX [--bytes 140e6 4e9] [--rounds 40]

INDEX is the word index of `snakemake results-twenty/index --configfile benchmarks/twenty_corpora.yaml`. The strategy
direct searches with V = 32,768 on the first of three draws, the rotations of the shards that `verify_candidates` uses.
The largest share of every corpus is that of 12 epochs of 140 MB for all S, so that all searches choose from the same
mixtures.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from trex.metrics import Objective, worst
from trex.targets import Targets

from trex import proxies, search
from trex.mixtures import share_caps
from trex.wordindex import WordIndex

V = 32_768
DRAWS = 3
CAPS = (140e6, 12)  # S and epochs
TOKENIZER = {"special_tokens": ["<|endoftext|>"], "min_frequency": 0, "max_token_length": None}


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
    evaluation = proxies.evaluation_arrays(index, ["held_out"])
    targets = Targets(Objective("worst", np.ones(k)), evaluation[1])
    (start,) = search.matched_candidate(targets.objective, *evaluation).candidates
    caps = share_caps(index.available_bytes, *CAPS)

    for n_bytes in options.bytes:
        measure = search.measurer(index, ["held_out"], int(n_bytes), V, TOKENIZER)
        measure(start.shares)  # compiles
        begin = time.process_time()
        found = search.direct(targets, measure, start.shares, np.zeros(k), caps, rounds=options.rounds)
        seconds = time.process_time() - begin
        shares = found.candidates[0].shares
        whole = index.slice(shares, int(n_bytes)).ledger["epochs"] > 0
        nsl = np.concatenate([measure(shares, draw, DRAWS) for draw in range(DRAWS)])  # [draws, k]
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
