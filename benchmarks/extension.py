"""An existing tokenizer with more merges: what each thousand of new entries saves in every corpus.

    python benchmarks/extension.py [--base o200k_base] [--megabytes 40] [--new 8000]

Text: the first documents of every file, the same bytes of each, up to `--megabytes` in all. Two evaluation columns a
file. Then the finished tokenizer encodes the evaluation text: it must give the tokens that training reported, keep the
ids of the base, and need no more tokens than the base in any document.
"""

import sys
import time
from pathlib import Path

import numpy as np
from superwords import first_bytes, laid_out
from text import arguments, files, machine, read, split

from trex.bpe.training import train_flat
from trex.bpe.words import FlatWords
from trex.counting.pretokenize import WordCounter
from trex.tokenizer.encode import encode, vocabulary_size
from trex.tokenizer.existing import load_existing
from trex.tokenizer.extend import load_base


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--base", default="o200k_base")
    parser.add_argument("--megabytes", type=float, default=40)
    parser.add_argument("--new", type=int, default=8000)
    options = parser.parse_args()
    text = files(options.text)
    print(machine())
    start = time.process_time()
    existing = load_existing(options.base, Path())
    base = load_base(existing)
    n = base.model.vocab_size
    print(
        f"{existing.name}: {n:,} tokens, {len(base.model.steps):,} merges, loaded in "
        f"{time.process_time() - start:.1f} CPU s"
    )

    rules = existing.word_rules()
    counter, columns = WordCounter(rules, by_line=True), []
    for path in text:
        train, *held_out = split(read(path))
        counter.add(first_bytes(train, options.megabytes * 1e6 / len(text)))
        for documents in held_out:
            column = WordCounter(rules)
            column.add(documents)
            columns.append(column.result())
    table, counts, evaluation = laid_out(counter.result(), columns)
    words = FlatWords.build(table)

    for name in ("first run", "second run"):
        start = time.process_time()
        model = train_flat(words, counts, n + options.new, evaluation=evaluation, start=base.model)
        print(
            f"{options.new:,} merges on {len(table):,} distinct words, {name}: {time.process_time() - start:.2f} CPU s"
        )

    old, new = existing.to_tokenizer(), base.to_tokenizer(model)
    before, after = old.get_vocab(), new.get_vocab()
    same_ids = all(after.get(token) == number for token, number in before.items())
    size = vocabulary_size(new)
    tokens, longer = [], 0
    for path in text:
        for documents in split(read(path))[1:]:
            of_new, of_old = encode(new, documents, size)[0], encode(old, documents, size)[0]
            tokens.append(int(of_new.sum()))
            longer += int((of_new > of_old).sum())
    equal = tokens == model.token_counts().tolist()
    print(
        f"ids of the base unchanged: {same_ids}; documents that became longer: {longer}; tokens equal: {equal}"
    )

    steps = [n, n + options.new // 8, n + options.new // 4, n + options.new // 2, n + options.new]
    counted = np.array([model.token_counts(size).reshape(-1, 2).sum(axis=1) for size in steps])
    print("\n| corpus | base tokens | " + " | ".join(f"+{size - n:,}" for size in steps[1:]) + " |")
    print("| --- |" + " ---: |" * len(steps))
    for i in np.argsort(counted[-1] / counted[0]):
        saved = " | ".join(f"{value:+.2%}" for value in counted[1:, i] / counted[0, i] - 1)
        print(f"| {Path(text[i]).stem} | {counted[0, i]:,} | {saved} |")
    sums = counted.sum(axis=1)
    print(f"| all | {sums[0]:,} | " + " | ".join(f"{value:+.2%}" for value in sums[1:] / sums[0] - 1) + " |")
    return int(not (same_ids and equal and longer == 0))


if __name__ == "__main__":
    sys.exit(main())
