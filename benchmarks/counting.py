"""Rate of counting against `tokenizers`, on the same real text; with options also exactness and memory.

    python benchmarks/counting.py [--runs N] [--subset MB] [--steps | --rates-by-pattern |
        --exact [--pattern NAME ...] [--contexts N] | --memory [--gigabytes G]] FILE ...

The table says how many MB a second of CPU time reads, normalizes, pre-tokenizes and counts, as median and range of the
runs. `tokenizers` counts, on one thread, the first MB of every file: a training whose vocabulary is full at once.

--steps says where the time of the whole job goes, from files to files.
--rates-by-pattern prints the rate of every named pattern (NFC, split, count, in memory) against `tokenizers`, and, if
it is installed, against `gigabpe`, which knows one of them, on one thread, from a file.
--exact compares words and counts for every named pattern, or those of --pattern: every code point in many contexts,
100,000 random texts, and every line of the files.
--memory counts copies of the files with random letters behind every fourth space, so that distinct words grow with the
text, and prints the most memory that was in use.
"""

import argparse
import glob
import json
import os
import platform
import random
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tokenizers
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from trex.arrow import binary, bytes_of, from_numpy
from trex.bpe.byte_alphabet import BYTE_CHARACTERS
from trex.corpora import read_documents
from trex.counting.corpus import CountingOptions, by_shard, count_corpus, held_out_file
from trex.counting.documents import Seen, characters_of, document_hashes, low_half, sizes_of
from trex.counting.patterns import DEFAULT, PATTERNS
from trex.counting.pretokenize import WordCounter
from trex.counting.shards import cells, cells_of, shards_of_cells
from trex.counting.word_files import n_words

SHARDS = 100
BATCH_ROWS = 2_000
SPLIT = CountingOptions(seed=1, held_out_share=0.05, deduplicate=True, pattern=DEFAULT, by_line=True)
MOST_SHARDS = 1 << 16
CONTEXTS = (
    "{0}", " {0}a{0}'{0}\n1{0}2", "{0}{0}",
    "a{0}b", " {0}", "{0} ", "  {0}  x", "\n{0}\n", "\r{0}\r\n", "'{0}", "'s{0}", "'{0}e",
    "'r{0}'L{0}", "1{0}2", "!{0}?", " !{0}\n", "\t{0}a", "{0}'d", "\u00e9{0}\u0301", "\u0431{0}\u0431",
    "\u3042{0}\u4e00", "abcdefg{0}", "abcdefgh{0}", " abcdefg{0}hi", "\u1100{0}\u11a8",
)  # fmt: skip
RANDOM_TEXTS = 100_000


def read(path: str) -> pa.LargeStringArray:
    return pq.read_table(path, columns=["text"])["text"].cast(pa.large_string()).combine_chunks()


def lines(documents: pa.LargeStringArray) -> Iterator[str]:
    for text in documents.to_pylist():
        *whole, rest = text.split("\n")
        yield from (line + "\n" for line in whole)
        if rest:
            yield rest


def tokenizers_count(items: list[str], pattern: str = DEFAULT) -> tuple[dict[bytes, int], float]:
    """What `tokenizers` counts in items, as the state of its trainer tells, and its seconds of CPU time."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    trainer = trainers.BpeTrainer(vocab_size=256, show_progress=False)
    start = time.process_time()
    tokenizer.train_from_iterator(items, trainer)
    seconds = time.process_time() - start
    byte_of = {character: byte for byte, character in enumerate(BYTE_CHARACTERS)}
    words = json.loads(trainer.__getstate__())["BpeTrainer"]["words"]
    return {bytes(byte_of[c] for c in word): n for word, n in words.items()}, seconds


def our_count(documents: pa.LargeStringArray, pattern: str) -> dict[bytes, int]:
    counter = WordCounter(pattern, by_line=True)
    counter.add(documents)
    counts = counter.result()
    return dict(zip(counts.words.to_pylist(), counts.totals().tolist(), strict=True))


# ------------------------------------------------------------------------------------------------------------ rates


def kernel_seconds(columns: list[pa.LargeStringArray], one_counter: bool, pattern: str = DEFAULT) -> float:
    """CPU seconds of counting documents in memory by shard, a corpus at a time or all as one."""
    rng = np.random.default_rng(0)
    seconds = 0.0
    counter = WordCounter(pattern, shards=SHARDS, by_line=True)
    for documents in columns:
        if not one_counter:
            counter = WordCounter(pattern, shards=SHARDS, by_line=True)
        shards = rng.integers(0, SHARDS, len(documents)).astype(np.uint16)
        start = time.process_time()
        counter.add(documents, shards)
        seconds += time.process_time() - start
    return seconds


def corpus_seconds(sources: list[list[str]]) -> float:
    """CPU seconds of counting corpora from files to files."""
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            documents = read_documents({"parquet": source, "column": "text"}, Path.cwd())
            with held_out_file(Path(folder, "held_out.parquet")) as hold_out:
                counts = count_corpus(documents, "corpus", hold_out, SPLIT)
            counts.words.write(Path(folder, "words.arrow"), by_shard([counts.ledger])[1])
    return time.process_time() - start


def text_of(files: list[str], subset: float) -> tuple[list[pa.LargeStringArray], list[str], float, float]:
    """(documents by file, lines of the first `subset` MB of each, MB of the documents, MB of the lines)"""
    columns = [read(path) for path in files]
    size = sum(int(np.diff(bytes_of(documents)[1]).sum()) for documents in columns) / 1e6
    items, small = [], 0.0
    for documents in columns:
        borders = bytes_of(documents)[1]
        n = int(np.searchsorted(borders, borders[0] + subset * 1e6))
        items += lines(documents[:n])
        small += int(borders[min(n, len(documents))] - borders[0]) / 1e6
    return columns, items, size, small


def gigabpe_seconds(columns: list[pa.LargeStringArray]) -> float | None:
    """CPU seconds of `gigabpe` for a training without merges, one thread; None if it is not installed."""
    try:
        import gigabpe
    except ImportError:
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8", newline="") as file:
        for documents in columns:
            file.writelines(documents.to_pylist())
        file.flush()
        start = time.process_time()
        gigabpe.train_bpe([file.name], 257, pretokenizer="bytelevel", threads=1)
        return time.process_time() - start


def rates_by_pattern(files: list[str], runs: int, subset: float) -> None:
    columns, items, size, small = text_of(files, subset)
    for pattern in PATTERNS.values():
        kernel_seconds([columns[0][:10]], True, pattern)  # compiles, or loads what was compiled
    print(f"{len(files)} files, {size:.0f} MB ({small:.0f} MB for tokenizers), {runs} runs; median (range)")
    print("MB per second of CPU time   ours                   tokenizers             times")
    for name, pattern in PATTERNS.items():
        pairs = [
            (size / kernel_seconds(columns, False, pattern), small / tokenizers_count(items, pattern)[1])
            for _ in range(runs)
        ]
        ours, theirs = zip(*pairs, strict=True)
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{name:26}  {shown(ours):21}  {shown(theirs):21}  {ratio:5.1f}", flush=True)
    if gigabpe_seconds([columns[0][:10]]) is not None:
        rates = [size / gigabpe_seconds(columns) for _ in range(runs)]
        print(f"{'gpt2, by gigabpe (no NFC)':26}  {shown(rates):21}")


def shown(rates: Sequence[float]) -> str:
    return f"{statistics.median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})"


def rates(files: list[str], runs: int, subset: float) -> None:
    columns, items, size, small = text_of(files, subset)
    corpus_seconds([files[:1]])  # compiles, or loads what was compiled
    ways = {
        "count by shard, a counter a file": lambda: size / kernel_seconds(columns, False),
        "count by shard, one counter": lambda: size / kernel_seconds(columns, True),
        "count_corpus, a file a corpus": lambda: size / corpus_seconds([[path] for path in files]),
        "count_corpus, all as one corpus": lambda: size / corpus_seconds([files]),
        "tokenizers, one thread": lambda: small / tokenizers_count(items)[1],
    }
    measured = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            measured[name].append(way())
    print(f"{len(files)} files, {size:.0f} MB ({small:.0f} MB for tokenizers), {runs} runs")
    print("MB per second of CPU time            median  (range)            times tokenizers")
    theirs = measured["tokenizers, one thread"]
    for name, values in measured.items():
        ratio = statistics.median(ours / other for ours, other in zip(values, theirs, strict=True))
        spread = f"({min(values):.1f} to {max(values):.1f})"
        print(f"{name:35}  {statistics.median(values):6.1f}  {spread:17}  {ratio:6.1f}")


def steps(files: list[str], runs: int) -> None:
    """CPU time of each step of the job count_words, all files as one corpus: the run that took least of some."""
    best: dict[str, float] = {}
    for _ in range(runs):
        seconds = step_seconds(files)
        if not best or sum(seconds.values()) < sum(best.values()):
            best = seconds
    size = sum(batch.nbytes for batch in read_documents({"parquet": files}, Path.cwd())) / 1e6
    total = sum(best.values())
    print("step                                 ms a MB   share")
    for name, part in {**best, "all": total}.items():
        print(f"{name:35}  {1000 * part / size:7.2f}  {part / total:6.1%}")
    print(f"{size / total:.1f} MB per second of CPU time; best of {runs} runs")


def step_seconds(files: list[str]) -> dict[str, float]:
    seconds: dict[str, float] = {}

    def timed(step, function, *arguments):
        start = time.process_time()
        result = function(*arguments)
        seconds[step] = seconds.get(step, 0.0) + time.process_time() - start
        return result

    seen, counter = Seen(), WordCounter(shards=cells(), by_line=True)
    cell_bytes = np.zeros(cells(), dtype=np.int64)
    documents = 0
    batches = read_documents({"parquet": files}, Path.cwd())
    with tempfile.TemporaryDirectory() as folder, held_out_file(Path(folder, "held_out")) as hold_out:
        while (batch := timed("read", next, batches, None)) is not None:
            hashes = timed("hash documents", document_hashes, batch, SPLIT.seed)
            timed("count characters", characters_of, batch)
            timed("find copies", seen.add, hashes)
            held_out = low_half(hashes) < np.uint64(round(SPLIT.held_out_share * 2**32))
            documents += len(batch)
            cell = timed("deal into cells", cells_of, hashes, documents)
            np.add.at(cell_bytes, cell, sizes_of(batch))
            train = np.flatnonzero(~held_out)
            timed("order, normalize, split, count words", counter.add, batch, cell, train)
            timed("write held-out documents", hold_out, batch.take(from_numpy(np.flatnonzero(held_out))))
        shard_of_cell, _ = timed("make shards", shards_of_cells, cell_bytes, documents)
        timed("sort words", lambda: sum(1 for _ in counter.chunks()))
        timed("write words", counter.write, Path(folder, "words"), shard_of_cell)
    seconds["write words"] -= seconds["sort words"]  # which it does again
    return seconds


# -------------------------------------------------------------------------------------------------------- exactness


def by_tokenizers(texts: list[str], pattern: str) -> Counter[bytes]:
    """Words of texts that are items of their own, by the parts of `tokenizers` that need no training."""
    normalize = normalizers.NFC().normalize_str
    split = pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str
    return Counter(word.encode() for text in texts for word, _ in split(normalize(text)))


def by_us(texts: list[str], pattern: str) -> dict[bytes, int]:
    counter = WordCounter(pattern)
    counter.add(pa.array(texts, pa.large_string()))
    counts = counter.result()
    return dict(zip(counts.words.to_pylist(), counts.totals().tolist(), strict=True))


def different(texts: list[str], pattern: str) -> list[str]:
    """Texts whose words are not those of `tokenizers`."""
    found = []
    for first in range(0, len(texts), MOST_SHARDS):
        some = texts[first : first + MOST_SHARDS]
        counter = WordCounter(pattern, shards=len(some))  # each text is a shard
        counter.add(pa.array(some, pa.large_string()), np.arange(len(some)))
        counts = counter.result()
        ours = [{} for _ in some]
        for row, word in enumerate(counts.words.to_pylist()):
            entries = slice(counts.offsets[row], counts.offsets[row + 1])
            for shard, n in zip(
                counts.shards[entries].tolist(), counts.counts[entries].tolist(), strict=True
            ):
                ours[shard][word] = n
        found += [
            text for text, words in zip(some, ours, strict=True) if words != by_tokenizers([text], pattern)
        ]
    return found


def random_texts(n: int) -> list[str]:
    """Texts of 1 to 40 characters, mostly such as the regex and NFC treat in different ways."""
    rng = random.Random(1)
    tricky = list(
        "aZ19 \t\n\r\v\0'.,-\u0085\u00a0\u00e9\u0301\u0323\u0345\u093c\u1161\u11a8\u3042\uac00\u017f\u212a\u2028"
        "/\u01c5\u02b0\u30fb\u3040\u309b\u9fa6\u200d"
    )
    tricky += [
        "'s",
        "'RE",
        "'lL",
        "\r\n",
        "  ",
        "letters",
        "\u0431\u0432",
        "\u4e00\u4e8c",
        "\U0001f469\u200d",
        "\U0001d400",
    ]

    def character() -> str:
        if rng.random() < 0.8:
            return rng.choice(tricky)
        point = rng.randrange(0x110000)
        return chr(point) if not 0xD800 <= point < 0xE000 else " "

    return ["".join(character() for _ in range(rng.randint(1, 40))) for _ in range(n)]


def exactness(files: list[str], names: Sequence[str], contexts: int) -> bool:
    """Print a table, a row a pattern; whether all is equal."""
    points = [chr(p) for p in range(0x110000) if not 0xD800 <= p < 0xE000]
    texts = random_texts(RANDOM_TEXTS)
    print(f"words and counts by us and by tokenizers: {len(points):,} code points in {contexts} contexts,")
    print(f"{len(texts):,} random texts one by one, {len(files)} files by line")
    print("pattern        code points     random texts    files")
    wrong = []
    for name in names:
        pattern = PATTERNS[name]
        print(f"{name:13}", end="  ", flush=True)
        differing: list[list[str]] = [[], different(texts, pattern), []]
        for context in CONTEXTS[:contexts]:
            items = [context.format(point) for point in points]
            if by_us(items, pattern) != by_tokenizers(items, pattern):
                differing[0].append(f"{context!a}: {different(items, pattern)[:1]!a}")
        for path in files:
            documents = read(path)
            if our_count(documents, pattern) != tokenizers_count(list(lines(documents)), pattern)[0]:
                differing[2].append(path)
        print("  ".join(f"{f'{len(found)} DIFFERENT' if found else 'equal':14}" for found in differing))
        wrong += [f"{name}: {found[0]!a}" for found in differing if found]
    print("\n".join(wrong))
    return not wrong


# ----------------------------------------------------------------------------------------------------------- memory


def with_new_words(documents: pa.LargeStringArray, rng: np.random.Generator) -> pa.LargeStringArray:
    """The documents with four random letters behind every fourth space."""
    text, borders = bytes_of(documents)
    text = text[borders[0] : borders[-1]]
    places = np.flatnonzero(text == 0x20)
    places = np.repeat(places[rng.random(places.size) < 0.25] + 1, 4)
    letters = rng.integers(ord("a"), ord("z") + 1, places.size).astype(np.uint8)
    moved = borders - borders[0]
    moved = moved + np.searchsorted(places, moved, side="left")
    return binary(np.insert(text, places, letters), moved).view(pa.large_string())


def growing_corpus(files: list[str], n_bytes: int) -> Iterator[pa.LargeStringArray]:
    rng = np.random.default_rng(0)
    left = n_bytes
    while left > 0:
        for documents in read_documents({"parquet": files, "column": "text"}, Path.cwd()):
            yield (changed := with_new_words(documents, rng))
            left -= int(bytes_of(changed)[1][-1])
            if left <= 0:
                return


def memory(files: list[str], gigabytes: float) -> None:
    n_bytes = int(gigabytes * 1e9)
    start, cpu = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "words.arrow")
        counts = count_corpus(
            growing_corpus(files, n_bytes), "growing", lambda held_out: None, SPLIT, spill_to=folder
        )
        counts.words.write(path, by_shard([counts.ledger])[1])
        words, size = n_words(path), path.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{gigabytes:g} GB of text, {words:,} distinct words, words.arrow of {size / 1e6:.0f} MB")
    print(
        f"most memory in use: {peak:.2f} GB; {time.monotonic() - start:.0f} s, of CPU {time.process_time() - cpu:.0f} s"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--subset", type=float, default=1, help="MB of every file that tokenizers counts")
    parser.add_argument("--steps", action="store_true", help="measure the steps of the whole job instead")
    parser.add_argument("--rates-by-pattern", action="store_true", help="rates of the named patterns instead")
    parser.add_argument("--pattern", nargs="+", choices=PATTERNS, help="patterns that --exact compares")
    parser.add_argument(
        "--contexts", type=int, default=len(CONTEXTS), help="how many of the contexts --exact asks"
    )
    parser.add_argument("--exact", action="store_true", help="compare words and counts instead")
    parser.add_argument("--memory", action="store_true", help="measure memory instead")
    parser.add_argument("--gigabytes", type=float, default=2)
    options = parser.parse_args()
    files = sorted(path for pattern in options.files for path in glob.glob(pattern))
    if not files and not options.exact:
        parser.error(f"no such file: {' '.join(options.files)}")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    print(f"tokenizers {tokenizers.__version__}, Python {platform.python_version()}, {platform.machine()}")
    if options.memory:
        memory(files, options.gigabytes)
    elif options.steps:
        steps(files, options.runs)
    elif options.exact:
        names = (
            options.pattern
            or list({regex: name for name, regex in reversed(PATTERNS.items())}.values())[::-1]
        )
        return int(not exactness(files, names, options.contexts))
    elif options.rates_by_pattern:
        rates_by_pattern(files, options.runs, options.subset)
    else:
        rates(files, options.runs, options.subset)
    return 0


if __name__ == "__main__":
    sys.exit(main())
