"""Counting words of text by shard in a hash table, compiled by numba."""

import numpy as np

from trex.compiled.arrays import grown
from trex.compiled.intrinsics import bytes_reversed, load8, prefetch, store8, trailing_zeros
from trex.compiled.kernel import kernel
from trex.counting.scanner import PADDING, split_block

# A word is a record of uint64 in `arena`: its bytes' number, its pending count, its own number, its bytes (the last
# eight filled up with zeros). The record is found through `table`, open addressing on slots that hold the upper half of
# the word's hash, whose first bits are the slot's number, and the record's position. A hit so touches one slot and one
# record.
#
# The pending count is that in the shard that the word was met in last: shard << 48 | count. When the word is met in
# another shard, the count is appended to `log` as an entry: word << 36 | shard << 20 | count. Documents come sorted by
# shard, so that happens rarely. Sorting the log brings the counts of a word together, in the order of shards. A place
# for every word and shard would save the sorting, but then every append would wait for memory that is far away.

SIZE, OPEN, WORD, HEADER = range(4)
_POSITION = np.uint64(0xFFFFFFFF)
_TAG = np.uint64(0xFFFFFFFF00000000)
_ONE = np.uint64(1)
_SHARD_BITS = np.uint64(48)
_OPEN_COUNT = (1 << 48) - 1
_WORD_BITS = np.uint64(36)  # of a log entry: words up to 268 million
_COUNT_BITS = np.uint64(20)
_MOST = (1 << 20) - 1  # a larger count takes several entries
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


@kernel
def _tail(text, i, size):
    """The last 1 to 8 bytes of the word of `size` bytes whose last eight begin at i, filled up with zeros."""
    return load8(text, i) & (~np.uint64(0) >> np.uint64(-8 * size & 63))


@kernel
def _word_hash(text, i, j):
    h = np.uint64(j - i)
    while j - i > 8:
        h = (h ^ load8(text, i)) * np.uint64(0x9E3779B97F4A7C15)
        h ^= h >> np.uint64(32)
        i += 8
    h = (h ^ _tail(text, i, j - i)) * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ h >> np.uint64(32)) * np.uint64(0xD6E8FEB86659FD93)
    return h ^ h >> np.uint64(32)


@kernel
def _same(text, i, size, arena, at):
    """Whether the word of `size` bytes at i has the bytes at arena[at:]."""
    while size > 8:
        if load8(text, i) != arena[at]:
            return False
        i += 8
        at += 1
        size -= 8
    return _tail(text, i, size) == arena[at]


@kernel
def _shift(table):
    """What leaves the number of a slot of a hash."""
    return np.uint64(64 - trailing_zeros(np.uint64(table.size)))


@kernel
def _doubled(table):
    bigger = np.zeros(2 * table.size, dtype=np.uint64)
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
def _close(opened, word, log, used):
    """Append a pending count to the log, and return the log, as it may have to grow."""
    count = np.int64(opened) & _OPEN_COUNT
    key = word << _WORD_BITS | opened >> _SHARD_BITS << _COUNT_BITS
    need = used[LOG] + count // _MOST + 1
    if need > log.size:
        log = grown(log, 2 * need)
    while count > 0:
        log[used[LOG]] = key | np.uint64(min(count, _MOST))
        used[LOG] += 1
        count -= _MOST
    return log


@kernel
def _sum_sorted(log, n):
    """Add up entries of the same word and shard in a sorted log of n, in place. Returns how many are left."""
    last = -1
    for k in range(n):
        if last >= 0 and (log[last] ^ log[k]) >> _COUNT_BITS == 0:
            count = np.int64(log[last] & np.uint64(_MOST)) + np.int64(log[k] & np.uint64(_MOST))
            key = log[k] & ~np.uint64(_MOST)
            log[last] = key | np.uint64(min(count, _MOST))
            if count > _MOST:
                last += 1
                log[last] = key | np.uint64(count - _MOST)
        else:
            last += 1
            log[last] = log[k]
    return last + 1


def compact(log, used):
    """Sort the log and add up what belongs together."""
    log[: used[LOG]].sort()
    used[LOG] = _sum_sorted(log, used[LOG])


@kernel
def count_block(text, starts, ends, n, shard, table, arena, log, used):
    """Count n words of a shard, text[starts[k]:ends[k]], in order. Returns the (possibly reallocated) arrays."""
    # Room for n new words now, so that nothing moves in between.
    while 2 * (used[WORDS] + n) > table.size:
        table = _doubled(table)
    need = used[ARENA] + n * (HEADER + 1) + (ends[n - 1] - starts[0]) // 8
    if need > arena.size:
        arena = grown(arena, need + arena.size // 2)
    hashes = np.empty(BLOCK, dtype=np.uint64)
    shift = _shift(table)
    mask = table.size - 1
    for k in range(n):
        h = _word_hash(text, starts[k], ends[k])
        hashes[k] = h
        prefetch(table, np.int64(h >> shift))
    for k in range(n):
        prefetch(arena, np.int64(table[np.int64(hashes[k] >> shift)] & _POSITION))
    first = np.uint64(shard) << _SHARD_BITS | _ONE
    for k in range(n):
        i = starts[k]
        size = ends[k] - i
        h = hashes[k]
        slot = np.int64(h >> shift)
        while True:
            entry = table[slot]
            record = np.int64(entry & _POSITION)
            if entry == 0:
                record = used[ARENA]
                table[slot] = h & _TAG | np.uint64(record)
                arena[record + SIZE] = np.uint64(size)
                arena[record + OPEN] = first
                arena[record + WORD] = np.uint64(used[WORDS])
                at = record + HEADER
                while size > 8:
                    arena[at] = load8(text, i)
                    at += 1
                    i += 8
                    size -= 8
                arena[at] = _tail(text, i, size)
                used[ARENA] = at + 1
                used[WORDS] += 1
                break
            if (
                (entry ^ h) & _TAG == 0
                and np.int64(arena[record + SIZE]) == size
                and _same(text, i, size, arena, record + HEADER)
            ):
                opened = arena[record + OPEN]
                if (opened ^ first) >> _SHARD_BITS == 0:
                    arena[record + OPEN] = opened + _ONE
                else:
                    arena[record + OPEN] = first
                    log = _close(opened, arena[record + WORD], log, used)
                break
            slot = (slot + 1) & mask
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
    while d < shard_of.size:
        shard = shard_of[d]
        d, i, n = split_block(text, bounds, shard_of, by_line, kept, tables, d, i, piece, firsts, ends)
        if n:
            table, arena, log = count_block(text, firsts, ends, n, shard, table, arena, log, used)
        words_in_shard[shard] += n
    return table, arena, log


@kernel
def _records(arena, used):
    """(records, keys): where the words' records are, and their first eight bytes as a number."""
    found = np.empty(used[WORDS], dtype=np.int64)
    keys = np.empty(used[WORDS], dtype=np.uint64)
    record = 1
    for w in range(found.size):
        found[w] = record
        keys[w] = bytes_reversed(arena[record + HEADER])
        record += HEADER + ((np.int64(arena[record + SIZE]) + 7) >> 3)
    return found, keys


@kernel
def _before(arena, a, b):
    """Whether the word with record a comes before that with record b."""
    size_a = np.int64(arena[a + SIZE])
    size_b = np.int64(arena[b + SIZE])
    for k in range(HEADER, HEADER + ((min(size_a, size_b) + 7) >> 3)):
        if arena[a + k] != arena[b + k]:
            return bytes_reversed(arena[a + k]) < bytes_reversed(arena[b + k])
    return size_a < size_b


@kernel
def _sift(arena, heap, i, n):
    """Move heap[i] to its place among its children in a heap of n records with the last word on top."""
    record = heap[i]
    while 2 * i + 1 < n:
        child = 2 * i + 1
        if child + 1 < n and _before(arena, heap[child], heap[child + 1]):
            child += 1
        if not _before(arena, record, heap[child]):
            break
        heap[i] = heap[child]
        i = child
    heap[i] = record


@kernel
def _sort_tied(arena, records, keys):
    """Sort records whose keys rise, where keys are equal (heap sort)."""
    first = 0
    while first < records.size:
        end = first + 1
        while end < records.size and keys[end] == keys[first]:
            end += 1
        heap = records[first:end]
        for i in range(heap.size // 2 - 1, -1, -1):
            _sift(arena, heap, i, heap.size)
        for n in range(heap.size - 1, 0, -1):
            heap[0], heap[n] = heap[n], heap[0]
            _sift(arena, heap, 0, n)
        first = end


def sorted_records(arena, used):
    """int64 [words]: where the words' records are, in the order of their bytes."""
    records, keys = _records(arena, used)
    order = np.argsort(keys)
    records = records[order]
    _sort_tied(arena, records, keys[order])
    return records


@kernel
def spellings(arena, chosen):
    """(data, offsets): the bytes of the words with the chosen records."""
    offsets = np.zeros(chosen.size + 1, dtype=np.int64)
    for w in range(chosen.size):
        offsets[w + 1] = offsets[w] + np.int64(arena[chosen[w] + SIZE])
    data = np.empty(offsets[-1] + PADDING, dtype=np.uint8)
    for w in range(chosen.size):
        at = chosen[w] + HEADER
        for i in range(offsets[w], offsets[w + 1], 8):  # the zeros behind a word give way to the next
            store8(data, i, arena[at])
            at += 1
    return data[: offsets[-1]], offsets


@kernel
def _close_all(arena, records, log, used):
    """Append the pending counts of all words to the log, and return the log."""
    for record in records:
        opened = arena[record + OPEN]
        log = _close(opened, arena[record + WORD], log, used)
        arena[record + OPEN] = opened >> _SHARD_BITS << _SHARD_BITS  # a count of 0: closed, and open again
    return log


@kernel
def _word_starts(log, n, words):
    """int64 [words + 1]: where the entries of each word begin in a sorted log of n."""
    starts = np.zeros(words + 1, dtype=np.int64)
    for k in range(n):
        starts[np.int64(log[k] >> _WORD_BITS) + 1] += 1
    for word in range(words):
        starts[word + 1] += starts[word]
    return starts


def closed_log(arena, records, log, used):
    """(log, starts): the compact log of all counts so far, and where the entries of each word begin."""
    log = _close_all(arena, records, log, used)
    compact(log, used)
    return log, _word_starts(log, used[LOG], used[WORDS])


@kernel
def shard_counts(arena, log, starts, chosen):
    """(offsets, shards, counts) of the words with the chosen records; log, starts: of `closed_log`."""
    offsets = np.zeros(chosen.size + 1, dtype=np.int64)
    room = 0
    for record in chosen:
        word = np.int64(arena[record + WORD])
        room += starts[word + 1] - starts[word]
    shards = np.empty(room, dtype=np.uint16)
    counts = np.empty(room, dtype=np.int64)
    n = 0
    for w in range(chosen.size):
        word = np.int64(arena[chosen[w] + WORD])
        for k in range(starts[word], starts[word + 1]):
            shard = np.uint16(log[k] >> _COUNT_BITS & np.uint64(0xFFFF))
            count = np.int64(log[k] & np.uint64(_MOST))
            if n > offsets[w] and shards[n - 1] == shard:
                counts[n - 1] += count
            else:
                shards[n] = shard
                counts[n] = count
                n += 1
        offsets[w + 1] = n
    return offsets, shards[:n], counts[:n]
