"""Merges, vocabulary and token counts equal to `tokenizers`, on real text: one line a vocabulary size.

    python benchmarks/exactness.py [--vocab-sizes 8192 32768 65536] FILE.parquet ...

`tokenizers` is trained by itself on the lines of every file's `text` column, with the pipeline's own normalizer and
regex; then it encodes the first documents of every file. Both must agree to the last merge and token.
"""

import argparse
import glob
import json
import sys
import time

import numpy as np
import pyarrow as pa
from text import read, tokenizers_training

from trex.bpe.byte_alphabet import spell
from trex.bpe.training import train_flat
from trex.bpe.words import EvalCounts, FlatWords
from trex.counting.pretokenize import WordCounter

EVALUATION_DOCUMENTS = 100


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+")
    parser.add_argument("--vocab-sizes", type=int, nargs="+", default=[8192, 32768, 65536])
    options = parser.parse_args()
    files = sorted(path for pattern in options.files for path in glob.glob(pattern))

    start = time.process_time()
    counter = WordCounter(by_line=True)
    columns = []
    for path in files:
        documents = read(path)
        counter.add(documents)
        evaluation = WordCounter()
        evaluation.add(documents.slice(0, EVALUATION_DOCUMENTS))
        columns.append(evaluation.result())
    counts = counter.result()
    train = dict(zip(counts.words.to_pylist(), counts.totals().tolist(), strict=True))
    evaluations = [dict(zip(c.words.to_pylist(), c.totals().tolist(), strict=True)) for c in columns]
    table = sorted(set(train).union(*evaluations))
    words = FlatWords.build(pa.array(table, type=pa.large_binary()))
    eval_counts = EvalCounts.from_dense(
        np.array([[column.get(word, 0) for word in table] for column in evaluations])
    )
    train_counts = np.array([train.get(word, 0) for word in table])
    print(
        f"{len(files)} files, {len(table):,} distinct words, counted in {time.process_time() - start:.1f} s of CPU"
    )

    failed = False
    print("vocabulary  merges  equal  tokens equal  CPU s: ours  tokenizers")
    for vocab_size in options.vocab_sizes:
        start = time.process_time()
        model = train_flat(words, train_counts, vocab_size, evaluation=eval_counts)
        ours = time.process_time() - start
        tokenizer, theirs = tokenizers_training(map(read, files), vocab_size)
        reference = json.loads(tokenizer.to_str())["model"]
        equal = [(spell(a), spell(b)) for a, b in model.merges] == [
            tuple(pair) for pair in reference["merges"]
        ]
        equal = equal and model.vocab == reference["vocab"]
        encoded = [
            sum(
                len(e.ids)
                for e in tokenizer.encode_batch_fast(read(path).slice(0, EVALUATION_DOCUMENTS).to_pylist())
            )
            for path in files
        ]
        same_tokens = model.token_counts().tolist() == encoded
        failed = failed or not (equal and same_tokens)
        print(
            f"{vocab_size:10d}  {len(model.merges):6d}  {equal!s:5}  {same_tokens!s:12}  {ours:11.1f}  {theirs:10.1f}"
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
