"""Words as the merges of a model encode them, compiled by numba: what a training that goes on from one begins with.

`tokenizers` takes the merge of the lowest rank, the leftmost first, again and again. So does this, but not in every
word from the start: text is cut where two bytes meet that no token has side by side, as no merge crosses there. What is
between two cuts is a *unit*; a unit that was met before is copied. In natural text units are about as long as words,
however long the pieces of text are that they are in.
"""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from trex.arrow import frozen
from trex.bpe.pair_queue import push, remove_first
from trex.bpe.pair_table import hashed, pair_key
from trex.bpe.text_passes import Counted
from trex.bpe.words import FlatWords
from trex.compiled.arrays import LOW, UP, grown
from trex.compiled.intrinsics import load8, prefetch
from trex.compiled.kernel import kernel

NO_RANK = np.int32(2**31 - 1)
SHORT = (
    64  # bytes of the longest unit that is remembered, and encoded by looking at all its pairs for each merge
)
MOST_UNITS = 1 << 23  # that are remembered: 0.5 GB at most
BLOCK = 256  # units whose memory is asked for at a time
_HIGH = np.uint64(0xFFFFFFFF00000000)
_ALL = ~np.uint64(0)
_C1, _C2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
# columns of the table of units: first byte in the text, size << 32 | tokens, first slot, first eight bytes
_START, _SIZES, _SLOT, _KEY = range(4)


class Merges(NamedTuple):
    """The merges of a model by rank.

    byte_id: int32 [256], token of each byte. table: int64 [a power of 2, 2], a hash table of rows (pair, rank),
    where a pair of -1 is a free row. new: int32 [ranks], the token that a merge makes. byte_rank: int32 [65536],
    rank of the pair of bytes a * 256 + b, or NO_RANK. joined: bool [65536], whether some token has the two bytes
    side by side.
    """

    byte_id: np.ndarray
    table: np.ndarray
    new: np.ndarray
    byte_rank: np.ndarray
    joined: np.ndarray


def merges_of(byte_id: np.ndarray, steps: np.ndarray, spellings: np.ndarray, offsets: np.ndarray) -> Merges:
    """byte_id: int32 [256]. steps: int32 [ranks, 3], (a, b, new). spellings: uint8, of token i those from offsets[i]
    (int64) to offsets[i + 1]."""
    table = np.full((1 << (3 * len(steps) | 8).bit_length(), 2), -1, dtype=np.int64)
    _enter(table, frozen(steps))
    byte_rank = np.full(65536, NO_RANK, dtype=np.int32)
    _rank_bytes(table, frozen(byte_id), byte_rank)
    joined = np.zeros(65536, dtype=bool)
    within = np.ones(max(len(spellings) - 1, 0), dtype=bool)
    within[offsets[(offsets > 0) & (offsets < len(spellings))] - 1] = False
    joined[(spellings[:-1].astype(np.int64) << 8 | spellings[1:])[within]] = True
    return Merges(*map(frozen, (byte_id, table, steps[:, 2], byte_rank, joined)))


@kernel
def _enter(table, steps):
    mask = len(table) - 1
    for rank in range(len(steps)):
        pair = pair_key(steps[rank, 0], steps[rank, 1])
        i = np.int64(hashed(pair)) & mask
        while table[i, 0] >= 0:
            i = (i + 1) & mask
        table[i, 0] = pair
        table[i, 1] = rank


@kernel
def _rank(table, a, b):
    pair = pair_key(a, b)
    mask = len(table) - 1
    i = np.int64(hashed(pair)) & mask
    while table[i, 0] >= 0:
        if table[i, 0] == pair:
            return np.int32(table[i, 1])
        i = (i + 1) & mask
    return NO_RANK


@kernel
def _rank_bytes(table, byte_id, byte_rank):
    for pair in range(65536):
        byte_rank[pair] = _rank(table, byte_id[pair >> 8], byte_id[pair & 255])


@kernel
def _encode_short(text, first, n, byte_id, table, new, byte_rank, ids, ranks):
    """Encode text[first:first + n]. Returns the number of tokens, which are in ids. ranks: int32, room."""
    for k in range(n):
        ids[k] = byte_id[text[first + k]]
    for k in range(n - 1):
        ranks[k] = byte_rank[np.int64(text[first + k]) << 8 | text[first + k + 1]]
    while True:
        best = np.int64(0)
        lowest = NO_RANK
        for k in range(n - 1):
            if ranks[k] < lowest:
                lowest = ranks[k]
                best = k
        if lowest == NO_RANK:
            return n
        n -= 1
        ids[best] = new[lowest]
        for k in range(best + 1, n):
            ids[k] = ids[k + 1]
            ranks[k - 1] = ranks[k]
        if best > 0:
            ranks[best - 1] = _rank(table, ids[best - 1], ids[best])
        if best + 1 < n:
            ranks[best] = _rank(table, ids[best], ids[best + 1])


@kernel
def _encode_long(text, first, n, merges):
    """The tokens of text[first:first + n], int32, with a queue of pairs."""
    byte_id, table, new, byte_rank, _ = merges
    ids = np.empty(n, dtype=np.int32)
    ranks = np.full(n, NO_RANK, dtype=np.int32)  # of the pair that begins here
    after = np.empty(n, dtype=np.int64)
    before = np.empty(n, dtype=np.int64)
    heap = np.empty((3 * n + 1, 3), dtype=np.int64)
    n_heap = 0
    for k in range(n):
        ids[k] = byte_id[text[first + k]]
        after[k] = k + 1
        before[k] = k - 1
        if k + 1 < n:
            ranks[k] = byte_rank[np.int64(text[first + k]) << 8 | text[first + k + 1]]
            if ranks[k] != NO_RANK:
                push(heap, n_heap, -np.int64(ranks[k]), k, k)
                n_heap += 1
    n_tokens = n
    while n_heap > 0:
        rank = -heap[0, 0]
        k = heap[0, 2]
        remove_first(heap, n_heap)
        n_heap -= 1
        if ranks[k] != rank:  # one of its tokens was merged meanwhile
            continue
        right = after[k]
        ids[k] = new[rank]
        ids[right] = -1
        ranks[right] = NO_RANK
        ranks[k] = NO_RANK
        after[k] = after[right]
        n_tokens -= 1
        if after[k] < n:
            before[after[k]] = k
            ranks[k] = _rank(table, ids[k], ids[after[k]])
            if ranks[k] != NO_RANK:
                push(heap, n_heap, -np.int64(ranks[k]), k, k)
                n_heap += 1
        left = before[k]
        if left >= 0:
            ranks[left] = _rank(table, ids[left], ids[k])
            if ranks[left] != NO_RANK:
                push(heap, n_heap, -np.int64(ranks[left]), left, left)
                n_heap += 1
    tokens = np.empty(n_tokens, dtype=np.int32)
    m = 0
    for k in range(n):
        if ids[k] >= 0:
            tokens[m] = ids[k]
            m += 1
    return tokens


@kernel
def _same(text, a, b, size):
    """Whether text[a:a + size] and text[b:b + size] are equal beyond their first eight bytes."""
    a += 8
    b += 8
    size -= 8
    while size > 8:
        if load8(text, a) != load8(text, b):
            return False
        a += 8
        b += 8
        size -= 8
    return size <= 0 or (load8(text, a) ^ load8(text, b)) & _ALL >> np.uint64(64 - 8 * size) == 0


@kernel
def _doubled(table):
    bigger = np.zeros(2 * table.size, dtype=np.uint64)
    mask = np.uint64(bigger.size - 1)
    for i in range(table.size):
        if table[i]:
            # the upper half of the hash is in the slot and says where the unit belongs
            slot = table[i] >> UP & mask
            while bigger[slot]:
                slot = (slot + np.uint64(1)) & mask
            bigger[slot] = table[i]
    return bigger


@kernel
def encode_words(words, counted, merges, separator, slots):
    """Fill slots with the words that count, each as the merges encode it, a slot a token, with separators around.

    words, counted: `WordArrays`, `text_passes.Counted`. slots: with room for every byte and a separator a word.
    Returns the number of slots. One function, because numba counts references to arrays at every call.
    """
    text, sizes = words.text, words.sizes
    counts, evaluated = counted
    byte_id, ranked, new, byte_rank, joined = merges
    ids = np.empty(SHORT, dtype=np.int32)
    ranks = np.empty(SHORT, dtype=np.int32)
    table = np.zeros(1 << 16, dtype=np.uint64)
    units = np.empty((1 << 14, 4), dtype=np.int64)
    n_units = np.int64(0)
    # the units of a block; a word ends where the size is 0
    starts = np.empty(BLOCK, dtype=np.int64)
    lengths = np.empty(BLOCK, dtype=np.int64)
    hashes = np.empty(BLOCK, dtype=np.uint64)
    keys = np.empty(BLOCK, dtype=np.uint64)
    slots[0] = separator
    p = np.int64(1)
    w = e = np.int64(0)
    first = end = np.int64(0)
    in_word = False
    while True:
        n_block = np.int64(0)
        while n_block < BLOCK:
            if first == end:
                if in_word:
                    in_word = False
                    lengths[n_block] = 0
                    hashes[n_block] = np.uint64(0)
                    n_block += 1
                elif w == counts.size:
                    break
                else:
                    end += np.int64(sizes[w])
                    in_word = counts[w] != 0
                    if e < evaluated.size and np.int64(evaluated[e]) == w:
                        e += 1
                        in_word = True
                    if not in_word:
                        first = end
                    w += 1
                continue
            stop = first + 1
            while stop < end and joined[np.int64(text[stop - 1]) << 8 | text[stop]]:
                stop += 1
            size = stop - first
            starts[n_block] = first
            lengths[n_block] = size
            hashes[n_block] = np.uint64(0)
            if 1 < size <= SHORT and stop + 8 <= text.size:
                h = np.uint64(size)
                i = first
                while stop - i > 8:
                    h = (h ^ load8(text, i)) * _C1
                    h ^= h >> UP
                    i += 8
                h = (h ^ (load8(text, i) & _ALL >> np.uint64(64 - 8 * (stop - i)))) * _C1
                h = (h ^ h >> UP) * _C2
                hashes[n_block] = h ^ h >> UP
                keys[n_block] = load8(text, first) & _ALL >> np.uint64(max(64 - 8 * size, 0))
            n_block += 1
            first = stop
        if n_block == 0:
            break

        while 2 * (n_units + BLOCK) > table.size:
            table = _doubled(table)
        if n_units + BLOCK > len(units):
            units = grown(units, 2 * len(units))
        mask = np.uint64(table.size - 1)
        for k in range(n_block):
            prefetch(table, np.int64(hashes[k] >> UP & mask))
        for k in range(n_block):
            prefetch(units, np.int64(table[hashes[k] >> UP & mask] & LOW) - 1)
        for k in range(n_block):
            unit = np.int64(table[hashes[k] >> UP & mask] & LOW) - 1
            if unit >= 0:
                prefetch(slots, units[unit, _SLOT])
                if lengths[k] > 8:
                    prefetch(text, units[unit, _START])
        for k in range(n_block):
            size = lengths[k]
            start = starts[k]
            if size < 2:
                slots[p] = separator if size == 0 else byte_id[text[start]]
                p += 1
                continue
            if size > SHORT:
                for token in _encode_long(text, start, size, merges):
                    slots[p] = token
                    p += 1
                continue
            h = hashes[k]
            slot = h >> UP & mask
            unit = np.int64(-1)
            while h and table[slot]:
                if (table[slot] ^ h) & _HIGH == 0:
                    u = np.int64(table[slot] & LOW) - 1
                    if (
                        units[u, _KEY] == np.int64(keys[k])
                        and units[u, _SIZES] >> 32 == size
                        and (size <= 8 or _same(text, start, units[u, _START], size))
                    ):
                        unit = u
                        break
                slot = (slot + np.uint64(1)) & mask
            if unit >= 0:
                n = units[unit, _SIZES] & 0xFFFFFFFF
                at = units[unit, _SLOT]
                for i in range(n):
                    slots[p + i] = slots[at + i]
            else:
                n = np.int64(_encode_short(text, start, size, byte_id, ranked, new, byte_rank, ids, ranks))
                for i in range(n):
                    slots[p + i] = ids[i]
                if h and n_units < MOST_UNITS:
                    units[n_units, _START] = start
                    units[n_units, _SIZES] = size << 32 | n
                    units[n_units, _SLOT] = p
                    units[n_units, _KEY] = np.int64(keys[k])
                    n_units += 1
                    table[slot] = h & _HIGH | np.uint64(n_units)
            p += n
    return p


def encoded(words: FlatWords, merges: Merges) -> tuple[np.ndarray, np.ndarray]:
    """All words as the merges encode them: (uint32, their tokens one word after another; int64 [words + 1], where each
    begins)."""
    slots = np.empty(len(words.text) + len(words) + 1, dtype=np.uint32)
    separator = 2**32 - 1
    counted = Counted(frozen(np.ones(len(words), dtype=np.int64)), frozen(np.empty(0, dtype=np.uint32)))
    slots = slots[: encode_words(words.arrays(), counted, merges, separator, slots)]
    borders = np.flatnonzero(slots == separator)
    return slots[slots != separator], borders - np.arange(len(borders))


def flat_spellings(spellings: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """(uint8, their bytes one after another; int64 [n + 1], where each begins)."""
    offsets = np.fromiter(chain([0], map(len, spellings)), dtype=np.int64, count=len(spellings) + 1)
    return np.frombuffer(b"".join(spellings), dtype=np.uint8), np.cumsum(offsets)
