"""The paper's search on a prediction whose optimum is known."""

import tracemalloc

import numpy as np
import pytest

from trex.mixtures.baselines import uniform
from trex.mixtures.bounds import Bounds
from trex.mixtures.sampling import MixtureSampler
from trex.search.strategies.paper import Paper, brought_within

BEST = np.array([0.5, 0.3, 0.15, 0.05])
sample = MixtureSampler(5, uniform(4), (0.5, 2)).draws


def bowl(shares: np.ndarray) -> np.ndarray:
    """Smallest, 1, at BEST."""
    return 1 + ((shares - BEST) ** 2).sum(axis=1)


def steps(shares: np.ndarray) -> np.ndarray:
    """A bowl with many ties, as trees have."""
    return np.round(bowl(shares), 2)


def test_mean_of_the_best_is_near_the_optimum():
    found = Paper(100_000, 100).mean_of_the_best(bowl, sample)
    mean, draw = found.candidates
    assert (mean.name, draw.name) == ("paper", "best_draw")
    assert mean.shares == pytest.approx(BEST, abs=0.01)
    assert mean.shares.sum() == pytest.approx(1)
    assert found.notes["paper_predicted"] == bowl(mean.shares[None])[0]
    assert found.notes["best_predicted"] == bowl(draw.shares[None])[0] <= found.notes["worst_predicted"]
    assert found.notes["acceptance_rate"] == 1


@pytest.mark.parametrize("predict", [bowl, steps])
@pytest.mark.parametrize("bounds", [None, Bounds(np.full(4, 0.02), np.full(4, 0.7))])
def test_equals_a_full_sort_whatever_the_chunk(predict, bounds):
    shares = sample(0, 60_000)
    if bounds:
        shares = shares[bounds.contain(shares)]
    shares = shares[:20_000]
    best = shares[np.argsort(predict(shares), kind="stable")[:50]]
    runs = [
        Paper(20_000, 50, chunk=chunk).mean_of_the_best(predict, sample, bounds)
        for chunk in (7_000, 10_000, 50_000)
    ]
    for run in runs:
        mean, draw = run.candidates
        assert np.array_equal(mean.shares, best.mean(axis=0))
        assert np.array_equal(draw.shares, best[0])
        assert run.notes == runs[0].notes
        assert run.notes["scored"] == 20_000
    if bounds:
        assert (best >= 0.02).all()
        assert (best <= 0.7).all()
        assert 0.05 < runs[0].notes["acceptance_rate"] < 1


def test_hopeless_bounds_are_an_error():
    bounds = Bounds(BEST - 0.01, BEST + 0.01)
    with pytest.raises(ValueError, match=r"only [\d,]+ of 100,000 random mixtures .* search without bounds"):
        Paper(5_000, 10).mean_of_the_best(bowl, sample, bounds)
    with pytest.raises(ValueError, match="top_k must be between 1 and the number of draws, 5; got 10"):
        Paper(5, 10).mean_of_the_best(bowl, sample)


def test_memory_does_not_grow_with_the_draws():
    """Two million draws of 20 corpora are 320 MB; a chunk of 100,000 is 16 MB, held a few times over."""
    k = 20
    block = MixtureSampler(1, uniform(k), (0.3, 3)).draws(0, 100_000)
    tracemalloc.start()
    found = Paper(2_000_000, 1024).mean_of_the_best(
        lambda shares: shares[:, 0], lambda start, n: block[:n].copy()
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
    assert found.notes["scored"] == 2_000_000


def test_k_curve():
    found = Paper(1000, 100).mean_of_the_best(bowl, sample)
    assert [row["k"] for row in found.table] == [1, 2, 4, 8, 16, 32, 64, 100]
    assert found.table[0]["predicted"] == found.notes["best_predicted"]
    assert found.table[-1]["predicted"] == found.notes["paper_predicted"]


def test_draws_are_brought_within_floors_and_ceilings():
    draws = sample(0, 100)
    bounded = brought_within(
        lambda start, n: draws[start : start + n].copy(), Bounds(BEST - 0.05, BEST + 0.05)
    )
    assert Bounds(BEST - 0.05, BEST + 0.05).contain(bounded(0, 100)).all()
    free = brought_within(lambda start, n: draws[start : start + n].copy(), Bounds(np.zeros(4), np.ones(4)))
    assert np.array_equal(free(0, 100), draws)
