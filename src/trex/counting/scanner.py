"""What reads UTF-8 text byte by byte, compiled by numba: matches of a regex, ends of lines, what NFC may change.

The regex is given by the tables of its automaton (`trex.counting.automaton`), so that one loop runs any.

Text is read eight bytes at a time where that helps, so every text here ends in PADDING bytes of no document. A uint64
and a signed number make a float in numba, hence the constants of type uint64.
"""

import numpy as np

from trex.compiled.intrinsics import load8, trailing_zeros
from trex.compiled.kernel import kernel
from trex.counting.automaton import END_OF_TEXT, ENDS, LOOP_ENDS, LOOPS_LOWER, LOOPS_UPPER, ROW_BITS

PADDING = 8

_STRETCH = 256

_HIGH_BITS = np.uint64(0x8080808080808080)
_LOW_BITS = np.uint64(0x7F7F7F7F7F7F7F7F)
_NO_BITS = np.uint64(0)
_CASE_BITS = np.uint64(0x2020202020202020)
_ONES = np.uint64(0x0101010101010101)
_NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)
_FIRST = np.uint64(0x80)
_BYTE = np.uint64(0xFF)
_LATER = np.uint64(0x3F)
_FROM_A = np.uint64(0x0101010101010101 * (0x80 - ord("a")))
_PAST_Z = np.uint64(0x0101010101010101 * (0x80 - ord("z") - 1))


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
    classes, transitions, starts, _, opened, opening, upper = tables
    shard = shard_of[d]
    n = 0
    while d < shard_of.size and shard_of[d] == shard and n < firsts.size:
        if i == bounds[d + 1]:
            d += 1
            continue
        if i == piece[0]:
            piece[0] = line_end(text, i, bounds[d + 1]) if by_line else bounds[d + 1]
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
                    if size > 1 or letters & _FIRST:
                        j = min(j + size, end)
                        found = j
                        row = opened[s]
                while j < end:
                    point = np.int64(text[j])
                    size = 1
                    if point >= 0x80:
                        point, size = _decode(load8(text, j))
                    entry = np.int64(transitions[row + classes[point]])
                    if entry & ENDS:
                        found = j
                    row = entry >> ROW_BITS
                    if row == 0:
                        break
                    j += size
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
def doubtful_lines(text, bounds, quick_check, inert):
    """Rows (document, first byte, end) of the parts of lines that a normal form may change (Unicode annex 15).

    Document d is text[bounds[d]:bounds[d + 1]]. quick_check, inert: see `trex.counting.unicode_tables`. A part begins
    and ends at an ASCII character, which never composes with what is before it, and has _STRETCH bytes or a few more:
    so what is normalized grows with what needs it and not with the length of lines, and parts stay few.
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
                point, size = _decode(load8(text, i))
                value = quick_check[point]
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
