"""Does a mixture that equalises corpora beat the algorithm that does? Plain BPE on mixtures, and parity-aware BPE.

    python benchmarks/parity_answer.py [--vocab-size 32768] [--rounds 40] [--csv parity_answer.csv]

Eighteen twentieths of each file are training text, one is development text, one is test text; the Declaration of Human
Rights is parallel text of another kind. Mixtures are weights of whole corpora, searched by `direct` for two aims that
parity-aware BPE has too: equal NSL (by o200k_base) on development text, and equal tokens on the Declaration. In
between, shares are the uniform ones to the power 1 - t times the searched ones to the power t.
Gini: of the Declaration's tokens by language.
"""

import csv
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from parity import count, side_by_side, totals
from text import arguments, files, machine, read, split

from trex.bpe.model import BpeModel
from trex.bpe.parity import train_parity
from trex.bpe.training import Workspace, train_flat
from trex.bpe.turns import Turns
from trex.mixtures.bounds import Bounds
from trex.objective.aggregate import Aggregate
from trex.objective.metrics import gini
from trex.objective.targets import TargetObjective
from trex.search.strategies.direct import Direct
from trex.tokenizer.reference import load_reference

DECLARATION = "../shared/data/ood/udhr.parquet"
WEIGHTED = 10**11  # bytes that a mixture's counts are scaled to, so that rounding them changes nothing
BETWEEN = (0.25, 0.5, 0.75, 1.0)
ALPHABET = 256
SETS = ("development", "test", "declaration")


def declaration(path: str, corpus: str) -> pa.LargeStringArray:
    rows = pq.read_table(path, filters=[("lang", "=", corpus)])
    return rows["text"].cast(pa.large_string()).combine_chunks()


class Workbench:
    """The text, counted once, and what a tokenizer makes of it."""

    def __init__(self, options):
        paths = files(options.text)
        self.corpora = [Path(path).stem for path in paths]
        texts = [
            (*split(read(path)), declaration(options.declaration, corpus))
            for path, corpus in zip(paths, self.corpora, strict=True)
        ]
        self.words, (self.train, *self.sets) = count(texts)
        self.evaluation = side_by_side(*self.sets)
        reference = load_reference("o200k_base", Path("."))
        self.reference = np.array(
            [[reference.count(text[kind]).sum() for text in texts] for kind in range(1, 4)]
        )  # [sets, k]
        self.bytes = np.array([text[0].nbytes for text in texts], float)
        self.vocab_size = options.vocab_size
        self.workspace = Workspace()

    def tokens(self, model: BpeModel) -> np.ndarray:
        """[sets, k]"""
        return model.token_counts().reshape(len(self.sets), -1)

    def on_mixture(self, shares: np.ndarray, vocab_size: int | None = None) -> BpeModel:
        counts = totals(len(self.words), self.train, shares * WEIGHTED / self.bytes)
        vocab_size = vocab_size or self.vocab_size
        return train_flat(
            self.words, counts, vocab_size, evaluation=self.evaluation, workspace=self.workspace
        )

    def parity(self, turns: Turns, measured: int | None) -> BpeModel:
        return train_parity(
            self.words, self.train, self.vocab_size, turns, evaluation=self.evaluation, workspace=self.workspace,
            development=None if measured is None else self.sets[measured],
        )  # fmt: skip

    def equalising(self, units: np.ndarray, measured: int, rounds: int) -> np.ndarray:
        """The mixture that `direct` finds for the smallest largest tokens / units [k] of a set."""
        k = len(self.corpora)
        objective = TargetObjective(Aggregate("worst", np.ones(k)), units[None])

        def measure(shares: np.ndarray) -> np.ndarray:
            return self.tokens(self.on_mixture(shares))[measured][None] / units

        found = Direct(rounds).optimise(
            objective, measure, np.full(k, 1 / k), Bounds(np.zeros(k), np.ones(k))
        )
        return found.candidates[0].shares

    def row(self, name: str, model: BpeModel, seconds: float) -> dict[str, str | float]:
        tokens = self.tokens(model)
        nsl = tokens / self.reference
        result: dict[str, str | float] = {"tokenizer": name}
        for i, kind in enumerate(SETS):
            result[f"{kind} macro"] = nsl[i].mean()
            result[f"{kind} worst"] = nsl[i].max()
        result["declaration most tokens"] = tokens[2].max()
        result["declaration tokens"] = tokens[2].sum()
        result["declaration Gini"] = float(gini(tokens[2]))
        leaders = getattr(model, "leaders", np.empty(0, int))
        leaders = leaders[leaders >= 0]
        result["steps of the corpus with most"] = (
            np.bincount(leaders).max() / len(leaders) if len(leaders) else float("nan")
        )
        result["CPU s"] = seconds
        return result


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--declaration", default=DECLARATION)
    parser.add_argument("--vocab-size", type=int, default=32768)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--csv", default="parity_answer.csv")
    options = parser.parse_args()
    bench = Workbench(options)
    k = len(bench.corpora)
    print(f"{machine()}; V = {options.vocab_size:,}, {bench.bytes.sum() / 1e6:.0f} MB, {k} corpora")
    uniform = np.full(k, 1 / k)
    rows = []

    def add(name: str, train) -> None:
        start = time.process_time()
        model = train()
        rows.append(bench.row(name, model, time.process_time() - start))
        if len(rows) == 1:
            print("| " + " | ".join(rows[0]) + " |\n|" + " --- |" * len(rows[0]))
        print(
            "| "
            + " | ".join(f"{value:.4g}" if isinstance(value, float) else str(value) for value in rows[-1].values())
            + " |",
            flush=True,
        )  # fmt: skip
        with open(options.csv, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)

    add("mixture uniform", lambda: bench.on_mixture(uniform))
    development, declared = bench.reference[0], np.full(k, bench.tokens(bench.on_mixture(uniform))[2].mean())
    some = (options.vocab_size - 256) // 2
    for name, units, measured in (("NSL", development, 0), ("tokens", declared, 2)):
        what = f"equal {name}, {SETS[measured]}"
        divide = units.tolist() if name == "NSL" else None
        for variant, turns in {
            "base": Turns(units=divide),
            "window": Turns("window", units=divide),
            "hybrid base": Turns(units=divide, global_merges=some),
            "hybrid window": Turns("window", units=divide, global_merges=some),
        }.items():
            add(
                f"parity {variant}: {what}",
                lambda turns=turns, measured=measured: bench.parity(turns, measured),
            )
    # bytes per token of the reference: equal NSL on training text
    ratio = (bench.tokens(bench.on_mixture(uniform, ALPHABET))[0] / development).tolist()
    for variant in ("base", "window"):
        add(
            f"parity {variant}: ratio",
            lambda variant=variant: bench.parity(Turns(variant, ratio=ratio), None),
        )
    for merges, variant in ((0, "window"), (some, "hybrid window")):
        turns = Turns("window", alpha=4.0, units=development.tolist(), global_merges=merges)
        add(f"parity {variant} alpha 4: equal NSL, development", lambda turns=turns: bench.parity(turns, 0))
    for name, units, measured in (("NSL", development, 0), ("tokens", declared, 2)):
        start = time.process_time()
        shares = bench.equalising(units, measured, options.rounds)
        print(f"search: {time.process_time() - start:.0f} CPU s; shares", np.round(shares, 4).tolist())
        for t in BETWEEN:
            mixed = uniform ** (1 - t) * shares**t
            mixed /= mixed.sum()
            add(
                f"mixture {t}: equal {name}, {SETS[measured]}",
                lambda mixed=mixed: bench.on_mixture(mixed),
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
