"""A queue of pairs: a 4-ary heap of rows (priority, tie, number). Largest priority first, then smallest tie."""

from trex.compiled.kernel import kernel


@kernel
def _before(priority, tie, other_priority, other_tie):
    return priority > other_priority or (priority == other_priority and tie < other_tie)


@kernel
def push(heap, n, priority, tie, number):
    """Add a pair to a heap of n."""
    i = n
    while i > 0:
        parent = (i - 1) >> 2
        if not _before(priority, tie, heap[parent, 0], heap[parent, 1]):
            break
        for column in range(3):
            heap[i, column] = heap[parent, column]
        i = parent
    heap[i, 0] = priority
    heap[i, 1] = tie
    heap[i, 2] = number


@kernel
def replace_first(heap, n, priority, tie, number):
    """Replace the top of a heap of n pairs and let the new pair sink to its place."""
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
        for column in range(3):
            heap[i, column] = heap[best, column]
        i = best
    heap[i, 0] = priority
    heap[i, 1] = tie
    heap[i, 2] = number


@kernel
def remove_first(heap, n):
    """Take the first of n pairs away; n - 1 are left."""
    replace_first(heap, n - 1, heap[n - 1, 0], heap[n - 1, 1], heap[n - 1, 2])
