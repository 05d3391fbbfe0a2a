"""The BPE merge loop on word counts, compiled by numba; `trex.bpe.training` is its front.

It takes the decisions of `tokenizers`' `BpeTrainer`, one by one. What makes it fast:

- All words lie in one flat array with a slot per byte and a separator around every word. A token is marked at
  its first and its last slot, so both neighbours are found without links; slots in between hold no token.
- A pair's occurrences are listed once, when the step that creates them ends. Lists are allowed to go stale: an
  occurrence is checked when it is visited (tokens never shrink, so a slot that still holds the left token's
  id is still its start).
- An occurrence is 8 bytes: its first slot in the lower half, the weight of its word in the upper. So a visit
  looks at one place in the text and nowhere else.
- Within one step all changes of pair counts are summed per neighbour before the hash table is touched.
- Pairs born with a count below `theta` are not tracked: counts only fall, so such a pair cannot be merged
  before the best count falls below theta. Then the loop weighs the whole text again with a smaller theta.
- The loop waits for memory more than it computes: a visit takes 16 ns where the text fits the fastest caches,
  and two to three times as long on a million words. So occurrences are visited in batches, in passes that first
  ask for all the memory of a batch and drop the stale ones without a branch. Slots are as narrow as the
  vocabulary allows, the large arrays are numpy's, which sit on huge pages (numba's own do not), and they are
  kept from one training to the next, because fresh pages are dear. Indices are unsigned where it counts: numba
  checks others for being negative.
- Evaluation costs one pass over the evaluation words after the last step. A token comes about by one split only
  (below), so that the words' last tokens tell how often every step was taken in them.

That counts only fall is a theorem. A pair (x, y) gains occurrences only in a step that makes x or y, and no token
is made twice by two splits: as long as nothing merges across its borders, the inside of a token is merged as if it
stood alone, so every later occurrence of its spelling as a token comes about by the same last merge.
(`tokenizers` keeps code for the other case; the property-based tests search for one.)
"""

import numpy as np

from trex.compiled.intrinsics import prefetch
from trex.compiled.kernel import kernel

# columns of the table of pairs; a pair's occurrences are arena[START:END]
KEY, COUNT, START, END = range(4)
# halves of 64 bits
LOW = np.uint64(0xFFFFFFFF)
HIGH = np.uint64(0xFFFFFFFF00000000)
UP = np.uint64(32)

ONE = np.uint64(1)
HEAVY = np.uint64(1 << 31)  # weights from here on are HEAVY + row in the table of heavy words

BATCH = 256  # occurrences, few enough for the fastest cache


@kernel
def _grown(array, size):
    """A copy with room for size rows. (A loop: slice assignment takes numba seconds to compile.)"""
    bigger = np.empty((size, *array.shape[1:]), dtype=array.dtype)
    to = bigger.reshape(-1)
    source = array.reshape(-1)
    for i in range(source.size):
        to[i] = source[i]
    return bigger


# ------------------------------------------------------------- pair -> slot, open addressing on 64-bit keys


@kernel
def _pair_key(a, b):
    """Both ids in one integer that sorts as (a, b) does."""
    return np.int64(a) << 32 | np.int64(b)


@kernel
def _hash(key):
    h = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return h ^ (h >> np.uint64(32))


@kernel
def _find(table, pairs, key):
    """Number of the pair, or -1. A slot of the table holds the upper half of the hash and number + 1, 0 if free."""
    mask = np.uint64(table.size - 1)
    h = _hash(key)
    tag = h & HIGH
    i = h & mask
    while table[i] != 0:
        if table[i] & HIGH == tag:
            number = np.int64(table[i] & LOW) - 1
            if pairs[number, KEY] == key:
                return number
        i = (i + np.uint64(1)) & mask
    return np.int64(-1)


@kernel
def _insert(table, key, number):
    mask = np.uint64(table.size - 1)
    h = _hash(key)
    i = h & mask
    while table[i] != 0:
        i = (i + np.uint64(1)) & mask
    table[i] = (h & HIGH) | np.uint64(number + 1)


@kernel
def _rehashed(table, pairs):
    bigger = np.zeros(4 * table.size, dtype=np.uint64)
    for number in range(len(pairs)):
        _insert(bigger, pairs[number, KEY], number)
    return bigger


@kernel
def _lost_pair(side, z, a, b):
    """The pair that merging (a, b) beside a left (side 0) or right neighbour z ends."""
    return _pair_key(z, a) if side == 0 else _pair_key(b, z)


@kernel
def _prefetch_lost_pairs(neighbours, n_neighbours, a, b, table, pairs):
    """Ask for all that counting a step's losses will look up: without it, every look-up is a wait."""
    mask = np.uint64(table.size - 1)
    for side in range(2):
        for z in neighbours[side, : n_neighbours[side]]:
            prefetch(table, np.int64(_hash(_lost_pair(side, z, a, b)) & mask))
    for side in range(2):
        for z in neighbours[side, : n_neighbours[side]]:
            prefetch(pairs, np.int64(table[_hash(_lost_pair(side, z, a, b)) & mask] & LOW) - 1)


# ---------------------------------------------- queue: largest count first, then the smaller pair of token ids


@kernel
def _before(count, key, other_count, other_key):
    return count > other_count or (count == other_count and key < other_key)


@kernel
def _push(heap, n, count, key, number):
    """Add a pair to the heap of n pairs: a 4-ary heap of rows (count, key, number)."""
    i = n
    while i > 0:
        parent = (i - 1) >> 2
        if not _before(count, key, heap[parent, 0], heap[parent, 1]):
            break
        heap[i, 0] = heap[parent, 0]
        heap[i, 1] = heap[parent, 1]
        heap[i, 2] = heap[parent, 2]
        i = parent
    heap[i, 0] = count
    heap[i, 1] = key
    heap[i, 2] = number


@kernel
def _replace_top(heap, n, count, key, number):
    """Put a pair in the place of the first of n and let it sink to where it belongs."""
    i = 0
    while True:
        first = 4 * i + 1
        if first >= n:
            break
        best = first
        for child in range(first + 1, min(first + 4, n)):
            if _before(heap[child, 0], heap[child, 1], heap[best, 0], heap[best, 1]):
                best = child
        if not _before(heap[best, 0], heap[best, 1], count, key):
            break
        heap[i, 0] = heap[best, 0]
        heap[i, 1] = heap[best, 1]
        heap[i, 2] = heap[best, 2]
        i = best
    heap[i, 0] = count
    heap[i, 1] = key
    heap[i, 2] = number


@kernel
def _track(table, pairs, n_pairs, heap, n_heap, key, count, start, end):
    """Enter a new pair into the table and the queue."""
    _insert(table, key, n_pairs)
    pairs[n_pairs, KEY] = key
    pairs[n_pairs, COUNT] = count
    pairs[n_pairs, START] = start
    pairs[n_pairs, END] = end
    _push(heap, n_heap, count, key, n_pairs)


# ------------------------------------------------------------------------------------------- whole-text passes


@kernel
def _fill_slots(text, starts, counts, eval_offsets, byte_id, separator, slots):
    """Make every byte a token; words without any count become separators, so nothing visits them.
    Returns int64 [65536], the weight of every byte pair a * 256 + b."""
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
def _weigh_all_pairs(slots, token_size, separator, starts, counts):
    """(table, pairs) of the text as it stands; START is -1, END the number of occurrences."""
    table = np.zeros(1 << 18, dtype=np.uint64)
    found = np.empty((1 << 16, 4), dtype=np.int64)
    n = 0
    for w in range(starts.size):
        p = starts[w]
        if slots[p] == separator:
            continue
        q = p + token_size[slots[p]]
        while slots[q] != separator:
            key = _pair_key(slots[p], slots[q])
            f = _find(table, found, key)
            if f < 0:
                if n == len(found):
                    table = _rehashed(table, found)
                    found = _grown(found, 4 * n)
                f = n
                n += 1
                _insert(table, key, f)
                found[f, KEY] = key
                found[f, COUNT] = 0
                found[f, START] = -1
                found[f, END] = 0
            found[f, COUNT] += counts[w]
            found[f, END] += 1
            p = q
            q += token_size[slots[q]]
    return table, found[:n]


@kernel
def _list_occurrences(slots, token_size, separator, starts, weights, table, found, arena):
    """Write every pair's occurrences from START on; pairs with START -1 are left out."""
    for w in range(starts.size):
        p = starts[w]
        if slots[p] == separator:
            continue
        q = p + token_size[slots[p]]
        while slots[q] != separator:
            f = _find(table, found, _pair_key(slots[p], slots[q]))
            if found[f, START] >= 0:
                arena[found[f, START]] = np.uint64(p) | np.uint64(weights[w]) << UP
                found[f, START] += 1
            p = q
            q += token_size[slots[q]]


# ---------------------------------------------------------------------------------------------------- one step


@kernel
def _weighed(places, weights, occurrences):
    """Occurrences of a byte pair, from places that hold the word's number instead of its weight."""
    for k in range(places.size):
        occurrences[k] = places[k] & LOW | np.uint64(weights[places[k] >> UP]) << UP
    return occurrences[: places.size]


@kernel
def _merge(occurrences, heavy, a, b, new, size_a, size_b, separator, slots, changes, neighbours, merged):
    """Merge (a, b) left to right wherever it still stands.

    Adds (weight, occurrences) of every left neighbour to changes[0], of every right one to changes[1], and lists both
    in neighbours. Separators are listed too. merged gets a row (occurrence, left neighbour | right << 32) per merge.
    Returns the number of merges, of left and of right neighbours, and the weight of pairs (new, a) that were
    made and merged at once, in runs such as "ababab".
    """
    standing = np.empty(BATCH, dtype=np.uint64)
    left, right = changes[0], changes[1]
    to_b = np.uint64(size_a)
    to_end = np.uint64(size_a + size_b)
    n_merged = n_left = n_right = np.uint64(0)
    rejoined = np.int64(0)
    for first in range(np.uint64(0), np.uint64(occurrences.size), np.uint64(BATCH)):
        last = min(first + np.uint64(BATCH), np.uint64(occurrences.size))
        for k in range(first, last):
            prefetch(slots, np.int64(occurrences[k] & LOW))
        n = np.uint64(0)
        for k in range(first, last):
            p = occurrences[k] & LOW
            standing[n] = occurrences[k]
            n += np.uint64((slots[p] == a) & (slots[p + to_b] == b))
        for k in range(n):
            p = standing[k] & LOW
            prefetch(left, np.int64(slots[p - ONE]))
            prefetch(right, np.int64(slots[p + to_end]))
        for k in range(n):
            p = standing[k] & LOW
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
            weight = standing[k] >> UP
            c = heavy[weight - HEAVY] if weight >= HEAVY else np.int64(weight)
            if x == np.uint64(new):
                # the merge before: its pair (new, a) of a moment ago becomes (new, new)
                rejoined += c
                neighbours[1, n_right] = x
                n_right += np.uint64(right[x, 1] == 0)
                right[x, 0] += c
                right[x, 1] += 1
            else:
                neighbours[0, n_left] = x
                n_left += np.uint64(left[x, 1] == 0)
                left[x, 0] += c
                left[x, 1] += 1
            neighbours[1, n_right] = y
            n_right += np.uint64(right[y, 1] == 0)
            right[y, 0] += c
            right[y, 1] += 1
    return np.int64(n_merged), np.int64(n_left), np.int64(n_right), rejoined


@kernel
def _list_births(merged, new, size_new, token_size, place, arena):
    """Write the new pairs' occurrences from place[side, neighbour, 0] on, in the order of the text; neighbours
    with place -1 are left out."""
    left, right = place[0], place[1]
    for i in range(np.uint64(len(merged))):
        occurrence = merged[i, 0]
        x = merged[i, 1] & LOW
        y = merged[i, 1] >> UP
        if x == np.uint64(new):
            if right[x, 0] >= 0:
                arena[np.uint64(right[x, 0])] = occurrence - np.uint64(size_new)
                right[x, 0] += 1
        elif left[x, 0] >= 0:
            arena[np.uint64(left[x, 0])] = occurrence - np.uint64(token_size[x])
            left[x, 0] += 1
        if right[y, 0] >= 0:
            arena[np.uint64(right[y, 0])] = occurrence
            right[y, 0] += 1


# ------------------------------------------------------------------------------------------------ evaluation


@kernel
def _count_made(
    slots, token_size, separator, starts, eval_offsets, eval_columns, eval_counts, steps, n_tokens, n_columns
):
    """int64 [n_tokens, n_columns]: how often each token was made in evaluation text, those that later merged included
    (a byte's token: how often the byte stands there)."""
    made = np.zeros((n_tokens, n_columns), dtype=np.int64)
    for w in range(starts.size if n_columns else 0):
        first, last = eval_offsets[w], eval_offsets[w + 1]
        if first == last:
            continue
        p = starts[w]
        while slots[p] != separator:
            token = np.uint64(slots[p])
            for j in range(first, last):
                made[token, eval_columns[j]] += eval_counts[j]
            p += token_size[token]
    for step in range(len(steps) - 1, -1, -1):
        new = steps[step, 2]
        for part in range(2):
            token = steps[step, part]
            for column in range(n_columns):
                made[token, column] += made[new, column]
    return made


# ------------------------------------------------------------------------------------------------ the loop


@kernel
def merge_loop(
    text,  # uint8 [slots]: the words' bytes, a separator slot before, between and after the words
    starts,  # int64 [words]: first slot of each word
    pair_offsets,  # int64 [65537]: where a byte pair (a * 256 + b) has its places in pair_places
    pair_places,  # uint64: slot of the first byte | word << 32, rising within each pair
    counts,  # int64 [words]: training counts; words with 0 only matter for evaluation
    weights,  # uint32 [words]: the same, or HEAVY + the row of heavy that has the count
    heavy,  # int64: counts that are HEAVY or more
    byte_id,  # int32 [256]: token id of each byte
    initial_bytes,  # uint8: spellings of the initial tokens, one after another
    initial_offsets,  # int64 [initial tokens + 1]
    n_specials,  # the first tokens; one that bytes cannot spell has an empty spelling
    vocab_size,
    min_count,  # smallest count that is merged, at least 1
    theta,  # do not track pairs born with a smaller count
    max_token_length,  # pairs are formed only if their joint length is smaller
    eval_offsets,  # int64 [words + 1]: row of each word in the two arrays below
    eval_columns,  # int32: evaluation column
    eval_counts,  # int64: count of the word in that column
    n_columns,
    # room to work in, overwritten
    slots,  # uint16 or uint32 [slots]: tokens; holds the vocabulary size and one more
    arena,  # uint64: occurrences of pairs; replaced if it is too small, as are the next three
    table,  # uint64 [a power of 2], zeros
    pairs,  # int64 [half of that, 4], at least 65536 rows
    heap,  # int64 [as many, 3]
):
    """Returns steps int32 [n, 3] as (a, b, new), the vocabulary size before each step int32 [n], the tokens'
    spellings as (bytes, offsets), how often each token was made in evaluation text int64 [tokens, n_columns], and
    how often the text was weighed again."""
    # -- vocabulary: ids below n_tokens, spellings, sizes in bytes. The separator counts as a token without size
    n_tokens = initial_offsets.size - 1
    capacity = max(vocab_size, n_tokens) + 1
    separator = capacity - 1
    token_offsets = _grown(initial_offsets, capacity)
    token_bytes = _grown(initial_bytes, 16 * capacity)
    token_size = np.zeros(capacity, dtype=np.int32)
    for token in range(n_tokens):
        token_size[token] = token_offsets[token + 1] - token_offsets[token]

    # -- pairs: key, count, and where their occurrences lie. The heap's counts are those of the time of queueing,
    # never too small
    n_pairs = 0
    n_heap = 0
    n_arena = 0
    byte_pair_count = _fill_slots(text, starts, counts, eval_offsets, byte_id, separator, slots)
    for pair in range(65536):
        if byte_pair_count[pair] >= theta:
            key = _pair_key(byte_id[pair >> 8], byte_id[pair & 255])
            _track(
                table,
                pairs,
                n_pairs,
                heap,
                n_heap,
                key,
                byte_pair_count[pair],
                pair_offsets[pair],
                pair_offsets[pair + 1],
            )
            n_pairs += 1
            n_heap += 1
    n_byte_pairs = n_pairs  # these have their occurrences in pair_places, all others in the arena

    # -- what a step changes: row 0 for left neighbours x of a merged (a, b), row 1 for right neighbours y. First their
    # weight and number of occurrences, then where the new pair's occurrences are written; 0 between steps
    changes = np.zeros((2, capacity, 2), dtype=np.int64)
    neighbours = np.empty((2, capacity + 1), dtype=np.int32)
    n_neighbours = np.zeros(2, dtype=np.int64)
    merged = np.empty((1 << 16, 2), dtype=np.uint64)
    byte_pair_occurrences = np.empty(1 << 16, dtype=np.uint64)

    # -- results
    steps = np.empty((max(vocab_size - n_tokens, 0) + n_specials, 3), dtype=np.int32)
    vocab_before = np.empty(len(steps), dtype=np.int32)
    step = 0
    weighings = 0

    while n_tokens < vocab_size:
        if n_heap == 0 or heap[0, 0] < theta:
            if theta <= min_count:
                break
            theta = max(min_count, theta // 4)
            weighings += 1
            found_table, found = _weigh_all_pairs(slots, token_size, separator, starts, counts)
            for f in range(len(found)):
                key = found[f, KEY]
                size = token_size[key >> 32] + token_size[key & 0xFFFFFFFF]
                # bytes pair up whatever max_token_length says, as in `tokenizers`
                allowed = size < max_token_length or size == 2
                if found[f, COUNT] >= theta and allowed and _find(table, pairs, key) < 0:
                    if n_pairs == len(pairs):
                        table = _rehashed(table, pairs)
                        pairs = _grown(pairs, 4 * n_pairs)
                        heap = _grown(heap, 4 * n_pairs)
                    found[f, START] = n_arena
                    n_arena += found[f, END]
                    _track(
                        table, pairs, n_pairs, heap, n_heap, key, found[f, COUNT], found[f, START], n_arena
                    )
                    n_pairs += 1
                    n_heap += 1
            if n_arena > arena.size:
                arena = _grown(arena, 2 * n_arena)
            _list_occurrences(slots, token_size, separator, starts, weights, found_table, found, arena)
            continue

        # -- the best pair, if its count is still what it was when it was queued
        key = heap[0, 1]
        pair = heap[0, 2]
        count = pairs[pair, COUNT]
        if 0 < count < heap[0, 0]:
            _replace_top(heap, n_heap, count, key, pair)
            continue
        n_heap -= 1
        _replace_top(heap, n_heap, heap[n_heap, 0], heap[n_heap, 1], heap[n_heap, 2])
        if count <= 0:
            continue

        # -- the new token; one that is spelled like a special token takes its id
        a = np.int32(key >> 32)
        b = np.int32(key & 0xFFFFFFFF)
        size_a = token_size[a]
        size_b = token_size[b]
        size_new = size_a + size_b
        at = token_offsets[n_tokens]
        if at + size_new > token_bytes.size:
            token_bytes = _grown(token_bytes, 2 * (at + size_new))
        for k in range(size_a):
            token_bytes[at + k] = token_bytes[token_offsets[a] + k]
        for k in range(size_b):
            token_bytes[at + size_a + k] = token_bytes[token_offsets[b] + k]
        new = np.int32(n_tokens)
        for special in range(n_specials):
            if token_size[special] == size_new:
                k = 0
                while k < size_new and token_bytes[token_offsets[special] + k] == token_bytes[at + k]:
                    k += 1
                if k == size_new:
                    new = np.int32(special)
        steps[step, 0] = a
        steps[step, 1] = b
        steps[step, 2] = new
        vocab_before[step] = n_tokens
        if new == n_tokens:
            n_tokens += 1
            token_offsets[n_tokens] = at + size_new
            token_size[new] = size_new

        # -- merge
        start, end = pairs[pair, START], pairs[pair, END]
        if len(merged) < end - start:
            merged = np.empty((2 * (end - start), 2), dtype=np.uint64)
        if pair < n_byte_pairs:
            if byte_pair_occurrences.size < end - start:
                byte_pair_occurrences = np.empty(2 * (end - start), dtype=np.uint64)
            occurrences = _weighed(pair_places[start:end], weights, byte_pair_occurrences)
        else:
            occurrences = arena[start:end]
        n_merged, n_neighbours[0], n_neighbours[1], rejoined = _merge(
            occurrences, heavy, a, b, new, size_a, size_b, separator, slots, changes, neighbours, merged
        )

        # -- count, list and queue the new pairs
        n_tracked = n_pairs
        _prefetch_lost_pairs(neighbours, n_neighbours, a, b, table, pairs)
        for side in range(2):
            for z in neighbours[side, : n_neighbours[side]]:
                weight = changes[side, z, 0]
                size = changes[side, z, 1]
                changes[side, z, 0] = -1
                changes[side, z, 1] = 0
                if z == separator:
                    continue
                known = _find(table, pairs, _lost_pair(side, z, a, b)) if z != new else -1
                if known >= 0:
                    pairs[known, COUNT] -= weight
                gain = weight - rejoined if side == 1 and z == a else weight
                if gain < theta or token_size[z] + size_new >= max_token_length:
                    continue
                if n_pairs == len(pairs):
                    table = _rehashed(table, pairs)
                    pairs = _grown(pairs, 4 * n_pairs)
                    heap = _grown(heap, 4 * n_pairs)
                if n_arena + size > arena.size:
                    arena = _grown(arena, 2 * (n_arena + size))
                born = _pair_key(z, new) if side == 0 else _pair_key(new, z)
                changes[side, z, 0] = n_arena
                n_arena += size
                _track(table, pairs, n_pairs, heap, n_heap, born, gain, n_arena - size, n_arena)
                n_pairs += 1
                n_heap += 1
        if n_pairs > n_tracked:
            _list_births(merged[:n_merged], new, size_new, token_size, changes, arena)
        for side in range(2):
            for z in neighbours[side, : n_neighbours[side]]:
                changes[side, z, 0] = 0
        step += 1

    made = _count_made(
        slots,
        token_size,
        separator,
        starts,
        eval_offsets,
        eval_columns,
        eval_counts,
        steps[:step],
        n_tokens,
        n_columns,
    )
    return (
        steps[:step],
        vocab_before[:step],
        token_bytes[: token_offsets[n_tokens]],
        token_offsets[: n_tokens + 1],
        made,
        weighings,
    )
