"""Byte-level BPE from word counts, identical to Hugging Face `tokenizers`' `BpeTrainer`.

`train_bpe` is the front for a handful of words; the pipeline calls `train_flat` on the shared word table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa

from trex.arrow import bytes_of, frozen
from trex.bpe.merge_loop import HEAVY, merge_loop
from trex.compiled.kernel import kernel


def _byte_characters() -> list[str]:
    """The printable character that stands for each byte in byte-level BPE (GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) if b in printable else chr(256 + others.index(b)) for b in range(256)]


BYTE_CHARACTERS = _byte_characters()
_BYTE_OF = {character: byte for byte, character in enumerate(BYTE_CHARACTERS)}
# `tokenizers` numbers its alphabet by code point
ALPHABET = sorted(range(256), key=lambda byte: BYTE_CHARACTERS[byte])


def spell(token: bytes) -> str:
    """A token as `tokenizer.json` writes it: spell(b" a") is "Ġa"."""
    return "".join([BYTE_CHARACTERS[byte] for byte in token])


# ------------------------------------------------------------------------------------------------ words


@kernel
def _flatten(data, offsets):
    """The arrays of FlatWords."""
    n_words = offsets.size - 1
    size = offsets[n_words] - offsets[0] + n_words + 1
    text = np.zeros(size, dtype=np.uint8)
    starts = np.empty(n_words, dtype=np.int64)
    pair_offsets = np.zeros(65537, dtype=np.int64)
    slot = 1
    for w in range(n_words):
        starts[w] = slot
        for k in range(offsets[w], offsets[w + 1]):
            text[slot] = data[k]
            if k > offsets[w]:
                pair_offsets[np.int64(data[k - 1]) * 256 + data[k] + 1] += 1
            slot += 1
        slot += 1
    for pair in range(65536):
        pair_offsets[pair + 1] += pair_offsets[pair]
    filled = pair_offsets.copy()
    pair_places = np.empty(pair_offsets[65536], dtype=np.uint64)
    for w in range(n_words):
        for p in range(starts[w], starts[w] + offsets[w + 1] - offsets[w] - 1):
            pair = np.int64(text[p]) * 256 + text[p + 1]
            pair_places[filled[pair]] = np.uint64(p) | np.uint64(w) << np.uint64(32)
            filled[pair] += 1
    return text, starts, pair_offsets, pair_places


@dataclass(frozen=True)
class FlatWords:
    """Distinct words laid out for the merge loop.

    text uint8 [slots]: every word's bytes with a separator slot before, between and after the words;
    starts int64 [words]; byte pair a * 256 + b stands at pair_places[pair_offsets[pair]:pair_offsets[pair + 1]]
    (uint64: its first slot | its word << 32, rising).
    """

    text: np.ndarray
    starts: np.ndarray
    pair_offsets: np.ndarray
    pair_places: np.ndarray

    @classmethod
    def build(cls, words: pa.LargeBinaryArray) -> "FlatWords":
        """Lay out distinct, non-empty words. OverflowError beyond 2^31 bytes."""
        data, offsets = bytes_of(words)
        if offsets[-1] - offsets[0] + len(words) >= 2**31 - 1:
            raise OverflowError(
                f"{len(words)} distinct words of {offsets[-1] - offsets[0]} bytes in all: a word table holds at "
                "most 2^31 bytes. Use fewer or smaller corpora."
            )
        return cls(*_flatten(frozen(data), frozen(offsets)))

    def __len__(self) -> int:
        return len(self.starts)

    def sizes(self) -> np.ndarray:
        """int64 [words]: bytes of each word."""
        return np.diff(self.starts, append=len(self.text)) - 1


@dataclass(frozen=True)
class EvalCounts:
    """Counts of the words in evaluation columns, row by row: word w has
    columns[offsets[w]:offsets[w + 1]] (int32) with counts[...] (int64)."""

    offsets: np.ndarray
    columns: np.ndarray
    counts: np.ndarray
    n_columns: int

    @classmethod
    def empty(cls, n_words: int) -> "EvalCounts":
        return cls(np.zeros(n_words + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.int64), 0)

    @classmethod
    def from_dense(cls, table: np.ndarray) -> "EvalCounts":
        """table: int64 [columns, words]."""
        word, column = np.nonzero(table.T)
        offsets = np.concatenate(([0], np.cumsum(np.bincount(word, minlength=table.shape[1]))))
        return cls(offsets.astype(np.int64), column.astype(np.int32), table.T[word, column], len(table))


# ------------------------------------------------------------------------------------------------ model


@dataclass(frozen=True)
class BpeModel:
    """A trained byte-level BPE vocabulary, with the token counts of the evaluation words.

    special_tokens: they have the ids 0, 1, ... in order. spellings: bytes of every other token by id (specials
    that no bytes can spell are empty). steps int32 [n, 3]: (a, b, new) token ids in order of training.
    vocab_before int32 [n]: vocabulary size when the step was taken.
    """

    special_tokens: tuple[str, ...]
    spellings: tuple[bytes, ...]
    steps: np.ndarray
    vocab_before: np.ndarray
    _eval_bytes: np.ndarray = field(repr=False)  # int64 [columns]
    _made: np.ndarray = field(
        repr=False
    )  # int64 [tokens, columns]: how often each was made, and so a token saved

    @property
    def vocab_size(self) -> int:
        return len(self.spellings)

    @cached_property
    def vocab(self) -> dict[str, int]:
        """Token as `tokenizers` spells it -> id."""
        n = len(self.special_tokens)
        vocab = {token: i for i, token in enumerate(self.special_tokens)}
        for i in range(n, len(self.spellings)):
            vocab[spell(self.spellings[i])] = i
        return vocab

    @cached_property
    def merges(self) -> list[tuple[bytes, bytes]]:
        """Merges by rank."""
        return [(self.spellings[a], self.spellings[b]) for a, b, _ in self.steps.tolist()]

    def steps_at(self, vocab_size: int) -> int:
        """How many steps the training for a smaller vocabulary takes."""
        smallest = int(self.vocab_before[0]) if len(self.vocab_before) else self.vocab_size
        if not smallest <= vocab_size <= self.vocab_size:
            raise ValueError(
                f"vocabulary size {vocab_size} is not between {smallest} (alphabet and specials) and "
                f"{self.vocab_size} (what was trained)"
            )
        return int(np.searchsorted(self.vocab_before, vocab_size))

    def truncated(self, vocab_size: int) -> "BpeModel":
        """The model that training for a smaller vocabulary gives."""
        n = self.steps_at(vocab_size)
        return BpeModel(
            self.special_tokens,
            self.spellings[:vocab_size],
            self.steps[:n],
            self.vocab_before[:n],
            self._eval_bytes,
            self._made[:vocab_size],
        )

    def token_counts(self, vocab_size: int | None = None) -> np.ndarray:
        """int64 [columns]: tokens of each evaluation column when encoded with the vocabulary of the given size
        (default: the whole)."""
        n = len(self.steps) if vocab_size is None else self.steps_at(vocab_size)
        return self._eval_bytes - self._made[self.steps[:n, 2]].sum(axis=0)


# ------------------------------------------------------------------------------------------------ training


def _initial_tokens(special_tokens: Sequence[str]) -> tuple[list[bytes], np.ndarray]:
    """Spellings of the specials and the alphabet by id, and int32 [256]: the id of each byte.

    A special token that is spelled like a byte keeps its id for both, as in `tokenizers`.
    """
    if len(set(special_tokens)) != len(special_tokens):
        raise ValueError(f"special tokens must differ from one another: {list(special_tokens)}")
    ids = {token: i for i, token in enumerate(special_tokens)}
    spellings = [
        bytes(_BYTE_OF[c] for c in token) if all(c in _BYTE_OF for c in token) else b""
        for token in special_tokens
    ]
    byte_id = np.empty(256, dtype=np.int32)
    for byte in ALPHABET:
        if BYTE_CHARACTERS[byte] not in ids:
            ids[BYTE_CHARACTERS[byte]] = len(spellings)
            spellings.append(bytes([byte]))
        byte_id[byte] = ids[BYTE_CHARACTERS[byte]]
    return spellings, byte_id


def _first_theta(counts: np.ndarray, vocab_size: int) -> int:
    """Where to start pruning pairs: the count of the word at rank V, which the last merges' counts exceed.

    Only speed depends on it: measured on 20 corpora, 2k <= V <= 200k, the loop then ends without a second look.
    """
    if vocab_size >= counts.size:
        return 1
    return int(np.partition(counts, counts.size - vocab_size)[counts.size - vocab_size])


class Workspace:
    """Room for the merge loop, kept from one training to the next: fresh memory can take as long as the training.

    One training at a time. numpy puts large arrays on huge pages, which numba does not, and pages that stay
    untouched cost nothing: there is room for most trainings from the start.
    """

    def __init__(self):
        self._arrays: dict[str, np.ndarray] = {}

    def _room(self, name: str, size: int, dtype) -> np.ndarray:
        array = self._arrays.get(name)
        if array is None or array.dtype != dtype or array.size < size:
            self._arrays.pop(name, None)
            array = self._arrays[name] = np.empty(size, dtype)
        return array

    def arrays(self, n_slots: int, vocab_size: int) -> tuple[np.ndarray, ...]:
        """Slots, arena, hash table, pairs and heap, as `merge_loop` wants them."""
        n_pairs = max(1 << 16, 1 << (4 * vocab_size).bit_length())
        # ids and one for the separator
        token = np.uint16 if vocab_size < 2**16 else np.uint32
        table = self._room("table", 2 * n_pairs, np.uint64)[: 2 * n_pairs]
        table[:] = 0
        return (
            self._room("slots", n_slots, token),
            self._room("arena", 5 * n_slots // 4 + 1, np.uint64),
            table,
            self._room("pairs", 4 * n_pairs, np.int64).reshape(-1, 4),
            self._room("heap", 3 * n_pairs, np.int64).reshape(-1, 3),
        )


def _weights(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts as 32-bit weights, and the heavy ones that these refer to."""
    heavy = np.flatnonzero(counts >= HEAVY)
    weights = counts.astype(np.uint32)
    weights[heavy] = HEAVY + np.arange(heavy.size, dtype=np.uint64)
    return weights, counts[heavy]


def train_flat(
    words: FlatWords,
    counts: np.ndarray,
    vocab_size: int,
    *,
    min_frequency: int = 0,
    max_token_length: int | None = None,
    special_tokens: Sequence[str] = (),
    evaluation: EvalCounts | None = None,
    theta: int | None = None,
    workspace: Workspace | None = None,
) -> BpeModel:
    """As `train_bpe`, on words laid out once and for all. theta and a workspace only change the speed."""
    spellings, byte_id = _initial_tokens(special_tokens)
    if vocab_size < len(spellings):
        raise ValueError(
            f"vocabulary size {vocab_size} is below the {len(spellings)} tokens of the alphabet and the specials"
        )
    counts = np.asarray(counts, dtype=np.int64)
    evaluation = evaluation or EvalCounts.empty(len(words))
    if counts.shape != (len(words),) or len(evaluation.offsets) != len(words) + 1:
        raise ValueError(f"{len(words)} words, but counts of shape {counts.shape}")
    weight = float(counts.astype(np.float64) @ words.sizes())
    if counts.size and (counts.min() < 0 or weight >= 2.0**62):
        raise OverflowError("word counts must be non-negative and their text below 2^62 bytes")
    min_count = max(1, min_frequency)
    theta = max(min_count, _first_theta(counts, vocab_size) if theta is None else theta)
    initial_bytes = np.frombuffer(b"".join(spellings), dtype=np.uint8)
    initial_offsets = np.cumsum([0, *map(len, spellings)], dtype=np.int64)
    steps, vocab_before, token_bytes, token_offsets, made, _ = merge_loop(
        *map(frozen, (words.text, words.starts, words.pair_offsets, words.pair_places)),
        *map(frozen, (counts, *_weights(counts), byte_id, initial_bytes, initial_offsets)),
        len(special_tokens),
        vocab_size,
        min_count,
        theta,
        2**62 if max_token_length is None else max_token_length,
        *map(frozen, (evaluation.offsets, evaluation.columns, evaluation.counts)),
        evaluation.n_columns,
        *(workspace or Workspace()).arrays(len(words.text), vocab_size),
    )
    data = token_bytes.tobytes()
    return BpeModel(
        tuple(special_tokens),
        tuple(
            data[a:b] for a, b in zip(token_offsets[:-1].tolist(), token_offsets[1:].tolist(), strict=True)
        ),
        steps,
        vocab_before,
        made[byte_id].sum(axis=0),
        made,
    )


def train_bpe(
    words: Sequence[bytes],
    counts: np.ndarray,
    vocab_size: int,
    *,
    min_frequency: int = 0,
    max_token_length: int | None = None,
    special_tokens: Sequence[str] = (),
    eval_counts: np.ndarray | None = None,
) -> BpeModel:
    """Train byte-level BPE on word counts: the merges and vocabulary of `tokenizers`' BpeTrainer.

    words: distinct, non-empty byte strings. counts: int64 [words], 0 for words that only stand in evaluation
    text. vocab_size: alphabet (all 256 bytes) and special tokens included; fewer if the words give no more.
    min_frequency: smallest pair count to merge. max_token_length: as in `tokenizers`, pairs are formed only if
    the new token is shorter. eval_counts: int64 [columns, words]; `BpeModel.token_counts` then tells every
    column's tokens at every vocabulary size without encoding it.

    Raises ValueError (vocabulary smaller than the alphabet, repeated words) and OverflowError (counts so large
    that 64-bit sums could wrap).

    >>> train_bpe([b"abab", b"ab"], np.array([1, 2]), 258).merges  # "ab" stands 2 + 2 times, "abab" once
    [(b'a', b'b'), (b'ab', b'ab')]
    """
    if len(set(words)) != len(words) or b"" in words:
        raise ValueError("words must be distinct and not empty")
    flat = FlatWords.build(pa.array(words, type=pa.large_binary()))
    evaluation = None if eval_counts is None else EvalCounts.from_dense(np.asarray(eval_counts, np.int64))
    return train_flat(
        flat,
        counts,
        vocab_size,
        min_frequency=min_frequency,
        max_token_length=max_token_length,
        special_tokens=special_tokens,
        evaluation=evaluation,
    )
