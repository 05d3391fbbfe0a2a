"""Replaying the merges of a tokenizer on words counted by corpus, compiled by numba; `trex.inference` explains it.

The text lies as in `trex.bpe.merge_loop`: a slot per byte, a token marked at its first and last slot, a separator
around every word. But the merges are known, so that only their pairs need lists of occurrences, and counts are kept by
corpus: all other pairs are only watched, for those that occur more often than the merge that was taken.
"""

from typing import NamedTuple

import numpy as np

from trex.arrow import frozen
from trex.bpe.pair_queue import push, remove_first, replace_first
from trex.bpe.pair_table import find, insert, pair_key, rehashed
from trex.bpe.words import FlatWords
from trex.compiled.arrays import LOW, UP, grown
from trex.compiled.kernel import kernel

BYTES = 256  # the first token ids


class Layout(NamedTuple):
    """Words laid out for the replay.

    text uint8 [slots]: every word's bytes with a separator slot before, between and after the words. starts int64
    [words]. Byte pair a * 256 + b occurs at pair_places[pair_offsets[pair]:pair_offsets[pair + 1]] (uint64: its first
    slot | its word << 32, rising).
    """

    text: np.ndarray
    starts: np.ndarray
    pair_offsets: np.ndarray
    pair_places: np.ndarray


class InCorpora(NamedTuple):
    """Word w occurs in the corpora columns[offsets[w]:offsets[w + 1]] (int32), counts[...] times (int64).

    byte_pair_counts: int64 [65536, k], by `count_byte_pairs`.
    """

    offsets: np.ndarray
    columns: np.ndarray
    counts: np.ndarray
    byte_pair_counts: np.ndarray


class Merges(NamedTuple):
    """What is replayed.

    steps: int32 [T, 3], (a, b, new) token ids; bytes are 0 to 255, and a step with new < 0 is left out. n_tokens: an
    id that no token has, larger than all. chosen: bool [T], steps at which competitors are looked for.
    """

    steps: np.ndarray
    n_tokens: int
    chosen: np.ndarray


class Slacks(NamedTuple):
    """What is forgiven: by_step float64 [T]; pairs (int64, sorted keys) that have a slack, and by_pair (float64) how
    much."""

    by_step: np.ndarray
    pairs: np.ndarray
    by_pair: np.ndarray


class Search(NamedTuple):
    """Which competitors are found.

    theta: pairs born with a smaller weight are not watched. most: competitors that are reported for one step. window:
    a pair is reported once at most in so many steps; windows begin at steps t with (t + offset) % window == 0.
    """

    theta: float
    most: int
    window: int
    offset: int


@kernel
def _flatten(data, offsets):
    """The arrays of Layout."""
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


def lay_out(words: FlatWords) -> Layout:
    """OverflowError beyond 2^31 bytes."""
    if len(words.text) + len(words) >= 2**31 - 1:
        raise OverflowError(
            f"{len(words)} distinct words of {len(words.text)} bytes in all: a mixture is inferred from at most 2^31 "
            "bytes of distinct words. Use less text."
        )
    offsets = np.concatenate(([0], np.cumsum(words.sizes, dtype=np.int64)))
    return Layout(*map(frozen, _flatten(frozen(words.text), frozen(offsets))))


@kernel
def _weighted(counts, rate):
    total = 0.0
    for i in range(rate.size):
        total += counts[i] * rate[i]
    return total


@kernel
def _slack_of(slacks, key):
    """The slack of a pair; 0 if it has none."""
    i = np.searchsorted(slacks.pairs, key)
    if i < slacks.pairs.size and slacks.pairs[i] == key:
        return slacks.by_pair[i]
    return 0.0


# ---------------------------------------------------------------------- the replay


@kernel
def count_byte_pairs(words, offsets, columns, counts, k):
    """int64 [65536, k]: counts of every byte pair a * 256 + b by corpus."""
    pair_offsets, pair_places = words.pair_offsets, words.pair_places
    found = np.zeros((1 << 16, k), dtype=np.int64)
    for byte_pair in range(1 << 16):
        for i in range(pair_offsets[byte_pair], pair_offsets[byte_pair + 1]):
            w = np.int64(pair_places[i] >> UP)
            for j in range(offsets[w], offsets[w + 1]):
                found[byte_pair, columns[j]] += counts[j]
    return found


@kernel
def replay(words, in_corpora, rate, merges, slacks, search):
    """The heaviest competitors that outweigh the merge of a step: weight of the pair - its slack > weight of the merge
    + slack of the step. Once found, a pair gives way to others for the rest of the window.

    words: Layout. rate: float64 [k], what a count in corpus i weighs. The other arguments are the
    tuples above.

    Returns (counts of every merge at its step int64 [T, k], and of what was found: step int32 [n], pair key int64 [n],
    counts at that step int64 [n, k]).
    """
    text, starts, pair_offsets, pair_places = words
    offsets, columns, counts, byte_pair_counts = in_corpora
    steps, n_tokens, chosen = merges
    theta, most, window, offset = search
    k = rate.size
    n_steps = len(steps)
    separator = n_tokens
    # -- slots
    slots = np.empty(text.size, dtype=np.int32)
    slots[0] = separator
    for w in range(starts.size):
        end = starts[w + 1] - 1 if w + 1 < starts.size else text.size - 1
        for p in range(starts[w], end):
            slots[p] = text[p]
        slots[end] = separator
    token_size = np.zeros(n_tokens + 1, dtype=np.int32)
    token_size[:BYTES] = 1

    # -- pairs: first the merges, numbered by step, then all that are watched
    room = 4 * (n_steps + (1 << 16))
    size = 1 << 16
    while size < 2 * room:
        size *= 2
    table = np.zeros(size, dtype=np.uint64)
    keys = np.empty((room, 1), dtype=np.int64)
    pair_counts = np.zeros((room, k), dtype=np.int64)
    pair_slack = np.empty(room, dtype=np.float64)
    heap = np.empty((room, 3), dtype=np.float64)  # (weight, 0.0, number)
    n_heap = np.int64(0)
    # of the merges: where they start and end in the arena
    occurrences_of = np.zeros((n_steps, 2), dtype=np.int64)
    for t in range(n_steps):
        a, b, new = steps[t, 0], steps[t, 1], steps[t, 2]
        keys[t, 0] = pair_key(a, b) if new >= 0 else -1 - t
        insert(table, keys[t, 0], t)
        pair_slack[t] = _slack_of(slacks, keys[t, 0])
        if new >= 0:
            token_size[new] = token_size[a] + token_size[b]
    n_pairs = np.int64(n_steps)
    arena = np.empty(pair_places.size, dtype=np.uint64)
    n_arena = 0
    for byte_pair in range(1 << 16):
        first, last = pair_offsets[byte_pair], pair_offsets[byte_pair + 1]
        if first == last:
            continue
        key = pair_key(byte_pair >> 8, byte_pair & 255)
        number = find(table, keys, key)
        if number < 0:
            number = n_pairs
            n_pairs += 1
            keys[number, 0] = key
            insert(table, key, number)
            pair_slack[number] = _slack_of(slacks, key)
        pair_counts[number] = byte_pair_counts[byte_pair]
        if number < n_steps:
            occurrences_of[number, 0] = n_arena
            for i in range(first, last):
                arena[n_arena] = pair_places[i]
                n_arena += 1
            occurrences_of[number, 1] = n_arena
        value = _weighted(pair_counts[number], rate) - pair_slack[number]
        push(heap, n_heap, value, 0.0, number)
        n_heap += 1

    # -- what a step changes, by side (0: left neighbours, 1: right) and neighbour; zero between steps
    changes = np.zeros((2, n_tokens + 1, k), dtype=np.int64)
    # occurrences, then where they are written; -1: nowhere
    n_places = np.zeros((2, n_tokens + 1), dtype=np.int64)
    neighbours = np.empty((2, n_tokens + 2), dtype=np.int32)
    n_neighbours = np.zeros(2, dtype=np.int64)
    rejoined = np.zeros(k, dtype=np.int64)
    merged = np.empty((1 << 16, 2), dtype=np.uint64)

    # -- results
    merge_counts = np.zeros((n_steps, k), dtype=np.int64)
    n_found = 0
    found_step = np.empty(1 << 12, dtype=np.int32)
    found_key = np.empty(1 << 12, dtype=np.int64)
    found_counts = np.empty((1 << 12, k), dtype=np.int64)
    aside = np.empty(window * most, dtype=np.int32)
    n_aside = 0

    for t in range(n_steps):
        a, b, new = steps[t, 0], steps[t, 1], steps[t, 2]
        if new < 0:
            continue
        # -- the heaviest competitors; the heap's values are those of the time of queueing, never too small
        merge_counts[t] = pair_counts[t]
        if (t + offset) % window == 0:
            for i in range(n_aside):
                number = aside[i]
                value = _weighted(pair_counts[number], rate) - pair_slack[number]
                push(heap, n_heap, value, 0.0, number)
                n_heap += 1
            n_aside = 0
        limit = _weighted(pair_counts[t], rate) + slacks.by_step[t]
        n_before = n_found
        while chosen[t] and n_heap > 0 and heap[0, 0] > limit and n_found < n_before + most:
            number = np.int64(heap[0, 2])
            value = _weighted(pair_counts[number], rate) - pair_slack[number]
            if 0 < value < heap[0, 0]:
                replace_first(heap, n_heap, value, 0.0, number)
                continue
            remove_first(heap, n_heap)
            n_heap -= 1
            if value <= 0 or number == t:
                continue
            aside[n_aside] = number
            n_aside += 1
            if n_found == found_step.size:
                found_step = grown(found_step, 2 * n_found)
                found_key = grown(found_key, 2 * n_found)
                found_counts = grown(found_counts, 2 * n_found)
            found_step[n_found] = t
            found_key[n_found] = keys[number, 0]
            found_counts[n_found] = pair_counts[number]
            n_found += 1

        # -- merge
        first, last = occurrences_of[t, 0], occurrences_of[t, 1]
        size_a, size_b = token_size[a], token_size[b]
        n_merged = 0
        n_neighbours[:] = 0
        rejoined[:] = 0
        if len(merged) < last - first:
            merged = np.empty((2 * (last - first), 2), dtype=np.uint64)
        for i in range(first, last):
            occurrence = arena[i]
            p = np.int64(occurrence & LOW)
            if slots[p] != a or slots[p + size_a] != b:
                continue
            end = p + size_a + size_b
            x = slots[p - 1]
            y = slots[end]
            slots[p + size_a] = separator  # no token starts here any more
            slots[p] = new
            slots[end - 1] = new
            merged[n_merged, 0] = occurrence
            merged[n_merged, 1] = np.uint64(x) | np.uint64(y) << UP
            n_merged += 1
            w = np.int64(occurrence >> UP)
            left = 1 if x == new else 0  # the merge before: its pair (new, a) becomes (new, new)
            if n_places[left, x] == 0:
                neighbours[left, n_neighbours[left]] = x
                n_neighbours[left] += 1
            n_places[left, x] += 1
            if n_places[1, y] == 0:
                neighbours[1, n_neighbours[1]] = y
                n_neighbours[1] += 1
            n_places[1, y] += 1
            for j in range(offsets[w], offsets[w + 1]):
                c = counts[j]
                i_corpus = columns[j]
                changes[left, x, i_corpus] += c
                changes[1, y, i_corpus] += c
                if left:
                    rejoined[i_corpus] += c

        # -- count, list and queue the new pairs
        for side in range(2):
            for z in neighbours[side, : n_neighbours[side]]:
                n_here = n_places[side, z]
                n_places[side, z] = -1
                if z == separator:
                    changes[side, z] = 0
                    continue
                if z != new:
                    known = find(table, keys, pair_key(z, a) if side == 0 else pair_key(b, z))
                    if known >= 0:
                        for i in range(k):
                            pair_counts[known, i] -= changes[side, z, i]
                if side == 1 and z == a:
                    for i in range(k):
                        changes[side, z, i] -= rejoined[i]
                value = _weighted(changes[side, z], rate)
                born = pair_key(z, new) if side == 0 else pair_key(new, z)
                number = find(table, keys, born)
                if number < 0 and value >= theta:
                    if n_pairs == len(keys):
                        room = 2 * n_pairs
                        table = rehashed(table, keys, n_pairs)
                        keys = grown(keys, room)
                        pair_counts = grown(pair_counts, room)
                        pair_slack = grown(pair_slack, room)
                    number = n_pairs
                    n_pairs += 1
                    keys[number, 0] = born
                    insert(table, born, number)
                    pair_slack[number] = _slack_of(slacks, born)
                elif number >= 0 and number < n_steps and number > t:
                    if n_arena + n_here > arena.size:
                        arena = grown(arena, 2 * (n_arena + n_here))
                    n_places[side, z] = n_arena
                    occurrences_of[number, 0] = n_arena
                    n_arena += n_here
                    occurrences_of[number, 1] = n_arena
                if number >= 0:
                    pair_counts[number] = changes[side, z]
                    if n_heap == len(heap):
                        heap = grown(heap, 2 * n_heap)
                    push(heap, n_heap, value - pair_slack[number], 0.0, number)
                    n_heap += 1
                changes[side, z] = 0
        size_new = size_a + size_b
        for i in range(n_merged):
            occurrence = merged[i, 0]
            x = np.int64(merged[i, 1] & LOW)
            y = np.int64(merged[i, 1] >> UP)
            before = size_new if x == new else token_size[x]
            left = 1 if x == new else 0
            if n_places[left, x] >= 0:
                arena[n_places[left, x]] = occurrence - np.uint64(before)
                n_places[left, x] += 1
            if n_places[1, y] >= 0:
                arena[n_places[1, y]] = occurrence
                n_places[1, y] += 1
        for side in range(2):
            for z in neighbours[side, : n_neighbours[side]]:
                n_places[side, z] = 0
        pair_counts[t] = 0

    return merge_counts, found_step[:n_found], found_key[:n_found], found_counts[:n_found]
