"""Counting words of text by shard in a hash table, compiled by numba."""

import numpy as np

from trex.compiled.arrays import grown
from trex.compiled.intrinsics import load8, on_huge_pages, prefetch, trailing_zeros
from trex.compiled.kernel import kernel
from trex.counting.scanner import guarded_block, split_block

# A word is a record of uint64 in `arena`: its bytes' number and its own number (size << 28 | word), its pending count,
# its bytes (the last eight filled up with zeros, and at least LEAST_UNITS, so that most words compare without a loop).
# The record is found through `table`, open addressing on slots that hold the upper half of the word's hash, whose first
# bits are the slot's number, and the record's position. A hit so touches one slot and one record.
#
# The pending count is that in the shard that the word was met in last: shard << 20 | count. When the word is met in
# another shard, or the count is MOST, it is appended to `log` as an entry: word << 36 | shard << 20 | count. Documents
# come sorted by shard. Sorting the log brings the counts of a word together, in the order of shards. A place for every
# word and shard would save the sorting, but then every append would wait for memory that is far away.

NAME, OPEN, HEADER = range(3)
LEAST_UNITS = 2
NUMBER_BITS = np.uint64(28)  # words up to 268 million
NUMBER = np.uint64((1 << 28) - 1)
_POSITION = np.uint64(0xFFFFFFFF)
_TAG = np.uint64(0xFFFFFFFF00000000)
_NOTHING, ONE, _TWO, _THREE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
WORD_BITS = np.uint64(36)  # of a log entry
COUNT_BITS = np.uint64(20)
MOST = (1 << 20) - 1  # a larger count takes several entries
COUNT = np.uint64(MOST)
# how much is used: words, arena, log
WORDS, ARENA, LOG = range(3)

BLOCK = 256  # words, few enough that what is prefetched for them stays in the fastest cache


def empty_table():
    """((table, arena, log), used) without words. The arena's first unit stays free: position 0 is that of no word."""
    arrays = (
        np.zeros(1 << 12, dtype=np.uint64),
        np.zeros(1 << 12, dtype=np.uint64),
        np.empty(1 << 10, dtype=np.uint64),
    )
    return arrays, np.array([0, 1, 0], dtype=np.int64)


def n_bytes(table, used):
    """Bytes of memory that hold words."""
    return table.nbytes + 8 * int(used[ARENA] + used[LOG])


# Functions of a block's loop take numbers: numba counts references to arrays at every call.
@kernel
def _cut(eight, size):
    """The first `size` of eight bytes, the others 0."""
    cut = eight & (~_NOTHING >> np.uint64(-8 * min(size, 8) & 63))
    return cut if size > 0 else _NOTHING


@kernel
def _mixed(h, word):
    h = (h ^ word) * np.uint64(0x9E3779B97F4A7C15)
    return h ^ h >> np.uint64(32)


@kernel
def units(name):
    """How many uint64 the bytes of a word take, by the first unit of its record."""
    return max((np.int64(name >> NUMBER_BITS) + 7) >> 3, LEAST_UNITS)


@kernel
def _same_rest(text, i, size, arena, at):
    """Whether the `size` bytes of text from i on are those at arena[at:]."""
    while size > 0:
        if _cut(load8(text, i), size) != arena[at]:
            return False
        i += 8
        at += 1
        size -= 8
    return True


@kernel
def _shift(table):
    """What leaves the number of a slot of a hash."""
    return np.uint64(64 - trailing_zeros(np.uint64(table.size)))


@kernel
def _doubled(table):
    bigger = np.empty(2 * table.size, dtype=np.uint64)
    on_huge_pages(bigger)
    for i in range(bigger.size):
        bigger[i] = 0
    shift = _shift(bigger)
    mask = bigger.size - 1
    for i in range(table.size):
        if table[i]:
            slot = np.int64(table[i] >> shift)
            while bigger[slot]:
                slot = (slot + 1) & mask
            bigger[slot] = table[i]
    return bigger


@kernel
def count_block(text, starts, ends, n, shard, table, arena, log, used):
    """Count n words of a shard, text[starts[k]:ends[k]], in order. Returns the (possibly reallocated) arrays.

    Places in arrays are unsigned, as numba asks of others whether they are negative.
    """
    # Room for n new words now, so that nothing moves in between.
    while 2 * (used[WORDS] + n) > table.size:
        table = _doubled(table)
    need = used[ARENA] + n * (HEADER + LEAST_UNITS + 1) + (ends[n - 1] - starts[0]) // 8
    if need > arena.size:
        arena = grown(arena, 4 * need)  # memory that nothing is written to is none that is used
    if used[LOG] + n >= log.size:
        log = grown(log, 4 * log.size + n)
    hashes = np.empty(BLOCK, dtype=np.uint64)
    beginnings = np.empty((BLOCK, 2), dtype=np.uint64)  # the first eight bytes of each word, and the next
    shift = _shift(table)
    mask = np.uint64(table.size - 1)
    for k in range(np.uint64(n)):
        i = starts[k]
        size = ends[k] - i
        first = _cut(load8(text, i), size)
        second = _cut(load8(text, i + 8), size - 8)
        beginnings[k, 0] = first
        beginnings[k, 1] = second
        h = _mixed(_mixed(np.uint64(size), first), second)
        while size > 16:
            i += 8
            size -= 8
            h = _mixed(h, _cut(load8(text, i + 8), size - 8))
        h = h * np.uint64(0xD6E8FEB86659FD93)
        h ^= h >> np.uint64(32)
        hashes[k] = h
        prefetch(table, np.int64(h >> shift))
    for k in range(np.uint64(n)):
        prefetch(arena, np.int64(table[hashes[k] >> shift] & _POSITION))
    once = np.uint64(shard) << COUNT_BITS | ONE
    n_log = np.uint64(used[LOG])
    for k in range(np.uint64(n)):
        i = starts[k]
        size = ends[k] - i
        first = beginnings[k, 0]
        second = beginnings[k, 1]
        h = hashes[k]
        slot = h >> shift
        while True:
            entry = table[slot]
            record = entry & _POSITION
            if entry == 0:
                at = used[ARENA]
                table[slot] = h & _TAG | np.uint64(at)
                arena[at + NAME] = np.uint64(size) << NUMBER_BITS | np.uint64(used[WORDS])
                arena[at + OPEN] = once
                arena[at + HEADER] = first
                arena[at + HEADER + 1] = second
                at += HEADER + LEAST_UNITS
                for rest in range(i + 16, i + size, 8):
                    arena[at] = _cut(load8(text, rest), i + size - rest)
                    at += 1
                used[ARENA] = at
                used[WORDS] += 1
                break
            if (entry ^ h) & _TAG:  # of another word, whose record is far away
                slot = (slot + ONE) & mask
                continue
            name = arena[record]
            if (
                (arena[record + _TWO] ^ first | arena[record + _THREE] ^ second) == 0
                and np.int64(name >> NUMBER_BITS) == size
                and (size <= 16 or _same_rest(text, i + 16, size - 16, arena, np.int64(record) + HEADER + 2))
            ):
                # Whether the word is in another shard, nobody can foresee: so there is no branch.
                opened = arena[record + ONE]
                closed = (opened ^ once) >> COUNT_BITS != 0 or opened & COUNT == COUNT
                log[n_log] = name << WORD_BITS | opened
                n_log += np.uint64(closed)
                arena[record + ONE] = once if closed else opened + ONE
                break
            slot = (slot + ONE) & mask
    used[LOG] = np.int64(n_log)
    return table, arena, log


@kernel
def count_split(text, borders, first_word, shard_of, table, arena, log, used):
    """Count words text[borders[k]:borders[k + 1]], those from first_word[d] to first_word[d + 1] in shard_of[d].

    Returns the (possibly reallocated) arrays.
    """
    for d in range(shard_of.size):
        for k in range(first_word[d], first_word[d + 1], BLOCK):
            n = min(BLOCK, first_word[d + 1] - k)
            starts = borders[k : k + n]
            ends = borders[k + 1 : k + n + 1]
            table, arena, log = count_block(text, starts, ends, n, shard_of[d], table, arena, log, used)
    return table, arena, log


@kernel
def count_text(text, bounds, shard_of, by_line, tables, kept, words_in_shard, table, arena, log, used):
    """Count the words of documents text[bounds[d]:bounds[d + 1]] that are sorted by shard, each or each line apart.

    tables, kept: see `trex.counting.scanner.split_block`. table, arena, log, used: see `empty_table`. Adds to
    words_in_shard. Returns the (possibly reallocated) arrays.
    """
    firsts = np.empty(BLOCK, dtype=np.int64)
    ends = np.empty(BLOCK, dtype=np.int64)
    d = 0
    i = bounds[0]
    piece = np.full(tables.starts.size + 1, i)
    most = BLOCK
    while d < shard_of.size:
        shard = shard_of[d]
        if tables.guard_length:
            d, i, n, most = guarded_block(
                text, bounds, shard_of, by_line, kept, tables, d, i, piece, firsts, ends, most
            )
        else:
            d, i, n = split_block(text, bounds, shard_of, by_line, kept, tables, d, i, piece, firsts, ends)
        if n:
            table, arena, log = count_block(text, firsts, ends, n, shard, table, arena, log, used)
        words_in_shard[shard] += n
    return table, arena, log
