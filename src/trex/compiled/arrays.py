"""What kernels of several parts do with arrays."""

import numpy as np

from trex.compiled.intrinsics import on_huge_pages
from trex.compiled.kernel import kernel

# the lower half of 64 bits, and how far the upper half is up
LOW = np.uint64(0xFFFFFFFF)
UP = np.uint64(32)


@kernel
def grown(array, size):
    """A copy with room for `size` rows. (A loop: slice assignment takes numba seconds to compile.)"""
    bigger = np.empty((size, *array.shape[1:]), dtype=array.dtype)
    on_huge_pages(bigger)
    to = bigger.reshape(-1)
    source = array.reshape(-1)
    for i in range(source.size):
        to[i] = source[i]
    return bigger
