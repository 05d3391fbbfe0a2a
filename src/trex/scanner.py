"""The default pre-tokenization regex as a state machine on UTF-8 bytes, and word counting, compiled by numba.

The alternatives of `trex.patterns.DEFAULT` are tried in their order. Tables of letters, numbers and spaces come from
`tokenizers` (`trex.unicode_tables`). All kernels that call each other are in this one file, as numba notices a change
of the file that a kernel is in, but not of those that it calls.
"""

import numpy as np
from numba import njit

from trex.unicode_tables import LETTER, NEWLINE, NUMBER, OTHER, SPACE


@njit(cache=True)
def _decode(text, i):
    """(code point, bytes) of the valid UTF-8 sequence at i."""
    b = text[i]
    if b < 0x80:
        return np.int64(b), 1
    if b < 0xE0:
        return np.int64((b & 0x1F) << 6 | (text[i + 1] & 0x3F)), 2
    if b < 0xF0:
        return np.int64((b & 0x0F) << 12 | (text[i + 1] & 0x3F) << 6 | (text[i + 2] & 0x3F)), 3
    return (
        np.int64(
            (b & 0x07) << 18 | (text[i + 1] & 0x3F) << 12 | (text[i + 2] & 0x3F) << 6 | (text[i + 3] & 0x3F)
        ),
        4,
    )


@njit(cache=True)
def _skip_class(text, i, end, classes, wanted):
    """First place from i on whose code point is not of the wanted class."""
    while i < end:
        point, size = _decode(text, i)
        if classes[point] != wanted:
            break
        i += size
    return i


@njit(cache=True)
def word_end(text, i, end, classes):
    """Where the word that starts at byte i of text[:end] ends: the alternatives of DEFAULT in their order."""
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
    if kind == LETTER:
        return _skip_class(text, j, end, classes, LETTER)
    if kind == NUMBER:
        return j
    if kind != NEWLINE:
        others = kind == OTHER
        if j < end:
            next_point, next_size = _decode(text, j)
            next_kind = classes[next_point]
            if next_kind == LETTER:  # [^\r\n\p{L}\p{N}]?\p{L}+
                return _skip_class(text, j + next_size, end, classes, LETTER)
            others = others or (point == 0x20 and next_kind == OTHER)
        if others:  # " ?[^\s\p{L}\p{N}]+[\r\n]*"
            j = _skip_class(text, j, end, classes, OTHER)
            return _skip_class(text, j, end, classes, NEWLINE)
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


@njit(cache=True)
def doubtful_lines(text, starts, ends, nfc):
    """Rows (document, first byte, end) of the lines that NFC may change (quick check of Unicode annex 15)."""
    found = np.empty((16, 3), dtype=np.int64)
    n = 0
    for d in range(starts.size):
        line = i = starts[d]
        end = ends[d]
        rank = np.uint8(0)
        doubtful = False
        while i < end:
            b = text[i]
            if b < 0xCC:  # below U+0300 everything is inert
                i += 1 if b < 0x80 else 2
                rank = np.uint8(0)
            else:
                point, size = _decode(text, i)
                value = nfc[point]
                i += size
                if value == 255 or (value != 0 and value < rank):
                    doubtful = True
                rank = value
            if b == 0x0A or i == end:
                if doubtful:
                    if n == len(found):
                        found = np.concatenate((found, np.empty_like(found)))
                    found[n, 0] = d
                    found[n, 1] = line
                    found[n, 2] = i
                    n += 1
                    doubtful = False
                line = i
    return found[:n]


@njit(cache=True)
def _word_hash(text, i, j):
    h = np.uint64(0xCBF29CE484222325)
    for k in range(i, j):
        h = (h ^ np.uint64(text[k])) * np.uint64(0x100000001B3)
    h ^= h >> np.uint64(29)
    return h * np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True)
def _grown(array, size):
    bigger = np.empty(size, dtype=array.dtype)
    bigger[: array.size] = array
    return bigger


@njit(cache=True)
def count_batch(text, starts, ends, shards, by_line, classes, table, hashes, offsets, arena, counts, n_words):
    """Count the words of documents that are sorted by shard.

    table: open-addressing slots holding word id + 1 (0 free), a power of two long; hashes, counts: per word;
    offsets [n_words + 1] into arena: the words' bytes; counts are all zero between shards.
    Returns the (possibly reallocated) word table and the batch's (word id, shard, count) triples.
    """
    mask = np.uint64(table.size - 1)
    touched = np.empty(1024, dtype=np.int32)
    n_touched = 0
    out_word = np.empty(4096, dtype=np.int32)
    out_shard = np.empty(4096, dtype=np.uint16)
    out_count = np.empty(4096, dtype=np.int64)
    n_out = 0
    total = 0
    words_in_shard = np.zeros(65536, dtype=np.int64)
    for d in range(starts.size):
        item = starts[d]
        while item < ends[d]:
            item_end = ends[d]
            if by_line:
                item_end = item
                while item_end < ends[d] and text[item_end] != 0x0A:
                    item_end += 1
                item_end = min(item_end + 1, ends[d])
            i = item
            while i < item_end:
                j = word_end(text, i, item_end, classes)
                size = j - i
                h = _word_hash(text, i, j)
                slot = h & mask
                word = -1
                while table[slot] != 0:
                    w = table[slot] - 1
                    if hashes[w] == h and offsets[w + 1] - offsets[w] == size:
                        o = offsets[w]
                        k = 0
                        while k < size and arena[o + k] == text[i + k]:
                            k += 1
                        if k == size:
                            word = w
                            break
                    slot = (slot + np.uint64(1)) & mask
                if word < 0:
                    word = n_words
                    n_words += 1
                    if n_words == hashes.size:
                        hashes = _grown(hashes, 2 * n_words)
                        offsets = _grown(offsets, 2 * n_words + 1)
                        filled = counts.size
                        counts = _grown(counts, 2 * n_words)
                        counts[filled:] = 0
                    table[slot] = n_words
                    hashes[word] = h
                    o = offsets[word]
                    if o + size > arena.size:
                        arena = _grown(arena, 2 * (o + size))
                    arena[o : o + size] = text[i:j]
                    offsets[word + 1] = o + size
                    if 2 * n_words > table.size:
                        table = np.zeros(4 * table.size, dtype=table.dtype)
                        mask = np.uint64(table.size - 1)
                        for w in range(n_words):
                            s = hashes[w] & mask
                            while table[s] != 0:
                                s = (s + np.uint64(1)) & mask
                            table[s] = w + 1
                if counts[word] == 0:
                    if n_touched == touched.size:
                        touched = _grown(touched, 2 * n_touched)
                    touched[n_touched] = word
                    n_touched += 1
                counts[word] += 1
                total += 1
                i = j
            item = item_end
        words_in_shard[shards[d]] += total
        total = 0
        if d + 1 == starts.size or shards[d + 1] != shards[d]:
            if n_out + n_touched > out_word.size:
                capacity = max(2 * out_word.size, n_out + n_touched)
                out_word = _grown(out_word, capacity)
                out_shard = _grown(out_shard, capacity)
                out_count = _grown(out_count, capacity)
            for t in range(n_touched):
                w = touched[t]
                out_word[n_out] = w
                out_shard[n_out] = shards[d]
                out_count[n_out] = counts[w]
                counts[w] = 0
                n_out += 1
            n_touched = 0
    state = (table, hashes, offsets, arena, counts, n_words)
    return state, out_word[:n_out], out_shard[:n_out], out_count[:n_out], words_in_shard
