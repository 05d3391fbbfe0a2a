"""The linear program of mixture inference (Hayase et al. 2024, arXiv 2407.16607, section 3)."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array


@dataclass(frozen=True)
class Constraints:
    """The merge of step[r] occurs at least as often as the pair[r], both at that step.

    steps int64 [n], pairs int64 [n] (keys of `trex.bpe.pair_table.pair_key`), gains float64 [n, k]: by how much the
    merge's count exceeds the pair's in each corpus, per million bytes of its text.
    """

    steps: np.ndarray
    pairs: np.ndarray
    gains: np.ndarray

    @classmethod
    def empty(cls, k: int) -> "Constraints":
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, k)))

    def __len__(self) -> int:
        return len(self.steps)

    def joined(self, other: "Constraints") -> "Constraints":
        arrays = ((self.steps, other.steps), (self.pairs, other.pairs), (self.gains, other.gains))
        return Constraints(*map(np.concatenate, arrays))

    def at(self, steps: np.ndarray) -> "Constraints":
        """Those of some steps alone."""
        rows = np.isin(self.steps, steps)
        return Constraints(self.steps[rows], self.pairs[rows], self.gains[rows])


@dataclass(frozen=True)
class Solution:
    """shares float64 [k]. slack: the sum that was minimised. By sorted step and by sorted pair: their slacks."""

    shares: np.ndarray
    slack: float
    steps: np.ndarray
    step_slacks: np.ndarray
    pairs: np.ndarray
    pair_slacks: np.ndarray


def solve(constraints: Constraints) -> Solution:
    """The shares a, with sum 1, that need the smallest slacks.

    Minimise sum(v) + sum(u), a slack v of every step and u of every pair, such that gains @ a + v[step] + u[pair] >= 0
    in every row, and a, v, u >= 0.

    Raises RuntimeError if the solver (HiGHS) fails.
    """
    n, k = constraints.gains.shape
    if n == 0:
        return Solution(np.full(k, 1 / k), 0.0, *[np.empty(0, t) for t in (np.int64, float, np.int64, float)])
    steps, step = np.unique(constraints.steps, return_inverse=True)
    pairs, pair = np.unique(constraints.pairs, return_inverse=True)
    row, corpus = np.nonzero(constraints.gains)
    rows = np.concatenate([row, np.arange(n), np.arange(n)])
    columns = np.concatenate([corpus, k + step, k + len(steps) + pair])
    values = np.concatenate([-constraints.gains[row, corpus], -np.ones(2 * n)])
    n_variables = k + len(steps) + len(pairs)
    is_share = np.arange(n_variables) < k
    result = linprog(
        np.where(is_share, 0.0, 1.0),
        A_ub=coo_array((values, (rows, columns)), shape=(n, n_variables)).tocsr(),
        b_ub=np.zeros(n),
        A_eq=is_share[None].astype(float),
        b_eq=[1.0],
        method="highs-ipm",
    )
    if result.x is None:
        raise RuntimeError(f"the linear program of {n} constraints was not solved: {result.message}")
    shares = np.maximum(result.x[:k], 0)
    step_slacks, pair_slacks = np.split(result.x[k:], [len(steps)])
    return Solution(shares / shares.sum(), float(result.fun), steps, step_slacks, pairs, pair_slacks)
