"""A queue of pairs: a 4-ary heap of rows (priority, tie, number). Largest priority first, then smallest tie."""

from trex.compiled.kernel import kernel


@kernel
def _before(priority, tie, other_priority, other_tie):
    return priority > other_priority or (priority == other_priority and tie < other_tie)


@kernel
def _put(heap, i, priority, tie, number):
    heap[i, 0] = priority
    heap[i, 1] = tie
    heap[i, 2] = number


@kernel
def _move(heap, source, to):
    heap[to, 0] = heap[source, 0]
    heap[to, 1] = heap[source, 1]
    heap[to, 2] = heap[source, 2]


@kernel
def push(heap, n, priority, tie, number):
    """Add a pair to a heap of n."""
    i = n
    while i > 0:
        parent = (i - 1) >> 2
        if not _before(priority, tie, heap[parent, 0], heap[parent, 1]):
            break
        _move(heap, parent, i)
        i = parent
    _put(heap, i, priority, tie, number)


@kernel
def replace_first(heap, n, priority, tie, number):
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
        if not _before(heap[best, 0], heap[best, 1], priority, tie):
            break
        _move(heap, best, i)
        i = best
    _put(heap, i, priority, tie, number)


@kernel
def remove_first(heap, n):
    """Take the first of n pairs away; n - 1 are left."""
    replace_first(heap, n - 1, heap[n - 1, 0], heap[n - 1, 1], heap[n - 1, 2])
