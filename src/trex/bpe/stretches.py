"""A training stretch by stretch (`trex.bpe.merge_loop`): what each counts and lists when it begins."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from trex.arrow import frozen
from trex.bpe.byte_alphabet import Alphabet
from trex.bpe.encoding import encode_words, flat_spellings, merges_of
from trex.bpe.memory import NARROW, is_narrow, room_of
from trex.bpe.merge_loop import (
    EXHAUSTED,
    Limits,
    Tracked,
    Vocabulary,
    may_merge,
    merge_loop,
    track_all,
    traits_of,
)
from trex.bpe.merge_step import HEAVY, MOST_HEAVY, MOST_SLOTS
from trex.bpe.model import BpeModel
from trex.bpe.pair_table import KEY
from trex.bpe.text_passes import (
    COUNT,
    END,
    START,
    Counted,
    N,
    Tokens,
    compact,
    count_few,
    extent,
    fill_slots,
    list_byte_pairs,
    list_few,
    list_pairs,
    sketch_pairs,
    weigh_pairs,
    widen,
)
from trex.bpe.words import FlatWords

log = logging.getLogger(__name__)

FILLED = 0.9  # of the room when a stretch begins; the rest is for pairs that are born
SKETCH = 2  # slots a counter of the sketch
FEW = 4096  # tokens whose pairs are counted in a table of all pairs, of 256 MB at most
# Of the count of the pair that is as many-th as merges are to come; the last of them nearly always counts more.
LIKELY_LAST = 0.4


class Workspace:
    """Memory for the merge loop, kept from one training to the next: fresh memory can take as long as the training.

    One training at a time. numpy puts large arrays on huge pages, which numba does not, and pages that stay
    untouched cost nothing. narrow, room: for tests: the tokens that narrow slots are used for, whatever the text, and
    the room for occurrences.
    """

    def __init__(self, *, narrow: int | None = None, room: int | None = None):
        self._narrow, self._room = narrow, room
        self._arrays: dict[str, np.ndarray] = {}

    def array(self, name: str, size: int, dtype) -> np.ndarray:
        """An array of at least this size, with anything in it; the same memory as before if that is enough."""
        array = self._arrays.get(name)
        n_bytes = size * np.dtype(dtype).itemsize
        if array is None or array.nbytes < n_bytes:
            self._arrays.pop(name, None)
            array = self._arrays[name] = np.empty(-(-n_bytes // 8) * 8, np.uint8)
        return array[: array.nbytes // np.dtype(dtype).itemsize * np.dtype(dtype).itemsize].view(dtype)

    def keep(self, name: str, array: np.ndarray) -> None:
        """Use the memory of an array from now on."""
        self._arrays[name] = array.view(np.uint8)

    def most_narrow(self, n_slots: int, vocab_size: int) -> int:
        """The size of the vocabulary up to which slots are narrow; 0: they are wide from the start."""
        if self._narrow is not None:
            return self._narrow
        return NARROW if is_narrow(n_slots, vocab_size) else 0

    def room(self, n_slots: int) -> np.ndarray:
        """uint64, for the occurrences of pairs in a text of so many slots."""
        return self.array("occurrences", self._room or room_of(n_slots), np.uint64)

    def tracked(self, n_pairs: int, vocab_size: int) -> Tracked:
        """Room for so many pairs and those that are born."""
        n_pairs = 1 << max(2 * n_pairs, 4 * vocab_size, (1 << 16) - 1).bit_length()
        return Tracked(
            self.array("table", 2 * n_pairs, np.uint64)[: 2 * n_pairs],
            self.array("pairs", 4 * n_pairs, np.int64)[: 4 * n_pairs].reshape(-1, 4),
            self.array("heap", 3 * n_pairs, np.int64)[: 3 * n_pairs].reshape(-1, 3),
        )


class Initial(NamedTuple):
    """The vocabulary before the first merge.

    byte_id: int32 [256], token id of each byte. spellings, offsets, unmade: as of `merge_loop.Vocabulary`. steps,
    vocab_before: of the model that a training goes on from; none if it begins with bytes.
    """

    byte_id: np.ndarray
    spellings: np.ndarray
    offsets: np.ndarray
    unmade: np.ndarray
    steps: np.ndarray
    vocab_before: np.ndarray

    @property
    def n_tokens(self) -> int:
        return len(self.offsets) - 1


def initial_tokens(special_tokens: Sequence[str], alphabet: Alphabet) -> Initial:
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
    no_steps = np.empty((0, 3), dtype=np.int32)
    unmade = np.arange(len(special_tokens), dtype=np.int32)
    flat = flat_spellings(spellings)
    return Initial(frozen(byte_id), *flat, frozen(unmade), no_steps, np.empty(0, dtype=np.int32))


def initial_of(model: BpeModel) -> Initial:
    """The vocabulary and steps of a model, to go on from."""
    byte_id = np.empty(256, dtype=np.int32)
    made = set(model.steps[:, 2].tolist())
    unmade = []
    for number, spelling in enumerate(model.spellings):
        if len(spelling) == 1:
            byte_id[spelling[0]] = number
        elif spelling and number not in made:
            unmade.append(number)
    flat = flat_spellings(model.spellings)
    unmade = frozen(np.array(unmade, dtype=np.int32))
    return Initial(frozen(byte_id), *flat, unmade, model.steps, model.vocab_before)


def empty_vocabulary(initial: Initial, vocab_size: int) -> Vocabulary:
    """With room for vocab_size tokens and the separator."""
    capacity = max(vocab_size, initial.n_tokens) + 1
    offsets = np.zeros(capacity + 1, dtype=np.int64)
    offsets[: initial.n_tokens + 1] = initial.offsets
    spellings = np.empty(16 * capacity + len(initial.spellings), dtype=np.uint8)
    spellings[: len(initial.spellings)] = initial.spellings
    sizes = np.zeros(capacity, dtype=np.int32)
    sizes[: initial.n_tokens] = np.diff(initial.offsets)
    done = len(initial.steps)
    most_steps = done + max(vocab_size - initial.n_tokens, 0) + len(initial.unmade)
    steps = np.empty((most_steps, 3), dtype=np.int32)
    steps[:done] = initial.steps
    vocab_before = np.empty(most_steps, dtype=np.int32)
    vocab_before[:done] = initial.vocab_before
    return Vocabulary(spellings, offsets, sizes, steps, vocab_before, initial.unmade)


def initial_traits(initial: Initial, vocab_size: int, barriers: bytes) -> np.ndarray:
    """int32, `merge_loop.traits_of` each token so far, with room for vocab_size tokens."""
    traits = np.zeros(max(vocab_size, initial.n_tokens) + 1, dtype=np.int32)
    data = initial.spellings.tobytes()
    borders = pairwise(initial.offsets.tolist())
    traits[: initial.n_tokens] = [traits_of(data[first:end], barriers) for first, end in borders]
    return traits


def theta_that_fits(counts: np.ndarray, numbers: np.ndarray, least: int, room: int) -> int:
    """The smallest count, at least `least`, so that the pairs that have it fill no more of the room than they may.

    The most frequent pairs are in, however many occurrences they have. counts, numbers: int64 [pairs], of each pair the
    count and the number of occurrences.
    """
    enough = counts >= least
    counts, numbers = counts[enough], numbers[enough]
    order = np.argsort(-counts)
    upto = np.cumsum(numbers[order])
    first_out = int(np.searchsorted(upto, FILLED * room, side="right"))
    if first_out == len(order):
        return least
    return int(min(counts[order[first_out]] + 1, counts[order[0]]))


@dataclass
class Training:
    """A training on its way.

    words, counted: the words and what they weigh. limits: for the whole of it, but for theta.
    After `run`: tokens, vocabulary, n_tokens and n_steps are what was made; stretches is how many it took.
    """

    words: FlatWords
    counted: Counted
    initial: Initial
    limits: Limits
    workspace: Workspace

    @property
    def vocab_size(self) -> int:
        return self.limits.n_tokens

    def __post_init__(self) -> None:
        size = extent(frozen(self.words.sizes), self.counted)
        if size.smallest < 0 or size.text_bytes >= 2.0**62:
            raise OverflowError("word counts must be non-negative and their text below 2^62 bytes")
        if size.slots > MOST_SLOTS or size.heavy > MOST_HEAVY:
            raise OverflowError(
                f"the distinct words have {size.slots:,} bytes, separators included, and {size.heavy:,} of them occur "
                f"{int(HEAVY):,} times or more; a training holds at most {MOST_SLOTS:,} and {MOST_HEAVY:,}. Use less "
                "text"
            )
        self.n_slots = size.slots
        self._heavy = frozen(self.counted.counts[self.counted.counts >= int(HEAVY)])
        self.vocabulary = empty_vocabulary(self.initial, self.vocab_size)
        self.n_tokens, self.n_steps, self.stretches = self.initial.n_tokens, len(self.initial.steps), 0
        narrow = self.workspace.most_narrow(self.n_slots, self.vocab_size)
        self._narrow = self.initial.n_tokens <= narrow
        self._until = min(self.vocab_size, narrow) if self._narrow else self.vocab_size

    def run(self, theta: int, min_count: int) -> None:
        """Merge until the vocabulary is whole or no pair counts min_count.

        theta: pairs with a smaller count are not tracked at first; 0: what is likely best.
        """
        continued = len(self.initial.steps) > 0
        byte_pairs = None if continued else self._fill()
        if continued:
            self._encode()
        arena = self.workspace.room(self.n_slots)
        least = max(min_count, theta or (self._likely_last(arena) if continued else 1))
        while self.n_tokens < self.vocab_size:
            if self.stretches or continued:
                theta, n_pairs, tracked, arena = self._from_tokens(least, arena)
            else:
                theta, n_pairs, tracked, arena = self._from_bytes(byte_pairs, least, arena)
            vocabulary, limits = self.vocabulary, self.limits._replace(n_tokens=self._until, theta=theta)
            why, self.n_tokens, self.n_steps, spellings, used = merge_loop(
                self.tokens, self._heavy, vocabulary, self.n_tokens, self.n_steps, limits, tracked, n_pairs, arena
            )  # fmt: skip
            self.vocabulary = vocabulary._replace(spellings=spellings)
            self.stretches += 1
            log.debug(
                "stretch %d: %d slots, %d pairs of count %d or more, %d of %d occurrences, %d tokens",
                self.stretches, self.tokens.n_slots, n_pairs, theta, used, arena.size, self.n_tokens,
            )  # fmt: skip
            if why == EXHAUSTED:
                if theta == min_count:
                    break
                if theta == least:
                    least = max(min_count, least // 4)

    def _fill(self) -> np.ndarray:
        """Make every byte a token. int64 [65536, 2], of every byte pair a * 256 + b the count and the number."""
        slots = self._slots()
        return fill_slots(self.words.arrays(), self.counted, self.initial.byte_id, self._until, slots)

    def _encode(self) -> None:
        """Make tokens of the words as the merges so far do."""
        initial = self.initial
        merges = merges_of(initial.byte_id, initial.steps, initial.spellings, initial.offsets)
        slots = self._slots()
        self.n_slots = encode_words(self.words.arrays(), self.counted, merges, self._until, slots)
        self.tokens = self.tokens._replace(n_slots=self.n_slots)

    def _slots(self) -> np.ndarray:
        """Slots for every byte, with anything in them, which are the tokens from now on."""
        slots = self.workspace.array("slots", self.n_slots, np.uint16 if self._narrow else np.uint32)
        widths = np.ones(len(self.vocabulary.sizes), np.int32)
        self.tokens = Tokens(slots, widths, self._until, self.n_slots)
        return slots

    def _likely_last(self, arena: np.ndarray) -> int:
        """A count that the last merge's is likely to exceed, though not by far."""
        counts = self._sketch(arena)
        rank = min(self.vocab_size - self.n_tokens, counts.size)
        return int(LIKELY_LAST * np.partition(counts, counts.size - rank)[counts.size - rank]) if rank else 1

    def _from_bytes(
        self, found: np.ndarray, least: int, arena: np.ndarray
    ) -> tuple[int, int, Tracked, np.ndarray]:
        """Begin with what `_fill` gave: (theta, number of tracked pairs, they, arena)."""
        byte_id = self.initial.byte_id
        theta = theta_that_fits(*found[found[:, 1] > 0].T, least, arena.size)
        pairs = np.flatnonzero((found[:, 0] >= theta) & (found[:, 1] > 0))
        rows = np.empty((len(pairs), 4), dtype=np.int64)
        rows[:, KEY] = byte_id[pairs >> 8].astype(np.int64) << 32 | byte_id[pairs & 255]
        rows[:, COUNT] = found[pairs, 0]
        rows[:, END] = np.cumsum(found[pairs, 1])
        rows[:, START] = rows[:, END] - found[pairs, 1]
        tracked = self.workspace.tracked(len(rows), self.vocab_size)
        track_all(tracked, rows)
        arena = self._with_room(arena, rows)
        write_to = np.full(1 << 16, -1, dtype=np.int64)
        write_to[pairs] = rows[:, START]
        list_byte_pairs(self.words.arrays(), self.counted, write_to, arena)
        return theta, len(rows), tracked, arena

    def _from_tokens(self, least: int, arena: np.ndarray) -> tuple[int, int, Tracked, np.ndarray]:
        """Begin again with the tokens that there are, one slot each: as `_from_bytes`."""
        self.tokens = self.tokens._replace(n_slots=compact(self.tokens))
        self.tokens.widths[:] = 1
        if self.n_tokens >= self._until:
            self._widen()
        few = self.n_tokens**2 <= min(FEW**2, arena.size // 2)
        rows = self._count_few(arena) if few else self._count_many(least, arena)
        rows = rows[rows[:, COUNT] >= least]
        rows = rows[may_merge(rows, self.vocabulary, self.limits)]
        theta = theta_that_fits(rows[:, COUNT], rows[:, N], least, arena.size)
        rows = rows[rows[:, COUNT] >= theta]
        rows[:, END] = np.cumsum(rows[:, N])
        rows[:, START] = rows[:, END] - rows[:, N]
        tracked = self.workspace.tracked(len(rows), self.vocab_size)
        track_all(tracked, rows)
        arena = self._with_room(arena, rows)
        if few:
            write_to = np.full(self.n_tokens**2, -1, dtype=np.int64)
            write_to[(rows[:, KEY] >> 32) * self.n_tokens + (rows[:, KEY] & 0xFFFFFFFF)] = rows[:, START]
            list_few(self.tokens, self.counted, self.n_tokens, write_to, arena)
        else:
            tracked.pairs[: len(rows), END] = rows[:, START]
            list_pairs(self.tokens, self.counted, tracked.table, tracked.pairs, arena)
        return theta, len(rows), tracked, arena

    def _count_few(self, arena: np.ndarray) -> np.ndarray:
        """The pairs of the text, rows (key, count, number, 0), by a table of all pairs of tokens. Uses the arena."""
        n = self.n_tokens
        found = arena[: 2 * n * n].view(np.int64).reshape(-1, 2)
        found[:] = 0
        count_few(self.tokens, self.counted, n, found)
        pairs = np.flatnonzero(found[:, 1])
        rows = np.zeros((len(pairs), 4), dtype=np.int64)
        rows[:, KEY] = pairs // n << 32 | pairs % n
        rows[:, COUNT], rows[:, N] = found[pairs].T
        return rows

    def _count_many(self, least: int, arena: np.ndarray) -> np.ndarray:
        """The same, of pairs that count `least` or more, in little memory; some lighter ones too."""
        return weigh_pairs(self.tokens, self.counted, self._sketch(arena), least)

    def _sketch(self, arena: np.ndarray) -> np.ndarray:
        """int64 [a power of 2], a part of the arena: the count of every pair is no more than that at its hash."""
        size = max(min(self.tokens.n_slots // SKETCH, arena.size), 1)
        sketch = arena[: 1 << size.bit_length() - 1].view(np.int64)
        sketch[:] = 0
        sketch_pairs(self.tokens, self.counted, sketch)
        return sketch

    def _with_room(self, arena: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """An arena in which the rows' occurrences fill no more than a half, if they would not fit as it is."""
        need = int(rows[-1, END]) if len(rows) else 0
        return arena if need <= arena.size else self.workspace.array("occurrences", 2 * need, np.uint64)

    def _widen(self) -> None:
        """Go on with wide slots, as ids are about to outgrow the narrow ones."""
        narrow, _, before, n_slots = self.tokens
        wide = self.workspace.array("slots", narrow.nbytes // 4, np.uint32)
        if n_slots > len(wide):
            wide = np.empty(n_slots, np.uint32)
            self.workspace.keep("slots", wide)
        widen(narrow, n_slots, before, self.vocab_size, wide)
        self.tokens = Tokens(wide, self.tokens.widths, self.vocab_size, n_slots)
        self._until = self.vocab_size
