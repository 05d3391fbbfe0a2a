"""Superwords against plain BPE: CPU seconds, memory, and the tokens of every corpus.

    python benchmarks/superwords.py [--megabytes 40] [--vocab-size 32000] [--shares 0.8 0.9] [--check] [--grow 1000]

Text: the first documents of every file, the same bytes of each, up to `--megabytes` in all (0: all). Two evaluation
columns a file. A process of its own trains, so that its memory is that of a training with its counts mapped from disk.
`--check` encodes the evaluation text with finished tokenizers, which must give the tokens that training reported.
`--grow` makes more pieces out of halves of those that there are, to so many megabytes of distinct pieces, for time and
memory alone.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from text import arguments, files, machine, read, split
from tokenizers import Tokenizer

from trex.bpe.superwords import Counted, train_superwords
from trex.bpe.training import Workspace, train_flat
from trex.bpe.words import EvalCounts, FlatWords
from trex.counting.pretokenize import WordCounter, WordCounts
from trex.tokenizer.build import to_tokenizer
from trex.tokenizer.encode import encode
from trex.tokenizer.sizes import transition_size

ARRAYS = ("text", "sizes", "counts", "eval_words", "eval_offsets", "eval_columns", "eval_counts")


def first_bytes(documents: pa.LargeStringArray, n_bytes: float) -> pa.LargeStringArray:
    upto = np.cumsum(pc.binary_length(documents).to_numpy(zero_copy_only=False))
    return documents[: int(np.searchsorted(upto, n_bytes)) + 1]


def laid_out(trained: WordCounts, columns: list[WordCounts]) -> tuple[pa.Array, np.ndarray, EvalCounts]:
    """(distinct words, their counts in training text, those in evaluation columns)."""
    table = pa.concat_arrays([trained.words, *(column.words for column in columns)]).unique()
    row = {word: number for number, word in enumerate(table.to_pylist())}
    word = np.concatenate([[row[word] for word in column.words.to_pylist()] for column in columns])
    which = np.repeat(np.arange(len(columns)), [len(column.words) for column in columns])
    order = np.argsort(word, kind="stable")
    totals = np.concatenate([column.totals() for column in columns])
    counts = np.zeros(len(table), np.int64)
    counts[: len(trained.words)] = trained.totals()
    return table, counts, EvalCounts.from_entries(word[order], which[order], totals[order], len(columns))


def count(pattern: str, text: list[str], n_bytes: float, folder: Path, grow: float) -> float:
    """Write the counts of training text, and of two columns a file, as words of a pattern. CPU seconds."""
    start = time.process_time()
    counter, columns = WordCounter(pattern, by_line=True), []
    for path in text:
        train, *held_out = split(read(path))
        counter.add(first_bytes(train, n_bytes))
        for documents in held_out:
            column = WordCounter(pattern)
            column.add(documents)
            columns.append(column.result())
    seconds = time.process_time() - start
    table, counts, evaluation = laid_out(counter.result(), columns)
    if grow:
        table, counts = grown(table, counts, grow)
    flat = FlatWords.build(table)
    folder.mkdir()
    for name, array in zip(ARRAYS, (flat.text, flat.sizes, counts, *evaluation[:4]), strict=True):
        np.save(folder / f"{name}.npy", array)
    return seconds


def grown(table: pa.Array, counts: np.ndarray, n_bytes: float) -> tuple[pa.Array, np.ndarray]:
    """More pieces, each of the halves of two, cut at a space, until there are so many bytes of them."""
    halves = [word.split(b" ") for word in table.to_pylist()]
    left = pa.array([b" ".join(parts[: len(parts) // 2 + 1]) for parts in halves], pa.large_binary())
    right = pa.array(
        [b"".join(b" " + p for p in parts[len(parts) // 2 + 1 :]) for parts in halves], pa.large_binary()
    )
    rng = np.random.default_rng(0)
    mean = sum(map(len, table.to_pylist())) / len(table)
    n = int(n_bytes / mean)
    both = [half.take(pa.array(rng.integers(len(table), size=n))) for half in (left, right)]
    more = pc.binary_join_element_wise(*both, pa.scalar(b"", pa.large_binary())).unique()
    more = more.filter(pc.invert(pc.is_in(more, value_set=table)))
    return pa.concat_arrays([table, more]), np.append(counts, np.ones(len(more), np.int64))


def load(folder: Path, n_columns: int) -> tuple[Counted, EvalCounts]:
    text, sizes, counts, *evaluation = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS)
    return Counted(FlatWords(text, sizes), counts), EvalCounts(*evaluation, n_columns)


def train(folder: Path, options: argparse.Namespace, n_columns: int) -> None:
    """Train plain BPE and superwords, and print a JSON object of what they took and gave."""
    words, in_words = load(folder / "words", n_columns)
    pieces, in_pieces = load(folder / "pieces", n_columns)
    workspace, found = Workspace(), {}
    for run in range(options.runs + 1):  # the first fills the workspace, and may compile
        start = time.process_time()
        plain = train_flat(*words, options.vocab_size, evaluation=in_words, workspace=workspace)
        found.setdefault("plain BPE", []).append(time.process_time() - start)
        for share in options.shares:
            transition = transition_size(options.vocab_size, share)
            start = time.process_time()
            [model] = train_superwords(
                words, pieces, options.vocab_size, [transition], evaluation=in_pieces, workspace=workspace
            )
            found.setdefault(f"superwords from {share}", []).append(time.process_time() - start)
            if run == 0:
                found[f"tokens from {share}"] = {
                    size: model.token_counts(size).tolist() for size in options.sizes
                }
                if options.check:
                    for size in options.sizes:
                        to_tokenizer(model.cut(size), "superwords").save(str(folder / f"{share}.{size}.json"))
    found["plain tokens"] = plain.token_counts().tolist()
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps(found))


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--megabytes", type=float, default=40)
    parser.add_argument("--vocab-size", type=int, default=32000)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.8])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--grow", type=float, default=0)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    text = files(options.text)
    options.sizes = [options.vocab_size // 2, options.vocab_size]
    if options.folder:
        train(options.folder, options, 2 * len(text))
        return 0

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        n_bytes = options.megabytes * 1e6 / len(text) or np.inf
        print(machine())
        for name, pattern in (("words", "default"), ("pieces", "superwords")):
            grow = options.grow * 1e6 if name == "pieces" else 0
            seconds = count(pattern, text, n_bytes, folder / name, grow)
            counted, _ = load(folder / name, 2 * len(text))
            n = int((counted.counts > 0).sum())
            size = int(counted.words.sizes[counted.counts > 0].sum(dtype=np.int64))
            print(
                f"{n:,} distinct {name} of {size / 1e6:.1f} MB, counted in {seconds:.1f} CPU s, evaluation included"
            )
        command = [sys.executable, __file__, *sys.argv[1:], "--folder", str(folder)]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        print(f"\nV = {options.vocab_size:,}, {2 * len(text)} columns, {found['memory']:.2f} GB at most\n")
        print("| | first run | median of the next | \n| --- | ---: | ---: |")
        for name, seconds in found.items():
            if name.startswith(("plain BPE", "superwords")):
                rest = f"{np.median(seconds[1:]):.2f}" if seconds[1:] else ""
                print(f"| {name} | {seconds[0]:.2f} | {rest} |")
        wrong = check(options, text, folder, found) if options.check else False
        print_tokens(options, text, found)
    return int(wrong)


def check(options: argparse.Namespace, text: list[str], folder: Path, found: dict) -> bool:
    """Whether a finished tokenizer's encodings differ from what training reported."""
    wrong = False
    for share in options.shares:
        for size in options.sizes:
            tokenizer = Tokenizer.from_file(str(folder / f"{share}.{size}.json"))
            documents = (held_out for path in text for held_out in split(read(path))[1:])
            tokens = [int(encode(tokenizer, texts, size)[0].sum()) for texts in documents]
            equal = tokens == found[f"tokens from {share}"][str(size)]
            wrong = wrong or not equal
            print(
                f"finished tokenizer from {share} at V = {size:,}: tokens equal: {'yes' if equal else 'NO'}"
            )
    return wrong


def print_tokens(options: argparse.Namespace, text: list[str], found: dict) -> None:
    plain = np.array(found["plain tokens"]).reshape(-1, 2).sum(axis=1)
    tokens = [
        np.array(found[f"tokens from {share}"][str(options.vocab_size)]).reshape(-1, 2).sum(axis=1)
        for share in options.shares
    ]
    print("\n| corpus | plain tokens | " + " | ".join(f"from {share}" for share in options.shares) + " |")
    print("| --- | ---: |" + " ---: |" * len(tokens))
    names = [Path(path).stem for path in text]
    for i in np.argsort(tokens[0] / plain):
        print(
            f"| {names[i]} | {plain[i]:,} | "
            + " | ".join(f"{of[i] / plain[i] - 1:+.1%}" for of in tokens)
            + " |"
        )
    print(
        f"| all | {plain.sum():,} | "
        + " | ".join(f"{of.sum() / plain.sum() - 1:+.1%}" for of in tokens)
        + " |"
    )


if __name__ == "__main__":
    sys.exit(main())
