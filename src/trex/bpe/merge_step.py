"""One step of the merge loop: merge a pair wherever it occurs, and note its neighbours.

The loop waits for memory more than it computes. A visit takes 16 ns where the text fits the fastest caches, and two to
three times as long on a million words. So occurrences are visited in batches, in passes that first ask for all the
memory of a batch and drop the stale ones without a branch. Indices are unsigned where it counts: numba checks others
for being negative.
"""

from typing import NamedTuple

import numpy as np

from trex.compiled.arrays import LOW, UP
from trex.compiled.intrinsics import prefetch
from trex.compiled.kernel import kernel

ONE = np.uint64(1)
# An occurrence is 64 bits: its first slot in the lower 40, the weight of its word in the upper 24.
WEIGHT = np.uint64(40)
PLACE = np.uint64((1 << 40) - 1)
MOST_SLOTS = 1 << 40
HEAVY = np.uint64(1 << 23)  # weights from here on are HEAVY + row in the table of heavy words
MOST_HEAVY = 1 << 23

BATCH = 256  # occurrences, few enough for the fastest cache


class Step(NamedTuple):
    """A merge of tokens (a, b), which have so many slots, into a new one."""

    a: int
    b: int
    new: int
    width_a: int
    width_b: int


class Neighbours(NamedTuple):
    """The neighbours of the pairs that a step merges, on the left (row 0) and on the right (row 1).

    changes: int64 [2, ids, 2]; first the weight and number of a neighbour's occurrences, then where the new pair's
    occurrences are written; 0 between steps. found: int32 [2, ids + 1], the neighbours that have an entry. merged:
    uint64 [merges, 2], rows (occurrence, left neighbour | right << 32).
    """

    changes: np.ndarray
    found: np.ndarray
    merged: np.ndarray


@kernel
def merge(occurrences, heavy, step, tokens, neighbours):
    """Merge left to right wherever the pair of the step still occurs.

    Adds (weight, occurrences) of every neighbour to changes and lists it in found, separators too. merged gets a row
    per merge. Returns the number of merges, of left and of right neighbours, and the weight of pairs (new, a) that
    were made and merged at once, in runs such as "ababab".
    """
    a, b, new, width_a, width_b = step
    slots, separator = tokens.slots, tokens.separator
    changes, found, merged = neighbours
    standing = np.empty(BATCH, dtype=np.uint64)
    left, right = changes[0], changes[1]
    to_b = np.uint64(width_a)
    to_end = np.uint64(width_a + width_b)
    n_merged = n_left = n_right = np.uint64(0)
    rejoined = np.int64(0)
    for first in range(np.uint64(0), np.uint64(occurrences.size), np.uint64(BATCH)):
        last = min(first + np.uint64(BATCH), np.uint64(occurrences.size))
        for k in range(first, last):
            prefetch(slots, np.int64(occurrences[k] & PLACE))
        n = np.uint64(0)
        for k in range(first, last):
            p = occurrences[k] & PLACE
            standing[n] = occurrences[k]
            n += np.uint64((slots[p] == a) & (slots[p + to_b] == b))
        for k in range(n):
            p = standing[k] & PLACE
            prefetch(left, np.int64(slots[p - ONE]))
            prefetch(right, np.int64(slots[p + to_end]))
        for k in range(n):
            p = standing[k] & PLACE
            if slots[p] != a:  # "aaa": the merge before took its first half
                continue
            end = p + to_end
            x = np.uint64(slots[p - ONE])
            y = np.uint64(slots[end])
            slots[p + to_b] = separator  # no token starts here any more
            slots[p] = new
            slots[end - ONE] = new
            merged[n_merged, 0] = standing[k]
            merged[n_merged, 1] = x | y << UP
            n_merged += ONE
            weight = standing[k] >> WEIGHT
            c = heavy[weight - HEAVY] if weight >= HEAVY else np.int64(weight)
            if x == np.uint64(new):
                # the merge before: its pair (new, a) of a moment ago becomes (new, new)
                rejoined += c
                found[1, n_right] = x
                n_right += np.uint64(right[x, 1] == 0)
                right[x, 0] += c
                right[x, 1] += 1
            else:
                found[0, n_left] = x
                n_left += np.uint64(left[x, 1] == 0)
                left[x, 0] += c
                left[x, 1] += 1
            found[1, n_right] = y
            n_right += np.uint64(right[y, 1] == 0)
            right[y, 0] += c
            right[y, 1] += 1
    return np.int64(n_merged), np.int64(n_left), np.int64(n_right), rejoined


@kernel
def list_births(n_merged, step, widths, neighbours, arena):
    """Write the new pairs' occurrences from changes[side, neighbour, 0] on, in the order of the text; neighbours with
    -1 there are left out."""
    new, width_new = step.new, step.width_a + step.width_b
    left, right = neighbours.changes[0], neighbours.changes[1]
    merged = neighbours.merged
    for i in range(np.uint64(n_merged)):
        occurrence = merged[i, 0]
        x = merged[i, 1] & LOW
        y = merged[i, 1] >> UP
        if x == np.uint64(new):
            if right[x, 0] >= 0:
                arena[np.uint64(right[x, 0])] = occurrence - np.uint64(width_new)
                right[x, 0] += 1
        elif left[x, 0] >= 0:
            arena[np.uint64(left[x, 0])] = occurrence - np.uint64(widths[x])
            left[x, 0] += 1
        if right[y, 0] >= 0:
            arena[np.uint64(right[y, 0])] = occurrence
            right[y, 0] += 1
