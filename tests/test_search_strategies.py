"""Search strategies on a surface whose optima are known (power_law.py), with six corpora."""

from dataclasses import replace

import numpy as np
import pytest
from power_law import PowerLaw
from trex.constraints import GiniLimit, NslLimit, PremiumLimit
from trex.metrics import Objective
from trex.targets import Targets

from trex import search
from trex.search.minimise import Program

SURFACE = PowerLaw([0.7, 0.6, 0.8, 0.5, 0.65, 0.75], [0.12, 0.1, 0.15, 0.08, 0.2, 0.1])
K = 6
UNIFORM = np.full(K, 1 / K)
TOKENS = np.ones((1, K))
WEIGHTS = np.array([3.0, 1, 1, 1, 1, 1]) / 8
ERRORS = np.random.default_rng(0).standard_normal((64, K))


def problem(aggregate, low=0.0, high=1.0, **others):
    limits = np.full(K, low), np.full(K, high)
    targets = Targets(Objective(aggregate, WEIGHTS), TOKENS)
    return search.Problem(SURFACE, targets, *limits, errors=ERRORS, **others)


def best_of(found):
    return found.candidates[0].shares


@pytest.mark.parametrize(
    ("aggregate", "optimum"),
    [
        ("macro", SURFACE.optimum(np.full(K, 1 / K))),
        ("weighted", SURFACE.optimum(WEIGHTS)),
        ("worst", SURFACE.equaliser()),
    ],
)
def test_surrogate_finds_the_optimum(aggregate, optimum):
    found = search.surrogate(problem(aggregate), UNIFORM)
    assert best_of(found) == pytest.approx(optimum, abs=2e-3)
    assert found.candidates[0].predicted == pytest.approx(
        float(problem(aggregate).targets.value(SURFACE.mean(optimum[None]))[0]), abs=1e-5
    )
    assert found.candidates[0].predicted_std > 0
    again = search.surrogate(problem(aggregate), UNIFORM)
    assert np.array_equal(best_of(found), best_of(again))
    assert found.notes == again.notes


def test_two_sets_one_of_which_lacks_a_corpus():
    """The same surface for both sets: the mean over sets has the optimum of macro with that corpus counted once."""

    class Twice(PowerLaw):
        def gradient(self, shares):
            slopes = super().gradient(shares)[2]
            slopes = np.concatenate([slopes, slopes[:, :-1]], axis=1)
            return *self.predict(shares), slopes, self.STD * slopes

        def mean(self, shares):
            mean = super().mean(shares)
            return np.concatenate([mean, mean[:, :-1]], axis=1)

    tokens = np.array([[1] * K, [1] * (K - 1) + [0]])
    both = replace(
        problem("pooled"),
        surface=Twice(SURFACE.a, SURFACE.b),
        targets=Targets(Objective("pooled", WEIGHTS), tokens),
        errors=np.ones((2, 2 * K - 1)),
    )
    weights = np.array([1 / 6 + 1 / 5] * 5 + [1 / 6]) / 2
    assert best_of(search.surrogate(both, UNIFORM)) == pytest.approx(SURFACE.optimum(weights), abs=2e-3)
    first = replace(both, targets=replace(both.targets, counted=1))
    assert best_of(search.surrogate(first, UNIFORM)) == pytest.approx(
        SURFACE.optimum(np.full(K, 1 / 6)), abs=2e-3
    )


def test_limits_and_constraints_are_respected():
    tight = problem("worst", low=0.05, high=0.3)
    for shares in (
        best_of(search.surrogate(tight, UNIFORM)),
        *search.propose_batch(tight, UNIFORM[None], SURFACE.mean(UNIFORM[None]), 3),
    ):
        assert shares.sum() == pytest.approx(1)
        assert search.inside(shares, tight.low, tight.high)
    # No corpus 1 % worse than uniform: the mean improves within that limit, and the limit binds.
    limits = 1.01 * SURFACE.mean(UNIFORM[None])
    free, limited = (
        search.surrogate(problem("macro", constraints=c), UNIFORM, kappa=0) for c in ((), (NslLimit(limits),))
    )
    excess = [(SURFACE.mean(best_of(found)[None]) / limits).max() - 1 for found in (free, limited)]
    assert excess[0] > 0.01
    assert excess[1] == pytest.approx(0, abs=1e-5)
    uniform_value = SURFACE.mean(UNIFORM[None]).mean()
    assert free.candidates[0].predicted < limited.candidates[0].predicted < uniform_value
    impossible = problem("macro", constraints=(NslLimit(limits / 2),))
    assert search.surrogate(impossible, UNIFORM).notes["violation"] > 0.1


def test_surface_without_gradients_is_refused():
    flat = PowerLaw(SURFACE.a, SURFACE.b)
    flat.has_gradient = False
    with pytest.raises(ValueError, match="use the strategy trex"):
        replace(problem("macro"), surface=flat)


@pytest.mark.parametrize("worst_weight", [0.0, 0.3, 1.0])
def test_gradients_of_the_program_against_finite_differences(worst_weight):
    limited = problem("soft_worst", constraints=(NslLimit(1.01 * SURFACE.mean(UNIFORM[None])),))
    program = Program(limited, np.linspace(-1, 2, K), worst_weight)
    x = program.start(np.array([0.3, 0.2, 0.1, 0.1, 0.1, 0.2]))
    steps = 1e-6 * np.eye(len(x))
    rooms = [(program.room(x + step) - program.room(x - step)) / 2e-6 for step in steps]
    values = [(program.value(x + step)[0] - program.value(x - step)[0]) / 2e-6 for step in steps]
    assert program.value(x)[1] == pytest.approx(values, abs=1e-6)
    assert program.room_gradient(x) == pytest.approx(np.array(rooms).T, abs=1e-5)


def test_pareto_front_is_monotone_and_ends_at_both_optima():
    front = search.pareto_front(problem("macro"), UNIFORM, points=6, kappa=0)
    average, largest = (np.array([row[key] for row in front.table]) for key in ("average", "worst"))
    assert len(front.candidates) >= 5
    assert (np.diff(average) >= 0).all()
    assert (np.diff(largest) <= 0).all()
    assert front.candidates[0].shares == pytest.approx(SURFACE.optimum(np.full(K, 1 / K)), abs=2e-3)
    assert front.candidates[-1].shares == pytest.approx(SURFACE.equaliser(), abs=2e-3)
    assert [front.candidates[i].name for i in (0, -1)] == ["pareto_000", "pareto_100"]


@pytest.mark.parametrize(
    ("aggregate", "tolerance"), [("worst", 1e-3), ("weighted", 1e-3), ("soft_worst", 2e-3)]
)
def test_direct_converges(aggregate, tolerance):
    targets = Targets(Objective(aggregate, WEIGHTS), TOKENS)
    found = search.direct(
        targets, lambda shares: SURFACE.mean(shares[None]), UNIFORM, np.zeros(K), np.ones(K)
    )
    best = search.surrogate(problem(aggregate), UNIFORM, kappa=0).candidates[0].predicted
    assert found.candidates[0].predicted == pytest.approx(best, rel=tolerance)
    assert len(found.table) == 40
    if aggregate == "worst":
        assert found.notes["spread"] < 0.005


def test_direct_next_respects_limits():
    low, high = np.full(K, 0.1), np.array([0.2] * K)
    for aggregate in ("worst", "weighted"):
        shares = search.direct_next(
            Targets(Objective(aggregate, WEIGHTS), TOKENS),
            UNIFORM[None],
            SURFACE.mean(UNIFORM[None])[None],
            low,
            high,
        )
        assert search.inside(shares, low, high)
        assert shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("aggregate", ["macro", "soft_worst", "worst"])
@pytest.mark.parametrize(("limit", "cost"), [("loss", 6e-3), ("premium", 0.03), ("gini", 0.03)])
def test_direct_keeps_constraints_that_bind(aggregate, limit, cost):
    """Nearly as good as the optimum that SLSQP finds on the same surface, which also makes cheap corpora worse to meet
    a premium or Gini coefficient."""
    uniform = SURFACE.mean(UNIFORM[None])
    tokens = 1000 * np.ones((1, K))
    found = {
        "loss": NslLimit(uniform * np.array([[1.02, 1.02, 1.02, 0.98, 1.02, 1.02]])),
        "premium": PremiumLimit(0, 3, 1.25),
        "gini": GiniLimit(0, 0.04),
    }[limit]
    targets = Targets(Objective(aggregate, WEIGHTS), tokens)
    limits = np.full(K, 0.01), np.ones(K)
    free, limited = (
        search.direct(targets, lambda s: SURFACE.mean(s[None]), UNIFORM, *limits, constraints=c, rounds=40)
        for c in ((), (found,))
    )
    nsl = [SURFACE.mean(best_of(result)[None]) for result in (free, limited)]
    over = [found.excess(values, tokens).max() for values in nsl]
    best = search.surrogate(
        search.Problem(SURFACE, targets, *limits, constraints=(found,), errors=ERRORS), UNIFORM, kappa=0
    ).candidates[0]
    if aggregate == "macro":
        assert over[0] > 0.01
    assert over[1] <= 1e-4
    assert limited.notes["violation"] == pytest.approx(max(over[1], 0))
    assert limited.candidates[0].predicted == pytest.approx(best.predicted, rel=cost)


def test_adaptive_batch():
    given = np.random.default_rng(1).dirichlet(np.full(K, 3.0), 8)
    measured = SURFACE.mean(given)
    batch = search.propose_batch(problem("worst"), given, measured, 5, seed=3)
    assert np.array_equal(batch, search.propose_batch(problem("worst"), given, measured, 5, seed=3))
    assert not np.array_equal(
        batch[1:], search.propose_batch(problem("worst"), given, measured, 5, seed=4)[1:]
    )
    assert (batch <= 2 * given.max(axis=0) + 1e-9).all()
    everything = np.concatenate([given, batch])
    apart = np.abs(everything[:, None] - everything).sum(axis=-1) / 2 + np.eye(len(everything))
    assert apart[len(given) :].min() > 0.005
    found = search.adaptive(problem("worst"), everything, SURFACE.mean(everything))
    assert [candidate.name for candidate in found.candidates] == ["adaptive", "best_proxy"]
    assert found.candidates[0].predicted <= found.candidates[1].predicted
    # A batch near the optimum promises much against a bad best, and about nothing against one that nothing can beat.
    assert search.expected_gain(problem("worst"), batch, measured + 0.2) > 0.1
    assert search.expected_gain(problem("worst"), batch, np.full((1, K), 0.5)) == 0


def test_share_limits():
    corpora = ["a", "b", "c"]
    low, high = search.share_limits(
        corpora,
        np.array([0.5, 1, 1]),
        min_share=0.1,
        floors={"b": 0.2, "c": 0.05},
        ceilings={"c": 0.4, "a": 0.9},
    )
    assert low.tolist() == [0.1, 0.2, 0.1]
    assert high.tolist() == [0.5, 1, 0.4]
    with pytest.raises(ValueError, match=r"floors of shares name unknown corpora \['d'\]"):
        search.share_limits(corpora, floors={"d": 0.1})
    with pytest.raises(ValueError, match=r"share of a must be at least 0\.6 and at most 0\.5"):
        search.share_limits(corpora, np.array([0.5, 1, 1]), floors={"a": 0.6})
    with pytest.raises(ValueError, match=r"ceilings to 0\.3"):
        search.share_limits(corpora, np.full(3, 0.1))


def test_floors_above_the_support_hold():
    given = np.array([[0.2, 0.5, 0.3], [0.3, 0.3, 0.4]])
    low, high = search.support_limits(given, np.array([0.4, 0, 0]), np.array([1, 1, 0.2]))
    assert low.tolist() == [0.4, 0.3, 0.2]
    assert high.tolist() == [0.4, 0.5, 0.2]
    draws = np.random.default_rng(0).dirichlet(np.ones(3), 100)
    bounded = search.brought_within(lambda start, n: draws[start : start + n].copy(), low, high)
    assert search.inside(bounded(0, 100), low, high).all()
    free = search.brought_within(lambda start, n: draws[start : start + n].copy(), np.zeros(3), np.ones(3))
    assert np.array_equal(free(0, 100), draws)


def test_project():
    shares = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])
    low, high = np.array([0, 0, 0.2]), np.array([0.5, 1, 1])
    assert search.project(shares, low, high) == pytest.approx(np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3]]))
    # Of weights that cannot fill the sum, the others are raised.
    assert search.project(np.array([1.0, 0, 0]), np.zeros(3), np.full(3, 0.5)).sum() == pytest.approx(1)


def test_k_curve():
    def bowl(shares):
        return ((shares - UNIFORM) ** 2).sum(axis=1)

    draws = np.random.default_rng(0).dirichlet(np.ones(K), 1000)
    found = search.trex(bowl, draws=1000, top_k=100, sample=lambda start, n: draws[start : start + n])
    assert [row["k"] for row in found.table] == [1, 2, 4, 8, 16, 32, 64, 100]
    assert found.table[0]["predicted"] == found.candidates[1].predicted
    assert found.table[-1]["predicted"] == found.candidates[0].predicted
