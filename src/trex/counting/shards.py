"""Which part of a corpus a document belongs to, so that a training text of any size is a prefix of whole shards.

A document's hash puts it into one of GROUPS groups and gives it a rank there. A training text takes a group's documents
by rising rank, then those of the next group, and so on. So the text of a larger share, or of a larger scale, begins
with that of a smaller one, and texts that begin with different groups are independent draws.

A shard is an interval of ranks. It holds at most 1.9 % of the text up to its end, or it is a single document. However
small a part of the corpus is asked for, some border lies within 1 % of it, or within one document; a cell of several
documents that holds more is the rare exception.
Counting does not know how many documents are to come, so it uses *cells*, of which shards are made at the end:

    rank     0 |.|.|.|..|..|...|....|......|.........|..............| RANKS
    cells     narrow, 0.1 % of the rank, where few documents lie; up to 1.6 % where many do
    shards    cells joined while they hold at most 1.9 % of the text so far
"""

from functools import cache

import numpy as np

from trex.arrow import frozen
from trex.compiled.kernel import kernel

GROUPS = 3
RANKS = -(-(2**32) // GROUPS)  # a rank is below this
STEPS = 1000  # a cell is 1 / STEPS of its rank wide, or one rank
# Neighbouring cells are joined, by twos, fours and so on, where so many documents of the group are expected up to them.
# With document lengths as uneven as those of web text (standard deviation twice the mean), a cell then hardly ever
# holds more than WIDTH.
JOINED_FROM = (2048, 8192, 32768, 131072)
WIDTH = 0.019  # of a shard of several cells at most, as a part of the text up to its end; any point is half of it off
# Part of the mixtures that may get the text of another, as two that differ by less than the width of a shard do. With
# two corpora there are a few hundred different texts, and 256 mixtures share 165 of them.
MOST_ALIKE = 0.5


@cache
def _lower_borders() -> np.ndarray:
    """int64 [cells of a group], rising: the smallest rank of each cell. In whole numbers, so equal on every machine."""
    borders = [RANKS]
    while borders[-1] > 0:
        borders.append(borders[-1] - max(1, borders[-1] // STEPS))
    return np.array(borders[:0:-1], dtype=np.int64)


def cells() -> int:
    """Cells of a corpus; the number of one fits into uint16."""
    return GROUPS * len(_lower_borders())


def joined_cells(documents: int) -> np.ndarray:
    """int64 [cells of a group]: the cell that each is joined to in a corpus of so many training documents.

    Cells that are joined for fewer documents are joined for more, so the first documents of a stream can be dealt
    before its length is known.
    """
    borders = _lower_borders()
    from_top = np.arange(len(borders) - 1, -1, -1)  # joined cells end at the largest rank
    lowest = borders[np.maximum(len(borders) - 1 - (from_top | (1 << len(JOINED_FROM)) - 1), 0)]
    joined = np.searchsorted(JOINED_FROM, lowest / RANKS * (documents / GROUPS), side="right")
    return len(borders) - 1 - (from_top >> joined << joined)


def cells_of(hashes: np.ndarray, documents: int) -> np.ndarray:
    """uint16 [n]: the cells of documents by their 64-bit hashes, of a corpus with at least so many documents."""
    group, rank = _dealt(hashes)
    cell = np.searchsorted(_lower_borders(), rank, side="right") - 1
    return (group * len(_lower_borders()) + joined_cells(documents)[cell]).astype(np.uint16)


def _dealt(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(group, rank) of documents, by the upper half of their hashes."""
    upper = (hashes >> np.uint64(32)).astype(np.int64)
    return upper % GROUPS, upper // GROUPS


def shards_of_cells(cell_bytes: np.ndarray, documents: int) -> tuple[np.ndarray, np.ndarray]:
    """Make shards of cells when a corpus is counted.

    Args:
        cell_bytes: int64 [cells]: training text of each.
        documents: training documents of the corpus.

    Returns:
        (shard of each cell, int64 [cells], rising; group of each shard, int64 [shards], rising). Empty cells belong to
        the shard that comes next or, at the end of a group, to the last one.
    """
    joined = joined_cells(documents)
    shard_of = np.zeros((GROUPS, len(joined)), dtype=np.int64)
    groups = []
    for group, text in enumerate(cell_bytes.reshape(GROUPS, -1)):
        into = np.zeros_like(text)
        np.add.at(into, joined, text)
        ends = _shard_ends(frozen(into))
        # a cell lies where the one does that it is joined to
        shard_of[group] = len(groups) + np.searchsorted(ends, joined).clip(max=max(len(ends) - 1, 0))
        groups += [group] * len(ends)
    return shard_of.reshape(-1), np.array(groups, dtype=np.int64)


@kernel
def _shard_ends(text):
    """The last cell of each shard of a group whose cells hold so many bytes; none of an empty group."""
    ends = np.empty(text.size, dtype=np.int64)
    n = upto = shard = 0
    last = -1
    for cell in range(text.size):
        size = text[cell]
        if size == 0:
            continue
        if shard and shard + size > WIDTH * (upto + size):
            ends[n] = last
            n += 1
            shard = 0
        upto, shard, last = upto + size, shard + size, cell
    if last >= 0:
        ends[n] = last
        n += 1
    return ends[:n]
