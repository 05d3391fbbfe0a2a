"""The BPE merge loop on word counts, compiled by numba; `trex.bpe` is its front.

It takes the decisions of `tokenizers`' `BpeTrainer`, one by one. What makes it fast:

- All words lie in one flat array with a slot per byte and a separator around every word. A token is marked at
  its first and its last slot, so both neighbours are found without links; slots in between hold INSIDE.
- A pair's occurrences are listed once, when the step that creates them ends. Lists are allowed to go stale: an
  occurrence is checked when it is visited (tokens never shrink, so a slot that still holds the left token's
  id is still its start).
- Within one step all changes of pair counts are summed per neighbour before the hash table is touched.
- Pairs born with a count below `theta` are not tracked: counts only fall, so such a pair cannot be merged
  before the best count falls below theta. Then the loop weighs the whole text again with a smaller theta.

That counts only fall is a theorem. A pair (x, y) gains occurrences only in a step that makes x or y, and no token
is made twice by two splits: as long as nothing merges across its borders, the inside of a token is merged as if it
stood alone, so every later occurrence of its spelling as a token comes about by the same last merge.
(`tokenizers` keeps code for the other case; the property-based tests search for one.)
"""

import numpy as np
from numba import njit

SEPARATOR = -1
INSIDE = -2


@njit(cache=True)
def _grown(array, size):
    bigger = np.empty(size, dtype=array.dtype)
    bigger[: array.size] = array
    return bigger


# ------------------------------------------------------------- pair -> slot, open addressing on 64-bit keys


@njit(cache=True)
def _pair_key(a, b):
    """Both ids in one integer that sorts as (a, b) does."""
    return np.int64(a) << 32 | np.int64(b)


@njit(cache=True)
def _hash(key):
    h = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return h ^ (h >> np.uint64(32))


@njit(cache=True)
def _find(table, keys, key):
    """Number of the pair, or -1. table holds number + 1, 0 where free."""
    mask = np.uint64(table.size - 1)
    h = _hash(key) & mask
    while table[h] != 0:
        if keys[table[h] - 1] == key:
            return np.int64(table[h] - 1)
        h = (h + np.uint64(1)) & mask
    return np.int64(-1)


@njit(cache=True)
def _insert(table, keys, key, number):
    mask = np.uint64(table.size - 1)
    h = _hash(key) & mask
    while table[h] != 0:
        h = (h + np.uint64(1)) & mask
    table[h] = number + 1
    keys[number] = key


@njit(cache=True)
def _rehashed(table, keys, n):
    bigger = np.zeros(2 * table.size, dtype=np.int32)
    for number in range(n):
        _insert(bigger, keys, keys[number], number)
    return bigger


# ---------------------------------------------- queue: largest count first, then the smaller pair of token ids


@njit(cache=True)
def _before(count, key, other_count, other_key):
    return count > other_count or (count == other_count and key < other_key)


@njit(cache=True)
def _push(heap, heap_count, n, pair, count, keys):
    """Add a pair to the heap of n pairs, with the count it has now."""
    i = n
    while i > 0:
        parent = (i - 1) >> 1
        if not _before(count, keys[pair], heap_count[parent], keys[heap[parent]]):
            break
        heap_count[i] = heap_count[parent]
        heap[i] = heap[parent]
        i = parent
    heap_count[i] = count
    heap[i] = pair


@njit(cache=True)
def _replace_top(heap, heap_count, n, pair, count, keys):
    """Put a pair in the place of the first of n and let it sink to where it belongs."""
    i = 0
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and _before(
            heap_count[child + 1], keys[heap[child + 1]], heap_count[child], keys[heap[child]]
        ):
            child += 1
        if not _before(heap_count[child], keys[heap[child]], count, keys[pair]):
            break
        heap_count[i] = heap_count[child]
        heap[i] = heap[child]
        i = child
    heap_count[i] = count
    heap[i] = pair


# ------------------------------------------------------------------------------------------- whole-text passes


@njit(cache=True)
def _first_tokens(text, word_of, counts, eval_offsets, byte_id):
    """int32 [slots]: every byte a token; words without any count are separators, so nothing visits them."""
    tokens = np.full(text.size, SEPARATOR, dtype=np.int32)
    for p in range(text.size):
        w = word_of[p]
        if w >= 0 and (counts[w] > 0 or eval_offsets[w + 1] > eval_offsets[w]):
            tokens[p] = byte_id[text[p]]
    return tokens


@njit(cache=True)
def _byte_pair_counts(text, word_of, counts):
    """int64 [65536]: the weight of every byte pair a * 256 + b."""
    pair_count = np.zeros(65536, dtype=np.int64)
    for p in range(text.size - 1):
        w = word_of[p]
        if w >= 0 and word_of[p + 1] == w:
            pair_count[np.int64(text[p]) * 256 + text[p + 1]] += counts[w]
    return pair_count


@njit(cache=True)
def _weigh_all_pairs(tokens, token_size, starts, counts):
    """(table, keys, counts, occurrences) of all pairs in the text as it stands."""
    table = np.zeros(1 << 17, dtype=np.int32)
    keys = np.empty(1 << 16, dtype=np.int64)
    weight = np.empty(1 << 16, dtype=np.int64)
    occurrences = np.empty(1 << 16, dtype=np.int64)
    n = 0
    for w in range(starts.size):
        p = starts[w]
        if tokens[p] == SEPARATOR:
            continue
        q = p + token_size[tokens[p]]
        while tokens[q] != SEPARATOR:
            key = _pair_key(tokens[p], tokens[q])
            f = _find(table, keys, key)
            if f < 0:
                if n == keys.size:
                    keys = _grown(keys, 2 * n)
                    weight = _grown(weight, 2 * n)
                    occurrences = _grown(occurrences, 2 * n)
                    table = _rehashed(table, keys, n)
                f = n
                n += 1
                _insert(table, keys, key, f)
                weight[f] = 0
                occurrences[f] = 0
            weight[f] += counts[w]
            occurrences[f] += 1
            p = q
            q += token_size[tokens[q]]
    return table, keys[:n], weight[:n], occurrences[:n]


@njit(cache=True)
def _list_occurrences(tokens, token_size, starts, table, keys, place, arena):
    """Write the first slots of every pair's occurrences from place[pair] on; pairs with place -1 are left out."""
    for w in range(starts.size):
        p = starts[w]
        if tokens[p] == SEPARATOR:
            continue
        q = p + token_size[tokens[p]]
        while tokens[q] != SEPARATOR:
            f = _find(table, keys, _pair_key(tokens[p], tokens[q]))
            if place[f] >= 0:
                arena[place[f]] = p
                place[f] += 1
            p = q
            q += token_size[tokens[q]]


# ------------------------------------------------------------------------------------------------ the loop


@njit(cache=True)
def merge_loop(
    text,  # uint8 [slots]: the words' bytes, a separator slot before, between and after the words
    word_of,  # int32 [slots]: word of the slot, -1 for separators
    starts,  # int64 [words]: first slot of each word
    pair_offsets,  # int64 [65537]: where a byte pair (a * 256 + b) has its occurrences in pair_positions
    pair_positions,  # int32: slots of first bytes, rising within each pair
    counts,  # int64 [words]: training counts; words with 0 only matter for evaluation
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
):
    """Returns steps int32 [n, 3] as (a, b, new), the vocabulary size before each step int32 [n], the tokens'
    spellings as (bytes, offsets), the tokens that each step saves int64 [n, n_columns], and how often the text
    was weighed again."""
    # -- vocabulary: ids below n_tokens, spellings, sizes in bytes
    n_tokens = initial_offsets.size - 1
    capacity = max(vocab_size, n_tokens) + 1
    token_offsets = _grown(initial_offsets, capacity + 1)
    token_bytes = _grown(initial_bytes, 16 * capacity)
    token_size = np.zeros(capacity, dtype=np.int32)
    for token in range(n_tokens):
        token_size[token] = token_offsets[token + 1] - token_offsets[token]

    tokens = _first_tokens(text, word_of, counts, eval_offsets, byte_id)

    # -- pairs: key, count, and where their occurrences lie in the arena
    table = np.zeros(1 << 17, dtype=np.int32)
    keys = np.empty(1 << 16, dtype=np.int64)
    pair_count = np.empty(1 << 16, dtype=np.int64)
    pair_start = np.empty(1 << 16, dtype=np.int64)
    pair_end = np.empty(1 << 16, dtype=np.int64)
    n_pairs = 0
    heap = np.empty(1 << 16, dtype=np.int32)
    heap_count = np.empty(1 << 16, dtype=np.int64)  # the pair's count when it was queued, never below today's
    n_heap = 0
    arena = _grown(pair_positions, pair_positions.size + (1 << 20))
    n_arena = pair_positions.size

    byte_pair_count = _byte_pair_counts(text, word_of, counts)
    for pair in range(65536):
        if byte_pair_count[pair] >= theta:
            _insert(table, keys, _pair_key(byte_id[pair >> 8], byte_id[pair & 255]), n_pairs)
            pair_count[n_pairs] = byte_pair_count[pair]
            pair_start[n_pairs] = pair_offsets[pair]
            pair_end[n_pairs] = pair_offsets[pair + 1]
            _push(heap, heap_count, n_heap, n_pairs, byte_pair_count[pair], keys)
            n_pairs += 1
            n_heap += 1

    # -- what a step changes: row 0 for left neighbours x of a merged (a, b), row 1 for right neighbours y
    lost = np.zeros((2, capacity), dtype=np.int64)  # weight of (x, a) and of (b, y) that is gone
    gained = np.zeros((2, capacity), dtype=np.int64)  # weight of (x, new) and of (new, y)
    born = np.zeros((2, capacity), dtype=np.int64)  # occurrences of the same, whatever their weight
    seen = np.full((2, capacity), -1, dtype=np.int32)  # step in which the neighbour was seen last
    neighbours = np.empty((2, capacity), dtype=np.int32)
    n_neighbours = np.zeros(2, dtype=np.int64)
    place = np.empty(capacity, dtype=np.int64)
    births = np.empty(
        (2, 2, 1 << 16), dtype=np.int32
    )  # per side: neighbour and slot, in the order of the text
    n_births = np.zeros(2, dtype=np.int64)

    # -- results
    steps = np.empty((max(vocab_size - n_tokens, 0) + n_specials, 3), dtype=np.int32)
    vocab_before = np.empty(len(steps), dtype=np.int32)
    saved = np.zeros((len(steps), n_columns), dtype=np.int64)
    step = 0
    weighings = 0

    while n_tokens < vocab_size:
        if n_heap == 0 or heap_count[0] < theta:
            if theta <= min_count:
                break
            theta = max(min_count, theta // 4)
            weighings += 1
            found, found_keys, weight, occurrences = _weigh_all_pairs(tokens, token_size, starts, counts)
            found_place = np.full(found_keys.size, -1, dtype=np.int64)
            for f in range(found_keys.size):
                key = found_keys[f]
                size = token_size[key >> 32] + token_size[key & 0xFFFFFFFF]
                # bytes pair up whatever max_token_length says, as in `tokenizers`
                allowed = size < max_token_length or size == 2
                if weight[f] >= theta and allowed and _find(table, keys, key) < 0:
                    if n_pairs == keys.size:
                        keys = _grown(keys, 2 * n_pairs)
                        pair_count = _grown(pair_count, 2 * n_pairs)
                        pair_start = _grown(pair_start, 2 * n_pairs)
                        pair_end = _grown(pair_end, 2 * n_pairs)
                        table = _rehashed(table, keys, n_pairs)
                    if n_heap == heap.size:
                        heap = _grown(heap, 2 * n_heap)
                        heap_count = _grown(heap_count, 2 * n_heap)
                    _insert(table, keys, key, n_pairs)
                    pair_count[n_pairs] = weight[f]
                    pair_start[n_pairs] = found_place[f] = n_arena
                    n_arena += occurrences[f]
                    pair_end[n_pairs] = n_arena
                    _push(heap, heap_count, n_heap, n_pairs, weight[f], keys)
                    n_pairs += 1
                    n_heap += 1
            if n_arena > arena.size:
                arena = _grown(arena, 2 * n_arena)
            _list_occurrences(tokens, token_size, starts, found, found_keys, found_place, arena)
            continue

        # -- the best pair, if its count is still what it was when it was queued
        pair = heap[0]
        count = pair_count[pair]
        if 0 < count < heap_count[0]:
                _replace_top(heap, heap_count, n_heap, pair, count, keys)
                continue
        n_heap -= 1
        _replace_top(heap, heap_count, n_heap, heap[n_heap], heap_count[n_heap], keys)
        if count <= 0:
            continue

        # -- the new token; one that is spelled like a special token takes its id
        a = np.int32(keys[pair] >> 32)
        b = np.int32(keys[pair] & 0xFFFFFFFF)
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

        # -- merge, left to right
        n_neighbours[:] = 0
        n_births[:] = 0
        if 2 * (pair_end[pair] - pair_start[pair]) > births.shape[2]:
            births = np.empty((2, 2, 4 * (pair_end[pair] - pair_start[pair])), dtype=np.int32)
        for k in range(pair_start[pair], pair_end[pair]):
            p = arena[k]
            q = p + size_a
            if tokens[p] != a or tokens[q] != b:
                continue
            w = word_of[p]
            c = counts[w]
            for j in range(eval_offsets[w], eval_offsets[w + 1]):
                saved[step, eval_columns[j]] += eval_counts[j]
            end = q + size_b
            x = tokens[p - 1]
            y = tokens[end]
            tokens[q - 1] = INSIDE
            tokens[q] = INSIDE
            tokens[p] = new
            tokens[end - 1] = new
            if x == new:
                # the occurrence before, made in this step: its pair (new, a) of a moment ago becomes (new, new)
                gained[1, a] -= c
                if seen[1, new] != step:
                    seen[1, new] = step
                    neighbours[1, n_neighbours[1]] = new
                    n_neighbours[1] += 1
                if 2 * size_new < max_token_length:
                    gained[1, new] += c
                    born[1, new] += 1
                    births[1, 0, n_births[1]] = new
                    births[1, 1, n_births[1]] = p - size_new
                    n_births[1] += 1
            elif x != SEPARATOR:
                if seen[0, x] != step:
                    seen[0, x] = step
                    neighbours[0, n_neighbours[0]] = x
                    n_neighbours[0] += 1
                lost[0, x] += c
                if token_size[x] + size_new < max_token_length:
                    gained[0, x] += c
                    born[0, x] += 1
                    births[0, 0, n_births[0]] = x
                    births[0, 1, n_births[0]] = p - token_size[x]
                    n_births[0] += 1
            if y != SEPARATOR:
                if seen[1, y] != step:
                    seen[1, y] = step
                    neighbours[1, n_neighbours[1]] = y
                    n_neighbours[1] += 1
                lost[1, y] += c
                if token_size[y] + size_new < max_token_length:
                    gained[1, y] += c
                    born[1, y] += 1
                    births[1, 0, n_births[1]] = y
                    births[1, 1, n_births[1]] = p
                    n_births[1] += 1

        # -- count, list and queue the new pairs
        for side in range(2):
            for i in range(n_neighbours[side]):
                z = neighbours[side, i]
                if lost[side, z] != 0:
                    known = _find(table, keys, _pair_key(z, a) if side == 0 else _pair_key(b, z))
                    if known >= 0:
                        pair_count[known] -= lost[side, z]
                    lost[side, z] = 0
                gain = gained[side, z]
                size = born[side, z]
                gained[side, z] = 0
                born[side, z] = 0
                place[z] = -1
                if gain < theta or size == 0:
                    continue
                if n_pairs == keys.size:
                    keys = _grown(keys, 2 * n_pairs)
                    pair_count = _grown(pair_count, 2 * n_pairs)
                    pair_start = _grown(pair_start, 2 * n_pairs)
                    pair_end = _grown(pair_end, 2 * n_pairs)
                    table = _rehashed(table, keys, n_pairs)
                if n_heap == heap.size:
                    heap = _grown(heap, 2 * n_heap)
                    heap_count = _grown(heap_count, 2 * n_heap)
                if n_arena + size > arena.size:
                    arena = _grown(arena, 2 * (n_arena + size))
                _insert(table, keys, _pair_key(z, new) if side == 0 else _pair_key(new, z), n_pairs)
                pair_count[n_pairs] = gain
                pair_start[n_pairs] = place[z] = n_arena
                n_arena += size
                pair_end[n_pairs] = n_arena
                _push(heap, heap_count, n_heap, n_pairs, gain, keys)
                n_pairs += 1
                n_heap += 1
            for i in range(n_births[side]):
                z = births[side, 0, i]
                if place[z] >= 0:
                    arena[place[z]] = births[side, 1, i]
                    place[z] += 1
        step += 1

    return (
        steps[:step].copy(),
        vocab_before[:step].copy(),
        token_bytes[: token_offsets[n_tokens]].copy(),
        token_offsets[: n_tokens + 1].copy(),
        saved[:step].copy(),
        weighings,
    )
