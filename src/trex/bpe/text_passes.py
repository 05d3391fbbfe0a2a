"""What the merge loop does with the whole text at once: begin, list pairs again, and count what was made."""

from typing import NamedTuple

import numpy as np

from trex.bpe.pair_table import KEY, find, insert, pair_key, rehashed
from trex.compiled.arrays import UP, grown
from trex.compiled.kernel import kernel

# columns of the table of pairs after KEY; a pair's occurrences are arena[START:END]
COUNT, START, END = range(1, 4)


class Tokens(NamedTuple):
    """The text as tokens.

    slots: uint16 or uint32; a token has its id in its first and its last slot. sizes: int32 [ids], bytes of each
    token. separator: an id that no token has, between the words. starts: int64 [words], first slot of each word.
    """

    slots: np.ndarray
    sizes: np.ndarray
    separator: int
    starts: np.ndarray


@kernel
def fill_slots(words, counts, eval_offsets, byte_id, separator, slots):
    """Make every byte a token; words without any count become separators, so nothing visits them.
    Returns int64 [65536], the weight of every byte pair a * 256 + b."""
    text, starts = words.text, words.starts
    pair_count = np.zeros(65536, dtype=np.int64)
    slots[0] = separator
    for w in range(starts.size):
        start = starts[w]
        end = starts[w + 1] - 1 if w + 1 < starts.size else text.size - 1
        c = counts[w]
        slots[end] = separator
        if c == 0 and eval_offsets[w + 1] == eval_offsets[w]:
            for p in range(start, end):
                slots[p] = separator
            continue
        before = np.uint32(text[start])
        slots[start] = byte_id[before]
        for p in range(start + 1, end):
            byte = np.uint32(text[p])
            slots[p] = byte_id[byte]
            pair_count[before << np.uint32(8) | byte] += c
            before = byte
    return pair_count


@kernel
def weigh_all_pairs(tokens, counts):
    """(table, pairs) of the text as it stands; START is -1, END the number of occurrences."""
    slots, sizes, separator, starts = tokens
    table = np.zeros(1 << 18, dtype=np.uint64)
    found = np.empty((1 << 16, 4), dtype=np.int64)
    n = 0
    for w in range(starts.size):
        p = starts[w]
        if slots[p] == separator:
            continue
        q = p + sizes[slots[p]]
        while slots[q] != separator:
            key = pair_key(slots[p], slots[q])
            f = find(table, found, key)
            if f < 0:
                if n == len(found):
                    table = rehashed(table, found, n)
                    found = grown(found, 4 * n)
                f = n
                n += 1
                insert(table, key, f)
                found[f, KEY] = key
                found[f, COUNT] = 0
                found[f, START] = -1
                found[f, END] = 0
            found[f, COUNT] += counts[w]
            found[f, END] += 1
            p = q
            q += sizes[slots[q]]
    return table, found[:n]


@kernel
def list_occurrences(tokens, weights, table, found, arena):
    """Write every pair's occurrences from START on; pairs with START -1 are left out."""
    slots, sizes, separator, starts = tokens
    for w in range(starts.size):
        p = starts[w]
        if slots[p] == separator:
            continue
        q = p + sizes[slots[p]]
        while slots[q] != separator:
            f = find(table, found, pair_key(slots[p], slots[q]))
            if found[f, START] >= 0:
                arena[found[f, START]] = np.uint64(p) | np.uint64(weights[w]) << UP
                found[f, START] += 1
            p = q
            q += sizes[slots[q]]


@kernel
def count_made(tokens, evaluation, steps, n_tokens):
    """int64 [n_tokens, n_columns]: how often each token was made in evaluation text, those that later merged included
    (a byte's token: how often the byte stands there)."""
    slots, sizes, separator, starts = tokens
    offsets, columns, counts, n_columns = evaluation
    made = np.zeros((n_tokens, n_columns), dtype=np.int64)
    for w in range(starts.size if n_columns else 0):
        first, last = offsets[w], offsets[w + 1]
        if first == last:
            continue
        p = starts[w]
        while slots[p] != separator:
            token = np.uint64(slots[p])
            for j in range(first, last):
                made[token, columns[j]] += counts[j]
            p += sizes[token]
    for step in range(len(steps) - 1, -1, -1):
        new = steps[step, 2]
        for part in range(2):
            token = steps[step, part]
            for column in range(n_columns):
                made[token, column] += made[new, column]
    return made
