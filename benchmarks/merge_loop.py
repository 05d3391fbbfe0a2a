"""CPU time of counting real text and of one training on its words, by vocabulary size.

    python benchmarks/merge_loop.py [--runs N] FILE.parquet ...

Prints the median and the range of N runs after a warm-up, without and with one evaluation column per file, and how
often the loop had to weigh the whole text again because pruning began too high (it should be never).
"""

import argparse
import glob
import platform
import statistics
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trex import bpe
from trex.arrow import bytes_of
from trex.bpe import EvalCounts, FlatWords, train_flat
from trex.pretokenize import WordCounter, count_words

VOCAB_SIZES = (2_000, 8_000, 32_000, 64_000, 200_000)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    files = sorted(path for pattern in options.files for path in glob.glob(pattern))
    if not files:
        parser.error(f"no such file: {' '.join(options.files)}")

    count_words("compiles, or loads what was compiled", by_line=True)
    counter = WordCounter(shards=len(files), by_line=True)
    seconds, n_bytes = 0.0, 0
    for number, path in enumerate(files):
        documents = pq.read_table(path, columns=["text"])["text"].cast(pa.large_string()).combine_chunks()
        start = time.process_time()
        counter.add(documents, np.full(len(documents), number, dtype=np.uint16))
        seconds += time.process_time() - start
        n_bytes += int(bytes_of(documents)[1][-1])
    counted = counter.result()
    words = FlatWords.build(counted.words)
    evaluation = EvalCounts(counted.offsets, counted.shards.astype(np.int32), counted.counts, len(files))
    counts = counted.totals()

    weighings = []
    merge_loop = bpe.merge_loop

    def watched(*arguments):
        result = merge_loop(*arguments)
        weighings.append(result[-1])
        return result

    bpe.merge_loop = watched
    train_flat(words, counts, 257)  # compiles, or loads what was compiled
    print(
        f"{len(words):,} words, {len(words.text):,} slots; {platform.machine()}, Python {platform.python_version()}"
    )
    print(f"counted {n_bytes / 1e6:.0f} MB at {n_bytes / 1e6 / seconds:.1f} MB per CPU second")
    print("vocabulary  CPU s, median (range)    with evaluation       weighed again")
    for vocab_size in VOCAB_SIZES:
        cells = []
        for columns in (None, evaluation):
            times = []
            for _ in range(options.runs):
                start = time.process_time()
                train_flat(words, counts, vocab_size, evaluation=columns)
                times.append(time.process_time() - start)
            cells.append(f"{statistics.median(times):5.2f} ({min(times):.2f} to {max(times):.2f})")
        print(f"{vocab_size:10,d}  {cells[0]:23}  {cells[1]:20}  {weighings[-1]:d}")


if __name__ == "__main__":
    main()
