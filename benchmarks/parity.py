"""Parity-aware BPE on real text: equal to `ParityBpeTrainer`, and what it costs beside plain BPE.

    python benchmarks/parity.py speed [--vocab-size 65536] [--runs 3]
    python benchmarks/parity.py equality [--bytes 200000] [--vocab-size 8192]

`speed` trains on all the text, a corpus a file, with 40 evaluation columns: plain BPE, and the variants of parity-aware
BPE, some with development text (a twentieth of each file). CPU seconds of all threads, median and range.
`equality` trains `tokenizers` on the first bytes of every file and compares all merges; then `tokenizers` encodes the
evaluation text with our finished tokenizer, and the tokens are compared with those that training reported.
"""

import json
import sys
import time
from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from text import arguments, cpu_seconds, files, lines, machine, read, shown, split
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.trainers import ParityBpeTrainer

from trex.bpe.byte_alphabet import spell
from trex.bpe.parity import train_parity
from trex.bpe.training import Workspace, train_flat
from trex.bpe.turns import Turns
from trex.bpe.words import EvalCounts, FlatWords
from trex.counting.patterns import DEFAULT
from trex.counting.pretokenize import WordCounter
from trex.tokenizer.build import to_tokenizer

HYBRID = 0.5  # of the merges of hybrid variants are global

Text = tuple[pa.LargeStringArray, pa.LargeStringArray, pa.LargeStringArray]  # training, development, test


def variants(n_merges: int, ratio: Sequence[float]) -> dict[str, tuple[Turns, bool]]:
    """By name the turns, and whether development text decides."""
    some = int(n_merges * HYBRID)
    return {
        "base, development": (Turns(), True),
        "window, development": (Turns("window"), True),
        "hybrid window, development": (Turns("window", global_merges=some), True),
        "base, training text": (Turns(), False),
        "base, ratio": (Turns(ratio=ratio), False),
        "window, ratio": (Turns("window", ratio=ratio), False),
        "hybrid base, ratio": (Turns(global_merges=some, ratio=ratio), False),
    }


def first_bytes(documents: pa.LargeStringArray, n_bytes: int) -> pa.LargeStringArray:
    """The first documents, about n_bytes."""
    upto = np.cumsum(pc.binary_length(documents).to_numpy())
    return documents.slice(0, int(np.searchsorted(upto, n_bytes)) + 1)


def count(
    texts: Sequence[Sequence[pa.LargeStringArray]], pattern: str = DEFAULT
) -> tuple[FlatWords, list[EvalCounts]]:
    """Words of a pattern, and their counts in every kind of text, a column a corpus. texts: [corpora][kinds], the first
    two by line, as `tokenizers` reads them."""
    counted = []
    for kind in range(len(texts[0])):
        counted.append([])
        for text in texts:
            counter = WordCounter(pattern, by_line=kind < 2)
            counter.add(text[kind])
            counted[kind].append(counter.result())
    table = pa.concat_arrays([column.words for columns in counted for column in columns]).unique()
    number = {word: i for i, word in enumerate(table.to_pylist())}
    kinds = []
    for columns in counted:
        word = np.concatenate([[number[word] for word in column.words.to_pylist()] for column in columns])
        column = np.repeat(np.arange(len(columns)), [len(column.words) for column in columns])
        n = np.concatenate([column.totals() for column in columns])
        kinds.append(sorted_entries(word, column, n, len(columns)))
    return FlatWords.build(table), kinds


def sorted_entries(word: np.ndarray, column: np.ndarray, n: np.ndarray, n_columns: int) -> EvalCounts:
    """Entries in any order."""
    order = np.argsort(word, kind="stable")
    return EvalCounts.from_entries(word[order].astype(np.int64), column[order], n[order], n_columns)


def side_by_side(*kinds: EvalCounts) -> EvalCounts:
    """The columns of all."""
    first = np.cumsum([0, *(kind.n_columns for kind in kinds)])
    return sorted_entries(
        np.concatenate([np.repeat(kind.words, np.diff(kind.offsets)) for kind in kinds]),
        np.concatenate([kind.columns + at for kind, at in zip(kinds, first, strict=False)]),
        np.concatenate([kind.counts for kind in kinds]),
        int(first[-1]),
    )


def totals(n_words: int, corpora: EvalCounts, weights: np.ndarray | None = None) -> np.ndarray:
    """int64 [words]: counts of all corpora together, each times its weight."""
    counts = corpora.counts if weights is None else np.rint(corpora.counts * weights[corpora.columns])
    result = np.zeros(n_words, np.int64)
    np.add.at(result, np.repeat(corpora.words, np.diff(corpora.offsets)), counts.astype(np.int64))
    return result


def speed(options) -> int:
    texts = [split(read(path)) for path in files(options.text)]
    words, (corpora, development, test) = count(texts)
    evaluation = side_by_side(development, test)
    counts = totals(len(words), corpora)
    print(machine())
    print(
        f"{(counts > 0).sum():,} training words in {corpora.n_columns} corpora, {len(words):,} with the others; "
        f"V = {options.vocab_size:,}, {evaluation.n_columns} evaluation columns"
    )
    workspace = Workspace()
    plain = partial(train_flat, words, counts, options.vocab_size, evaluation=evaluation, workspace=workspace)
    plain()
    base = cpu_seconds(plain, options.runs)
    print("| | CPU s | to plain |\n| --- | ---: | ---: |")
    print(f"| plain | {shown(base)} | 1 |")
    ratio = np.ones(corpora.n_columns)
    for name, (turns, measured) in variants(options.vocab_size - 256, ratio).items():
        train = partial(
            train_parity, words, corpora, options.vocab_size, turns, evaluation=evaluation, workspace=workspace,
            development=development if measured else None,
        )  # fmt: skip
        train()
        seconds = cpu_seconds(train, options.runs)
        print(f"| {name} | {shown(seconds)} | {np.median(seconds) / np.median(base):.1f} |")
    return 0


def theirs(texts: Sequence[Text], n_merges: int, turns: Turns, measured: bool) -> Tokenizer:
    """`tokenizers` trained on the same text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(DEFAULT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = ParityBpeTrainer(
        num_merges=n_merges, variant=turns.variant, global_merges=turns.global_merges, show_progress=False,
        window_size=turns.window_size, alpha=turns.alpha, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    trainer.train_from_iterator(
        tokenizer,
        [lines([text[0]]) for text in texts],
        dev_iterators=[lines([text[1]]) for text in texts] if measured else None,
        ratio=None if turns.ratio is None else list(turns.ratio),
    )
    return tokenizer


def equality(options) -> int:
    texts = [
        (first_bytes(train, options.bytes), first_bytes(development, options.bytes // 20), test.slice(0, 20))
        for train, development, test in (split(read(path)) for path in files(options.text))
    ]
    words, (corpora, development, test) = count(texts)
    evaluation = side_by_side(development, test)
    print(f"{len(words):,} words in {corpora.n_columns} corpora; V = {options.vocab_size:,}")
    print(
        "| | merges | equal | tokens equal | CPU s: ours | tokenizers |\n| --- | ---: | --- | --- | ---: | ---: |"
    )
    wrong = False
    ratio = np.linspace(1, 2, corpora.n_columns).tolist()
    n_merges = options.vocab_size - 256
    for name, (turns, measured) in variants(n_merges, ratio).items():
        start = time.process_time()
        model = train_parity(
            words, corpora, options.vocab_size, turns, evaluation=evaluation,
            development=development if measured else None,
        )  # fmt: skip
        ours = time.process_time() - start
        start = time.process_time()
        reference = json.loads(theirs(texts, n_merges, turns, measured).to_str())["model"]
        seconds = time.process_time() - start
        merges = [(spell(a), spell(b)) for a, b in model.merges]
        equal = merges == [tuple(pair) for pair in reference["merges"]] and model.vocab == reference["vocab"]
        tokenizer = to_tokenizer(model)
        encoded = [
            sum(len(e.ids) for e in tokenizer.encode_batch_fast(text[2].to_pylist())) for text in texts
        ]
        same = model.token_counts()[len(texts) :].tolist() == encoded
        wrong = wrong or not (equal and same)
        print(f"| {name} | {len(merges):,} | {equal} | {same} | {ours:.1f} | {seconds:.1f} |", flush=True)
    return wrong


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("what", choices=["speed", "equality"])
    parser.add_argument("--vocab-size", type=int)
    parser.add_argument(
        "--bytes", type=int, default=200_000, help="of each file, for equality (default: 200000)"
    )
    options = parser.parse_args()
    options.vocab_size = options.vocab_size or {"speed": 65536, "equality": 8192}[options.what]
    return {"speed": speed, "equality": equality}[options.what](options)


if __name__ == "__main__":
    sys.exit(main())
