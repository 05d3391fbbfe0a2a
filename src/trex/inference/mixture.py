"""Which mixture a tokenizer was trained on, from its merges (Hayase et al. 2024, arXiv 2407.16607)."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from trex.arrow import frozen
from trex.inference.program import Constraints, Solution, solve
from trex.inference.replay import BYTES, Merges, Search, Slacks, replay
from trex.inference.words import CorpusWords

log = logging.getLogger(__name__)

FIRST_MERGES = 1_000  # the first rounds look at these only: cheap, and near enough to start from
MOST_STEPS = 1_000  # of all merges, those at which competitors are looked for, evenly spaced
MOST_COMPETITORS = 4  # found for one step in one round
WINDOW = 200  # steps in which a pair is found once
MOST_ROUNDS, MOST_FIRST_ROUNDS = 16, 6
# By how much shares may still move between two rounds, summed over corpora: the error that other text of the same kind
# makes is larger (docs/inference.md)
ENOUGH, ENOUGH_AT_FIRST = 0.01, 0.05
SUBSETS = 8  # halves of the steps that give the intervals
PER_BYTES = 1e6  # counts are per million bytes, near 1, as solvers want numbers


@dataclass(frozen=True)
class Inference:
    """What a tokenizer's merges say about its training text.

    shares: one row a corpus: corpus, share (of bytes, as the tokenizer normalizes text), low, high (a 95 % interval
    from subsets of merges; it cannot know how far our text is from the tokenizer's). merges: how many were looked at.
    unseen: those of them that no corpus shows, which are skipped. residual: the slack of the linear program over the
    weight of the merges, 0 if the corpora explain every merge. rounds: of looking for competitors.
    """

    shares: pl.DataFrame
    merges: int
    unseen: int
    residual: float
    rounds: int


def number_merges(merges: Sequence[tuple[bytes, bytes]]) -> np.ndarray:
    """int32 [T, 3]: (a, b, new) token ids, the bytes being 0 to 255; -1 for a merge that never takes place."""
    ids = {bytes([byte]): byte for byte in range(BYTES)}
    steps = np.full((len(merges), 3), -1, dtype=np.int32)
    for t, (a, b) in enumerate(merges):
        # a token that two merges make is made by the first: tokenizer.json files converted from ranks list every split
        if a in ids and b in ids and a + b not in ids:
            ids[a + b] = BYTES + t
            steps[t] = ids[a], ids[b], ids[a + b]
    return steps


def infer_mixture(
    merges: Sequence[tuple[bytes, bytes]],
    words: CorpusWords,
    *,
    n_merges: int = 30_000,
    seed: int = 1,
    subsets: int = SUBSETS,
) -> Inference:
    """Infer the shares of training bytes from the first n_merges merges.

    At every step the merge that was taken occurred at least as often in the training text as any other pair.
    Competitors that occur more often in our text, mixed by the current shares, become constraints of a linear program,
    which gives the next shares, until these stay.

    subsets: halves of the steps that give the intervals, which take half of the time; 0 for none (null).

    Raises ValueError if the words show none of the merges.
    """
    steps = number_merges(merges[:n_merges])
    rng = np.random.default_rng(seed)
    k = len(words.corpora)
    constraints, solution = Constraints.empty(k), solve(Constraints.empty(k))
    n, rounds = min(FIRST_MERGES, len(steps)), 0
    for rounds in range(1, MOST_ROUNDS + 1):
        found, counts = _competitors(words, steps[:n], solution, int(rng.integers(WINDOW)))
        if not counts.any():
            raise ValueError(f"the text of {', '.join(words.corpora)} shows none of the first {n} merges")
        constraints, before = constraints.joined(found), solution
        solution = solve(constraints)
        moved = float(np.abs(solution.shares - before.shares).sum())
        log.info(
            "round %d, %d merges: %d competitors, shares moved by %.4f, slack %.4g",
            rounds,
            n,
            len(found),
            moved,
            solution.slack,
        )
        if n < len(steps) and (moved < ENOUGH_AT_FIRST or rounds == MOST_FIRST_ROUNDS):
            n = len(steps)
        elif moved < ENOUGH or not len(found):
            break
    else:
        log.warning("after %d rounds the shares still moved by %.4f", rounds, moved)
    low, high = _interval(constraints, solution, subsets, rng) if subsets else (None, None)
    shares = pl.DataFrame({"corpus": words.corpora, "share": solution.shares, "low": low, "high": high})
    weight = counts[np.unique(constraints.steps)] @ _rate(words, solution.shares)
    unseen = int((counts.sum(axis=1) == 0).sum())
    return Inference(shares, len(steps), unseen, solution.slack / max(float(weight.sum()), 1e-300), rounds)


def _rate(words: CorpusWords, shares: np.ndarray) -> np.ndarray:
    """What a count in each corpus weighs: shares of bytes, per bytes there are. [k]"""
    return shares / (words.n_bytes / PER_BYTES)


def _competitors(
    words: CorpusWords, steps: np.ndarray, solution: Solution, offset: int
) -> tuple[Constraints, np.ndarray]:
    """Constraints that the solution does not keep, and the merges' counts at their steps, int64 [steps, k]."""
    rate = _rate(words, solution.shares)
    step_slacks = np.zeros(len(steps))
    inside = solution.steps < len(steps)
    step_slacks[solution.steps[inside]] = solution.step_slacks[inside]
    step_slacks += 1e-9 * (1 + step_slacks)  # the solver's precision
    chosen = np.arange(len(steps)) % -(-len(steps) // MOST_STEPS) == 0
    weights = words.weighted(rate)
    rank = max(0, len(weights) - len(steps))
    # the last merges occur more often than the word of their rank; lighter pairs cannot outweigh many
    theta = 0.7 * float(np.partition(weights, rank)[rank])
    counts, step, pair, pair_counts = replay(
        words.layout,
        words.in_corpora(),
        frozen(rate),
        Merges(frozen(steps), BYTES + len(steps), frozen(chosen)),
        Slacks(*map(frozen, (step_slacks, solution.pairs, solution.pair_slacks))),
        Search(theta, MOST_COMPETITORS, WINDOW, offset),
    )
    seen = counts[step].any(axis=1)
    gains = (counts[step[seen]] - pair_counts[seen]) / (words.n_bytes / PER_BYTES)
    return Constraints(step[seen].astype(np.int64), pair[seen], gains), counts


def _interval(
    constraints: Constraints, solution: Solution, subsets: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of a 95 % interval of every share. [k] each

    Shares inferred from a random half of the steps differ from those of all as these do from the truth, as far as that
    is a matter of which merges there are (the delete-half jackknife).
    """
    steps = np.unique(constraints.steps)
    if len(steps) < 2:
        return np.zeros_like(solution.shares), np.ones_like(solution.shares)
    halves = [rng.choice(steps, len(steps) // 2, replace=False) for _ in range(subsets)]
    shares = np.stack([solve(constraints.at(half)).shares for half in halves])
    std = np.sqrt(((shares - solution.shares) ** 2).mean(axis=0))
    return np.maximum(solution.shares - 1.96 * std, 0), np.minimum(solution.shares + 1.96 * std, 1)
