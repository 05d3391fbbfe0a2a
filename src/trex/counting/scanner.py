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
def _ascii_letters(eight, case_bits):
    """The highest bit of each of eight bytes that is an ASCII letter: of either case if case_bits are _CASE_BITS, a
    lower-case one if they are 0."""
    low = (eight | case_bits) & _LOW_BITS
    return (low + _FROM_A) & ~(low + _PAST_Z) & ~eight & _HIGH_BITS


@kernel
def _match_end(text, i, end, tables, number):
    """Where the match of the regex of a number that begins at byte i of text[:end] ends; -1 if there is none."""
    row = tables.starts[number]
    found = np.int64(-1)
    if tables.opened[number]:
        # Most words are ASCII letters behind a space: no branch on what they begin with, nor on how long they are.
        letters = _ascii_letters(load8(text, i), _CASE_BITS if tables.upper[number] else _NO_BITS)
        size = trailing_zeros((letters | np.uint64(tables.opening[number, text[i]])) ^ _HIGH_BITS) >> 3
        if size > 1 or letters & _FIRST:
            i += size
            if i >= end:
                return end
            found = i
            row = tables.opened[number]
    while i < end:
        size = 1
        point = np.int64(text[i])
        if point >= 0x80:
            point, size = _decode(text, i)
        entry = np.int64(tables.transitions[row + tables.classes[point]])
        if entry & ENDS:
            found = i
        row = entry >> ROW_BITS
        if row == 0:
            return found
        i += size
        if entry & LOOPS_LOWER and text[i] < 0x80:
            case_bits = _CASE_BITS if entry & LOOPS_UPPER else _NO_BITS
            before = i
            size = 8
            while size == 8 and i < end:
                size = trailing_zeros(_ascii_letters(load8(text, i), case_bits) ^ _HIGH_BITS) >> 3
                i += size
            i = min(i, end)
            if i > before and entry & LOOP_ENDS:
                found = i - 1
    if tables.transitions[row + END_OF_TEXT] & ENDS:
        found = end
    return found


@kernel
def piece_end(text, i, end, tables, number):
    """(where the piece that begins at byte i of text[:end] ends, 1 if it is a match of the regex of that number or 0 if
    it is what is between matches)."""
    j = _match_end(text, i, end, tables, number)
    if j >= 0:
        return j, 1
    while i < end:
        size = 1 if text[i] < 0x80 else _decode(text, i)[1]
        i += size
        if i < end and _match_end(text, i, end, tables, number) >= 0:
            break
    return i, 0


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

    Document d is text[bounds[d]:bounds[d + 1]]. quick_check, inert: see `trex.counting.unicode_tables`. A part begins and ends
    at an ASCII character, which never composes with what is before it, and has _STRETCH bytes or a few more: so what is
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
