"""The words of a table (`trex.counting.word_table`) in the order of their bytes, with their counts by shard."""

import numpy as np

from trex.compiled.arrays import grown
from trex.compiled.intrinsics import bytes_reversed, prefetch, store8
from trex.compiled.kernel import kernel
from trex.counting.scanner import PADDING
from trex.counting.word_table import (
    COUNT,
    COUNT_BITS,
    HEADER,
    LOG,
    MOST,
    NAME,
    NUMBER,
    NUMBER_BITS,
    ONE,
    OPEN,
    WORD_BITS,
    WORDS,
    units,
)

AHEAD = 16  # words whose memory is asked for before it is read
FEW = 16  # words that are sorted by insertion
_DIGIT_BITS = 11  # that words and counts are sorted by at a time


@kernel
def _sum_sorted(log, n):
    """Add up entries of the same word and shard in a sorted log of n, in place. Returns how many are left."""
    last = -1
    for k in range(n):
        if last >= 0 and (log[last] ^ log[k]) >> COUNT_BITS == 0:
            count = np.int64(log[last] & np.uint64(MOST)) + np.int64(log[k] & np.uint64(MOST))
            key = log[k] & ~np.uint64(MOST)
            log[last] = key | np.uint64(min(count, MOST))
            if count > MOST:
                last += 1
                log[last] = key | np.uint64(count - MOST)
        else:
            last += 1
            log[last] = log[k]
    return last + 1


@kernel
def _sorted_by_bits(keys, rows, n, low, high):
    """The first n keys, uint64, in the order of their bits from `low` up to `high`, and their rows, uint32, which may
    be none; equal ones keep their order. What was given may be overwritten or returned."""
    with_rows = rows.size > 0
    other_keys = np.empty_like(keys)
    other_rows = np.empty_like(rows)
    passes = max((high - low + _DIGIT_BITS - 1) // _DIGIT_BITS, 1)
    width = (high - low + passes - 1) // passes
    mask = (ONE << np.uint64(width)) - ONE
    places = np.empty(1 << width, dtype=np.int64)
    for digit in range(passes):
        shift = np.uint64(low + digit * width)
        for value in range(places.size):
            places[value] = 0
        for k in range(np.uint64(n)):
            places[keys[k] >> shift & mask] += 1
        if n == 0 or places[keys[0] >> shift & mask] == n:
            continue
        place = np.int64(0)
        for value in range(places.size):
            count = places[value]
            places[value] = place
            place += count
        for k in range(np.uint64(n)):
            digit_value = keys[k] >> shift & mask
            to = np.uint64(places[digit_value])
            places[digit_value] += 1
            other_keys[to] = keys[k]
            if with_rows:
                other_rows[to] = rows[k]
        keys, other_keys = other_keys, keys
        rows, other_rows = other_rows, rows
    return keys, rows


_NO_ROWS = np.empty(0, dtype=np.uint32)


def compact(log, used, shards_rise=False):
    """Sort the log and add up what belongs together; returns it. shards_rise: of each word, its entries come in the
    order of shards already."""
    word = int(WORD_BITS)
    low = word if shards_rise else int(COUNT_BITS)
    log, _ = _sorted_by_bits(log, _NO_ROWS, used[LOG], low, word + int(used[WORDS]).bit_length())
    used[LOG] = _sum_sorted(log, used[LOG])
    return log


@kernel
def _records(arena, used):
    """(keys, records): the words' first eight bytes as a number, and where their records are, uint32."""
    keys = np.empty(used[WORDS], dtype=np.uint64)
    found = np.empty(used[WORDS], dtype=np.uint32)
    record = 1
    for w in range(found.size):
        found[w] = record
        keys[w] = bytes_reversed(arena[record + HEADER])
        record += HEADER + units(arena[record + NAME])
    return keys, found


@kernel
def _before(arena, a, second_a, b, second_b):
    """Whether the word with record a comes before that with record b, of words whose first eight bytes are equal.
    second_a, second_b: their next eight bytes as numbers."""
    if second_a != second_b:
        return second_a < second_b
    size_a = np.int64(arena[a + NAME] >> NUMBER_BITS)
    size_b = np.int64(arena[b + NAME] >> NUMBER_BITS)
    for k in range(HEADER + 2, HEADER + ((min(size_a, size_b) + 7) >> 3)):
        if arena[a + k] != arena[b + k]:
            return bytes_reversed(arena[a + k]) < bytes_reversed(arena[b + k])
    return size_a < size_b


@kernel
def _sift(arena, heap, seconds, i, n):
    """Move heap[i] to its place among its children in a heap of n records with the last word on top."""
    record, second = heap[i], seconds[i]
    while 2 * i + 1 < n:
        child = 2 * i + 1
        if child + 1 < n and _before(arena, heap[child], seconds[child], heap[child + 1], seconds[child + 1]):
            child += 1
        if not _before(arena, record, second, heap[child], seconds[child]):
            break
        heap[i], seconds[i] = heap[child], seconds[child]
        i = child
    heap[i], seconds[i] = record, second


@kernel
def _sort_tied(arena, keys, records):
    """Sort records whose keys rise, in place, where keys are equal."""
    seconds = np.empty(records.size, dtype=np.uint64)
    tied = np.zeros(records.size + AHEAD + 1, dtype=np.uint8)
    for k in range(1, records.size):
        if keys[k] == keys[k - 1]:
            tied[k - 1] = 1
            tied[k] = 1
    for k in range(records.size):
        if tied[k + AHEAD]:
            prefetch(arena, np.int64(records[k + AHEAD]))
        if tied[k]:
            seconds[k] = bytes_reversed(arena[np.int64(records[k]) + HEADER + 1])
    first = 0
    while first < records.size:
        end = first + 1
        while end < records.size and keys[end] == keys[first]:
            end += 1
        if end - first <= FEW:  # by insertion
            for k in range(first + 1, end):
                record, second = records[k], seconds[k]
                to = k
                while to > first and (
                    second < seconds[to - 1]
                    or (second == seconds[to - 1] and _before(arena, record, second, records[to - 1], second))
                ):
                    records[to], seconds[to] = records[to - 1], seconds[to - 1]
                    to -= 1
                records[to], seconds[to] = record, second
        else:  # by a heap
            heap = records[first:end]
            among = seconds[first:end]
            for i in range(heap.size // 2 - 1, -1, -1):
                _sift(arena, heap, among, i, heap.size)
            for n in range(heap.size - 1, 0, -1):
                heap[0], heap[n] = heap[n], heap[0]
                among[0], among[n] = among[n], among[0]
                _sift(arena, heap, among, 0, n)
        first = end


def sorted_records(arena, used):
    """uint32 [words]: where the words' records are, in the order of their bytes."""
    keys, records = _sorted_by_bits(*_records(arena, used), used[WORDS], 0, 64)
    _sort_tied(arena, keys, records)
    return records


@kernel
def spellings(arena, chosen):
    """(data, offsets): the bytes of the words with the chosen records."""
    offsets = np.zeros(chosen.size + 1, dtype=np.int64)
    for w in range(chosen.size):
        if w + AHEAD < chosen.size:
            prefetch(arena, np.int64(chosen[w + AHEAD]))
        offsets[w + 1] = offsets[w] + np.int64(arena[chosen[w] + NAME] >> NUMBER_BITS)
    data = np.empty(offsets[-1] + PADDING, dtype=np.uint8)
    for w in range(chosen.size):
        at = np.int64(chosen[w]) + HEADER
        for i in range(offsets[w], offsets[w + 1], 8):  # the zeros behind a word give way to the next
            store8(data, i, arena[at])
            at += 1
    return data[: offsets[-1]], offsets


@kernel
def _close_all(arena, log, used):
    """Append the pending counts of all words to the log, and return the log."""
    record = 1
    if used[LOG] + used[WORDS] > log.size:
        log = grown(log, used[LOG] + used[WORDS])
    for _ in range(used[WORDS]):
        opened = arena[record + OPEN]
        log[used[LOG]] = arena[record + NAME] << WORD_BITS | opened
        used[LOG] += np.int64(opened & COUNT > 0)
        arena[record + OPEN] = opened >> COUNT_BITS << COUNT_BITS  # a count of 0: closed, and open again
        record += HEADER + units(arena[record + NAME])
    return log


@kernel
def _renumber(arena, records, log, used):
    """Number the words in the order of records, in the arena and in the log."""
    numbers = np.empty(records.size, dtype=np.uint32)
    for k in range(records.size):
        if k + AHEAD < records.size:
            prefetch(arena, np.int64(records[k + AHEAD]))
        record = np.int64(records[k])
        numbers[np.int64(arena[record + NAME] & NUMBER)] = k
        arena[record + NAME] = arena[record + NAME] & ~NUMBER | np.uint64(k)
    rest = (ONE << WORD_BITS) - ONE
    for k in range(used[LOG]):
        log[k] = np.uint64(numbers[np.int64(log[k] >> WORD_BITS)]) << WORD_BITS | log[k] & rest


@kernel
def _word_starts(log, n, words):
    """int64 [words + 1]: where the entries of each word begin in a sorted log of n."""
    starts = np.zeros(words + 1, dtype=np.int64)
    for k in range(n):
        starts[np.int64(log[k] >> WORD_BITS) + 1] += 1
    for word in range(words):
        starts[word + 1] += starts[word]
    return starts


def closed_log(arena, records, log, used, shards_rise):
    """(log, starts): the compact log of all counts so far, by words that are numbered in the order of records from now
    on, and where the entries of each begin. shards_rise: see `compact`."""
    log = _close_all(arena, log, used)
    _renumber(arena, records, log, used)
    log = compact(log, used, shards_rise)
    return log, _word_starts(log, used[LOG], used[WORDS])


@kernel
def shard_counts(log, starts, first, end, shard_of):
    """(offsets, shards, counts) of the words numbered from `first` up to `end`; log, starts: of `closed_log`.

    Shard s becomes part of shard_of[s], which never falls.
    """
    offsets = np.zeros(end - first + 1, dtype=np.int64)
    room = starts[end] - starts[first]
    shards = np.empty(room, dtype=np.uint16)
    counts = np.empty(room, dtype=np.int64)
    n = 0
    for word in range(first, end):
        before = n
        for k in range(starts[word], starts[word + 1]):
            shard = np.uint16(shard_of[np.int64(log[k] >> COUNT_BITS & np.uint64(0xFFFF))])
            count = np.int64(log[k] & np.uint64(MOST))
            if n > before and shards[n - 1] == shard:
                counts[n - 1] += count
            else:
                shards[n] = shard
                counts[n] = count
                n += 1
        offsets[word - first + 1] = n
    return offsets, shards[:n], counts[:n]


@kernel
def regrouped(offsets, shards, counts, shard_of):
    """(offsets, shards, counts) of words by coarser shards: shard s becomes part of shard_of[s], which never falls."""
    new_offsets = np.zeros(offsets.size, dtype=np.int64)
    new_shards = np.empty(shards.size, dtype=np.uint16)
    new_counts = np.empty(shards.size, dtype=np.int64)
    n = 0
    for w in range(offsets.size - 1):
        for k in range(offsets[w], offsets[w + 1]):
            shard = np.uint16(shard_of[shards[k]])
            if n > new_offsets[w] and new_shards[n - 1] == shard:
                new_counts[n - 1] += counts[k]
            else:
                new_shards[n] = shard
                new_counts[n] = counts[k]
                n += 1
        new_offsets[w + 1] = n
    return new_offsets, new_shards[:n], new_counts[:n]
