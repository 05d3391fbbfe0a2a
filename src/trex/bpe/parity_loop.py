"""The merge loop of parity-aware BPE, compiled by numba: `trex.bpe.merge_loop` with counts by corpus.

It makes the decisions of `trex.bpe.parity_specification`, one by one. The text, the lists of occurrences and the
stretches are those of the plain loop. Each tracked pair has a count for every corpus, and is queued in those where it
counts enough. A stretch tracks the pairs that count thetas[c] or more in some corpus c: counts only fall, so no other
pair can become the best of corpus c before the best count there is below thetas[c]. During the global merges, all
corpora are one group.
"""

from typing import NamedTuple

import numpy as np

from trex.bpe.merge_loop import id_of_next, lost_pair, with_spelling
from trex.bpe.merge_step import ONE, Neighbours, Step, list_births
from trex.bpe.pair_table import KEY, find, hashed, insert, pair_key, prefetch_pair, prefetch_slot, rehashed
from trex.bpe.parity_queue import Names, first_pair, push, tie
from trex.bpe.parity_step import FIRST, GROUPS, NUMBER, Gains, merge_listed
from trex.bpe.text_passes import END, START
from trex.compiled.arrays import LOW, grown
from trex.compiled.intrinsics import prefetch, trailing_zeros
from trex.compiled.kernel import kernel

# why a stretch ended
ENOUGH, EXHAUSTED, FULL, LOW_COUNTS = range(4)
GLOBAL = -1  # leads the global merges


class Limits(NamedTuple):
    """Where a stretch ends: a vocabulary of n_tokens, or n_steps steps. max_token_length: as of `merge_loop.Limits`.

    min_count: the smallest count of a pair that is merged. thetas: int64 [groups], pairs that count less in every
    group are not tracked.
    """

    n_tokens: int
    n_steps: int
    max_token_length: int
    min_count: int
    thetas: np.ndarray


class Rotation(NamedTuple):
    """Whose turn it is (`trex.bpe.turns.choose`); all arrays change in place.

    together: the global merges; no other field is used. windowed, most: the variant, and the largest share of the
    window. tokens: int64 [columns], tokens now; those from first_column on are compared. at_first: int64 [corpora],
    the same tokens before the first merge. ratio, units: float64 [corpora], as of `Turns`; no ratio: empty.
    exhausted: bool [corpora]. recent: int32 [window_size], the last turns, of which corpus c had `had[c]`. n_turns:
    int64 [1]. leaders: int32 [most steps].
    """

    together: bool
    windowed: bool
    most: float
    tokens: np.ndarray
    first_column: int
    at_first: np.ndarray
    ratio: np.ndarray
    units: np.ndarray
    exhausted: np.ndarray
    recent: np.ndarray
    had: np.ndarray
    n_turns: np.ndarray
    leaders: np.ndarray


class TrackedByCorpus(NamedTuple):
    """The pairs whose counts are known: rows (key, unused, start, end), found by key.

    table, pairs: as of `merge_loop.Tracked`. counts: int64 [pairs, groups].
    """

    table: np.ndarray
    pairs: np.ndarray
    counts: np.ndarray


@kernel
def _score(rotation, c):
    """The larger, the worse a corpus compresses."""
    tokens = rotation.tokens[rotation.first_column + c]
    if rotation.ratio.size:
        return -(rotation.at_first[c] / max(tokens, 1)) / rotation.ratio[c]
    return tokens / rotation.units[c]


@kernel
def _choose(rotation):
    """The corpus whose turn it is. Some corpus must not be exhausted."""
    n_corpora = rotation.exhausted.size
    scores = np.empty(n_corpora)
    for c in range(n_corpora):
        scores[c] = _score(rotation, c)
    masked = rotation.exhausted.copy()
    worst = last = np.int64(-1)
    while True:
        best = np.int64(-1)
        for c in range(n_corpora):
            if not masked[c] and (best < 0 or scores[c] > scores[best]):
                best = c
        if best < 0:
            break
        if not rotation.windowed or rotation.had[best] / rotation.recent.size <= rotation.most:
            return best
        if worst < 0:
            worst = best
        last = best
        masked[best] = True
    n_exhausted = np.sum(rotation.exhausted)
    if n_exhausted == 0:
        return last
    only_first = n_exhausted == 1 and rotation.exhausted[0]
    if only_first or rotation.had[0] / rotation.recent.size <= rotation.most:
        return np.int64(0)
    return worst


@kernel
def _take_turn(rotation, c):
    """Note that corpus c has its turn."""
    at = rotation.n_turns[0] % rotation.recent.size
    if rotation.n_turns[0] >= rotation.recent.size:
        rotation.had[rotation.recent[at]] -= 1
    rotation.recent[at] = c
    rotation.had[c] += 1
    rotation.n_turns[0] += 1


@kernel
def enter_all(table, pairs, n_pairs):
    """Enter the first n_pairs pairs, and nothing else, into the table."""
    table[:] = 0
    for number in range(n_pairs):
        insert(table, pairs[number, KEY], number)


@kernel
def queue_all(tracked, n_pairs, names, queues, thetas):
    """Queue pairs in each group where they count enough. Returns the queues."""
    _, pairs, counts = tracked
    for number in range(n_pairs):
        at = tie(names, pairs[number, KEY])
        for group in range(thetas.size):
            if counts[number, group] >= thetas[group]:
                queues = push(queues, group, names, pairs, (counts[number, group], at, number))
    return queues


@kernel
def _with_room(tracked, n):
    """The same, or a larger copy if all its rows are used."""
    table, pairs, counts = tracked
    if n < len(pairs):
        return tracked
    if 2 * n + 2 > table.size:
        table = rehashed(table, pairs, n)
    return TrackedByCorpus(table, grown(pairs, 2 * n), grown(counts, 2 * n))


@kernel
def _prefetch_lost_pairs(changes, found, n_found, ab, tracked):
    """Ask for all that counting a step's losses will look up: without it, every look-up is a wait."""
    table, pairs, counts = tracked
    a, b = ab
    n_groups = counts.shape[1]
    flat = counts.reshape(-1)
    for side in range(2):
        for z in found[side, : n_found[side]]:
            prefetch_slot(table, lost_pair(side, z, a, b))
    for side in range(2):
        for z in found[side, : n_found[side]]:
            key = lost_pair(side, z, a, b)
            prefetch_pair(table, pairs, key)
            number = np.int64(table[_first_slot(table, key)] & LOW) - 1
            prefetch(flat, number * n_groups + trailing_zeros(np.uint64(changes[side, z, GROUPS])))


@kernel
def _first_slot(table, key):
    return hashed(key) & np.uint64(table.size - 1)


@kernel
def parity_loop(tokens, lists, vocabulary, size, limits, tracked, n_pairs, queues, arena, rotation):
    """Merge until a limit is met.

    tokens: `text_passes.Tokens`. lists: `parity_step.Lists`. vocabulary: `merge_loop.Vocabulary`, whose spellings are
    ranks of bytes by code point. size: int64 [2], its tokens and steps so far, changed in place. tracked, n_pairs,
    queues: the pairs. arena: uint64, the occurrences that they refer to, and room for those of pairs that are born.

    Returns (why it ended, the spellings' array, for LOW_COUNTS the group whose counts are too low, and int64 [groups],
    bounds of the best counts from above, 0: no pair).
    """
    spellings, offsets, token_size, steps, vocab_before, n_specials = vocabulary
    until, last_step, max_token_length, min_count, thetas = limits
    widths, separator = tokens.widths, tokens.separator
    n_tokens, n_steps = size[0], size[1]
    n_groups = thetas.size
    n_arena = np.int64(0)
    hole = hole_end = np.int64(0)
    for pair in range(n_pairs):
        n_arena = max(n_arena, tracked.pairs[pair, END])

    capacity = len(token_size)
    changes = np.zeros((2, capacity, FIRST + n_groups), dtype=np.int64)
    places = np.zeros((2, capacity, 1), dtype=np.int64)
    found = np.empty((2, capacity + 1), dtype=np.int32)
    n_found = np.zeros(2, dtype=np.int64)
    merged = np.empty((1 << 16, 2), dtype=np.uint64)
    rejoined = np.zeros(n_groups, dtype=np.int64)
    gained = np.zeros(n_groups, dtype=np.int64)
    saved = np.zeros(rotation.tokens.size, dtype=np.int64)

    why = ENOUGH
    low = np.int64(-1)
    while n_tokens < until and n_steps < last_step:
        # -- the corpus whose turn it is, and its best pair
        names = Names(spellings, offsets)
        if rotation.together:
            leader = np.int64(0)
        else:
            if np.all(rotation.exhausted):
                why = EXHAUSTED
                break
            leader = _choose(rotation)
        theta = thetas[leader]
        pair = first_pair(queues, leader, names, tracked.pairs, tracked.counts, theta)
        if pair < 0 and theta > min_count and (rotation.together or not rotation.exhausted[leader]):
            why = LOW_COUNTS
            low = leader
            break
        if rotation.together:
            if pair < 0:
                why = EXHAUSTED
                break
        else:
            _take_turn(rotation, leader)
            if pair < 0:
                rotation.exhausted[leader] = True
                continue

        # -- the new token
        key = tracked.pairs[pair, KEY]
        a = np.int32(key >> 32)
        b = np.int32(key & 0xFFFFFFFF)
        size_new = token_size[a] + token_size[b]
        spellings = with_spelling(spellings, offsets, n_tokens, a, b)
        new = id_of_next(spellings, offsets, token_size, n_tokens, n_specials, size_new)
        steps[n_steps, 0] = a
        steps[n_steps, 1] = b
        steps[n_steps, 2] = new
        vocab_before[n_steps] = n_tokens
        rotation.leaders[n_steps] = GLOBAL if rotation.together else leader
        n_steps += 1
        if new == n_tokens:
            offsets[n_tokens + 1] = offsets[n_tokens] + size_new
            token_size[new] = size_new
            n_tokens += 1
        widths[new] = widths[a] + widths[b]
        names = Names(spellings, offsets)

        # -- merge
        start, end = tracked.pairs[pair, START], tracked.pairs[pair, END]
        if len(merged) < end - start:
            merged = np.empty((end - start, 2), dtype=np.uint64)
        step = Step(a, b, new, widths[a], widths[b])
        gains = Gains(changes, rejoined, saved, found, merged)
        n_merged, n_found[0], n_found[1] = merge_listed(arena[start:end], lists, step, tokens, gains)
        tracked.counts[pair] = 0
        for column in range(saved.size):
            rotation.tokens[column] -= saved[column]

        # -- count, list and queue the new pairs. Their occurrences take the place of those that were just merged, then
        # the largest hole that such lists have left, then fresh room
        n_tracked = n_pairs
        _prefetch_lost_pairs(changes, found, n_found, (a, b), tracked)
        for side in range(2):
            for z in found[side, : n_found[side]]:
                n_occurrences = changes[side, z, NUMBER]
                groups = np.uint64(changes[side, z, GROUPS])
                changes[side, z, NUMBER] = 0
                changes[side, z, GROUPS] = 0
                places[side, z, 0] = -1
                known = np.int64(-1)
                if z != separator and z != new:
                    known = find(tracked.table, tracked.pairs, lost_pair(side, z, a, b))
                again = side == 1 and z == a
                enough = False
                bits = groups
                while bits != 0:
                    for group in range(trailing_zeros(bits), n_groups, 64):
                        gain = changes[side, z, FIRST + group]
                        changes[side, z, FIRST + group] = 0
                        if known >= 0:
                            tracked.counts[known, group] -= gain
                        if again:
                            gain -= rejoined[group]
                        gained[group] = gain
                        enough |= gain >= thetas[group]
                    bits &= bits - ONE
                if not enough or z == separator or token_size[z] + size_new >= max_token_length:
                    continue
                if start + n_occurrences <= end:
                    at = start
                    start += n_occurrences
                elif hole + n_occurrences <= hole_end:
                    at = hole
                    hole += n_occurrences
                elif n_arena + n_occurrences <= arena.size:
                    at = n_arena
                    n_arena += n_occurrences
                else:
                    why = FULL
                    break
                tracked = _with_room(tracked, n_pairs)
                born = pair_key(z, new) if side == 0 else pair_key(new, z)
                places[side, z, 0] = at
                insert(tracked.table, born, n_pairs)
                tracked.pairs[n_pairs, KEY] = born
                tracked.pairs[n_pairs, START] = at
                tracked.pairs[n_pairs, END] = at + n_occurrences
                first = tie(names, born)
                for group in range(n_groups):
                    tracked.counts[n_pairs, group] = 0
                bits = groups
                while bits != 0:
                    for group in range(trailing_zeros(bits), n_groups, 64):
                        tracked.counts[n_pairs, group] = gained[group]
                        if gained[group] >= thetas[group]:
                            row = (gained[group], first, n_pairs)
                            queues = push(queues, group, names, tracked.pairs, row)
                    bits &= bits - ONE
                n_pairs += 1
            if why == FULL:
                break
        if why == FULL:
            break
        if end - start > hole_end - hole:
            hole, hole_end = start, end
        if n_pairs > n_tracked:
            list_births(n_merged, step, widths, Neighbours(places, found, merged), arena)

    size[0], size[1] = n_tokens, n_steps
    best = np.zeros(n_groups, dtype=np.int64)
    for group in range(n_groups):
        if queues.sizes[group] > 0:
            best[group] = queues.rows[queues.first[group], 0]
    return why, spellings, low, best
