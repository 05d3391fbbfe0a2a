"""Byte-level BPE from word counts, identical to Hugging Face `tokenizers`' `BpeTrainer`.

`train_bpe` takes words and counts as they are; the pipeline calls `train_flat` on words that were laid out once.
`trex.bpe.specification` says in 40 lines what both compute.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from trex.arrow import frozen
from trex.bpe.byte_alphabet import BYTE_LEVEL, Alphabet
from trex.bpe.merge_loop import Limits
from trex.bpe.model import BpeModel
from trex.bpe.stretches import Training, Workspace, initial_of, initial_tokens, initial_traits
from trex.bpe.text_passes import Counted, count_made, count_made_in_training
from trex.bpe.words import EvalCounts, FlatWords


@dataclass(frozen=True)
class SuperwordLimits:
    """Which tokens of several words may be made; words are what white space of ASCII separates.

    max_words: they have at most so many. barriers: and none of these bytes.
    """

    max_words: int = 4
    barriers: bytes = b":"


@dataclass(frozen=True)
class BpeOptions:
    """How to train, but for the vocabulary size.

    special_tokens: they get the ids 0, 1, ... in order. min_frequency: smallest pair count to merge.
    max_token_length: as in `tokenizers`, pairs are formed only if the new token has fewer bytes. theta: pairs with a
    smaller count are not tracked at first; only speed depends on it, and None chooses well. alphabet: the characters of
    the bytes, whose order breaks ties. superwords: what limits tokens of several words; None: nothing does.
    """

    special_tokens: Sequence[str] = ()
    min_frequency: int = 0
    max_token_length: int | None = None
    theta: int | None = None
    alphabet: Alphabet = BYTE_LEVEL
    superwords: SuperwordLimits | None = None


DEFAULT_OPTIONS = BpeOptions()


def _first_theta(counts: np.ndarray, vocab_size: int) -> int:
    """Where to start pruning pairs: the count of the word at rank V, which the last merges' counts exceed.

    Only speed depends on it: measured on 20 corpora, 2k <= V <= 200k, the loop then ends without a second look.
    """
    if vocab_size >= counts.size:
        return 1
    return int(np.partition(counts, counts.size - vocab_size)[counts.size - vocab_size])


def train_flat(
    words: FlatWords,
    counts: np.ndarray,
    vocab_size: int,
    options: BpeOptions = DEFAULT_OPTIONS,
    *,
    evaluation: EvalCounts | None = None,
    workspace: Workspace | None = None,
    count_uses: bool = False,
    start: BpeModel | None = None,
) -> BpeModel:
    """As `train_bpe`, on words that are laid out. A workspace only changes the speed.

    count_uses: the model also knows how often training text has each entry. start: a model to go on from. The words
    are then encoded by its merges, and its tokens keep their ids. Of the options, special_tokens and alphabet are the
    model's own.
    """
    if start is not None:
        options = replace(options, special_tokens=start.special_tokens, alphabet=start.alphabet)
    initial = initial_of(start) if start else initial_tokens(options.special_tokens, options.alphabet)
    if vocab_size < initial.n_tokens:
        what = "model to go on from" if start else "alphabet and the specials"
        raise ValueError(f"vocabulary size {vocab_size} is below the {initial.n_tokens} tokens of the {what}")
    counts = np.asarray(counts, dtype=np.int64)
    evaluation = (EvalCounts.empty() if evaluation is None else evaluation).arrays()
    if counts.shape != (len(words),):
        raise ValueError(
            f"counts must have one entry for each of the {len(words)} words, not shape {counts.shape}"
        )
    if len(evaluation.words) and int(evaluation.words[-1]) >= len(words):
        raise ValueError(
            f"the evaluation counts name word {evaluation.words[-1]}, but there are only {len(words)}"
        )
    min_count = max(1, options.min_frequency)
    longest = 2**62 if options.max_token_length is None else options.max_token_length
    superwords = options.superwords
    traits = initial_traits(initial, vocab_size, superwords.barriers if superwords else b"")
    training = Training(
        words,
        Counted(frozen(counts), evaluation.words),
        initial,
        Limits(vocab_size, 0, longest, superwords.max_words if superwords else 0, traits),
        workspace or Workspace(),
    )
    theta = options.theta
    if theta is None:
        theta = 0 if start else _first_theta(counts, vocab_size)
    training.run(theta, min_count)
    n_tokens, vocabulary = training.n_tokens, training.vocabulary
    steps = vocabulary.steps[: training.n_steps]
    made = count_made(training.tokens, training.counted, evaluation, steps, n_tokens)
    data, borders = vocabulary.spellings.tobytes(), vocabulary.offsets[: n_tokens + 1].tolist()
    return BpeModel(
        tuple(options.special_tokens),
        tuple(data[a:b] for a, b in pairwise(borders)),
        steps,
        vocabulary.vocab_before[: training.n_steps],
        options.alphabet,
        made[initial.byte_id].sum(axis=0),
        made,
        count_made_in_training(training.tokens, training.counted, steps, n_tokens) if count_uses else None,
    )


def train_bpe(
    words: Sequence[bytes],
    counts: np.ndarray,
    vocab_size: int,
    *,
    eval_counts: np.ndarray | None = None,
    count_uses: bool = False,
    start: BpeModel | None = None,
    **options,
) -> BpeModel:
    """Train byte-level BPE on word counts: the merges and vocabulary of `tokenizers`' BpeTrainer.

    words: distinct, non-empty byte strings. counts: int64 [words], 0 for words that only occur in evaluation text.
    vocab_size: alphabet (all 256 bytes) and special tokens included; fewer if the words give no more. eval_counts:
    int64 [columns, words]; `BpeModel.token_counts` then gives the tokens of every column at every vocabulary size
    without encoding it. count_uses: the model also knows how often training text has each entry. start: a model to go
    on from, as of `train_flat`. options: special_tokens, min_frequency, max_token_length, alphabet, superwords
    (`BpeOptions`).

    Raises ValueError (vocabulary smaller than the alphabet, repeated words, arrays of another shape) and OverflowError
    (counts so large that 64-bit sums could wrap).

    >>> train_bpe([b"abab", b"ab"], np.array([1, 2]), 258).merges  # "ab" occurs 2 + 2 times, "abab" once
    [(b'a', b'b'), (b'ab', b'ab')]
    """
    if len(set(words)) != len(words) or b"" in words:
        raise ValueError("words must be distinct and not empty")
    if not np.array_equal(np.asarray(counts), np.floor(counts)):
        raise ValueError("counts must be whole numbers; scale weighted ones up and round them")
    evaluation = None
    if eval_counts is not None:
        eval_counts = np.asarray(eval_counts, dtype=np.int64)
        if eval_counts.ndim != 2 or eval_counts.shape[1] != len(words):
            raise ValueError(f"eval_counts must have shape (columns, {len(words)}), not {eval_counts.shape}")
        evaluation = EvalCounts.from_dense(eval_counts)
    flat = FlatWords.build(pa.array(words, type=pa.large_binary()))
    return train_flat(
        flat,
        counts,
        vocab_size,
        BpeOptions(**options),
        evaluation=evaluation,
        count_uses=count_uses,
        start=start,
    )
