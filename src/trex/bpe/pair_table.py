"""Pairs of tokens by their numbers: a hash table from a pair's key to its row in a table of pairs."""

import numpy as np

from trex.compiled.arrays import LOW
from trex.compiled.intrinsics import prefetch
from trex.compiled.kernel import kernel

KEY = 0  # the column of the table of pairs that has the key
HIGH = np.uint64(0xFFFFFFFF00000000)


@kernel
def pair_key(a, b):
    """Both ids in one integer that sorts as (a, b) does."""
    return np.int64(a) << 32 | np.int64(b)


@kernel
def hashed(key):
    """A hash of a pair, uint64."""
    h = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return h ^ (h >> np.uint64(32))


@kernel
def find(table, pairs, key):
    """Number of the pair, or -1.

    table: uint64 [a power of 2], open addressing; a slot holds the upper half of the hash and number + 1, 0 if free.
    """
    mask = np.uint64(table.size - 1)
    h = hashed(key)
    tag = h & HIGH
    i = h & mask
    while table[i] != 0:
        if table[i] & HIGH == tag:
            number = np.int64(table[i] & LOW) - 1
            if pairs[number, KEY] == key:
                return number
        i = (i + np.uint64(1)) & mask
    return np.int64(-1)


@kernel
def insert(table, key, number):
    """Enter a key that the table does not have yet; the table must have free slots."""
    mask = np.uint64(table.size - 1)
    h = hashed(key)
    i = h & mask
    while table[i] != 0:
        i = (i + np.uint64(1)) & mask
    table[i] = (h & HIGH) | np.uint64(number + 1)


@kernel
def rehashed(table, pairs, n):
    """A table four times as large with the first n pairs."""
    bigger = np.zeros(4 * table.size, dtype=np.uint64)
    for number in range(n):
        insert(bigger, pairs[number, KEY], number)
    return bigger


@kernel
def prefetch_slot(table, key):
    """Ask for the slot where the search for a key begins, without waiting for it."""
    prefetch(table, np.int64(hashed(key) & np.uint64(table.size - 1)))


@kernel
def prefetch_pair(table, pairs, key):
    """Ask for the pair in that slot; the slot itself should be there."""
    prefetch(pairs, np.int64(table[hashed(key) & np.uint64(table.size - 1)] & LOW) - 1)
