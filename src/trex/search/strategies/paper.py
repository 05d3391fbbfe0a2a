"""The paper's search: the mean of the best of many random mixtures."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from trex.mixtures.bounds import Bounds
from trex.mixtures.sampling import DRAW_BLOCK
from trex.search.strategy import Candidate, SearchResult, Strategy, Study

log = logging.getLogger(__name__)

# Bounded draws that are tried for one that is scored, at most.
MAX_TRIES = 20

# Draws after which a hopeless acceptance rate is an error: at a rate of 1 / MAX_TRIES, a million give it to
# within half a percent of itself.
PILOT_DRAWS = 1_000_000

# By these draws is decided whether those outside of the support are discarded or, if fewer than 1 in MOST_DISCARDED
# are inside, brought to it. The more corpora, the likelier a draw has some share that no proxy was given: of 300
# corpora and 64 proxies 1 in 7 is inside, and drawing a million of these took five minutes.
TRIAL_DRAWS = 10_000
MOST_DISCARDED = 4
CHUNK_SHARES = 4_000_000  # in memory at a time

# Draws number start to start + n - 1 as [n, k], from (start, n): `MixtureSampler.draws`.
Sample = Callable[[int, int], np.ndarray]


@dataclass(frozen=True)
class Paper(Strategy):
    """The search of TREX (arXiv 2601.13588): the mean of the best `top_k` of many random mixtures.

    Draws are scored chunk by chunk in constant memory. The result does not depend on `chunk`; ties go to the earlier
    draw.

    Attributes:
        draws: mixtures to score, 50 million in the paper.
        top_k: how many of the best are averaged, 1,024 in the paper.
        strength: (low, high) of the draws; None: that of the proxies' mixtures.
        within_support: whether draws outside of the shares that proxies were given are discarded, or brought to them
            where most are outside.
        chunk: mixtures in memory at a time.
    """

    draws: int
    top_k: int
    strength: Sequence[float] | None = None
    within_support: bool = True
    chunk: int = 100_000

    name = "paper"
    candidates = ("paper", "best_draw")
    needs = "surfaces"
    settings = ("draws", "top_k", "strength", "within_support")
    needs_paper = True
    note_labels: ClassVar = {
        "scored": "mixtures scored",
        "tried": "mixtures drawn",
        "acceptance_rate": "fraction of the draws within the bounds",
        "inside_support": "fraction of the draws within the support; the others were brought to it",
        "top_k": "best draws averaged",
        "best_predicted": "predicted objective of the best draw",
        "worst_predicted": "predicted objective of the worst draw that was averaged",
        "paper_predicted": "predicted objective of their mean",
    }

    @classmethod
    def from_config(cls, search: Mapping[str, Any], seed: int) -> Self:
        return cls(search["draws"], search["top_k"], search["strength"], search["within_support"])

    def search(self, study: Study) -> SearchResult:
        sampler, bounds = study.space.sampler, study.space.bounds
        sampler = replace(sampler, strength=self.strength or sampler.strength)
        sample = brought_within(sampler.draws, bounds)
        notes = {}
        if self.within_support:
            bounds = bounds.within_support(study.training.shares)
            inside = float(bounds.contain(sample(0, TRIAL_DRAWS)).mean())
            if inside * MOST_DISCARDED < 1:
                log.info("%.2g of the draws lie within the support: the others are brought to it", inside)
                sample = brought_within(sample, bounds)
                notes = {"inside_support": inside}
        found = self.mean_of_the_best(study.paper.mean, sample, bounds)
        # it is the paper's regression that predicts here, and not the surface that predicts all candidates
        table = [{"model": study.paper.name, **row} for row in found.table]
        return replace(found, table=table, notes={**found.notes, **notes})

    def mean_of_the_best(
        self, predict: Callable[[np.ndarray], np.ndarray], sample: Sample, bounds: Bounds | None = None
    ) -> SearchResult:
        """The search on any prediction.

        Args:
            predict: the objective [n] at mixtures [n, k], smaller is better.
            sample: draw number i must not depend on how many are asked for at a time.
            bounds: draws outside are discarded, and `draws` counts those that are left. None: the prediction may
                extrapolate.

        Returns:
            Candidates `paper` (the mean) and `best_draw` (the best one). Notes: scored, tried, acceptance_rate,
            top_k, best_predicted and worst_predicted of the top_k, paper_predicted. Table: the k-curve, the prediction
            at the mean of the best k = 1, 2, 4, ... top_k.

        Raises:
            ValueError: if fewer than 1 in MAX_TRIES draws are inside the bounds.
        """
        draws, top_k = self.draws, self.top_k
        if not 1 <= top_k <= draws:
            raise ValueError(f"top_k must be between 1 and the number of draws, {draws}; got {top_k}")
        top: np.ndarray | None = None  # [up to top_k, k], best first
        values = np.empty(0)
        tried = scored = tenths = 0
        chunk = self.chunk
        if bounds and chunk * len(bounds.low) > CHUNK_SHARES:
            chunk = max(1, CHUNK_SHARES // len(bounds.low) // DRAW_BLOCK) * DRAW_BLOCK
        while scored < draws:
            n = min(chunk, MAX_TRIES * draws - tried if bounds else draws - scored)
            shares = sample(tried, n)
            if bounds:
                # The first `draws` accepted ones are scored, wherever the chunk ends.
                accepted = np.flatnonzero(bounds.contain(shares))[: draws - scored]
                shares = shares[accepted]
                n = int(accepted[-1]) + 1 if scored + len(accepted) == draws else n
            tried += n
            scored += len(shares)
            if (
                scored < draws
                and tried >= min(PILOT_DRAWS, MAX_TRIES * draws)
                and scored * MAX_TRIES <= tried
            ):
                raise ValueError(
                    f"only {scored:,} of {tried:,} random mixtures ({scored / tried:.2%}) lie between the "
                    f"lowest and highest shares of the proxies, and a search needs 1 in {MAX_TRIES}; draw with "
                    "the prior, strength, min_share and caps that the proxies' mixtures came from, or search "
                    "without bounds, which extrapolates"
                )
            if len(shares):
                predicted = predict(shares)
                if len(values) == top_k:
                    better = predicted < values[-1]
                    shares, predicted = shares[better], predicted[better]
                top = shares if top is None else np.concatenate([top, shares])
                values = np.concatenate([values, predicted])
                order = np.argsort(values, kind="stable")[:top_k]
                top, values = top[order], values[order]
            if 10 * scored // draws > tenths:
                tenths = 10 * scored // draws
                log.info("%s of %s draws scored", f"{scored:,}", f"{draws:,}")

        mean = top.mean(axis=0)
        sizes = [*(2**i for i in range(top_k.bit_length()) if 2**i < top_k), top_k]
        curve = predict(np.stack([top[:size].mean(axis=0) for size in sizes]))
        notes = {
            "scored": scored,
            "tried": tried,
            "acceptance_rate": scored / tried,
            "top_k": top_k,
            "best_predicted": float(values[0]),
            "worst_predicted": float(values[-1]),
            "paper_predicted": float(predict(mean[None])[0]),
        }
        table = [
            {"k": size, "predicted": float(predicted)} for size, predicted in zip(sizes, curve, strict=True)
        ]
        return SearchResult((Candidate("paper", mean), Candidate("best_draw", top[0])), notes, table)


def brought_within(sample: Sample, bounds: Bounds) -> Sample:
    """`sample` with the draws outside of the bounds brought to them (`Bounds.project`).

    Floors and ceilings of single corpora may leave so few draws inside that discarding the others would not end.
    """

    def bounded(start: int, n: int) -> np.ndarray:
        shares = sample(start, n)
        outside = ~bounds.contain(shares)
        shares[outside] = bounds.project(shares[outside])
        return shares

    return bounded
