"""What reads UTF-8 text byte by byte, compiled by numba: matches of a regex, ends of lines, what NFC may change.

The regex is given by the tables of its automaton (`trex.counting.automaton`), so that one loop runs any.

Text is read eight bytes at a time where that helps, so every text here ends in PADDING bytes of no document. A uint64
and a signed number make a float in numba, hence the constants of type uint64.
"""

import numpy as np

from trex.compiled.intrinsics import load8, store8, trailing_zeros
from trex.compiled.kernel import kernel
from trex.counting.automaton import (
    END_OF_TEXT,
    ENDS,
    GUARD_BEFORE,
    GUARD_RUN,
    LOOP_ENDS,
    LOOPS_LOWER,
    LOOPS_UPPER,
    ROW_BITS,
)

PADDING = 16

_STRETCH = 256
FEW = 8  # words that are split ahead of a guard that has just matched
_BLOCK = 64  # bytes that are looked at at once, a bit each

_HIGH_BITS = np.uint64(0x8080808080808080)
_LOW_BITS = np.uint64(0x7F7F7F7F7F7F7F7F)
_NO_BITS = np.uint64(0)
_CASE_BITS = np.uint64(0x2020202020202020)
_ONES = np.uint64(0x0101010101010101)
_NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)
_FIRST = np.uint64(0x80)
_BYTE = np.uint64(0xFF)
_LATER = np.uint64(0x3F)
# of the first byte of characters of two and of three bytes
_FIRST_OF_TWO, _TWO, _LAST_FIVE = np.uint64(0xE0), np.uint64(0xC0), np.uint64(0x1F)
_FIRST_OF_THREE, _THREE, _LAST_FOUR = np.uint64(0xF0), np.uint64(0xE0), np.uint64(0x0F)
_LOW_BYTE, _TWO_HIGH_BITS, _SEVEN = np.uint64(0x7F), np.uint64(0x8080), np.uint64(7)
_SIX, _EIGHT, _TWELVE, _SIXTEEN = np.uint64(6), np.uint64(8), np.uint64(12), np.uint64(16)
_FROM_A = np.uint64(0x0101010101010101 * (0x80 - ord("a")))
_PAST_Z = np.uint64(0x0101010101010101 * (0x80 - ord("z") - 1))


@kernel
def in_order(text, borders, rows):
    """(text, bounds): the documents text[borders[row]:borders[row + 1]] of rows, one after the other, and PADDING."""
    bounds = np.zeros(rows.size + 1, dtype=np.int64)
    for d in range(rows.size):
        bounds[d + 1] = bounds[d] + borders[rows[d] + 1] - borders[rows[d]]
    ordered = np.empty(bounds[-1] + PADDING, dtype=np.uint8)
    for d in range(rows.size):
        at = bounds[d]
        first = borders[rows[d]]
        whole = (bounds[d + 1] - at) & ~7
        for i in range(0, whole, 8):
            store8(ordered, at + i, load8(text, first + i))
        for i in range(whole, bounds[d + 1] - at):
            ordered[at + i] = text[first + i]
    for i in range(bounds[-1], ordered.size):
        ordered[i] = 0
    return ordered, bounds


@kernel
def _decode(eight):
    """(code point, bytes) of the valid UTF-8 sequence that eight bytes of text begin with."""
    first = np.int64(eight & _BYTE)
    second = np.int64(eight >> np.uint64(8) & _LATER)
    if first < 0x80:
        return first, 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | second, 2
    third = np.int64(eight >> np.uint64(16) & _LATER)
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third, 3
    fourth = np.int64(eight >> np.uint64(24) & _LATER)
    return (first & 0x07) << 18 | second << 12 | third << 6 | fourth, 4


@kernel
def _ascii_letters(eight, case_bits):
    """The highest bit of each of eight bytes that is an ASCII letter: of either case if case_bits are _CASE_BITS, a
    lower-case one if they are _NO_BITS."""
    low = (eight | case_bits) & _LOW_BITS
    return (low + _FROM_A) & ~(low + _PAST_Z) & ~eight & _HIGH_BITS


@kernel
def split_block(text, bounds, shard_of, by_line, kept, tables, d, i, piece, firsts, ends):
    """The next words of documents text[bounds[d]:bounds[d + 1]], up to firsts.size of them and of the shard of d.

    Each document, or each line apart, is split by the first regex of tables (`trex.counting.automaton`), its pieces by
    the next, and so on. kept: bool [regexes, 2], whether what is between matches is kept, and matches. d, i: the
    document and the byte to begin at. piece: where the item that is split ends, then the piece of each regex that i is
    in; i where one begins. Fills firsts and ends with the words' places.

    Returns (document, byte, words). One function, because numba counts references to arrays at every call.
    """
    classes, transitions, starts, _, opened, opening, upper, closing, alone, _, _ = tables
    shard = shard_of[d]
    n = 0
    short_cut = starts.size == 1 and opened[0] > 0 and kept[0, 1]
    letter_bits = _CASE_BITS if short_cut and upper[0] else _NO_BITS
    while d < shard_of.size and shard_of[d] == shard and n < firsts.size:
        if i == bounds[d + 1]:
            d += 1
            continue
        if i == piece[0]:
            piece[0] = line_end(text, i, bounds[d + 1]) if by_line else bounds[d + 1]
        if short_cut:
            # Words of ASCII letters with a space behind them, or another character that closes them, and single ASCII
            # characters: most of much text. Places are unsigned, as numba asks of others whether they are negative.
            end = piece[0]
            while n < firsts.size:
                eight = load8(text, i)
                letters = _ascii_letters(eight, letter_bits)
                before = np.uint64(opening[0, eight & _BYTE])
                size = trailing_zeros((letters | before) ^ _HIGH_BITS) >> 3
                j = i + size
                if size < 2 and not letters & _FIRST:
                    j = i + 1
                    pair = (eight & _LOW_BYTE) << _SEVEN | eight >> _EIGHT & _LOW_BYTE
                    if j >= end or eight & _TWO_HIGH_BITS or not alone[0, pair]:
                        break
                else:
                    while size == 8 and j < end:
                        size = trailing_zeros(_ascii_letters(load8(text, j), letter_bits) ^ _HIGH_BITS) >> 3
                        j += size
                    if j >= end or not closing[0, load8(text, j) & _BYTE]:
                        break
                firsts[np.uint64(n)] = i
                ends[np.uint64(n)] = j
                n += 1
                i = j
            piece[1] = i
            if n == firsts.size:
                break
        keep = True
        for s in range(starts.size):
            if i < piece[s + 1]:
                continue
            end = piece[s]
            found = np.int64(-1)
            start = i  # of what is tried to match
            while True:
                j = start
                row = starts[s]
                if opened[s]:
                    # Most words are ASCII letters behind a space: no branch on their first byte, nor on their length.
                    eight = load8(text, j)
                    letters = _ascii_letters(eight, _CASE_BITS if upper[s] else _NO_BITS)
                    before = np.uint64(opening[s, np.int64(eight & _BYTE)])
                    size = trailing_zeros((letters | before) ^ _HIGH_BITS) >> 3
                    if letters & _FIRST or (size > 1 and j + 1 < end):
                        j = min(j + size, end)
                        found = j
                        row = opened[s]
                while j < end:
                    point, size = _decode(load8(text, j))
                    entry = np.int64(transitions[np.uint64(row + classes[np.uint64(point)])])
                    if entry & ENDS:
                        found = j
                    row = entry >> ROW_BITS
                    if row == 0:
                        break
                    j += size
                    # Runs of characters that lead back to the same state: the next need not wait for this one's row.
                    if size == 2:
                        while j < end:
                            eight = load8(text, j)
                            if eight & _FIRST_OF_TWO != _TWO:
                                break
                            of_class = classes[(eight & _LAST_FIVE) << _SIX | eight >> _EIGHT & _LATER]
                            again = np.int64(transitions[np.uint64(row + of_class)])
                            if again >> ROW_BITS != row:
                                break
                            if again & ENDS:
                                found = j
                            j += 2
                    elif size == 3:
                        while j < end:
                            eight = load8(text, j)
                            if eight & _FIRST_OF_THREE != _THREE:
                                break
                            of_class = classes[
                                (eight & _LAST_FOUR) << _TWELVE
                                | (eight >> _EIGHT & _LATER) << _SIX
                                | eight >> _SIXTEEN & _LATER
                            ]
                            again = np.int64(transitions[np.uint64(row + of_class)])
                            if again >> ROW_BITS != row:
                                break
                            if again & ENDS:
                                found = j
                            j += 3
                    if entry & LOOPS_LOWER and text[j] < 0x80:
                        case_bits = _CASE_BITS if entry & LOOPS_UPPER else _NO_BITS
                        before_letters = j
                        size = 8
                        while size == 8 and j < end:
                            size = trailing_zeros(_ascii_letters(load8(text, j), case_bits) ^ _HIGH_BITS) >> 3
                            j += size
                        j = min(j, end)
                        if j > before_letters and entry & LOOP_ENDS:
                            found = j - 1
                if transitions[row + END_OF_TEXT] & ENDS:
                    found = end
                if found >= 0:
                    break
                start += _decode(load8(text, start))[1]
                if start >= end:
                    break
            matched = 1 if start == i else 0
            piece[s + 1] = found if matched else start
            if not kept[s, matched]:
                keep = False
                for inner in range(s + 2, piece.size):
                    piece[inner] = piece[s + 1]
                break
        if keep:
            firsts[n] = i
            ends[n] = piece[-1]
            n += 1
        i = piece[-1]
    return d, i, n


@kernel
def _run_end(text, i, end, tables):
    """Where a run of the guard's length that begins at i ends, at most at `end`; i if there is none."""
    if i >= end:
        return i
    point, size = _decode(load8(text, i))
    stop = i + tables.guard_length * size
    if stop > end or not tables.guard[tables.classes[point]] & GUARD_RUN:
        return i
    for j in range(i + size, stop, size):
        if _decode(load8(text, j))[0] != point:
            return i
    return stop


@kernel
def _guard_end(text, i, end, tables):
    """Where the match of the guard at i ends, at most at `end`; i if there is none."""
    point, size = _decode(load8(text, i))
    if tables.guard[tables.classes[point]] & GUARD_BEFORE:
        stop = _run_end(text, i + size, end, tables)
        if stop > i + size:
            return stop
    return _run_end(text, i, end, tables)


@kernel
def guarded_block(text, bounds, shard_of, by_line, kept, tables, d, i, piece, firsts, ends, most):
    """`split_block` by the one regex of tables, before which comes their guard. Returns (document, byte, words, most).

    most: words that are split ahead of the guard. Few after it matched, as the words behind a match are split again.
    The guard's sets have no newline, so it does not go beyond the end of a line.
    """
    n = 0
    while n < firsts.size:
        stop = _guard_end(text, i, bounds[d + 1], tables)
        if stop == i:
            break
        firsts[n] = i
        ends[n] = stop
        n += 1
        i = stop
        piece[:] = i
    if n:
        return d, i, n, FEW
    first = d
    d, i, n = split_block(
        text, bounds, shard_of, by_line, kept, tables, d, i, piece, firsts[:most], ends[:most]
    )
    for k in range(n):
        start = firsts[k]
        while start >= bounds[first + 1]:
            first += 1
        # Nearly always, neither the first two characters are equal nor the next two.
        a, size = _decode(load8(text, start))
        b, next_size = _decode(load8(text, start + size))
        if a != b and _decode(load8(text, start + size + next_size))[0] != b:
            continue
        if _guard_end(text, start, bounds[first + 1], tables) > start:
            piece[:] = start
            return first, start, k, FEW
    return d, i, n, min(2 * most, firsts.size)


@kernel
def line_end(text, i, end):
    """First place after i, at most end, that follows a newline."""
    while i < end:
        other = load8(text, i) ^ _NEWLINES  # the lowest zero byte is the first newline
        found = (other - _ONES) & ~other & _HIGH_BITS
        if found:
            return min(i + (trailing_zeros(found) >> 3) + 1, end)
        i += 8
    return end


@kernel
def doubtful_lines(text, bounds, quick_check, suspects):
    """Rows (document, first byte, end) of the parts of lines that a normal form may change (Unicode annex 15).

    Document d is text[bounds[d]:bounds[d + 1]]. quick_check, suspects: see `trex.counting.unicode_tables`. A part
    begins and ends at an ASCII character, which never composes with what is before it, and has _STRETCH bytes or a few
    more: so what is normalized grows with what needs it and not with the length of lines, and parts stay few.

    Blocks of bytes in which nothing is doubtful are told by few bytes of their characters. One function, see
    `split_block`.
    """
    firsts, seconds, thirds, least = suspects
    found = np.empty((16, 3), dtype=np.int64)
    n = 0
    above = np.uint64(0x100 - least) * _ONES  # makes a carry with the low bits of bytes from `least` on
    for d in range(bounds.size - 1):
        i = bounds[d]
        end = bounds[d + 1]
        marked = np.int64(-1)  # where the last character with a rank ends
        rank = np.uint8(0)  # its rank
        while i < end:
            stop = min(i + _BLOCK, end)
            bits = _NO_BITS
            if stop - i == _BLOCK:
                for k in range(i, stop, 8):
                    eight = load8(text, k)
                    bits |= ((eight & _LOW_BITS) + above) & eight
                if bits & _HIGH_BITS == 0:
                    i = stop
                    continue
            bits = _NO_BITS
            for k in range(i, stop, 8):
                eight = load8(text, k)
                next_eight = load8(text, k + 1)
                third_eight = load8(text, k + 2)
                for shift in range(0, 64, 8):
                    by = np.uint64(shift)
                    bits |= (
                        firsts[eight >> by & _BYTE]
                        & seconds[next_eight >> by & _BYTE]
                        & thirds[third_eight >> by & _BYTE]
                    )
            if bits == 0:
                i = stop
                continue
            while i < stop:
                if text[i] < 0xC0:  # ASCII, or the rest of a character that begins in the block before
                    i += 1
                    continue
                point, size = _decode(load8(text, i))
                value = quick_check[point]
                if value == 255 or (value and i == marked and value < rank):
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
                    continue
                i += size
                if value:
                    marked = i
                    rank = value
    return found[:n]
