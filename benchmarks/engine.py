"""One proxy tokenizer with 40 evaluation columns: ours, `tokenizers`, and `ffbpe`, the nearest peer with counts.

    python benchmarks/engine.py [--vocab-sizes 32000 64000 200000] [--runs 5] [--no-peers]

CPU seconds, all threads; median and range of ours, one run of each peer, as the ratios are large. `merges` begins with
words: `tokenizers` is fed each once, because it takes no counts, and then merges as it does. `whole` is what one more
proxy costs: ours trains on the counts, which are there, and knows the tokens of the evaluation text when it ends;
`tokenizers` reads and trains on the text, and encodes the evaluation text. `ffbpe` is optional (pip install ffbpe); it
takes counts, and breaks ties otherwise than `tokenizers`.
"""

import os

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # threads that wait for one another would count as work

import importlib.metadata
import importlib.util
import json
import statistics
import sys
import time
from functools import partial

import numpy as np
import pyarrow as pa
from text import arguments, cpu_seconds, files, machine, read, shown, split, tokenizers_training
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from trex.bpe.byte_alphabet import spell
from trex.bpe.training import Workspace, train_flat
from trex.bpe.words import EvalCounts, FlatWords
from trex.counting.pretokenize import WordCounter


def count(pattern: str):
    """(training documents, evaluation documents, words, training counts, evaluation counts of 2 columns a file)."""
    train_documents, eval_documents = [], []
    counter = WordCounter(by_line=True)
    columns = []
    for path in files(pattern):
        train, *held_out = split(read(path))
        train_documents.append(train)
        eval_documents += held_out
        counter.add(train)
        for documents in held_out:
            column = WordCounter()
            column.add(documents)
            columns.append(column.result())
    trained = counter.result()
    table = pa.concat_arrays([trained.words, *(column.words for column in columns)]).unique()
    row = {word: number for number, word in enumerate(table.to_pylist())}
    counts = np.zeros(len(table), dtype=np.int64)
    counts[: len(trained.words)] = trained.totals()
    evaluation = np.zeros((len(columns), len(table)), dtype=np.int64)
    for number, column in enumerate(columns):
        evaluation[number, [row[word] for word in column.words.to_pylist()]] = column.totals()
    return (
        train_documents,
        eval_documents,
        FlatWords.build(table),
        counts,
        EvalCounts.from_dense(evaluation),
        table,
    )


def tokenizers_merges(table: pa.LargeBinaryArray, counts: np.ndarray, vocab_size: int) -> float:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split("\x00", "removed")
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    words = [spell(word) for word in table.take(pa.array(np.flatnonzero(counts))).to_pylist()]
    start = time.process_time()
    tokenizer.train_from_iterator(words, trainer)
    return time.process_time() - start


def encoding(tokenizer: Tokenizer, documents) -> tuple[list[int], float]:
    start = time.process_time()
    tokens = [sum(len(e.ids) for e in tokenizer.encode_batch_fast(batch.to_pylist())) for batch in documents]
    return tokens, time.process_time() - start


def ffbpe_training(table: pa.LargeBinaryArray, counts: np.ndarray, vocab_size: int) -> float | None:
    try:
        import ffbpe
    except ImportError:
        return None
    trained = np.flatnonzero(counts)
    words = [word.decode() for word in table.take(pa.array(trained)).to_pylist()]
    trainer = ffbpe.BpeTrainer([], initial_alphabet="byte_level", tie_break="smallest_pair_id")
    trainer.add_words(list(zip(words, counts[trained].tolist(), strict=True)))
    start = time.process_time()
    trainer.init_training()
    trainer.train(vocab_size)
    return time.process_time() - start


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--vocab-sizes", type=int, nargs="+", default=[32000, 64000, 200000])
    parser.add_argument("--no-peers", action="store_true", help="only ours")
    options = parser.parse_args()

    train_documents, eval_documents, words, counts, evaluation, table = count(options.text)
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("numba", "tokenizers", "ffbpe")
        if name != "ffbpe" or importlib.util.find_spec(name)
    )
    print(f"{machine()}; {versions}")
    print(
        f"{(counts > 0).sum():,} training words, {len(words):,} with the evaluation words, "
        f"{evaluation.n_columns} columns"
    )
    workspace = Workspace()
    train_flat(
        words, counts, 300, evaluation=evaluation, workspace=workspace
    )  # compiles, or loads what was compiled
    print()
    print("| V | | ours | tokenizers | ratio | ffbpe | ratio | equal to tokenizers |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |")
    wrong = False
    for vocab_size in options.vocab_sizes:
        merging = partial(train_flat, words, counts, vocab_size, workspace=workspace)
        training = partial(merging, evaluation=evaluation)
        model = training()  # fills the workspace
        merges = cpu_seconds(merging, options.runs)
        whole = cpu_seconds(training, options.runs)
        if options.no_peers:
            print(f"| {vocab_size:,} | merges | {shown(merges)} | | | | | |")
            print(f"| | whole | {shown(whole)} | | | | | |")
            continue
        tokenizer, theirs = tokenizers_training(train_documents, vocab_size)
        tokens, encoding_seconds = encoding(tokenizer, eval_documents)
        reference = json.loads(tokenizer.to_str())["model"]
        equal = [[spell(a), spell(b)] for a, b in model.merges] == [
            list(pair) for pair in reference["merges"]
        ]
        same_tokens = model.token_counts().tolist() == tokens
        wrong = wrong or not (equal and same_tokens)
        peer = ffbpe_training(table, counts, vocab_size)
        feed_and_merges = tokenizers_merges(table, counts, vocab_size)
        ours = statistics.median(merges)
        peer_cells = f"{peer:.1f} | {peer / ours:.1f}" if peer else "not installed |"
        print(
            f"| {vocab_size:,} | merges | {shown(merges)} | {feed_and_merges:.1f} | "
            f"{feed_and_merges / ours:.0f} | "
            f"{peer_cells} | merges: {'yes' if equal else 'NO'} |"
        )
        ours, theirs = statistics.median(whole), theirs + encoding_seconds
        print(
            f"| | whole | {shown(whole)} | {theirs:.1f} | {theirs / ours:.0f} | | | tokens: "
            f"{'yes' if same_tokens else 'NO'} |",
            flush=True,
        )
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
