"""The paper's search on a prediction whose optimum is known."""

import tracemalloc
from functools import partial

import numpy as np
import pytest
from trex.metrics import Objective
from trex.search.limits import share_excess

from trex import mixtures, search

BEST = np.array([0.5, 0.3, 0.15, 0.05])
sample = partial(mixtures.draw_range, seed=5, prior=mixtures.uniform(4), strength=(0.5, 2))


def bowl(shares: np.ndarray) -> np.ndarray:
    """Smallest, 1, at BEST."""
    return 1 + ((shares - BEST) ** 2).sum(axis=1)


def steps(shares: np.ndarray) -> np.ndarray:
    """A bowl with many ties, as trees have."""
    return np.round(bowl(shares), 2)


def test_mean_of_the_best_is_near_the_optimum():
    found = search.trex(bowl, draws=100_000, top_k=100, sample=sample)
    mean, draw = found.candidates
    assert (mean.name, draw.name) == ("trex", "best_draw")
    assert mean.shares == pytest.approx(BEST, abs=0.01)
    assert mean.shares.sum() == pytest.approx(1)
    assert mean.predicted == bowl(mean.shares[None])[0]
    assert found.notes["best_predicted"] == draw.predicted <= found.notes["worst_predicted"]
    assert found.notes["acceptance_rate"] == 1


@pytest.mark.parametrize("predict", [bowl, steps])
@pytest.mark.parametrize("bounds", [None, (np.full(4, 0.02), np.full(4, 0.7))])
def test_equals_a_full_sort_whatever_the_chunk(predict, bounds):
    shares = sample(0, 60_000)
    if bounds:
        shares = shares[search.inside(shares, *bounds)]
    shares = shares[:20_000]
    best = shares[np.argsort(predict(shares), kind="stable")[:50]]
    runs = [
        search.trex(predict, draws=20_000, top_k=50, sample=sample, bounds=bounds, chunk=chunk)
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
    bounds = BEST - 0.01, BEST + 0.01
    with pytest.raises(ValueError, match=r"only [\d,]+ of 100,000 random mixtures .* search without bounds"):
        search.trex(bowl, draws=5_000, top_k=10, sample=sample, bounds=bounds)
    with pytest.raises(ValueError, match="top_k must be between 1 and the number of draws, 5; got 10"):
        search.trex(bowl, draws=5, top_k=10, sample=sample)


def test_memory_does_not_grow_with_the_draws():
    """Two million draws of 20 corpora are 320 MB; a chunk of 100,000 is 16 MB, held a few times over."""
    k = 20
    draw = partial(mixtures.draw_range, seed=1, prior=mixtures.uniform(k), strength=(0.3, 3))
    block = draw(0, 100_000)
    seen = []
    tracemalloc.start()
    found = search.trex(
        lambda shares: shares[:, 0],
        draws=2_000_000,
        top_k=1024,
        sample=lambda start, n: block[:n].copy(),
        progress=lambda scored, draws: seen.append((scored, draws)),
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
    assert found.notes["scored"] == 2_000_000
    assert seen[-1] == (2_000_000, 2_000_000)


def test_matched_candidate():
    eval_bytes, tokens = np.array([400, 600]), np.array([100, 50])
    macro, worst = (Objective(aggregate, np.ones(2)) for aggregate in ("macro", "worst"))
    (found,) = search.matched_candidate(macro, eval_bytes, tokens).candidates
    assert found.shares == pytest.approx([0.25, 0.75])  # 4 : 12
    assert found.predicted is None
    capped = search.matched_candidate(
        macro, eval_bytes, tokens, caps=np.array([1, 0.6]), predict=lambda shares: shares[:, 0]
    )
    assert capped.candidates[0].shares == pytest.approx([0.4, 0.6])
    assert capped.candidates[0].predicted == pytest.approx(0.4)
    assert capped.notes == {"objective_is_linear": 1}
    not_linear = search.matched_candidate(worst, eval_bytes, tokens)
    assert not_linear.candidates[0].shares == pytest.approx([0.25, 0.75])
    assert not_linear.notes == {"objective_is_linear": 0}


def test_inside():
    shares = np.array([[0.2, 0.8], [0.1, 0.9], [0.2 - 1e-12, 0.8 + 1e-12]])
    assert search.inside(shares, np.array([0.2, 0]), np.array([1, 0.8])).tolist() == [True, False, True]


def test_mixtures_that_leave_floors_and_ceilings():
    shares = np.array([[0.5, 0.5], [0.05, 0.95], [0.3, 0.7]])
    excess = share_excess(shares, ["a", "b"], floors={"a": 0.1}, ceilings={"b": 0.6})
    assert excess == pytest.approx([0, 0.35, 0.1])
    assert share_excess(shares, ["a", "b"], {}, {}).tolist() == [0, 0, 0]
