"""The BPE merge loop on word counts, compiled by numba; `trex.bpe.training` prepares its arguments.

It makes the decisions of `trex.bpe.specification`, one by one. What makes it fast:

- All words lie in one flat array with a slot per byte and a separator around every word. A token is marked at
  its first and its last slot, so both neighbours are found without links; slots in between hold no token.
- A pair's occurrences are listed once, when the step that creates them ends. Lists are allowed to go stale: an
  occurrence is checked when it is visited (tokens never shrink, so a slot that still holds the left token's
  id is still its start).
- An occurrence is 8 bytes: its first slot in the lower half, the weight of its word in the upper. So a visit
  looks at one place in the text and nowhere else.
- Within one step all changes of pair counts are summed per neighbour before the hash table is touched.
- Pairs born with a count below `theta` are not tracked: counts only fall, so such a pair cannot be merged
  before the best count falls below theta. Then the loop weighs the whole text again with a smaller theta.
- The loop waits for memory more than it computes. So it asks for memory ahead (`trex.bpe.merge_step`), slots are
  as narrow as the vocabulary allows, the large arrays are numpy's, which are on huge pages (numba's own are not),
  and they are kept from one training to the next, because fresh pages take time.
- Evaluation costs one pass over the evaluation words after the last step. A token comes about by one split only
  (below), so that the words' last tokens tell how often every step was taken in them.

That counts only fall is a theorem. A pair (x, y) gains occurrences only in a step that makes x or y, and no token
is made twice by two splits: as long as nothing merges across its borders, the inside of a token is merged as if it
stood alone, so every later occurrence of its spelling as a token comes about by the same last merge.
(`tokenizers` keeps code for the other case; the property-based tests search for one.)
"""

from typing import NamedTuple

import numpy as np

from trex.bpe.merge_step import Neighbours, Step, list_births, merge, weighed
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
from trex.bpe.text_passes import (
    COUNT,
    END,
    START,
    Tokens,
    count_made,
    fill_slots,
    list_occurrences,
    weigh_all_pairs,
)
from trex.compiled.arrays import grown
from trex.compiled.kernel import kernel


class Counts(NamedTuple):
    """Training counts of the words.

    totals: int64 [words]; words with 0 only matter for evaluation. weights: uint32 [words], the same, or HEAVY + the
    row of `heavy` that has the count. heavy: int64, counts that are HEAVY or more.
    """

    totals: np.ndarray
    weights: np.ndarray
    heavy: np.ndarray


class InitialTokens(NamedTuple):
    """The vocabulary before the first merge.

    byte_id: int32 [256], token id of each byte. spellings: uint8, the bytes of all tokens one after another; those of
    token i are spellings[offsets[i]:offsets[i + 1]] (int64). n_specials: the first so many tokens are special; one
    that bytes cannot spell has an empty spelling.
    """

    byte_id: np.ndarray
    spellings: np.ndarray
    offsets: np.ndarray
    n_specials: int


class Limits(NamedTuple):
    """Where training ends.

    min_count: smallest pair count that is merged, at least 1. theta: pairs born with a smaller count are not tracked
    at first. max_token_length: pairs are formed only if their joint length in bytes is smaller.
    """

    vocab_size: int
    min_count: int
    theta: int
    max_token_length: int


class Room(NamedTuple):
    """Memory to work in, overwritten. All but the slots are replaced if they are too small.

    slots: uint16 or uint32 [slots], a type that holds the vocabulary size and one more. arena: uint64, occurrences of
    pairs. table: uint64 [a power of 2], zeros. pairs: int64 [half of that, 4], at least 65536 rows. heap: int64 [as
    many, 3].
    """

    slots: np.ndarray
    arena: np.ndarray
    table: np.ndarray
    pairs: np.ndarray
    heap: np.ndarray


class Tracked(NamedTuple):
    """The pairs whose counts are known: rows (key, count, start, end), found by key and queued by count."""

    table: np.ndarray
    pairs: np.ndarray
    heap: np.ndarray


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
def _lost_pair(side, z, a, b):
    """The pair that merging (a, b) beside a left (side 0) or right neighbour z ends."""
    return pair_key(z, a) if side == 0 else pair_key(b, z)


@kernel
def _prefetch_lost_pairs(found, n_found, a, b, tracked):
    """Ask for all that counting a step's losses will look up: without it, every look-up is a wait."""
    table, pairs, _ = tracked
    for side in range(2):
        for z in found[side, : n_found[side]]:
            prefetch_slot(table, _lost_pair(side, z, a, b))
    for side in range(2):
        for z in found[side, : n_found[side]]:
            prefetch_pair(table, pairs, _lost_pair(side, z, a, b))


# ------------------------------------------------------------------------------------------------ vocabulary


@kernel
def _with_spelling(spellings, offsets, n_tokens, a, b):
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
def _id_of_next(spellings, offsets, token_size, n_tokens, n_specials, size):
    """The id of the next token, which has `size` bytes: one that is spelled like a special token takes its id."""
    at = offsets[n_tokens]
    for special in range(n_specials - 1, -1, -1):
        if token_size[special] == size:
            k = 0
            while k < size and spellings[offsets[special] + k] == spellings[at + k]:
                k += 1
            if k == size:
                return np.int32(special)
    return np.int32(n_tokens)


# ------------------------------------------------------------------------------------------------ the loop


@kernel
def merge_loop(words, counts, initial, limits, evaluation, room):
    """Train on words (`trex.bpe.words.WordArrays`) with their Counts, from InitialTokens to Limits.

    evaluation: `trex.bpe.words.EvalCounts`. room: Room.

    Returns steps int32 [n, 3] as (a, b, new), the vocabulary size before each step int32 [n], the tokens' spellings as
    (bytes, offsets), and how often each token was made in evaluation text int64 [tokens, n_columns].
    """
    vocab_size, min_count, theta, max_token_length = limits
    n_specials = initial.n_specials
    pair_offsets, pair_places = words.pair_offsets, words.pair_places
    # -- vocabulary: ids below n_tokens, spellings, sizes in bytes. The separator counts as a token without size
    n_tokens = initial.offsets.size - 1
    capacity = max(vocab_size, n_tokens) + 1
    separator = capacity - 1
    offsets = grown(initial.offsets, capacity)
    spellings = grown(initial.spellings, 16 * capacity)
    token_size = np.zeros(capacity, dtype=np.int32)
    for token in range(n_tokens):
        token_size[token] = offsets[token + 1] - offsets[token]
    tokens = Tokens(room.slots, token_size, separator, words.starts)

    # -- pairs: key, count, and where their occurrences lie. The heap's counts are those of the time of queueing,
    # never too small
    arena = room.arena
    tracked = Tracked(room.table, room.pairs, room.heap)
    # np.int64, because numba compiles kernels that take a plain 0 once more, for the 0
    n_pairs = np.int64(0)
    n_heap = np.int64(0)
    n_arena = np.int64(0)
    byte_pair_count = fill_slots(
        words, counts.totals, evaluation.offsets, initial.byte_id, separator, room.slots
    )
    for pair in range(65536):
        if byte_pair_count[pair] >= theta:
            key = pair_key(initial.byte_id[pair >> 8], initial.byte_id[pair & 255])
            row = (key, byte_pair_count[pair], pair_offsets[pair], pair_offsets[pair + 1])
            _track(tracked, n_pairs, n_heap, row)
            n_pairs += 1
            n_heap += 1
    n_byte_pairs = n_pairs  # these have their occurrences in pair_places, all others in the arena

    changes = np.zeros((2, capacity, 2), dtype=np.int64)
    found = np.empty((2, capacity + 1), dtype=np.int32)
    n_found = np.zeros(2, dtype=np.int64)
    merged = np.empty((1 << 16, 2), dtype=np.uint64)
    byte_pair_occurrences = np.empty(1 << 16, dtype=np.uint64)

    # -- results
    steps = np.empty((max(vocab_size - n_tokens, 0) + n_specials, 3), dtype=np.int32)
    vocab_before = np.empty(len(steps), dtype=np.int32)
    n_steps = 0

    while n_tokens < vocab_size:
        if n_heap == 0 or tracked.heap[0, 0] < theta:
            if theta <= min_count:
                break
            theta = max(min_count, theta // 4)
            all_table, all_pairs = weigh_all_pairs(tokens, counts.totals)
            for f in range(len(all_pairs)):
                key = all_pairs[f, KEY]
                size = token_size[key >> 32] + token_size[key & 0xFFFFFFFF]
                # bytes pair up whatever max_token_length says, as in `tokenizers`
                allowed = size < max_token_length or size == 2
                if all_pairs[f, COUNT] >= theta and allowed and find(tracked.table, tracked.pairs, key) < 0:
                    tracked = _with_room(tracked, n_pairs)
                    all_pairs[f, START] = n_arena
                    n_arena += all_pairs[f, END]
                    _track(tracked, n_pairs, n_heap, (key, all_pairs[f, COUNT], all_pairs[f, START], n_arena))
                    n_pairs += 1
                    n_heap += 1
            if n_arena > arena.size:
                arena = grown(arena, 2 * n_arena)
            list_occurrences(tokens, counts.weights, all_table, all_pairs, arena)
            continue

        # -- the best pair, if its count is still what it was when it was queued
        heap, pairs = tracked.heap, tracked.pairs
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
        spellings = _with_spelling(spellings, offsets, n_tokens, a, b)
        new = _id_of_next(spellings, offsets, token_size, n_tokens, n_specials, size_new)
        steps[n_steps, 0] = a
        steps[n_steps, 1] = b
        steps[n_steps, 2] = new
        vocab_before[n_steps] = n_tokens
        n_steps += 1
        if new == n_tokens:
            offsets[n_tokens + 1] = offsets[n_tokens] + size_new
            token_size[new] = size_new
            n_tokens += 1

        # -- merge
        start, end = pairs[pair, START], pairs[pair, END]
        if len(merged) < end - start:
            merged = np.empty((2 * (end - start), 2), dtype=np.uint64)
        if pair < n_byte_pairs:
            if byte_pair_occurrences.size < end - start:
                byte_pair_occurrences = np.empty(2 * (end - start), dtype=np.uint64)
            occurrences = weighed(pair_places[start:end], counts.weights, byte_pair_occurrences)
        else:
            occurrences = arena[start:end]
        step = Step(a, b, new, token_size[a], token_size[b])
        neighbours = Neighbours(changes, found, merged)
        n_merged, n_found[0], n_found[1], rejoined = merge(
            occurrences, counts.heavy, step, tokens, neighbours
        )

        # -- count, list and queue the new pairs
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
                known = find(tracked.table, tracked.pairs, _lost_pair(side, z, a, b)) if z != new else -1
                if known >= 0:
                    tracked.pairs[known, COUNT] -= weight
                gain = weight - rejoined if side == 1 and z == a else weight
                if gain < theta or token_size[z] + size_new >= max_token_length:
                    continue
                tracked = _with_room(tracked, n_pairs)
                if n_arena + size > arena.size:
                    arena = grown(arena, 2 * (n_arena + size))
                born = pair_key(z, new) if side == 0 else pair_key(new, z)
                changes[side, z, 0] = n_arena
                _track(tracked, n_pairs, n_heap, (born, gain, n_arena, n_arena + size))
                n_arena += size
                n_pairs += 1
                n_heap += 1
        if n_pairs > n_tracked:
            list_births(n_merged, step, token_size, neighbours, arena)
        for side in range(2):
            for z in found[side, : n_found[side]]:
                changes[side, z, 0] = 0

    made = count_made(tokens, evaluation, steps[:n_steps], n_tokens)
    return (
        steps[:n_steps],
        vocab_before[:n_steps],
        spellings[: offsets[n_tokens]],
        offsets[: n_tokens + 1],
        made,
    )
