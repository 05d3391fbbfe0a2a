"""Real text for the benchmarks, as documents and as words."""

import argparse
import glob
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from trex.counting.patterns import DEFAULT

DEFAULT_FILES = "../shared/data/corpora/*.parquet"


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser that knows the files of text."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--text", default=DEFAULT_FILES, help=f"parquet files with a column `text` (default: {DEFAULT_FILES})"
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of everything short (default: 5)")
    return parser


def files(pattern: str) -> list[str]:
    """The files, sorted; an error that says what to do if there are none."""
    found = sorted(glob.glob(pattern))
    if not found:
        raise SystemExit(f"no file matches {pattern}: name parquet files with --text 'folder/*.parquet'")
    return found


def read(path: str) -> pa.LargeStringArray:
    """The documents of a file."""
    return pq.read_table(path, columns=["text"])["text"].cast(pa.large_string()).combine_chunks()


def split(documents: pa.LargeStringArray) -> tuple[pa.LargeStringArray, ...]:
    """Nine tenths to train on, and two evaluation sets of a twentieth each."""
    rest = pa.array([i % 20 for i in range(len(documents))])
    train = documents.filter(pc.greater(rest, 1))
    return train, documents.filter(pc.equal(rest, 0)), documents.filter(pc.equal(rest, 1))


def machine() -> str:
    """What the numbers were measured on."""
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "")
    load = os.getloadavg()[0]
    return f"{model or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}"


def cpu_seconds(function: Callable[[], object], runs: int) -> list[float]:
    """CPU seconds of each run, threads included."""
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return seconds


def shown(seconds: list[float]) -> str:
    """Median and range."""
    if len(seconds) == 1:
        return f"{seconds[0]:.2f}"
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


def lines(documents: Iterable[pa.LargeStringArray]) -> Iterator[str]:
    """What `tokenizers` reads of the documents as a file: lines with their newlines."""
    for batch in documents:
        for text in batch.to_pylist():
            *whole, rest = text.split("\n")
            yield from (line + "\n" for line in whole)
            yield rest


def tokenizers_training(documents: Iterable[pa.LargeStringArray], vocab_size: int) -> tuple[Tokenizer, float]:
    """`tokenizers` trained by itself on the lines of the documents, with the pipeline's normalizer and regex, and its
    CPU seconds."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(DEFAULT), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    start = time.process_time()
    tokenizer.train_from_iterator(lines(documents), trainer)
    return tokenizer, time.process_time() - start
