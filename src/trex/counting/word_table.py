"""Counting words of text by shard in a hash table, compiled by numba."""

import numpy as np

from trex.compiled.arrays import grown
from trex.compiled.intrinsics import bytes_reversed, load8, prefetch, store8, trailing_zeros
from trex.compiled.kernel import kernel
from trex.counting.scanner import PADDING, split_block

# A word is a record of uint64 in `arena`: its bytes' number and its own number (size << 28 | word), its pending count,
# its bytes (the last eight filled up with zeros, and at least LEAST_UNITS, so that most words compare without a loop).
# The record is found through `table`, open addressing on slots that hold the upper half of the word's hash, whose first
# bits are the slot's number, and the record's position. A hit so touches one slot and one record.
#
# The pending count is that in the shard that the word was met in last: shard << 48 | count. When the word is met in
# another shard, the count is appended to `log` as an entry: word << 36 | shard << 20 | count. Documents come sorted by
# shard, so that happens rarely. Sorting the log brings the counts of a word together, in the order of shards. A place
# for every word and shard would save the sorting, but then every append would wait for memory that is far away.

NAME, OPEN, HEADER = range(3)
LEAST_UNITS = 2
_NUMBER_BITS = np.uint64(28)  # words up to 268 million
_NUMBER = np.uint64((1 << 28) - 1)
_POSITION = np.uint64(0xFFFFFFFF)
_TAG = np.uint64(0xFFFFFFFF00000000)
_NOTHING, _ONE, _TWO, _THREE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
_SHARD_BITS = np.uint64(48)
_OPEN_COUNT = (1 << 48) - 1
_WORD_BITS = np.uint64(36)  # of a log entry
_COUNT_BITS = np.uint64(20)
_MOST = (1 << 20) - 1  # a larger count takes several entries
_COUNT, _MOST_IN_ONE = np.uint64(_OPEN_COUNT), np.uint64(_MOST)
# how much is used: words, arena, log
WORDS, ARENA, LOG = range(3)

BLOCK = 256  # words, few enough that what is prefetched for them stays in the fastest cache
AHEAD = 16  # words whose memory is asked for before it is read
FEW = 16  # words that are sorted by insertion
_DIGIT_BITS = 11  # that words and counts are sorted by at a time


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
def _units(name):
    """How many uint64 the bytes of a word take, by the first unit of its record."""
    return max((np.int64(name >> _NUMBER_BITS) + 7) >> 3, LEAST_UNITS)


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
def _close(opened, name, log, used):
    """Append the pending count of the word whose record begins with `name` to the log. Returns the log, which may have
    grown and has room for BLOCK more."""
    count = np.int64(opened & _COUNT)
    key = name << _WORD_BITS | opened >> _SHARD_BITS << _COUNT_BITS
    need = used[LOG] + count // _MOST + 2 + BLOCK
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


@kernel
def _sorted_by_bits(keys, rows, n, low, high):
    """The first n keys, uint64, in the order of their bits from `low` up to `high`, and their rows, uint32, which may
    be none; equal ones keep their order. What was given may be overwritten or returned."""
    with_rows = rows.size > 0
    other_keys = np.empty_like(keys)
    other_rows = np.empty_like(rows)
    passes = max((high - low + _DIGIT_BITS - 1) // _DIGIT_BITS, 1)
    width = (high - low + passes - 1) // passes
    mask = (_ONE << np.uint64(width)) - _ONE
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
    word = int(_WORD_BITS)
    low = word if shards_rise else int(_COUNT_BITS)
    log, _ = _sorted_by_bits(log, _NO_ROWS, used[LOG], low, word + int(used[WORDS]).bit_length())
    used[LOG] = _sum_sorted(log, used[LOG])
    return log


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
        arena = grown(arena, need + arena.size // 2)
    if used[LOG] + n >= log.size:
        log = grown(log, 2 * log.size + n)
    hashes = np.empty(BLOCK, dtype=np.uint64)
    shift = _shift(table)
    mask = np.uint64(table.size - 1)
    for k in range(np.uint64(n)):
        i = starts[k]
        size = ends[k] - i
        h = _mixed(_mixed(np.uint64(size), _cut(load8(text, i), size)), _cut(load8(text, i + 8), size - 8))
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
    once = np.uint64(shard) << _SHARD_BITS | _ONE
    n_log = np.uint64(used[LOG])
    for k in range(np.uint64(n)):
        i = starts[k]
        size = ends[k] - i
        first = _cut(load8(text, i), size)
        second = _cut(load8(text, i + 8), size - 8)
        h = hashes[k]
        slot = h >> shift
        while True:
            entry = table[slot]
            record = entry & _POSITION
            if entry == 0:
                at = used[ARENA]
                table[slot] = h & _TAG | np.uint64(at)
                arena[at + NAME] = np.uint64(size) << _NUMBER_BITS | np.uint64(used[WORDS])
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
            name = arena[record]
            if (
                ((entry ^ h) & _TAG | arena[record + _TWO] ^ first | arena[record + _THREE] ^ second) == 0
                and np.int64(name >> _NUMBER_BITS) == size
                and (size <= 16 or _same_rest(text, i + 16, size - 16, arena, np.int64(record) + HEADER + 2))
            ):
                # Written in any case and kept if the shard is another: which it is, no processor can guess.
                opened = arena[record + _ONE]
                count = opened & _COUNT
                other = (opened ^ once) >> _SHARD_BITS != 0
                if count > _MOST_IN_ONE and other:
                    used[LOG] = np.int64(n_log)
                    log = _close(opened, name, log, used)
                    n_log = np.uint64(used[LOG])
                else:
                    log[n_log] = (
                        name << _WORD_BITS | opened >> _SHARD_BITS << _COUNT_BITS | count & _MOST_IN_ONE
                    )
                    n_log += np.uint64(other)
                arena[record + _ONE] = once if other else opened + _ONE
                break
            slot = (slot + _ONE) & mask
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
    while d < shard_of.size:
        shard = shard_of[d]
        d, i, n = split_block(text, bounds, shard_of, by_line, kept, tables, d, i, piece, firsts, ends)
        if n:
            table, arena, log = count_block(text, firsts, ends, n, shard, table, arena, log, used)
        words_in_shard[shard] += n
    return table, arena, log


@kernel
def _records(arena, used):
    """(keys, records): the words' first eight bytes as a number, and where their records are, uint32."""
    keys = np.empty(used[WORDS], dtype=np.uint64)
    found = np.empty(used[WORDS], dtype=np.uint32)
    record = 1
    for w in range(found.size):
        found[w] = record
        keys[w] = bytes_reversed(arena[record + HEADER])
        record += HEADER + _units(arena[record + NAME])
    return keys, found


@kernel
def _before(arena, a, second_a, b, second_b):
    """Whether the word with record a comes before that with record b, of words whose first eight bytes are equal.
    second_a, second_b: their next eight bytes as numbers."""
    if second_a != second_b:
        return second_a < second_b
    size_a = np.int64(arena[a + NAME] >> _NUMBER_BITS)
    size_b = np.int64(arena[b + NAME] >> _NUMBER_BITS)
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
        offsets[w + 1] = offsets[w] + np.int64(arena[chosen[w] + NAME] >> _NUMBER_BITS)
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
    if used[LOG] + used[WORDS] + BLOCK > log.size:
        log = grown(log, used[LOG] + used[WORDS] + 2 * BLOCK)
    for _ in range(used[WORDS]):
        opened = arena[record + OPEN]
        count = opened & _COUNT
        if count <= _MOST_IN_ONE and used[LOG] < log.size:
            log[used[LOG]] = arena[record + NAME] << _WORD_BITS | opened >> _SHARD_BITS << _COUNT_BITS | count
            used[LOG] += np.int64(count > 0)
        else:
            log = _close(opened, arena[record + NAME], log, used)
        arena[record + OPEN] = opened >> _SHARD_BITS << _SHARD_BITS  # a count of 0: closed, and open again
        record += HEADER + _units(arena[record + NAME])
    return log


@kernel
def _renumber(arena, records, log, used):
    """Number the words in the order of records, in the arena and in the log."""
    numbers = np.empty(records.size, dtype=np.uint32)
    for k in range(records.size):
        if k + AHEAD < records.size:
            prefetch(arena, np.int64(records[k + AHEAD]))
        record = np.int64(records[k])
        numbers[np.int64(arena[record + NAME] & _NUMBER)] = k
        arena[record + NAME] = arena[record + NAME] & ~_NUMBER | np.uint64(k)
    rest = (_ONE << _WORD_BITS) - _ONE
    for k in range(used[LOG]):
        log[k] = np.uint64(numbers[np.int64(log[k] >> _WORD_BITS)]) << _WORD_BITS | log[k] & rest


@kernel
def _word_starts(log, n, words):
    """int64 [words + 1]: where the entries of each word begin in a sorted log of n."""
    starts = np.zeros(words + 1, dtype=np.int64)
    for k in range(n):
        starts[np.int64(log[k] >> _WORD_BITS) + 1] += 1
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
            shard = np.uint16(shard_of[np.int64(log[k] >> _COUNT_BITS & np.uint64(0xFFFF))])
            count = np.int64(log[k] & np.uint64(_MOST))
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
