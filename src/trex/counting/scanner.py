"""The default pre-tokenization regex as a state machine on UTF-8 bytes, compiled by numba.

The alternatives of `trex.counting.patterns.DEFAULT` are tried in their order. Tables of letters, numbers and spaces
come from `tokenizers` (`trex.counting.unicode_tables`).

Text is read eight bytes at a time where that helps, so every text here ends in PADDING bytes of no document. A uint64
and a signed number make a float in numba, hence the constants of type uint64.
"""

import numpy as np

from trex.compiled.intrinsics import load8, trailing_zeros
from trex.compiled.kernel import kernel
from trex.counting.unicode_tables import LETTER, NEWLINE, NUMBER, OTHER, SPACE

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
def doubtful_lines(text, bounds, nfc, inert):
    """Rows (document, first byte, end) of the parts of lines that NFC may change (quick check of Unicode annex 15).

    Document d is text[bounds[d]:bounds[d + 1]]. nfc, inert: see `trex.counting.unicode_tables`. A part begins and ends
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
