"""The default pre-tokenization regex as a state machine on UTF-8 bytes, and word counting, compiled by numba.

The alternatives of `trex.patterns.DEFAULT` are tried in their order. Tables of letters, numbers and spaces come from
`tokenizers` (`trex.unicode_tables`). All kernels that call each other are in this one file, as numba notices a change
of the file that a kernel is in, but not of those that it calls.

Text is read eight bytes at a time where that helps, so every text here ends in PADDING bytes of no document. A uint64
and a signed number make a float in numba, hence the constants of type uint64.
"""

import numpy as np

from trex.intrinsics import bytes_reversed, load8, prefetch, store8, trailing_zeros
from trex.kernel import kernel
from trex.unicode_tables import LETTER, NEWLINE, NUMBER, OTHER, SPACE

PADDING = 8

_STRETCH = 256

_HIGH_BITS = np.uint64(0x8080808080808080)
_LOW_BITS = np.uint64(0x7F7F7F7F7F7F7F7F)
_CASE_BITS = np.uint64(0x2020202020202020)
_ONES = np.uint64(0x0101010101010101)
_NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)
_FIRST = np.uint64(0x80)
_FROM_A = np.uint64(0x0101010101010101 * (0x80 - ord("a")))
_PAST_Z = np.uint64(0x0101010101010101 * (0x80 - ord("z") - 1))


@kernel
def _decode(text, i):
    """(code point, bytes) of the valid UTF-8 sequence at i."""
    b = np.int64(text[i])
    if b < 0x80:
        return b, 1
    if b < 0xE0:
        return (b & 0x1F) << 6 | np.int64(text[i + 1] & 0x3F), 2
    if b < 0xF0:
        return (b & 0x0F) << 12 | np.int64(text[i + 1] & 0x3F) << 6 | np.int64(text[i + 2] & 0x3F), 3
    return (
        (b & 0x07) << 18
        | np.int64(text[i + 1] & 0x3F) << 12
        | np.int64(text[i + 2] & 0x3F) << 6
        | np.int64(text[i + 3] & 0x3F),
        4,
    )


@kernel
def _ascii_letters(eight):
    """The highest bit of each of eight bytes that is an ASCII letter."""
    low = (eight | _CASE_BITS) & _LOW_BITS
    return (low + _FROM_A) & ~(low + _PAST_Z) & ~eight & _HIGH_BITS


@kernel
def _skip_letters(text, i, end, classes):
    """First place from i on, at most end, that has no letter."""
    while i < end:
        if text[i] < 0x80:
            size = trailing_zeros(_ascii_letters(load8(text, i)) ^ _HIGH_BITS) >> 3
            i += size
            if size == 8:
                continue
            if i >= end or text[i] < 0x80:
                break
        point, size = _decode(text, i)
        if classes[point] != LETTER:
            break
        i += size
    return min(i, end)


@kernel
def _skip_class(text, i, end, classes, wanted):
    """First place from i on whose code point is not of the wanted class."""
    while i < end:
        point, size = _decode(text, i)
        if classes[point] != wanted:
            break
        i += size
    return i


@kernel
def word_end(text, i, end, classes, opening):
    """Where the word that starts at byte i of text[:end] ends: the alternatives of DEFAULT in their order."""
    # Most words are ASCII letters behind a space: no branch on what they begin with, nor on how long they are.
    letters = _ascii_letters(load8(text, i))
    size = trailing_zeros((letters | np.uint64(opening[text[i]])) ^ _HIGH_BITS) >> 3
    if size > 1 or letters & _FIRST:
        j = i + size
        if size == 8 or text[j] >= 0x80:
            return _skip_letters(text, j, end, classes)
        return min(j, end)
    point, size = _decode(text, i)
    kind = classes[point]
    j = i + size
    if point == 0x27 and j < end:  # (?i:'s|'t|'re|'ve|'m|'ll|'d)
        first = text[j] | 0x20
        if first == 0x73 or first == 0x74 or first == 0x6D or first == 0x64:
            return j + 1
        if j + 1 < end:
            second = text[j + 1] | 0x20
            if (first == 0x72 or first == 0x76) and second == 0x65:
                return j + 2
            if first == 0x6C and second == 0x6C:
                return j + 2
            if text[j] == 0xC5 and text[j + 1] == 0xBF:  # U+017F, the long s, folds to s
                return j + 2
    others = kind == OTHER
    if kind != NEWLINE and kind != NUMBER:
        if kind != LETTER and j < end:
            next_point, next_size = _decode(text, j)
            next_kind = classes[next_point]
            others = others or (point == 0x20 and next_kind == OTHER)
            if next_kind == LETTER:
                kind = LETTER
                j += next_size
        if kind == LETTER:  # [^\r\n\p{L}\p{N}]?\p{L}+
            return _skip_letters(text, j, end, classes)
        if others:  # " ?[^\s\p{L}\p{N}]+[\r\n]*"
            j = _skip_class(text, j, end, classes, OTHER)
            return _skip_class(text, j, end, classes, NEWLINE)
    if kind == NUMBER:
        return j
    # White space that no letter or punctuation claims: up to the last newline of the run, or else the run
    # without its last character if something follows that could claim it.
    after_newline = j if kind == NEWLINE else -1
    last = i
    while j < end:
        point, size = _decode(text, j)
        kind = classes[point]
        if kind != SPACE and kind != NEWLINE:
            break
        last = j
        j += size
        if kind == NEWLINE:
            after_newline = j
    if after_newline >= 0:
        return after_newline
    if j == end or last == i:
        return j
    return last


@kernel
def _line_end(text, i, end):
    """First place after i, at most end, that follows a newline."""
    while i < end:
        other = load8(text, i) ^ _NEWLINES  # the lowest zero byte is the first newline
        found = (other - _ONES) & ~other & _HIGH_BITS
        if found:
            return min(i + (trailing_zeros(found) >> 3) + 1, end)
        i += 8
    return end


@kernel
def doubtful_lines(text, bounds, nfc, inert):
    """Rows (document, first byte, end) of the parts of lines that NFC may change (quick check of Unicode annex 15).

    Document d is text[bounds[d]:bounds[d + 1]]. nfc, inert: see `trex.unicode_tables`. A part begins and ends at an
    ASCII character, which never composes with what is before it, and has _STRETCH bytes or a few more: so what is
    normalized grows with what needs it and not with the length of lines, and parts stay few.
    """
    found = np.empty((16, 3), dtype=np.int64)
    n = 0
    for d in range(bounds.size - 1):
        i = bounds[d]
        end = bounds[d + 1]
        rank = np.uint8(0)
        while i < end:
            ascii_bytes = trailing_zeros(load8(text, i) & _HIGH_BITS) >> 3
            if ascii_bytes:
                rank = np.uint8(0)
                i += ascii_bytes
                continue
            size = np.int64(inert[text[i]])
            value = np.uint8(0)
            if size == 0:
                point, size = _decode(text, i)
                value = nfc[point]
            if value == 255 or (value != 0 and value < rank):
                line = i
                while line > bounds[d] and text[line] >= 0x80 and text[line - 1] != 0x0A:
                    line -= 1
                enough = i + _STRETCH
                while i < end and text[i] != 0x0A and (i < enough or text[i] >= 0x80):
                    i += 1
                if i < end and text[i] == 0x0A:
                    i += 1
                if n == len(found):
                    found = np.concatenate((found, np.empty_like(found)))
                found[n, 0] = d
                found[n, 1] = line
                found[n, 2] = i
                n += 1
                value = np.uint8(0)
            else:
                i += size
            rank = value
    return found[:n]


# ------------------------------------------------------------------------------------------- the table of words
#
# A word is a record of uint64 in `arena`: its bytes' number, what is open, where its row is, its bytes (the last eight
# filled up with zeros). The record is found through `table`, open addressing on slots that hold the upper half of the
# word's hash, whose first bits are the slot's number, and the record's position. A hit so touches one slot and one
# record.
#
# What is open is the count in the shard that the word was met in last, as a cell: shard << 48 | count. When the word
# is met in another shard, the cell moves to the word's row in `rows`: cells of rising shards. A row of n cells has
# room for the next power of two. Documents come sorted by shard, so cells move rarely, and rare words have no row.

SIZE, OPEN, ROW, HEADER = range(4)
_POSITION = np.uint64(0xFFFFFFFF)
_TAG = np.uint64(0xFFFFFFFF00000000)
_COUNT = np.uint64((1 << 48) - 1)
_ONE = np.uint64(1)
_SHARD_BITS = np.uint64(48)
_LENGTH_BITS = 17  # of a row: up to 65,536 cells
_LENGTH = (1 << _LENGTH_BITS) - 1
# how much is used: words, arena, rows
WORDS, ARENA, ROWS = range(3)

BLOCK = 256  # words, few enough that what is prefetched for them stays in the fastest cache


def empty_table():
    """((table, arena, rows), used) without words. The arena's first unit stays free: position 0 is that of no word."""
    arrays = (
        np.zeros(1 << 12, dtype=np.uint64),
        np.zeros(1 << 12, dtype=np.uint64),
        np.empty(1 << 10, dtype=np.uint64),
    )
    return arrays, np.array([0, 1, 0], dtype=np.int64)


def n_bytes(table, used):
    """Bytes of memory that hold words."""
    return table.nbytes + 8 * int(used[ARENA] + used[ROWS])


@kernel
def _grown(array, size):
    """A copy with room for size items. (A loop: slice assignment takes numba seconds to compile.)"""
    bigger = np.empty(size, dtype=array.dtype)
    for i in range(array.size):
        bigger[i] = array[i]
    return bigger


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
def _close(cell, record, arena, rows, used, shards):
    """Add an open cell to the row of the word at `record`. Returns the (possibly reallocated) rows."""
    row = np.int64(arena[record + ROW])
    at = row >> _LENGTH_BITS
    length = row & _LENGTH
    shard = np.int64(cell >> _SHARD_BITS)
    # The shards of a row are distinct and rise, which bounds the place; that of a full row is certain.
    low = max(0, shard - (shards - length))
    high = min(shard, length)
    while low < high:
        middle = (low + high) >> 1
        if np.int64(rows[at + middle] >> _SHARD_BITS) < shard:
            low = middle + 1
        else:
            high = middle
    if low < length and np.int64(rows[at + low] >> _SHARD_BITS) == shard:
        rows[at + low] += cell & _COUNT
        return rows
    if length & (length - 1) == 0:  # no room
        to = used[ROWS]
        used[ROWS] += max(1, 2 * length)
        if used[ROWS] > rows.size:
            rows = _grown(rows, used[ROWS] + rows.size // 2)
        for i in range(length):
            rows[to + i] = rows[at + i]
        at = to
    for i in range(length, low, -1):
        rows[at + i] = rows[at + i - 1]
    rows[at + low] = cell
    arena[record + ROW] = np.uint64(at << _LENGTH_BITS | (length + 1))
    return rows


@kernel
def count_block(text, borders, n, shard, shards, table, arena, rows, used):
    """Count n words of a shard, text[borders[k]:borders[k + 1]]. Returns the (possibly reallocated) arrays."""
    # Room for n new words now, so that nothing moves in between.
    while 2 * (used[WORDS] + n) > table.size:
        table = _doubled(table)
    need = used[ARENA] + n * (HEADER + 1) + (borders[n] - borders[0]) // 8
    if need > arena.size:
        arena = _grown(arena, need + arena.size // 2)
    hashes = np.empty(BLOCK, dtype=np.uint64)
    shift = _shift(table)
    mask = table.size - 1
    for k in range(n):
        h = _word_hash(text, borders[k], borders[k + 1])
        hashes[k] = h
        prefetch(table, np.int64(h >> shift))
    for k in range(n):
        prefetch(arena, np.int64(table[np.int64(hashes[k] >> shift)] & _POSITION))
    first = np.uint64(shard) << _SHARD_BITS | _ONE
    for k in range(n):
        record = np.int64(table[np.int64(hashes[k] >> shift)] & _POSITION)
        row = np.int64(arena[record + ROW])
        moving = np.int64(arena[record + OPEN] >> _SHARD_BITS)
        if moving != shard and row:  # about where its place in the row is
            prefetch(rows, (row >> _LENGTH_BITS) + (row & _LENGTH) * moving // shards)
    for k in range(n):
        i = borders[k]
        size = borders[k + 1] - i
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
                arena[record + ROW] = np.uint64(0)
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
                cell = arena[record + OPEN]
                if (cell ^ first) >> _SHARD_BITS == 0:
                    arena[record + OPEN] = cell + _ONE
                else:
                    arena[record + OPEN] = first
                    rows = _close(cell, record, arena, rows, used, shards)
                break
            slot = (slot + 1) & mask
    return table, arena, rows


@kernel
def count_split(text, borders, first_word, shard_of, shards, table, arena, rows, used):
    """Count words text[borders[k]:borders[k + 1]], those from first_word[d] to first_word[d + 1] in shard_of[d].

    Returns the (possibly reallocated) arrays.
    """
    for d in range(shard_of.size):
        for k in range(first_word[d], first_word[d + 1], BLOCK):
            n = min(BLOCK, first_word[d + 1] - k)
            block = borders[k : k + n + 1]
            table, arena, rows = count_block(text, block, n, shard_of[d], shards, table, arena, rows, used)
    return table, arena, rows


@kernel
def count_text(
    text, bounds, shard_of, shards, by_line, classes, opening, words_in_shard, table, arena, rows, used
):
    """Count the words of documents text[bounds[d]:bounds[d + 1]] that are sorted by shard, each or each line apart.

    classes, opening: see `trex.unicode_tables`; table, arena, rows, used: see `empty_table`. Adds to words_in_shard.
    Returns the (possibly reallocated) arrays.
    """
    borders = np.empty(BLOCK + 1, dtype=np.int64)
    d = 0
    i = bounds[0]
    item_end = i
    while d < shard_of.size:
        shard = shard_of[d]
        n = 0
        borders[0] = i
        while d < shard_of.size and shard_of[d] == shard and n < BLOCK:
            if i == bounds[d + 1]:
                d += 1
                continue
            if i == item_end:
                item_end = _line_end(text, i, bounds[d + 1]) if by_line else bounds[d + 1]
            i = word_end(text, i, item_end, classes, opening)
            n += 1
            borders[n] = i
        table, arena, rows = count_block(text, borders, n, shard, shards, table, arena, rows, used)
        words_in_shard[shard] += n
    return table, arena, rows


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
def shard_counts(arena, rows, chosen):
    """(offsets, shards, counts) of the words with the chosen records, open cells included."""
    offsets = np.zeros(chosen.size + 1, dtype=np.int64)
    room = 0
    for record in chosen:
        room += (np.int64(arena[record + ROW]) & _LENGTH) + 1
    cells = np.empty(room, dtype=np.uint64)
    n = 0
    for w in range(chosen.size):
        row = np.int64(arena[chosen[w] + ROW])
        opened = arena[chosen[w] + OPEN]
        waits = True
        for k in range(row >> _LENGTH_BITS, (row >> _LENGTH_BITS) + (row & _LENGTH)):
            cell = rows[k]
            if waits and opened >> _SHARD_BITS <= cell >> _SHARD_BITS:
                waits = False
                if opened >> _SHARD_BITS == cell >> _SHARD_BITS:
                    cell += opened & _COUNT
                else:
                    cells[n] = opened
                    n += 1
            cells[n] = cell
            n += 1
        if waits:
            cells[n] = opened
            n += 1
        offsets[w + 1] = n
    shards = np.empty(n, dtype=np.uint16)
    counts = np.empty(n, dtype=np.int64)
    for k in range(n):
        shards[k] = cells[k] >> _SHARD_BITS
        counts[k] = cells[k] & _COUNT
    return offsets, shards, counts
