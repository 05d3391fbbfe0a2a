"""The BPE merge loop on word counts, compiled by numba; `trex.bpe.training` prepares its arguments.

It makes the decisions of `trex.bpe.specification`, one by one. What makes it fast:

- All words lie in one flat array with a slot per byte and a separator around every word. A token is marked at
  its first and its last slot, so both neighbours are found without links; slots in between hold no token.
- A pair's occurrences are listed once, when the step that creates them ends. Lists are allowed to go stale: an
  occurrence is checked when it is visited (tokens never shrink, so a slot that still holds the left token's
  id is still its start).
- An occurrence is 8 bytes: its first slot in the lower 40 bits, the weight of its word in the upper 24. So a visit
  looks at one place in the text and nowhere else.
- Within one step all changes of pair counts are summed per neighbour before the hash table is touched.
- Pairs born with a count below `theta` are not tracked: counts only fall, so such a pair cannot be merged
  before the best count falls below theta.
- The loop waits for memory more than it computes. So it asks for memory ahead (`trex.bpe.merge_step`), slots are
  as narrow as the ids so far allow, the large arrays are numpy's, which are on huge pages (numba's own are not),
  and they are kept from one training to the next, because fresh pages take time.
- Evaluation costs one pass over the evaluation words after the last step. A token comes about by one split only
  (below), so that the words' last tokens tell how often every step was taken in them.

A training is a row of stretches. A stretch ends when the best count falls below theta, when the lists have filled
their room, or when ids outgrow the slots. Then every token gets one slot, what is tracked is forgotten, and the pairs
are counted and listed again, those with the largest counts that fit. Small trainings take one stretch.

That counts only fall is a theorem. A pair (x, y) gains occurrences only in a step that makes x or y, and no token
is made twice by two splits: as long as nothing merges across its borders, the inside of a token is merged as if it
stood alone, so every later occurrence of its spelling as a token comes about by the same last merge.
(`tokenizers` keeps code for the other case; the property-based tests search for one.)
"""

from typing import NamedTuple

import numpy as np

from trex.bpe.merge_step import Neighbours, Step, list_births, merge
from trex.bpe.pair_queue import push, remove_first, replace_first
from trex.bpe.pair_table import (
    KEY,
    find,
    insert,
    pair_key,
    prefetch_pair,
    prefetch_slot,
    rehashed,
)
from trex.bpe.text_passes import COUNT, END, START
from trex.compiled.arrays import grown
from trex.compiled.kernel import kernel

# why a stretch ended
ENOUGH, EXHAUSTED, FULL = range(3)


class Vocabulary(NamedTuple):
    """The tokens and how they came about.

    spellings: uint8, the bytes of all tokens one after another; token i has sizes[i] (int32) from offsets[i]
    (int64). An empty spelling is of a token that bytes cannot spell. steps: int32 [most steps, 3], (a, b, new) of each.
    vocab_before: int32 [most steps], the vocabulary's size before it. unmade: int32, rising, tokens that no step makes
    so far, such as special ones.
    """

    spellings: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray
    steps: np.ndarray
    vocab_before: np.ndarray
    unmade: np.ndarray


class Limits(NamedTuple):
    """Where a stretch ends.

    n_tokens: a vocabulary of this size. theta: pairs with a smaller count are not tracked, at least 1.
    max_token_length: pairs are formed only if their joint length in bytes is smaller. max_words: pairs of several words
    are formed only if they have at most so many and no barrier; 0: whatever they have. traits: int32, of each token
    (`traits_of`), set as tokens are made.
    """

    n_tokens: int
    theta: int
    max_token_length: int
    max_words: int
    traits: np.ndarray


class Tracked(NamedTuple):
    """The pairs whose counts are known: rows (key, count, start, end), found by key and queued by count.

    table: uint64 [a power of 2]. pairs: int64 [half of that, 4]. heap: int64 [as many, 3]. All are replaced if they are
    too small.
    """

    table: np.ndarray
    pairs: np.ndarray
    heap: np.ndarray


# --------------------------------------------------------------------------------------------- what may be merged


def traits_of(spelling: bytes, barriers: bytes = b"") -> int:
    """What decides how many words a token has when it is joined to another, where white space of ASCII separates words.

    Bit 0: it ends within a word; bit 1: it begins within one; bit 2: it has a barrier; from bit 3 on: its words.
    """
    words = len(spelling.split())
    barrier = any(byte in barriers for byte in spelling)
    begins = bool(spelling[:1].strip())
    ends = bool(spelling[-1:].strip())
    return words << 3 | barrier << 2 | begins << 1 | ends


@kernel
def _joined(left, right):
    """The traits of two tokens joined."""
    within = left & 1 & right >> 1
    return ((left >> 3) + (right >> 3) - within) << 3 | (left | right) & 4 | left & 2 | right & 1


@kernel
def _has_few_words(traits, max_words):
    words = traits >> 3
    return max_words == 0 or words < 2 or (words <= max_words and traits & 4 == 0)


@kernel
def may_merge(rows, vocabulary, limits):
    """bool [n]: whether the pairs of rows (key, ...), int64 [n, 4], may be merged."""
    allowed = np.empty(len(rows), dtype=np.bool_)
    for n in range(len(rows)):
        a = rows[n, KEY] >> 32
        b = rows[n, KEY] & 0xFFFFFFFF
        size = vocabulary.sizes[a] + vocabulary.sizes[b]
        traits = _joined(limits.traits[a], limits.traits[b])
        # bytes pair up whatever max_token_length says, as in `tokenizers`
        allowed[n] = (size < limits.max_token_length or size == 2) and _has_few_words(
            traits, limits.max_words
        )
    return allowed


# ------------------------------------------------------------------------------------------------ tracked pairs


@kernel
def _with_room(tracked, n):
    """The same, or a larger copy if all its rows are used."""
    table, pairs, heap = tracked
    if n < len(pairs):
        return tracked
    return Tracked(rehashed(table, pairs, n), grown(pairs, 4 * n), grown(heap, 4 * n))


@kernel
def _track(tracked, n_pairs, n_heap, row):
    """Enter a new pair (key, count, start, end) into the table and the queue."""
    table, pairs, heap = tracked
    key, count, start, end = row
    insert(table, key, n_pairs)
    pairs[n_pairs, KEY] = key
    pairs[n_pairs, COUNT] = count
    pairs[n_pairs, START] = start
    pairs[n_pairs, END] = end
    push(heap, n_heap, count, key, n_pairs)


@kernel
def track_all(tracked, rows):
    """Track the rows (key, count, start, end), int64 [n, 4], and nothing else. There must be room for them."""
    tracked.table[:] = 0
    for n in range(len(rows)):
        _track(tracked, n, n, (rows[n, KEY], rows[n, COUNT], rows[n, START], rows[n, END]))


@kernel
def lost_pair(side, z, a, b):
    """The pair that merging (a, b) beside a left (side 0) or right neighbour z ends."""
    return pair_key(z, a) if side == 0 else pair_key(b, z)


@kernel
def _prefetch_lost_pairs(found, n_found, a, b, tracked):
    """Ask for all that counting a step's losses will look up: without it, every look-up is a wait."""
    table, pairs, _ = tracked
    for side in range(2):
        for z in found[side, : n_found[side]]:
            prefetch_slot(table, lost_pair(side, z, a, b))
    for side in range(2):
        for z in found[side, : n_found[side]]:
            prefetch_pair(table, pairs, lost_pair(side, z, a, b))


# ------------------------------------------------------------------------------------------------ vocabulary


@kernel
def with_spelling(spellings, offsets, n_tokens, a, b):
    """Spellings with that of tokens a and b joined, as if it were the next token's."""
    at = offsets[n_tokens]
    size_a = offsets[a + 1] - offsets[a]
    size_b = offsets[b + 1] - offsets[b]
    if at + size_a + size_b > spellings.size:
        spellings = grown(spellings, 2 * (at + size_a + size_b))
    for k in range(size_a):
        spellings[at + k] = spellings[offsets[a] + k]
    for k in range(size_b):
        spellings[at + size_a + k] = spellings[offsets[b] + k]
    return spellings


@kernel
def id_of_next(spellings, offsets, token_size, n_tokens, unmade, size):
    """The id of the next token, which has `size` bytes: one that is spelled like a token of `unmade` takes its id."""
    at = offsets[n_tokens]
    for i in range(len(unmade) - 1, -1, -1):
        special = unmade[i]
        if token_size[special] == size:
            k = 0
            while k < size and spellings[offsets[special] + k] == spellings[at + k]:
                k += 1
            if k == size:
                return np.int32(special)
    return np.int32(n_tokens)


# ------------------------------------------------------------------------------------------------ the loop


@kernel
def merge_loop(tokens, heavy, vocabulary, n_tokens, n_steps, limits, tracked, n_pairs, arena):
    """Merge until a limit is met.

    tokens: `text_passes.Tokens`. heavy: int64, the counts of heavy words. vocabulary: Vocabulary, with n_tokens tokens
    and n_steps steps so far. tracked: Tracked, n_pairs of them. arena: uint64, the occurrences that they refer to, and
    room for those of pairs that are born.

    Returns (why it ended, n_tokens, n_steps, the spellings' array, how much of the arena is used).
    """
    spellings, offsets, token_size, steps, vocab_before, unmade = vocabulary
    until, theta, max_token_length, max_words, traits = limits
    widths, separator = tokens.widths, tokens.separator
    n_heap = n_pairs
    n_arena = np.int64(0)
    hole = hole_end = np.int64(0)
    for pair in range(n_pairs):
        n_arena = max(n_arena, tracked.pairs[pair, END])

    capacity = len(token_size)
    changes = np.zeros((2, capacity, 2), dtype=np.int64)
    found = np.empty((2, capacity + 1), dtype=np.int32)
    n_found = np.zeros(2, dtype=np.int64)
    merged = np.empty((1 << 16, 2), dtype=np.uint64)

    why = ENOUGH
    while n_tokens < until:
        # -- the best pair, if its count is still what it was when it was queued. The heap's counts are those of the
        # time of queueing, never too small
        heap, pairs = tracked.heap, tracked.pairs
        if n_heap == 0 or heap[0, 0] < theta:
            why = EXHAUSTED
            break
        key = heap[0, 1]
        pair = heap[0, 2]
        count = pairs[pair, COUNT]
        if 0 < count < heap[0, 0]:
            replace_first(heap, n_heap, count, key, pair)
            continue
        remove_first(heap, n_heap)
        n_heap -= 1
        if count <= 0:
            continue

        # -- the new token
        a = np.int32(key >> 32)
        b = np.int32(key & 0xFFFFFFFF)
        size_new = token_size[a] + token_size[b]
        spellings = with_spelling(spellings, offsets, n_tokens, a, b)
        new = id_of_next(spellings, offsets, token_size, n_tokens, unmade, size_new)
        steps[n_steps, 0] = a
        steps[n_steps, 1] = b
        steps[n_steps, 2] = new
        vocab_before[n_steps] = n_tokens
        n_steps += 1
        if new == n_tokens:
            offsets[n_tokens + 1] = offsets[n_tokens] + size_new
            token_size[new] = size_new
            traits[new] = _joined(traits[a], traits[b])
            n_tokens += 1
        widths[new] = widths[a] + widths[b]

        # -- merge
        start, end = pairs[pair, START], pairs[pair, END]
        if len(merged) < end - start:
            merged = np.empty((end - start, 2), dtype=np.uint64)
        step = Step(a, b, new, widths[a], widths[b])
        neighbours = Neighbours(changes, found, merged)
        n_merged, n_found[0], n_found[1], rejoined = merge(arena[start:end], heavy, step, tokens, neighbours)

        # -- count, list and queue the new pairs. Their occurrences take the place of those that were just merged, then
        # the largest hole that such lists have left, then fresh room
        n_tracked = n_pairs
        _prefetch_lost_pairs(found, n_found, a, b, tracked)
        for side in range(2):
            for z in found[side, : n_found[side]]:
                weight = changes[side, z, 0]
                size = changes[side, z, 1]
                changes[side, z, 0] = -1
                changes[side, z, 1] = 0
                if z == separator:
                    continue
                known = find(tracked.table, tracked.pairs, lost_pair(side, z, a, b)) if z != new else -1
                if known >= 0:
                    tracked.pairs[known, COUNT] -= weight
                gain = weight - rejoined if side == 1 and z == a else weight
                if gain < theta or token_size[z] + size_new >= max_token_length:
                    continue
                if max_words:
                    left, right = (traits[z], traits[new]) if side == 0 else (traits[new], traits[z])
                    if not _has_few_words(_joined(left, right), max_words):
                        continue
                if start + size <= end:
                    at = start
                    start += size
                elif hole + size <= hole_end:
                    at = hole
                    hole += size
                elif n_arena + size <= arena.size:
                    at = n_arena
                    n_arena += size
                else:
                    why = FULL
                    break
                tracked = _with_room(tracked, n_pairs)
                born = pair_key(z, new) if side == 0 else pair_key(new, z)
                changes[side, z, 0] = at
                _track(tracked, n_pairs, n_heap, (born, gain, at, at + size))
                n_pairs += 1
                n_heap += 1
        if why == FULL:
            break
        if end - start > hole_end - hole:
            hole, hole_end = start, end
        if n_pairs > n_tracked:
            list_births(n_merged, step, widths, neighbours, arena)
        for side in range(2):
            for z in found[side, : n_found[side]]:
                changes[side, z, 0] = 0

    return why, n_tokens, n_steps, spellings, n_arena
