"""Sets of code points."""

from collections.abc import Callable

import numpy as np

CODE_POINTS = 0x110000


class CharSet:
    """A set of code points as the rising places where membership begins and ends by turns; not changed once made."""

    def __init__(self, edges: np.ndarray):
        self.edges = edges

    @classmethod
    def of(cls, *points: int) -> "CharSet":
        return cls.from_runs([(point, point + 1) for point in sorted(set(points))])

    @classmethod
    def from_runs(cls, runs: list[tuple[int, int]]) -> "CharSet":
        """runs: (first, end), rising and apart or adjacent."""
        edges = np.array(runs, dtype=np.int64).ravel()
        meets = np.zeros(edges.size, dtype=bool)
        meets[1:] = edges[1:] == edges[:-1]
        meets[:-1] |= meets[1:]
        return cls(edges[~meets])

    @classmethod
    def from_members(cls, members: np.ndarray) -> "CharSet":
        """members: bool [CODE_POINTS]."""
        padded = np.concatenate(([False], members, [False]))
        return cls(np.flatnonzero(padded[1:] != padded[:-1]))

    def has(self, points: np.ndarray) -> np.ndarray:
        """bool: which code points are in the set."""
        return np.searchsorted(self.edges, points, side="right") % 2 == 1

    def points(self) -> list[int]:
        return [point for first, end in self.edges.reshape(-1, 2).tolist() for point in range(first, end)]

    def _joined(self, other: "CharSet", operation: Callable) -> "CharSet":
        edges = np.union1d(self.edges, other.edges)
        inside = operation(self.has(edges), other.has(edges))
        return CharSet(edges[np.diff(inside, prepend=False)])

    def __or__(self, other: "CharSet") -> "CharSet":
        return self._joined(other, np.logical_or)

    def __and__(self, other: "CharSet") -> "CharSet":
        return self._joined(other, np.logical_and)

    def __invert__(self) -> "CharSet":
        return self._joined(ALL, np.logical_xor)


ALL = CharSet(np.array([0, CODE_POINTS]))
NONE = CharSet(np.empty(0, dtype=np.int64))
