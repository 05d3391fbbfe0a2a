"""Queues of pairs, one for each corpus: 4-ary heaps of rows (count, tie, number), largest count first.

Of equal counts, the pair whose spelling comes last goes first, as in `ParityBpeTrainer`: the first tokens' spellings
are compared, then the second ones', in the order of the alphabet's characters. A tie holds the first seven characters
of both; pairs that share them are compared in full.
"""

from typing import NamedTuple

import numpy as np

from trex.bpe.pair_table import KEY
from trex.compiled.arrays import LOW, UP, grown
from trex.compiled.kernel import kernel

CHARACTERS = 7  # of 9 bits each: 0 is the end of a token


class Names(NamedTuple):
    """How tokens are spelled: token i is spellings[offsets[i]:offsets[i + 1]], uint8, ranks of bytes by code point."""

    spellings: np.ndarray
    offsets: np.ndarray


class Queues(NamedTuple):
    """The heap of queue q is rows[first[q]:first[q] + sizes[q]], int64 [n, 3], with room for room[q].

    used: int64 [1], how many rows are given away. All but rows change in place.
    """

    rows: np.ndarray
    first: np.ndarray
    sizes: np.ndarray
    room: np.ndarray
    used: np.ndarray


@kernel
def tie(names, key):
    """The beginning of a pair's spelling as a number, smaller for what comes later."""
    spellings, offsets = names
    packed = np.int64(0)
    n = 0
    for token in (np.int64(np.uint64(key) >> UP), np.int64(np.uint64(key) & LOW)):
        for at in range(offsets[token], min(offsets[token + 1], offsets[token] + CHARACTERS)):
            if n < CHARACTERS:
                packed = packed << 9 | np.int64(spellings[at] + 1)
                n += 1
        if n < CHARACTERS:
            packed <<= 9
            n += 1
    return -(packed << 9 * (CHARACTERS - n))


@kernel
def _after(names, key, other):
    """Whether a pair's spelling comes after another's."""
    spellings, offsets = names
    for shift in (UP, np.uint64(0)):
        token = np.int64((np.uint64(key) >> shift) & LOW)
        other_token = np.int64((np.uint64(other) >> shift) & LOW)
        if token == other_token:
            continue
        at, end = offsets[token], offsets[token + 1]
        other_at, other_end = offsets[other_token], offsets[other_token + 1]
        while at < end and other_at < other_end:
            if spellings[at] != spellings[other_at]:
                return spellings[at] > spellings[other_at]
            at += 1
            other_at += 1
        return end - at > other_end - other_at
    return False


@kernel
def _before(names, pairs, row, other):
    if row[0] != other[0]:
        return row[0] > other[0]
    if row[1] != other[1]:
        return row[1] < other[1]
    return _after(names, pairs[row[2], KEY], pairs[other[2], KEY])


@kernel
def _with_room(queues, q):
    """The same, with room for one row more in queue q."""
    rows, first, sizes, room, used = queues
    if sizes[q] < room[q]:
        return queues
    to = used[0]
    if to + 2 * room[q] > len(rows):
        rows = grown(rows, 2 * (to + 2 * room[q]))
    for i in range(sizes[q]):
        for column in range(3):
            rows[to + i, column] = rows[first[q] + i, column]
    first[q] = to
    room[q] *= 2
    used[0] = to + room[q]
    return Queues(rows, first, sizes, room, used)


@kernel
def push(queues, q, names, pairs, row):
    """Queue a row (count, tie, number) of a pair."""
    queues = _with_room(queues, q)
    heap = queues.rows[queues.first[q] :]
    i = queues.sizes[q]
    queues.sizes[q] += 1
    while i > 0:
        parent = (i - 1) >> 2
        above = (heap[parent, 0], heap[parent, 1], heap[parent, 2])
        if not _before(names, pairs, row, above):
            break
        heap[i, 0], heap[i, 1], heap[i, 2] = above
        i = parent
    heap[i, 0], heap[i, 1], heap[i, 2] = row
    return queues


@kernel
def _sink(heap, n, names, pairs, row):
    """Put a row in the place of the first of n, and let it sink."""
    i = 0
    while True:
        child = 4 * i + 1
        if child >= n:
            break
        best = (heap[child, 0], heap[child, 1], heap[child, 2])
        where = child
        for other in range(child + 1, min(child + 4, n)):
            row_of = (heap[other, 0], heap[other, 1], heap[other, 2])
            if _before(names, pairs, row_of, best):
                best = row_of
                where = other
        if not _before(names, pairs, best, row):
            break
        heap[i, 0], heap[i, 1], heap[i, 2] = best
        i = where
    heap[i, 0], heap[i, 1], heap[i, 2] = row


@kernel
def first_pair(queues, q, names, pairs, counts, least):
    """Number of the pair that queue q has first by its count now, counts[number, q]; -1 if that is below `least`.

    The rows' counts are those of the time of queueing, never too small; rows on the way are brought up to date.
    """
    heap = queues.rows[queues.first[q] :]
    while queues.sizes[q] > 0 and heap[0, 0] >= least:
        number = heap[0, 2]
        count = counts[number, q]
        if count == heap[0, 0]:
            return number
        if count >= least:
            _sink(heap, queues.sizes[q], names, pairs, (count, heap[0, 1], number))
        else:
            queues.sizes[q] -= 1
            n = queues.sizes[q]
            _sink(heap, n, names, pairs, (heap[n, 0], heap[n, 1], heap[n, 2]))
    return np.int64(-1)
