"""What the merge loop does with the whole text at once: begin, begin again in less room, and count what was made.

The text has the words that count in training or evaluation (`used`), one after another, with a separator around every
word. Every pass walks them in that order, so nothing says where a word begins.
"""

from typing import NamedTuple

import numpy as np

from trex.bpe.merge_step import HEAVY, WEIGHT
from trex.bpe.pair_table import KEY, find, hashed, insert, pair_key, prefetch_pair, prefetch_slot, rehashed
from trex.compiled.arrays import grown
from trex.compiled.intrinsics import prefetch
from trex.compiled.kernel import kernel

# columns of the table of pairs after KEY; a pair's occurrences are arena[START:END]
COUNT, START, END = range(1, 4)
N = START  # before they are listed: how many there are

BATCH = 256  # pairs that are looked up at a time


class Tokens(NamedTuple):
    """The text as tokens.

    slots: uint16 or uint32; a token has its id in its first and its last slot. widths: int32 [ids], slots of each
    token. separator: an id that no token has, around the words. n_slots: how many slots are filled.
    """

    slots: np.ndarray
    widths: np.ndarray
    separator: int
    n_slots: int


class Counted(NamedTuple):
    """What the words of the text weigh.

    counts: int64 [words], in training text. evaluated: uint32, rising, the words that evaluation text has. Words with
    neither are not in the text.
    """

    counts: np.ndarray
    evaluated: np.ndarray


class Extent(NamedTuple):
    """Of the words that are used: slots of their text, its bytes in training (float64, as they may be too many),
    heavy words, and the smallest count."""

    slots: int
    text_bytes: float
    heavy: int
    smallest: int


@kernel
def extent(sizes, counted):
    """The Extent of words with sizes uint32 [words]."""
    counts, evaluated = counted
    slots = np.int64(1)
    heavy = np.int64(0)
    smallest = np.int64(0)
    total = 0.0
    e = 0
    for w in range(counts.size):
        c = counts[w]
        used = c != 0
        if e < evaluated.size and np.int64(evaluated[e]) == w:
            e += 1
            used = True
        if used:
            slots += np.int64(sizes[w]) + 1
            heavy += c >= HEAVY
            total += np.float64(c) * np.float64(sizes[w])
            smallest = min(smallest, c)
    return Extent(slots, total, heavy, smallest)


# ---------------------------------------------------------------------- from bytes


@kernel
def fill_slots(words, counted, byte_id, separator, slots):
    """Make every byte a token. Returns int64 [65536, 2], of every byte pair a * 256 + b the weight and the number."""
    text, sizes = words.text, words.sizes
    counts, evaluated = counted
    found = np.zeros((65536, 2), dtype=np.int64)
    slots[0] = separator
    e = 0
    p = np.int64(1)
    end = np.int64(0)
    for w in range(counts.size):
        first = end
        end += np.int64(sizes[w])
        c = counts[w]
        if e < evaluated.size and np.int64(evaluated[e]) == w:
            e += 1
        elif c == 0:
            continue
        before = np.uint32(text[first])
        slots[p] = byte_id[before]
        p += 1
        for i in range(first + 1, end):
            byte = np.uint32(text[i])
            slots[p] = byte_id[byte]
            p += 1
            pair = before << np.uint32(8) | byte
            found[pair, 0] += c
            found[pair, 1] += 1
            before = byte
        slots[p] = separator
        p += 1
    return found


@kernel
def list_byte_pairs(words, counted, write_to, arena):
    """Write the occurrences of byte pairs a * 256 + b to arena[write_to[pair]:], int64 [65536], -1: nowhere."""
    text, sizes = words.text, words.sizes
    counts, evaluated = counted
    e = 0
    p = np.uint64(1)
    end = np.int64(0)
    heavy = np.uint64(0)
    for w in range(counts.size):
        first = end
        end += np.int64(sizes[w])
        c = counts[w]
        if e < evaluated.size and np.int64(evaluated[e]) == w:
            e += 1
        elif c == 0:
            continue
        weight = np.uint64(c)
        if weight >= HEAVY:
            weight = HEAVY + heavy
            heavy += np.uint64(1)
        weight <<= WEIGHT
        before = np.uint32(text[first])
        for i in range(first + 1, end):
            byte = np.uint32(text[i])
            pair = before << np.uint32(8) | byte
            at = write_to[pair]
            if at >= 0:
                arena[at] = p | weight
                write_to[pair] = at + 1
            before = byte
            p += np.uint64(1)
        p += np.uint64(2)


# ---------------------------------------------------------------------- from tokens


@kernel
def compact(tokens):
    """Give every token one slot. Returns the number of slots; widths are the caller's to set."""
    slots, widths = tokens.slots, tokens.widths
    p = q = np.uint64(0)
    while p < np.uint64(tokens.n_slots):
        token = slots[p]
        slots[q] = token
        q += np.uint64(1)
        p += np.uint64(widths[token])
    return np.int64(q)


@kernel
def widen(narrow, n_slots, separator, wider, wide):
    """Copy slots from an array of narrower numbers that may begin in the same memory, with a new separator."""
    for p in range(n_slots - 1, -1, -1):
        token = narrow[p]
        wide[p] = wider if token == separator else token


@kernel
def _read_pairs(tokens, counted, at, keys, counts, occurrences):
    """Read the next pairs of a text in which every token has one slot: their keys, counts and occurrences.

    at: int64 [4], where to read on, zeros and a 1 at first: word, slot, evaluated words and heavy words before it.
    Returns how many there are; fewer than BATCH at the end.
    """
    slots, separator = tokens.slots, tokens.separator
    of_word, evaluated = counted
    w, p, e, heavy = at[0], at[1], at[2], at[3]
    n = np.int64(0)
    while w < of_word.size:
        c = of_word[w]
        here = e < evaluated.size and np.int64(evaluated[e]) == w
        if c != 0 or here:
            weight = np.uint64(c)
            if weight >= HEAVY:
                weight = HEAVY + np.uint64(heavy)
            weight <<= WEIGHT
            left = slots[p]
            right = slots[p + 1]
            while right != separator:
                if n == keys.size:
                    at[0], at[1], at[2], at[3] = w, p, e, heavy
                    return n
                keys[n] = pair_key(left, right)
                counts[n] = c
                occurrences[n] = np.uint64(p) | weight
                n += 1
                p += 1
                left = right
                right = slots[p + 1]
            p += 2
            heavy += np.uint64(c) >= HEAVY
            e += here
        w += 1
    at[0], at[1], at[2], at[3] = w, p, e, heavy
    return n


@kernel
def count_few(tokens, counted, n_tokens, found):
    """Add up pairs of few tokens in found, int64 [n_tokens^2, 2], zeros: weight and number of pair a * n_tokens + b."""
    keys = np.empty(BATCH, dtype=np.int64)
    counts = np.empty(BATCH, dtype=np.int64)
    occurrences = np.empty(BATCH, dtype=np.uint64)
    at = np.array([0, 1, 0, 0], dtype=np.int64)
    n = np.int64(BATCH)
    while n == BATCH:
        n = _read_pairs(tokens, counted, at, keys, counts, occurrences)
        for k in range(n):
            keys[k] = (keys[k] >> 32) * n_tokens + (keys[k] & 0xFFFFFFFF)
            prefetch(found, keys[k])
        for k in range(n):
            found[np.uint64(keys[k]), 0] += counts[k]
            found[np.uint64(keys[k]), 1] += 1


@kernel
def list_few(tokens, counted, n_tokens, write_to, arena):
    """Write the occurrences of pairs a * n_tokens + b to arena[write_to[pair]:], int64 [n_tokens^2], -1: nowhere."""
    keys = np.empty(BATCH, dtype=np.int64)
    counts = np.empty(BATCH, dtype=np.int64)
    occurrences = np.empty(BATCH, dtype=np.uint64)
    at = np.array([0, 1, 0, 0], dtype=np.int64)
    n = np.int64(BATCH)
    while n == BATCH:
        n = _read_pairs(tokens, counted, at, keys, counts, occurrences)
        for k in range(n):
            keys[k] = (keys[k] >> 32) * n_tokens + (keys[k] & 0xFFFFFFFF)
            prefetch(write_to, keys[k])
        for k in range(n):
            to = write_to[np.uint64(keys[k])]
            if to >= 0:
                arena[np.uint64(to)] = occurrences[k]
                write_to[np.uint64(keys[k])] = to + 1


@kernel
def sketch_pairs(tokens, counted, sketch):
    """Add the count of every pair to sketch[its hash]: bounds from above. sketch: int64 [a power of 2], zeros."""
    keys = np.empty(BATCH, dtype=np.int64)
    counts = np.empty(BATCH, dtype=np.int64)
    occurrences = np.empty(BATCH, dtype=np.uint64)
    at = np.array([0, 1, 0, 0], dtype=np.int64)
    mask = np.uint64(sketch.size - 1)
    n = np.int64(BATCH)
    while n == BATCH:
        n = _read_pairs(tokens, counted, at, keys, counts, occurrences)
        for k in range(n):
            keys[k] = np.int64(hashed(keys[k]) & mask)
            prefetch(sketch, keys[k])
        for k in range(n):
            sketch[np.uint64(keys[k])] += counts[k]


@kernel
def weigh_pairs(tokens, counted, sketch, theta):
    """The pairs that count theta or more, and some lighter ones: rows (key, count, number, 0), int64 [n, 4]."""
    table = np.zeros(1 << 18, dtype=np.uint64)
    found = np.empty((1 << 16, 4), dtype=np.int64)
    n_found = np.int64(0)
    keys = np.empty(BATCH, dtype=np.int64)
    counts = np.empty(BATCH, dtype=np.int64)
    occurrences = np.empty(BATCH, dtype=np.uint64)
    at = np.array([0, 1, 0, 0], dtype=np.int64)
    mask = np.uint64(sketch.size - 1)
    n = np.int64(BATCH)
    while n == BATCH:
        n = _read_pairs(tokens, counted, at, keys, counts, occurrences)
        while n_found + BATCH > len(found):
            table = rehashed(table, found, n_found)
            found = grown(found, 4 * len(found))
        m = np.int64(0)
        for k in range(n):
            prefetch(sketch, np.int64(hashed(keys[k]) & mask))
        for k in range(n):
            enough = sketch[hashed(keys[k]) & mask] >= theta
            keys[m] = keys[k]
            counts[m] = counts[k]
            m += enough
        for k in range(m):
            prefetch_slot(table, keys[k])
        for k in range(m):
            prefetch_pair(table, found, keys[k])
        for k in range(m):
            f = find(table, found, keys[k])
            if f < 0:
                f = n_found
                n_found += 1
                insert(table, keys[k], f)
                found[f, KEY] = keys[k]
                found[f, COUNT] = 0
                found[f, N] = 0
                found[f, END] = 0
            found[f, COUNT] += counts[k]
            found[f, N] += 1
    return found[:n_found]


@kernel
def list_pairs(tokens, counted, table, pairs, arena):
    """Write the occurrences of the pairs in a table to arena[END:]; END moves on."""
    keys = np.empty(BATCH, dtype=np.int64)
    counts = np.empty(BATCH, dtype=np.int64)
    occurrences = np.empty(BATCH, dtype=np.uint64)
    at = np.array([0, 1, 0, 0], dtype=np.int64)
    n = np.int64(BATCH)
    while n == BATCH:
        n = _read_pairs(tokens, counted, at, keys, counts, occurrences)
        for k in range(n):
            prefetch_slot(table, keys[k])
        for k in range(n):
            f = find(table, pairs, keys[k])
            if f >= 0:
                arena[np.uint64(pairs[f, END])] = occurrences[k]
                pairs[f, END] += 1


@kernel
def count_made(tokens, counted, evaluation, steps, n_tokens):
    """int64 [n_tokens, n_columns]: how often each token was made in evaluation text, those that later merged included
    (a byte's token: how often the byte stands there)."""
    slots, widths, separator, _ = tokens
    words, offsets, columns, counts, n_columns = evaluation
    made = np.zeros((n_tokens, n_columns), dtype=np.int64)
    e = 0
    p = np.uint64(1)
    for w in range(counted.counts.size if n_columns else 0):
        if e == words.size:
            break
        here = np.int64(words[e]) == w
        if counted.counts[w] == 0 and not here:
            continue
        while slots[p] != separator:
            token = np.uint64(slots[p])
            if here:
                for j in range(offsets[e], offsets[e + 1]):
                    made[token, columns[j]] += counts[j]
            p += np.uint64(widths[token])
        p += np.uint64(1)
        e += here
    for step in range(len(steps) - 1, -1, -1):
        new = steps[step, 2]
        for part in range(2):
            token = steps[step, part]
            for column in range(n_columns):
                made[token, column] += made[new, column]
    return made


@kernel
def count_made_in_training(tokens, counted, steps, n_tokens):
    """int64 [n_tokens]: how often each token was made in training text, as `count_made` has it of evaluation text."""
    slots, widths, separator, _ = tokens
    counts, evaluated = counted
    made = np.zeros(n_tokens, dtype=np.int64)
    e = 0
    p = np.uint64(1)
    for w in range(counts.size):
        c = counts[w]
        if e < evaluated.size and np.int64(evaluated[e]) == w:
            e += 1
        elif c == 0:
            continue
        while slots[p] != separator:
            token = np.uint64(slots[p])
            made[token] += c
            p += np.uint64(widths[token])
        p += np.uint64(1)
    for step in range(len(steps) - 1, -1, -1):
        for part in range(2):
            made[steps[step, part]] += made[steps[step, 2]]
    return made
