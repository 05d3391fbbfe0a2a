"""What parity-aware BPE counts by corpus: lists of words' counts, and one step of the merge loop that adds them up.

A word has counts in some columns: of corpora, then of their development text. An occurrence of a pair, which has its
word's weight in plain BPE (`trex.bpe.merge_step`), has the number of the word's list here. Most words occur a few times
in one corpus, so words share lists, and those stay in the fastest caches.
"""

from typing import NamedTuple

import numpy as np

from trex.bpe.merge_step import BATCH, HEAVY, ONE, PLACE, WEIGHT
from trex.bpe.pair_table import hashed
from trex.compiled.arrays import UP
from trex.compiled.intrinsics import prefetch
from trex.compiled.kernel import kernel


class Lists(NamedTuple):
    """Counts by column.

    entries: int64 [n, 2], rows (column * 2, + 1 if it is the last of its list; count); row 0 is a list of nothing.
    starts: int64, the first rows of those lists that occurrences have no room to name: list HEAVY + i begins at
    starts[i]. groups: int64 [columns], the counts of a column go to this queue, -1: they do not.
    """

    entries: np.ndarray
    starts: np.ndarray
    groups: np.ndarray


NUMBER, GROUPS, FIRST = range(3)  # columns of changes


class Gains(NamedTuple):
    """The neighbours of the pairs that a step merges, on the left (row 0) and on the right (row 1).

    changes: int64 [2, ids, FIRST + groups], the number of a neighbour's occurrences, the groups that have some (bit
    g % 64 of group g), and their counts from column FIRST on; 0 between steps.
    rejoined: int64 [groups]. saved: int64 [columns], how many tokens fewer the step makes. found, merged: as of
    `merge_step.Neighbours`.
    """

    changes: np.ndarray
    rejoined: np.ndarray
    saved: np.ndarray
    found: np.ndarray
    merged: np.ndarray


@kernel
def share_lists(offsets, columns, counts):
    """(entries of `Lists`, int64 [words] where each word's list begins), equal lists once.

    Word w has columns[offsets[w]:offsets[w + 1]] with counts, without zeros.
    """
    n_words = offsets.size - 1
    entries = np.empty((offsets[n_words] - offsets[0] + 1, 2), dtype=np.int64)
    entries[0, 0] = 1
    entries[0, 1] = 0
    used = np.int64(1)
    starts = np.zeros(n_words, dtype=np.int64)
    size = 1 << 10
    while size < 2 * n_words:
        size *= 2
    table = np.zeros(size, dtype=np.int64)
    mask = np.uint64(size - 1)
    for w in range(n_words):
        begin, end = offsets[w], offsets[w + 1]
        if begin == end:
            continue
        h = np.uint64(0)
        for i in range(begin, end):
            last = i == end - 1
            entries[used + i - begin, 0] = np.int64(columns[i]) << 1 | last
            entries[used + i - begin, 1] = counts[i]
            h = hashed(h ^ np.uint64(entries[used + i - begin, 0])) ^ hashed(counts[i])
        slot = hashed(h) & mask
        while table[slot] != 0:
            same = True
            for i in range(end - begin):
                if (
                    entries[table[slot] + i, 0] != entries[used + i, 0]
                    or entries[table[slot] + i, 1] != entries[used + i, 1]
                ):
                    same = False
                    break
            if same:
                break
            slot = (slot + ONE) & mask
        if table[slot] == 0:
            table[slot] = used
            used += end - begin
        starts[w] = table[slot]
    return entries[:used], starts


@kernel
def count_listed(arena, rows, lists, counts):
    """Add up the counts of pairs whose occurrences are listed: counts[i] of arena[rows[i, 2]:rows[i, 3]].

    counts: int64 [pairs, groups], zeros.
    """
    entries, starts, groups = lists
    for pair in range(len(rows)):
        for at in range(rows[pair, 2], rows[pair, 3]):
            i = arena[at] >> WEIGHT
            if i >= HEAVY:
                i = np.uint64(starts[i - HEAVY])
            last = False
            while not last:
                group = groups[entries[i, 0] >> 1]
                if group >= 0:
                    counts[pair, group] += entries[i, 1]
                last = (entries[i, 0] & 1) == 1
                i += ONE


@kernel
def merge_listed(occurrences, lists, step, tokens, gains):
    """As `merge_step.merge`, by group: adds the counts of every neighbour to changes and lists it in found, separators
    too. Returns the number of merges, of left and of right neighbours. rejoined is the count of pairs (new, a) that
    were made and merged at once, in runs such as "ababab"."""
    a, b, new, width_a, width_b = step
    entries, starts, groups = lists
    slots, separator = tokens.slots, tokens.separator
    changes, rejoined, saved, found, merged = gains
    standing = np.empty(BATCH, dtype=np.uint64)
    left, right = changes[0], changes[1]
    to_b = np.uint64(width_a)
    to_end = np.uint64(width_a + width_b)
    n_merged = n_left = n_right = np.uint64(0)
    saved[:] = 0
    rejoined[:] = 0
    for first in range(np.uint64(0), np.uint64(occurrences.size), np.uint64(BATCH)):
        last = min(first + np.uint64(BATCH), np.uint64(occurrences.size))
        for k in range(first, last):
            prefetch(slots, np.int64(occurrences[k] & PLACE))
        n = np.uint64(0)
        for k in range(first, last):
            p = occurrences[k] & PLACE
            standing[n] = occurrences[k]
            n += np.uint64((slots[p] == a) & (slots[p + to_b] == b))
        for k in range(n):
            p = standing[k] & PLACE
            prefetch(left, np.int64(slots[p - ONE]))
            prefetch(right, np.int64(slots[p + to_end]))
            i = standing[k] >> WEIGHT
            if i < HEAVY:
                prefetch(entries, np.int64(i))
        for k in range(n):
            p = standing[k] & PLACE
            if slots[p] != a:  # "aaa": the merge before took its first half
                continue
            end = p + to_end
            x = np.uint64(slots[p - ONE])
            y = np.uint64(slots[end])
            slots[p + to_b] = separator  # no token starts here any more
            slots[p] = new
            slots[end - ONE] = new
            merged[n_merged, 0] = standing[k]
            merged[n_merged, 1] = x | y << UP
            n_merged += ONE
            again = x == np.uint64(
                new
            )  # the merge before: its pair (new, a) of a moment ago becomes (new, new)
            before = right if again else left
            if again:
                found[1, n_right] = x
                n_right += np.uint64(right[x, NUMBER] == 0)
            else:
                found[0, n_left] = x
                n_left += np.uint64(left[x, NUMBER] == 0)
            before[x, NUMBER] += 1
            found[1, n_right] = y
            n_right += np.uint64(right[y, NUMBER] == 0)
            right[y, NUMBER] += 1
            i = standing[k] >> WEIGHT
            if i >= HEAVY:
                i = np.uint64(starts[i - HEAVY])
            is_last = False
            while not is_last:
                column = np.uint64(entries[i, 0]) >> ONE
                count = entries[i, 1]
                saved[column] += count
                group = groups[column]
                if group >= 0:
                    bit = np.int64(ONE << np.uint64(group & 63))
                    before[x, GROUPS] |= bit
                    before[x, np.uint64(group + FIRST)] += count
                    right[y, GROUPS] |= bit
                    right[y, np.uint64(group + FIRST)] += count
                    if again:
                        rejoined[np.uint64(group)] += count
                is_last = (entries[i, 0] & 1) == 1
                i += ONE
    return np.int64(n_merged), np.int64(n_left), np.int64(n_right)
