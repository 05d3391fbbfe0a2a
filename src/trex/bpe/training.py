"""Byte-level BPE from word counts, identical to Hugging Face `tokenizers`' `BpeTrainer`.

`train_bpe` takes words and counts as they are; the pipeline calls `train_flat` on words that were laid out once.
`trex.bpe.specification` says in 40 lines what both compute.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from trex.arrow import frozen
from trex.bpe.byte_alphabet import BYTE_LEVEL, Alphabet
from trex.bpe.merge_loop import Counts, InitialTokens, Limits, Room, merge_loop
from trex.bpe.merge_step import HEAVY
from trex.bpe.model import BpeModel
from trex.bpe.words import EvalCounts, FlatWords


@dataclass(frozen=True)
class BpeOptions:
    """How to train, but for the vocabulary size.

    special_tokens: they get the ids 0, 1, ... in order. min_frequency: smallest pair count to merge.
    max_token_length: as in `tokenizers`, pairs are formed only if the new token has fewer bytes. theta: pairs with a
    smaller count are not tracked at first; only speed depends on it, and None chooses well. alphabet: the characters of
    the bytes, whose order breaks ties.
    """

    special_tokens: Sequence[str] = ()
    min_frequency: int = 0
    max_token_length: int | None = None
    theta: int | None = None
    alphabet: Alphabet = BYTE_LEVEL


DEFAULT_OPTIONS = BpeOptions()


class Workspace:
    """Memory for the merge loop, kept from one training to the next: fresh memory can take as long as the training.

    One training at a time. numpy puts large arrays on huge pages, which numba does not, and pages that stay
    untouched cost nothing: there is room for most trainings from the start.
    """

    def __init__(self):
        self._arrays: dict[str, np.ndarray] = {}

    def _array(self, name: str, size: int, dtype) -> np.ndarray:
        array = self._arrays.get(name)
        if array is None or array.dtype != dtype or array.size < size:
            self._arrays.pop(name, None)
            array = self._arrays[name] = np.empty(size, dtype)
        return array

    def room(self, n_slots: int, vocab_size: int) -> Room:
        """What the merge loop needs for a text of so many slots."""
        n_pairs = max(1 << 16, 1 << (4 * vocab_size).bit_length())
        # ids and one for the separator
        token = np.uint16 if vocab_size < 2**16 else np.uint32
        table = self._array("table", 2 * n_pairs, np.uint64)[: 2 * n_pairs]
        table[:] = 0
        return Room(
            self._array("slots", n_slots, token),
            self._array("arena", 5 * n_slots // 4 + 1, np.uint64),
            table,
            self._array("pairs", 4 * n_pairs, np.int64).reshape(-1, 4),
            self._array("heap", 3 * n_pairs, np.int64).reshape(-1, 3),
        )


def _initial_tokens(special_tokens: Sequence[str], alphabet: Alphabet) -> InitialTokens:
    """The specials, then the alphabet by code point.

    A special token that is spelled like a byte keeps its id for both, as in `tokenizers`.
    """
    if len(set(special_tokens)) != len(special_tokens):
        raise ValueError(f"special tokens must differ from one another: {list(special_tokens)}")
    ids = {token: i for i, token in enumerate(special_tokens)}
    spellings = [alphabet.unspell(token) if alphabet.is_spelling(token) else b"" for token in special_tokens]
    byte_id = np.empty(256, dtype=np.int32)
    for byte in alphabet.by_code_point:
        character = alphabet.characters[byte]
        if character not in ids:
            ids[character] = len(spellings)
            spellings.append(bytes([byte]))
        byte_id[byte] = ids[character]
    data = np.frombuffer(b"".join(spellings), dtype=np.uint8)
    offsets = np.cumsum([0, *map(len, spellings)], dtype=np.int64)
    return InitialTokens(frozen(byte_id), frozen(data), frozen(offsets), len(special_tokens))


def _first_theta(counts: np.ndarray, vocab_size: int) -> int:
    """Where to start pruning pairs: the count of the word at rank V, which the last merges' counts exceed.

    Only speed depends on it: measured on 20 corpora, 2k <= V <= 200k, the loop then ends without a second look.
    """
    if vocab_size >= counts.size:
        return 1
    return int(np.partition(counts, counts.size - vocab_size)[counts.size - vocab_size])


def _with_weights(counts: np.ndarray) -> Counts:
    """Counts, also as 32-bit weights, and the heavy ones that these refer to."""
    heavy = np.flatnonzero(counts >= HEAVY)
    weights = counts.astype(np.uint32)
    weights[heavy] = HEAVY + np.arange(heavy.size, dtype=np.uint64)
    return Counts(frozen(counts), frozen(weights), frozen(counts[heavy]))


def train_flat(
    words: FlatWords,
    counts: np.ndarray,
    vocab_size: int,
    options: BpeOptions = DEFAULT_OPTIONS,
    *,
    evaluation: EvalCounts | None = None,
    workspace: Workspace | None = None,
) -> BpeModel:
    """As `train_bpe`, on words laid out once and for all. A workspace only changes the speed."""
    initial = _initial_tokens(options.special_tokens, options.alphabet)
    if vocab_size < len(initial.offsets) - 1:
        raise ValueError(
            f"vocabulary size {vocab_size} is below the {len(initial.offsets) - 1} tokens of the alphabet and the "
            "specials"
        )
    counts = np.asarray(counts, dtype=np.int64)
    evaluation = EvalCounts.empty(len(words)) if evaluation is None else evaluation
    if counts.shape != (len(words),):
        raise ValueError(
            f"counts must have one entry for each of the {len(words)} words, not shape {counts.shape}"
        )
    if len(evaluation.offsets) != len(words) + 1:
        raise ValueError(
            f"the evaluation counts are those of {len(evaluation.offsets) - 1} words, but there are {len(words)}"
        )
    n_bytes = float(counts.astype(np.float64) @ words.sizes())
    if counts.size and (counts.min() < 0 or n_bytes >= 2.0**62):
        raise OverflowError("word counts must be non-negative and their text below 2^62 bytes")
    min_count = max(1, options.min_frequency)
    theta = _first_theta(counts, vocab_size) if options.theta is None else options.theta
    longest = 2**62 if options.max_token_length is None else options.max_token_length
    steps, vocab_before, spellings, offsets, made = merge_loop(
        words.arrays(),
        _with_weights(counts),
        initial,
        Limits(vocab_size, min_count, max(min_count, theta), longest),
        evaluation.arrays(),
        (workspace or Workspace()).room(len(words.text), vocab_size),
    )
    data, borders = spellings.tobytes(), offsets.tolist()
    return BpeModel(
        tuple(options.special_tokens),
        tuple(data[a:b] for a, b in pairwise(borders)),
        steps,
        vocab_before,
        options.alphabet,
        made[initial.byte_id].sum(axis=0),
        made,
    )


def train_bpe(
    words: Sequence[bytes],
    counts: np.ndarray,
    vocab_size: int,
    *,
    eval_counts: np.ndarray | None = None,
    **options,
) -> BpeModel:
    """Train byte-level BPE on word counts: the merges and vocabulary of `tokenizers`' BpeTrainer.

    words: distinct, non-empty byte strings. counts: int64 [words], 0 for words that only occur in evaluation text.
    vocab_size: alphabet (all 256 bytes) and special tokens included; fewer if the words give no more. eval_counts:
    int64 [columns, words]; `BpeModel.token_counts` then gives the tokens of every column at every vocabulary size
    without encoding it. options: special_tokens, min_frequency, max_token_length, alphabet
    (`BpeOptions`).

    Raises ValueError (vocabulary smaller than the alphabet, repeated words, arrays of another shape) and OverflowError
    (counts so large that 64-bit sums could wrap).

    >>> train_bpe([b"abab", b"ab"], np.array([1, 2]), 258).merges  # "ab" occurs 2 + 2 times, "abab" once
    [(b'a', b'b'), (b'ab', b'ab')]
    """
    if len(set(words)) != len(words) or b"" in words:
        raise ValueError("words must be distinct and not empty")
    evaluation = None
    if eval_counts is not None:
        eval_counts = np.asarray(eval_counts, dtype=np.int64)
        if eval_counts.ndim != 2 or eval_counts.shape[1] != len(words):
            raise ValueError(f"eval_counts must have shape (columns, {len(words)}), not {eval_counts.shape}")
        evaluation = EvalCounts.from_dense(eval_counts)
    flat = FlatWords.build(pa.array(words, type=pa.large_binary()))
    return train_flat(flat, counts, vocab_size, BpeOptions(**options), evaluation=evaluation)
