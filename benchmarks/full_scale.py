"""Text of any size, from files to a tokenizer of 200,000 tokens, with the time and memory of every stage.

    python benchmarks/full_scale.py FOLDER --gb 10 [--vocab-size 200000] [--parts 2] [--cores 2] [--equal-gb 2]

Makes the text in FOLDER, lets the pipeline count it and build the word index, trains on all of it, and prints a
table. With `--equal-gb 2`, also trains `gigabpe`, which must be installed, on so much of the text with GPT-2's pattern,
and this package on the same words, and compares all merges. The text is made of real words: the lines of each corpus
again and again, in which half of the words between spaces give way to words joined from the first half of one of its
distinct words and the second half of another. Which one is drawn by rank, with P(rank > r) = r^-0.15, so that distinct
words grow with the power 0.87 of the text (Heaps' law), as fast as in the fastest growing of the real corpora.
"""

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import yaml
from text import DEFAULT_FILES, files, lines, machine, read, tokenizers_training

from trex.compiled.kernel import kernel

ROOT = Path(__file__).parents[1]
TAIL = 0.15  # the exponent of the ranks of made words
REPLACED = 0.5
UNSPACED = ("jpn", "zho")  # corpora that do not put spaces between words
BLOCK = 1 << 26


@kernel
def _mixed(x):
    x = np.uint64(x) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ x >> np.uint64(29)) * np.uint64(0xBF58476D1CE4E5B9)
    return x ^ x >> np.uint64(32)


@kernel
def _is_letter(byte):
    return byte >= 128 or 97 <= byte | 32 <= 122


@kernel
def _middle(data, first, end):
    """The border of characters next to the middle of a word."""
    at = (first + end) // 2
    while at < end and data[at] & 0xC0 == 0x80:
        at += 1
    return at


@kernel
def compose(text, start, words, borders, state, out):
    """Fill `out` with the text from `start` on, begun again at its end, with words replaced. Returns where it stopped
    and how much of `out` is filled. state: uint64 [1], of the random numbers."""
    n_words = np.uint64(borders.size - 1)
    i = start
    n = 0
    while n < out.size - 4096:
        if i == text.size:
            i = 0
        if not _is_letter(text[i]):
            out[n] = text[i]
            n += 1
            i += 1
            continue
        end = i
        while end < text.size and end - i < 1000 and _is_letter(text[end]):
            end += 1
        state[0] += np.uint64(1)
        random = _mixed(state[0])
        if random & np.uint64(0xFFFF) < np.uint64(65536 * REPLACED) and end - i > 2:
            rank = (np.float64((random >> np.uint64(16)) + np.uint64(1)) / 2.0**48) ** (-1 / TAIL)
            chosen = _mixed(np.uint64(min(rank, 1e18)) + np.uint64(0x1234567))
            for part in range(2):
                w = chosen % n_words if part == 0 else (chosen >> np.uint64(32)) % n_words
                middle = _middle(words, borders[w], borders[w + 1])
                first, last = (borders[w], middle) if part == 0 else (middle, borders[w + 1])
                for k in range(first, last):
                    out[n] = words[k]
                    n += 1
        else:
            for k in range(i, end):
                out[n] = text[k]
                n += 1
        i = end
    return i, n


def distinct_words(text: bytes) -> tuple[np.ndarray, np.ndarray]:
    """(bytes, borders) of the words of 6 to 100 bytes, all letters."""
    found = {
        word
        for word in text.split()
        if 6 <= len(word) <= 100 and all(b >= 128 or b | 32 in range(97, 123) for b in word)
    }
    words = sorted(found)
    return np.frombuffer(b"".join(words), np.uint8), np.cumsum([0, *map(len, words)])


def generate(folder: Path, pattern: str, n_bytes: int, pieces: int) -> list[str]:
    """Write every corpus as files of lines, and return their names."""
    sources = [path for path in files(pattern) if not Path(path).stem.startswith(UNSPACED)]
    for number, path in enumerate(sources):
        text = np.frombuffer("".join(lines([read(path)])).encode(), np.uint8)
        words, borders = distinct_words(text.tobytes())
        state, at = np.array([number << 40], np.uint64), 0
        of_piece = n_bytes // len(sources) // pieces
        out = np.empty(min(BLOCK, of_piece), np.uint8)
        for piece in range(pieces):
            with open(folder / f"{Path(path).stem}.{piece}.txt", "wb") as file:
                while (left := of_piece - file.tell()) > 0.01 * of_piece:
                    at, n = compose(text, at, words, borders, state, out[:left])
                    file.write(out[:n].data)
                file.write(b"\n")
    return [Path(path).stem for path in sources]


def pipeline(folder: Path, corpora: list[str], options: argparse.Namespace) -> None:
    """Count everything and build the word index, as in any run."""
    reference, _ = tokenizers_training([read(path).slice(0, 50) for path in files(options.text)], 2000)
    reference.save(str(folder / "reference.json"))
    config = {
        "reference": "reference.json",
        "corpora": {c: {"source": {"text": f"text/{c}.*.txt"}} for c in corpora},
        "counting": {"parts": options.parts},
        "evaluation": {"held_out_share": 0.001},
        "proxies": {"count": 64, "bytes": "100MB", "vocab_size": 32000},
        "training": {"vocab_size": options.vocab_size},
    }
    (folder / "full_scale.yaml").write_text(yaml.safe_dump(config))
    for name in ("Snakefile", "src", "workflow", "profiles", "envs", "config"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    command = ["snakemake", "results/index", "--configfile", "full_scale.yaml"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run([*command, "--cores", str(options.cores)], cwd=folder, check=True, env=environment)


def train(folder: Path, vocab_size: int) -> None:
    """Train on all text, as train_tokenizer does; in a process of its own, for its memory."""
    from trex.counting.word_index import WordIndex
    from trex.proxies.train import Trainer
    from trex.tokenizer.build import to_tokenizer

    start, cpu = time.perf_counter(), time.process_time()
    index = WordIndex.load(folder / "results/index")
    options = {"special_tokens": [], "min_frequency": 0, "max_token_length": None, "alphabet": "utf8"}
    k = len(index.corpora)
    trained = Trainer(index, options, None, [vocab_size]).train(
        index.available_bytes / index.available_bytes.sum()
    )
    to_tokenizer(trained.model).save(str(folder / "tokenizer.json"))
    report = {
        "s": time.perf_counter() - start,
        "cpu_time": time.process_time() - cpu,
        "max_rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "corpora": k,
    }
    (folder / "train.json").write_text(json.dumps(report))


def merges_of_gigabpe(paths: list[str], vocab_size: int) -> list[tuple[str, str]]:
    import gigabpe

    return gigabpe.train_bpe(paths, vocab_size, special_tokens=[], pretokenizer="bytelevel", threads=1)[1]


def merges_of_ours(paths: list[str], vocab_size: int) -> list[tuple[str, str]]:
    from trex.bpe.byte_alphabet import spell
    from trex.bpe.training import train_flat
    from trex.bpe.words import FlatWords
    from trex.counting.pretokenize import WordCounter

    counter = WordCounter("gpt2", by_line=True, normalizer="none")
    for path in paths:
        with open(path, "rb") as file:
            while block := file.read(BLOCK) + file.readline():
                counter.add(pa.array([block], pa.large_binary()).view(pa.large_string()))
    counts = counter.result()
    del counter
    print(f"{len(paths)} files, {len(counts.words):,} distinct words", flush=True)
    model = train_flat(FlatWords.build(counts.words), counts.totals(), vocab_size)
    return [(spell(a), spell(b)) for a, b in model.merges]


def alone(function: Callable, *arguments) -> Any:
    """What a function gives in a process of its own; prints its time and memory."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        result, wall, cpu, memory = pool.submit(_measured, function, *arguments).result()
    print(f"{function.__name__}: {wall:,.0f} s, {cpu:,.0f} CPU s, {memory:,.0f} MB", flush=True)
    return result


def _measured(function: Callable, *arguments) -> tuple[Any, float, float, float]:
    start, cpu = time.perf_counter(), time.process_time()
    result = function(*arguments)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result, time.perf_counter() - start, time.process_time() - cpu, memory


def equality(folder: Path, n_bytes: int, vocab_size: int) -> None:
    """Compare all merges with those of `gigabpe`, on the first files of the text that have n_bytes together."""
    paths = sorted((folder / "text").iterdir())
    ends = np.cumsum([path.stat().st_size for path in paths])
    paths = [str(path) for path in paths[: int(np.searchsorted(ends, n_bytes)) + 1]]
    print(f"{ends[len(paths) - 1] / 1e9:.2f} GB", flush=True)
    theirs, ours = (alone(of, paths, vocab_size) for of in (merges_of_gigabpe, merges_of_ours))
    different = next((i for i, (a, b) in enumerate(zip(theirs, ours, strict=False)) if tuple(a) != b), None)
    print(f"merges: gigabpe {len(theirs):,}, ours {len(ours):,}; first that differs: {different}")


def table(folder: Path) -> None:
    """The time and memory of every stage, the jobs of a rule together."""
    print("| stage | jobs | wall s, all jobs | CPU s, all jobs | memory of the largest job, MB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    rules: dict[str, list[dict]] = {}
    for path in sorted((folder / "results/benchmarks").rglob("*.tsv")):
        rows = pl.read_csv(path, separator="\t", infer_schema_length=None)
        rule = path.relative_to(folder / "results/benchmarks").parts[0].removesuffix(".tsv")
        rules.setdefault(rule, []).append(rows.row(0, named=True))
    rules["training"] = [json.loads((folder / "train.json").read_text())]
    for rule, jobs in rules.items():
        wall, cpu = (sum(float(job[key]) for job in jobs) for key in ("s", "cpu_time"))
        memory = max(float(job["max_rss"]) for job in jobs)
        print(f"| {rule} | {len(jobs)} | {wall:,.0f} | {cpu:,.0f} | {memory:,.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--text", default=DEFAULT_FILES)
    parser.add_argument("--gb", type=float, default=10)
    parser.add_argument("--vocab-size", type=int, default=200_000)
    parser.add_argument("--parts", type=int, default=2)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument(
        "--equal-gb", type=float, help="compare merges with `gigabpe` on so much text; needs it"
    )
    parser.add_argument(
        "--only", choices=["generate", "count", "train", "table", "equal"], help="only this stage"
    )
    options = parser.parse_args()
    folder, stage = options.folder.resolve(), options.only
    (folder / "text").mkdir(parents=True, exist_ok=True)
    print(machine(), flush=True)
    if stage in (None, "generate"):
        start = time.perf_counter()
        generate(folder / "text", options.text, int(options.gb * 1e9), options.parts)
        print(f"text made in {time.perf_counter() - start:.0f} s", flush=True)
    corpora = sorted({path.name.split(".")[0] for path in (folder / "text").iterdir()})
    if stage in (None, "count"):
        pipeline(folder, corpora, options)
    if stage is None:
        again = [
            sys.executable,
            __file__,
            str(folder),
            "--only",
            "train",
            "--vocab-size",
            str(options.vocab_size),
        ]
        subprocess.run(again, check=True)
    if stage == "train":
        train(folder, options.vocab_size)
    if options.equal_gb and stage in (None, "equal"):
        equality(folder, int(options.equal_gb * 1e9), options.vocab_size)
    if stage in (None, "table"):
        print((folder / "results/index/index.json").read_text())
        table(folder)


if __name__ == "__main__":
    main()
