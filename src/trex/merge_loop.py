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
- The loop waits for memory more than it computes: occurrences are scattered over hundreds of megabytes. So they
  are visited in batches, in passes that first ask for all the memory of a batch and drop the stale occurrences
  without a branch; slots carry their word's number beside the token, and the large arrays are numpy's, which
  sit on huge pages (numba's own do not).

Measured on 1.18 million words of 20 corpora at V=64,000: 17 million merges in 23 million visits, 2.2 million
neighbours counted, 464 thousand pairs tracked, in 2.3 s of CPU time on a busy machine; 2.9 s with two evaluation
columns per word. Without prefetching it took 2.4 and 3.8 s.

That counts only fall is a theorem. A pair (x, y) gains occurrences only in a step that makes x or y, and no token
is made twice by two splits: as long as nothing merges across its borders, the inside of a token is merged as if it
stood alone, so every later occurrence of its spelling as a token comes about by the same last merge.
(`tokenizers` keeps code for the other case; the property-based tests search for one.)
"""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

INSIDE = -1

# columns of the slots
TOKEN, WORD = range(2)
# columns of the table of pairs; a pair's occurrences are arena[START:END]
KEY, COUNT, START, END = range(4)
# halves of a slot of the hash table
TAG = np.uint64(0xFFFFFFFF00000000)
NUMBER = np.uint64(0xFFFFFFFF)

BATCH = 256  # occurrences, few enough for the fastest cache


@intrinsic
def _prefetch(typing_context, array, row):
    """Ask for the memory of array[row] without waiting for it."""

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        offset = builder.mul(arguments[1], builder.extract_value(array.strides, 0))
        address = builder.gep(builder.bitcast(array.data, ir.IntType(8).as_pointer()), [offset])
        integer = ir.IntType(32)
        instruction = builder.module.declare_intrinsic(
            "llvm.prefetch",
            (address.type,),
            ir.FunctionType(ir.VoidType(), [address.type, integer, integer, integer]),
        )
        builder.call(instruction, [address, integer(0), integer(3), integer(1)])  # to read, keep it, data
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@njit(cache=True)
def _grown(array, size):
    """A copy with room for size rows. (A loop: slice assignment takes numba seconds to compile.)"""
    bigger = np.empty((size, *array.shape[1:]), dtype=array.dtype)
    to = bigger.reshape(-1)
    source = array.reshape(-1)
    for i in range(source.size):
        to[i] = source[i]
    return bigger


# ------------------------------------------------------------- pair -> slot, open addressing on 64-bit keys


@njit(cache=True)
def _pair_key(a, b):
    """Both ids in one integer that sorts as (a, b) does."""
    return np.int64(a) << 32 | np.int64(b)


@njit(cache=True)
def _hash(key):
    h = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return h ^ (h >> np.uint64(32))


@njit(cache=True)
def _find(table, pairs, key):
    """Number of the pair, or -1. A slot of the table holds the upper half of the hash and number + 1, 0 if free."""
    mask = np.uint64(table.size - 1)
    h = _hash(key)
    tag = h & TAG
    i = h & mask
    while table[i] != 0:
        if table[i] & TAG == tag:
            number = np.int64(table[i] & NUMBER) - 1
            if pairs[number, KEY] == key:
                return number
        i = (i + np.uint64(1)) & mask
    return np.int64(-1)


@njit(cache=True)
def _insert(table, key, number):
    mask = np.uint64(table.size - 1)
    h = _hash(key)
    i = h & mask
    while table[i] != 0:
        i = (i + np.uint64(1)) & mask
    table[i] = (h & TAG) | np.uint64(number + 1)


@njit(cache=True)
def _rehashed(table, pairs):
    bigger = np.zeros(4 * table.size, dtype=np.uint64)
    for number in range(len(pairs)):
        _insert(bigger, pairs[number, KEY], number)
    return bigger


@njit(cache=True)
def _prefetch_neighbour_pairs(neighbours, side, a, b, new, table, pairs):
    """Ask for all that counting a step's changes will look up: without it, every look-up is a wait."""
    mask = np.uint64(table.size - 1)
    for z in neighbours:
        lost, born = _changed_pairs(z, side, a, b, new)
        _prefetch(table, np.int64(_hash(lost) & mask))
        _prefetch(table, np.int64(_hash(born) & mask))
    for z in neighbours:
        lost, _ = _changed_pairs(z, side, a, b, new)
        _prefetch(pairs, np.int64(table[_hash(lost) & mask] & NUMBER) - 1)


@njit(cache=True)
def _changed_pairs(z, side, a, b, new):
    """The pairs that merging (a, b) beside a neighbour z ends and makes."""
    if side == 0:
        return _pair_key(z, a), _pair_key(z, new)
    return _pair_key(b, z), _pair_key(new, z)


# ---------------------------------------------- queue: largest count first, then the smaller pair of token ids


@njit(cache=True)
def _before(count, key, other_count, other_key):
    return count > other_count or (count == other_count and key < other_key)


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def _track(table, pairs, n_pairs, heap, n_heap, key, count, start, end):
    """Enter a new pair into the table and the queue."""
    _insert(table, key, n_pairs)
    pairs[n_pairs, KEY] = key
    pairs[n_pairs, COUNT] = count
    pairs[n_pairs, START] = start
    pairs[n_pairs, END] = end
    _push(heap, n_heap, count, key, n_pairs)


# ------------------------------------------------------------------------------------------- whole-text passes


@njit(cache=True)
def _fill_slots(text, starts, counts, eval_offsets, byte_id, separator, slots):
    """Make every byte a token; words without any count become separators, so nothing visits them.
    Returns int64 [65536], the weight of every byte pair a * 256 + b."""
    pair_count = np.zeros(65536, dtype=np.int64)
    slots[0, TOKEN] = separator
    for w in range(starts.size):
        start = starts[w]
        end = starts[w + 1] - 1 if w + 1 < starts.size else text.size - 1
        c = counts[w]
        slots[end, TOKEN] = separator
        if c == 0 and eval_offsets[w + 1] == eval_offsets[w]:
            for p in range(start, end):
                slots[p, TOKEN] = separator
            continue
        before = np.uint32(text[start])
        slots[start, TOKEN] = byte_id[before]
        slots[start, WORD] = w
        for p in range(start + 1, end):
            byte = np.uint32(text[p])
            slots[p, TOKEN] = byte_id[byte]
            slots[p, WORD] = w
            pair_count[before << np.uint32(8) | byte] += c
            before = byte
    return pair_count


@njit(cache=True)
def _weigh_all_pairs(slots, token_size, separator, starts, counts):
    """(table, pairs) of the text as it stands; START is -1, END the number of occurrences."""
    table = np.zeros(1 << 18, dtype=np.uint64)
    found = np.empty((1 << 16, 4), dtype=np.int64)
    n = 0
    for w in range(starts.size):
        p = starts[w]
        if slots[p, TOKEN] == separator:
            continue
        q = p + token_size[slots[p, TOKEN]]
        while slots[q, TOKEN] != separator:
            key = _pair_key(slots[p, TOKEN], slots[q, TOKEN])
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
            q += token_size[slots[q, TOKEN]]
    return table, found[:n]


@njit(cache=True)
def _list_occurrences(slots, token_size, separator, starts, table, found, arena):
    """Write the first slots of every pair's occurrences from START on; pairs with START -1 are left out."""
    for w in range(starts.size):
        p = starts[w]
        if slots[p, TOKEN] == separator:
            continue
        q = p + token_size[slots[p, TOKEN]]
        while slots[q, TOKEN] != separator:
            f = _find(table, found, _pair_key(slots[p, TOKEN], slots[q, TOKEN]))
            if found[f, START] >= 0:
                arena[found[f, START]] = p
                found[f, START] += 1
            p = q
            q += token_size[slots[q, TOKEN]]


# ---------------------------------------------------------------------------------------------------- one step


@njit(cache=True)
def _merge(occurrences, a, b, new, size_a, size_b, slots, counts, left, right, neighbours, merged):
    """Merge (a, b) left to right wherever it still stands.

    Adds (weight, occurrences) of every left neighbour to left, of every right one to right, and lists both in
    neighbours. Separators are listed too. merged gets a row (slot, word, left, right neighbour) per merge.
    Returns the number of merges, of left and of right neighbours, and the weight of pairs (new, a) that were
    made and merged at once, in runs such as "ababab".
    """
    positions = np.empty(BATCH, dtype=np.int32)
    n_merged = n_left = n_right = 0
    rejoined = np.int64(0)
    for first in range(0, occurrences.size, BATCH):
        last = min(first + BATCH, occurrences.size)
        for k in range(first, last):
            _prefetch(slots, occurrences[k])
        n = 0
        for k in range(first, last):
            p = occurrences[k]
            positions[n] = p
            n += (slots[p, TOKEN] == a) & (slots[p + size_a, TOKEN] == b)
        for k in range(n):
            _prefetch(counts, slots[positions[k], WORD])
        for k in range(n):
            p = positions[k]
            if slots[p, TOKEN] != a:  # "aaa": the merge before took its first half
                continue
            q = p + size_a
            end = q + size_b
            w = slots[p, WORD]
            x = slots[p - 1, TOKEN]
            y = slots[end, TOKEN]
            slots[q - 1, TOKEN] = INSIDE
            slots[q, TOKEN] = INSIDE
            slots[p, TOKEN] = new
            slots[end - 1, TOKEN] = new
            merged[n_merged, 0] = p
            merged[n_merged, 1] = w
            merged[n_merged, 2] = x
            merged[n_merged, 3] = y
            n_merged += 1
            c = counts[w]
            if x == new:
                # the merge before: its pair (new, a) of a moment ago becomes (new, new)
                rejoined += c
                neighbours[1, n_right] = new
                n_right += right[new, 1] == 0
                right[new, 0] += c
                right[new, 1] += 1
            else:
                neighbours[0, n_left] = x
                n_left += left[x, 1] == 0
                left[x, 0] += c
                left[x, 1] += 1
            neighbours[1, n_right] = y
            n_right += right[y, 1] == 0
            right[y, 0] += c
            right[y, 1] += 1
    return n_merged, n_left, n_right, rejoined


@njit(cache=True)
def _list_births(merged, new, size_new, token_size, place, arena):
    """Write the new pairs' occurrences from place[side, neighbour] on, in the order of the text; neighbours with
    place -1 are left out."""
    for i in range(len(merged)):
        p = merged[i, 0]
        x = merged[i, 2]
        y = merged[i, 3]
        side, start = (1, p - size_new) if x == new else (0, p - token_size[x])
        at = place[side, x]
        if at >= 0:
            arena[at] = start
            place[side, x] = at + 1
        at = place[1, y]
        if at >= 0:
            arena[at] = p
            place[1, y] = at + 1


@njit(cache=True)
def _count_saved(merged, eval_offsets, eval_columns, eval_counts, saved):
    """Add to saved [columns] the tokens that the merges save in evaluation text."""
    for i in range(len(merged)):
        _prefetch(eval_offsets, merged[i, 1])
    for i in range(len(merged)):
        w = merged[i, 1]
        for j in range(eval_offsets[w], eval_offsets[w + 1]):
            saved[eval_columns[j]] += eval_counts[j]


# ------------------------------------------------------------------------------------------------ the loop


@njit(cache=True)
def merge_loop(
    text,  # uint8 [slots]: the words' bytes, a separator slot before, between and after the words
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
    # room to work in, overwritten
    slots,  # int32 [slots, 2]: token and word
    arena,  # int32: occurrences of pairs; replaced if it is too small, as are the next three
    table,  # uint64 [a power of 2], zeros
    pairs,  # int64 [half of that, 4], at least 65536 rows
    heap,  # int64 [as many, 3]
):
    """Returns steps int32 [n, 3] as (a, b, new), the vocabulary size before each step int32 [n], the tokens'
    spellings as (bytes, offsets), the tokens that each step saves int64 [n, n_columns], and how often the text
    was weighed again."""
    # -- vocabulary: ids below n_tokens, spellings, sizes in bytes. The separator counts as a token without size
    n_tokens = initial_offsets.size - 1
    capacity = max(vocab_size, n_tokens) + 2
    separator = np.int32(capacity - 1)
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
    n_byte_pairs = n_pairs  # these have their occurrences in pair_positions, all others in the arena

    # -- what a step changes: row 0 for left neighbours x of a merged (a, b), row 1 for right neighbours y
    changes = np.zeros((2, capacity, 2), dtype=np.int64)  # weight and number of occurrences
    left = changes[0]
    right = changes[1]
    neighbours = np.empty((2, capacity + 1), dtype=np.int32)
    n_neighbours = np.zeros(2, dtype=np.int64)
    place = np.empty((2, capacity), dtype=np.int64)
    merged = np.empty((1 << 16, 4), dtype=np.int32)

    # -- results
    steps = np.empty((max(vocab_size - n_tokens, 0) + n_specials, 3), dtype=np.int32)
    vocab_before = np.empty(len(steps), dtype=np.int32)
    saved = np.zeros((len(steps), n_columns), dtype=np.int64)
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
            _list_occurrences(slots, token_size, separator, starts, found_table, found, arena)
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
        occurrences = pair_positions[start:end].copy() if pair < n_byte_pairs else arena[start:end]
        if len(merged) < occurrences.size:
            merged = np.empty((2 * occurrences.size, 4), dtype=np.int32)
        n_merged, n_neighbours[0], n_neighbours[1], rejoined = _merge(
            occurrences, a, b, new, size_a, size_b, slots, counts, left, right, neighbours, merged
        )
        if n_columns > 0:
            _count_saved(merged[:n_merged], eval_offsets, eval_columns, eval_counts, saved[step])

        # -- count, list and queue the new pairs
        n_tracked = n_pairs
        for side in range(2):
            beside = neighbours[side, : n_neighbours[side]]
            _prefetch_neighbour_pairs(beside, side, a, b, new, table, pairs)
            for z in beside:
                weight = changes[side, z, 0]
                size = changes[side, z, 1]
                changes[side, z, 0] = 0
                changes[side, z, 1] = 0
                place[side, z] = -1
                if z == separator:
                    continue
                lost, born = _changed_pairs(z, side, a, b, new)
                known = _find(table, pairs, lost) if z != new else -1
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
                place[side, z] = n_arena
                n_arena += size
                _track(table, pairs, n_pairs, heap, n_heap, born, gain, place[side, z], n_arena)
                n_pairs += 1
                n_heap += 1
        if n_pairs > n_tracked:
            _list_births(merged[:n_merged], new, size_new, token_size, place, arena)
        step += 1

    return (
        steps[:step],
        vocab_before[:step],
        token_bytes[: token_offsets[n_tokens]],
        token_offsets[: n_tokens + 1],
        saved[:step],
        weighings,
    )
