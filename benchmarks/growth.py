"""How the cost of each stage grows, with the fitted power of each: a table, and a figure with --figure.

    python benchmarks/growth.py [--runs 3] [--figure docs/growth.svg]

CPU seconds, median of the runs. The power is the slope of a straight line through the logarithms of the upper half
of the sizes: 1 is linear. With `wordfreq` (pip install wordfreq; words of 42 languages) the merge loop also
runs on millions of words.
"""

import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from text import arguments, cpu_seconds, files, machine, read

from trex.arrow import bytes_of
from trex.bpe.training import Workspace, train_flat
from trex.bpe.words import EvalCounts, FlatWords
from trex.counting.build_index import build_index
from trex.counting.corpus import CountingOptions, by_shard, count_corpus
from trex.counting.patterns import DEFAULT
from trex.counting.pretokenize import WordCounter
from trex.counting.word_index import WordIndex

ROOT = Path(__file__).parents[1]
VOCAB_SIZE = 64_000
SHARDS = 100


@dataclass(frozen=True)
class Growth:
    """Seconds of a stage at several sizes."""

    stage: str
    unit: str
    sizes: Sequence[float]
    seconds: Sequence[float]

    @property
    def power(self) -> float:
        half = slice(-max(2, (len(self.sizes) + 1) // 2), None)
        return float(np.polyfit(np.log(self.sizes[half]), np.log(self.seconds[half]), 1)[0])

    def row(self) -> str:
        points = ", ".join(f"{size:,.4g}: {s:.3g}" for size, s in zip(self.sizes, self.seconds, strict=True))
        return f"| {self.stage} | {self.unit} | {points} | {self.power:.2f} |"


def measured(stage: str, unit: str, runs: int, tasks: dict[float, Callable[[], object]]) -> Growth:
    seconds = []
    for task in tasks.values():
        task()  # fills caches, as in a batch of proxies
        seconds.append(statistics.median(cpu_seconds(task, runs)))
    growth = Growth(stage, unit, list(tasks), seconds)
    print(growth.row(), flush=True)
    return growth


def subset(words: pa.LargeBinaryArray, counts: np.ndarray, n: int) -> tuple[FlatWords, np.ndarray]:
    chosen = np.sort(np.random.default_rng(0).choice(len(words), n, replace=False))
    return FlatWords.build(words.take(pa.array(chosen))), counts[chosen]


def wordfreq_words() -> tuple[pa.LargeBinaryArray, np.ndarray]:
    """The largest word lists of wordfreq, every word with and without the space before it."""
    import wordfreq

    counts: dict[str, int] = {}
    for language in wordfreq.available_languages("best"):
        for word, frequency in wordfreq.get_frequency_dict(language, "best").items():
            n = max(1, round(1e9 * frequency))
            counts[" " + word] = counts.get(" " + word, 0) + n
            counts[word] = counts.get(word, 0) + n // 20 + 1
    words = pa.array([word.encode() for word in counts], type=pa.large_binary())
    return words, np.array(list(counts.values()), dtype=np.int64)


def growth_of_training(documents: list[pa.LargeStringArray], runs: int) -> list[Growth]:
    counter = WordCounter(shards=len(documents), by_line=True)
    for number, batch in enumerate(documents):
        counter.add(batch, np.full(len(batch), number, dtype=np.uint16))
    counted = counter.result()
    counts, workspace = counted.totals(), Workspace()
    sizes = [len(counts) >> shift for shift in (4, 3, 2, 1, 0)]
    subsets = {n: subset(counted.words, counts, n) for n in sizes}
    tables = {
        n: (lambda table=table: train_flat(*table, VOCAB_SIZE, workspace=workspace))
        for n, table in subsets.items()
    }
    found = [measured(f"one proxy, V = {VOCAB_SIZE:,}", "distinct words", runs, tables)]
    words, _ = subsets[sizes[-1]]
    found.append(
        measured(
            f"one proxy, {len(words):,} words",
            "vocabulary",
            runs,
            {
                v: (lambda v=v: train_flat(words, counts, v, workspace=workspace))
                for v in (8_000, 16_000, 32_000, 64_000, 128_000, 200_000)
            },
        )
    )

    def with_columns(n: int) -> Callable[[], object]:
        # the counts of all documents, dealt out to n columns
        evaluation = np.zeros((n, len(words)), dtype=np.int64)
        rng = np.random.default_rng(0)
        entries = np.repeat(np.arange(len(words)), np.diff(counted.offsets))
        np.add.at(evaluation, (rng.integers(n, size=len(entries)), entries), counted.counts)
        columns = EvalCounts.from_dense(evaluation)
        return lambda: train_flat(words, counts, VOCAB_SIZE, evaluation=columns, workspace=workspace)

    found.append(
        measured(
            f"one proxy, V = {VOCAB_SIZE:,}",
            "evaluation columns",
            runs,
            {n: with_columns(n) for n in (10, 20, 40, 80, 160)},
        )
    )
    if importlib.util.find_spec("wordfreq"):
        many, many_counts = wordfreq_words()
        sizes = (1_000_000, 3_000_000, len(many))
        subsets = {n: subset(many, many_counts, n) for n in sizes}
        tables = {
            n: (lambda table=table: train_flat(*table, VOCAB_SIZE, workspace=workspace))
            for n, table in subsets.items()
        }
        found.append(measured(f"one proxy, V = {VOCAB_SIZE:,}, wordfreq", "distinct words", runs, tables))
    return found


def growth_of_counting(documents: list[pa.LargeStringArray], runs: int) -> Growth:
    def counting(every: int) -> tuple[float, Callable[[], object]]:
        chosen = [batch.take(pa.array(np.arange(0, len(batch), every))) for batch in documents]

        def task() -> None:
            counter = WordCounter(shards=SHARDS, by_line=True)
            for batch in chosen:
                counter.add(batch, (np.arange(len(batch)) % SHARDS).astype(np.uint16))
            counter.result()

        return sum(int(np.diff(bytes_of(batch)[1][[0, -1]])[0]) for batch in chosen) / 1e6, task

    return measured("counting", "MB of text", runs, dict(counting(every) for every in (16, 8, 4, 2, 1)))


def growth_with_corpora(documents: list[pa.LargeStringArray], runs: int) -> list[Growth]:
    """Building the index and slicing it, for more and more corpora of the same size, each a part of a file."""
    pieces = -(-100 // len(documents))
    parts = [
        batch.take(pa.array(np.arange(piece, len(batch), pieces)))
        for piece in range(pieces)
        for batch in documents
    ][:100]
    with tempfile.TemporaryDirectory() as folder:
        for number, part in enumerate(parts):
            counted = count_corpus(
                [part],
                str(number),
                lambda documents: None,
                CountingOptions(seed=0, held_out_share=0.05, deduplicate=True, pattern=DEFAULT, by_line=True),
            )
            ledger, shard_of_cell = by_shard([counted.ledger])
            counted.words.write(Path(folder, f"{number}.parquet"), shard_of_cell)
            ledger.write_parquet(Path(folder, f"{number}.ledger.parquet"))
            evaluation = WordCounter()
            evaluation.add(part.slice(0, len(part) // 20 + 1))
            pl.from_arrow(evaluation.result().summed()).write_parquet(Path(folder, f"{number}.eval.parquet"))
            row = {
                "evaluation_set": "first",
                "corpus": str(number),
                "documents": 1,
                "bytes": 1,
                "characters": 1,
                "words": 1,
                "reference_tokens": 1,
            }
            pl.DataFrame([row]).write_parquet(Path(folder, f"{number}.eval.ledger.parquet"))

        def build(n: int) -> None:
            names = [str(number) for number in range(n)]
            file = lambda name, kind: Path(folder, f"{name}.{kind}")  # noqa: E731
            build_index(
                Path(folder, f"index{n}"),
                {name: file(name, "parquet") for name in names},
                {name: file(name, "ledger.parquet") for name in names},
                {
                    ("first", name): (file(name, "eval.parquet"), file(name, "eval.ledger.parquet"))
                    for name in names
                },
            )

        sizes = (5, 10, 20, 50, 100)
        indexing = measured("word index", "corpora", 1, {n: (lambda n=n: build(n)) for n in sizes})

        def slicing(n: int) -> Callable[[], object]:
            index = WordIndex.load(Path(folder, f"index{n}"))
            shares = np.full(n, 1 / n)
            return lambda: index.slice(shares, int(0.8 * index.available_bytes.sum()))

        return [indexing, measured("slice", "corpora", runs, {n: slicing(n) for n in sizes})]


def growth_of_planning() -> Growth:
    """Snakemake's own time to plan proxies that are jobs of their own (wall clock)."""
    seconds, sizes = [], (500, 1000, 2000, 5000)
    with tempfile.TemporaryDirectory() as folder:
        for n in sizes:
            config = Path(folder, f"{n}.yaml")
            config.write_text(
                (ROOT / "benchmarks/twenty_corpora.yaml")
                .read_text()
                .replace("  count: 64\n", f"  count: {n}\n  per_job: 1\n")
                .replace("results: results-twenty", "results: results-none")
            )
            start = time.perf_counter()
            subprocess.run(
                [
                    Path(sys.executable).parent / "snakemake",
                    "-n",
                    "--quiet",
                    "all",
                    "--cores",
                    "2",
                    "--configfile",
                    config,
                ],
                cwd=ROOT,
                check=True,
                stdout=subprocess.DEVNULL,
            )
            seconds.append(time.perf_counter() - start)
    growth = Growth("dry-run, a job a proxy (wall clock)", "proxies", sizes, seconds)
    print(growth.row(), flush=True)
    return growth


def draw(found: list[Growth], path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullFormatter

    columns = 3
    figure, axes = plt.subplots(
        -(-len(found) // columns), columns, figsize=(11, 3.2 * -(-len(found) // columns)), squeeze=False
    )
    for axis in axes.flat[len(found) :]:
        axis.axis("off")
    for axis, growth in zip(axes.flat, found, strict=False):
        axis.loglog(growth.sizes, growth.seconds, "o-", color="#3366aa")
        axis.set_title(f"{growth.stage}\npower {growth.power:.2f}", fontsize=9)
        axis.set_xlabel(growth.unit)
        axis.set_ylabel("seconds")
        axis.grid(True, which="both", alpha=0.3)
        axis.xaxis.set_minor_formatter(NullFormatter())
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--figure", help="where to draw the growth (svg or png)")
    options = parser.parse_args()
    documents = [read(path) for path in files(options.text)]
    print(machine())
    print("\n| stage | grows with | size: seconds | power |\n| --- | --- | --- | ---: |")
    found = [
        growth_of_counting(documents, options.runs),
        *growth_of_training(documents, options.runs),
        *growth_with_corpora(documents, options.runs),
        growth_of_planning(),
    ]
    if options.figure:
        draw(found, options.figure)


if __name__ == "__main__":
    main()
