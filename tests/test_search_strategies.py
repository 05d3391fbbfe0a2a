"""Search strategies on a surface whose optima are known (power_law.py), with six corpora."""

from dataclasses import replace

import numpy as np
import pytest
from power_law import PowerLaw

from trex.mixtures.bounds import Bounds
from trex.objective.aggregate import Aggregate
from trex.objective.constraints import GiniLimit, NslLimit, PremiumLimit
from trex.objective.targets import TargetObjective
from trex.proxies.training_set import TrainingSet
from trex.search.minimise import Program
from trex.search.pareto import pareto_front
from trex.search.problem import Problem
from trex.search.strategies.adaptive import Adaptive, expected_gain, propose_batch
from trex.search.strategies.direct import Direct
from trex.search.strategies.surrogate import Surrogate

SURFACE = PowerLaw([0.7, 0.6, 0.8, 0.5, 0.65, 0.75], [0.12, 0.1, 0.15, 0.08, 0.2, 0.1])
K = 6
UNIFORM = np.full(K, 1 / K)
TOKENS = np.ones((1, K))
WEIGHTS = np.array([3.0, 1, 1, 1, 1, 1]) / 8
FREE = Bounds(np.zeros(K), np.ones(K))
ERRORS = np.random.default_rng(0).standard_normal((64, K))


def objective_of(aggregate, tokens=TOKENS):
    return TargetObjective(Aggregate(aggregate, WEIGHTS), tokens)


def problem(aggregate, low=0.0, high=1.0, **others):
    bounds = Bounds(np.full(K, low), np.full(K, high))
    return Problem(SURFACE, objective_of(aggregate), bounds, errors=ERRORS, **others)


def nsl(shares):
    """What a proxy measures, [1, K]."""
    return SURFACE.mean(shares[None])


def measured(shares):
    return TrainingSet(shares, SURFACE.mean(shares), objective_of("worst"))


def best_of(found):
    return found.candidates[0].shares


def value_at(shares, objective):
    return float(objective(SURFACE.mean(shares[None]))[0])


def value_of(found, objective):
    return value_at(best_of(found), objective)


@pytest.mark.parametrize(
    ("aggregate", "optimum"),
    [
        ("macro", SURFACE.optimum(np.full(K, 1 / K))),
        ("weighted", SURFACE.optimum(WEIGHTS)),
        ("worst", SURFACE.equaliser()),
    ],
)
def test_surrogate_finds_the_optimum(aggregate, optimum):
    found = Surrogate().optimise(problem(aggregate), UNIFORM)
    assert best_of(found) == pytest.approx(optimum, abs=2e-3)
    objective = objective_of(aggregate)
    assert value_of(found, objective) == pytest.approx(value_at(optimum, objective), abs=1e-5)
    again = Surrogate().optimise(problem(aggregate), UNIFORM)
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
        objective=objective_of("pooled", tokens),
        errors=np.ones((2, 2 * K - 1)),
    )
    weights = np.array([1 / 6 + 1 / 5] * 5 + [1 / 6]) / 2
    assert best_of(Surrogate().optimise(both, UNIFORM)) == pytest.approx(SURFACE.optimum(weights), abs=2e-3)
    first = replace(both, objective=replace(both.objective, counted=1))
    assert best_of(Surrogate().optimise(first, UNIFORM)) == pytest.approx(
        SURFACE.optimum(np.full(K, 1 / 6)), abs=2e-3
    )


def test_limits_and_constraints_are_respected():
    tight = problem("worst", low=0.05, high=0.3)
    for shares in (
        best_of(Surrogate().optimise(tight, UNIFORM)),
        *propose_batch(tight, measured(UNIFORM[None]), 3),
    ):
        assert shares.sum() == pytest.approx(1)
        assert tight.bounds.contain(shares)
    # No corpus 1 % worse than uniform: the mean improves within that limit, and the limit binds.
    limits = 1.01 * SURFACE.mean(UNIFORM[None])
    free, limited = (
        Surrogate(kappa=0).optimise(problem("macro", constraints=c), UNIFORM)
        for c in ((), (NslLimit(limits),))
    )
    excess = [(SURFACE.mean(best_of(found)[None]) / limits).max() - 1 for found in (free, limited)]
    assert excess[0] > 0.01
    assert excess[1] == pytest.approx(0, abs=1e-5)
    uniform_value = SURFACE.mean(UNIFORM[None]).mean()
    free, limited = (value_of(found, objective_of("macro")) for found in (free, limited))
    assert free < limited < uniform_value
    impossible = problem("macro", constraints=(NslLimit(limits / 2),))
    assert Surrogate().optimise(impossible, UNIFORM).notes["violation"] > 0.1


def test_surface_without_gradients_is_refused():
    flat = PowerLaw(SURFACE.a, SURFACE.b)
    flat.has_gradient = False
    with pytest.raises(ValueError, match="use the strategy paper"):
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
    front = pareto_front(problem("macro"), UNIFORM, points=6, kappa=0)
    average, largest = (np.array([getattr(point, key) for point in front]) for key in ("average", "worst"))
    assert len(front) >= 5
    assert (np.diff(average) > 0).all()
    assert (np.diff(largest) < 0).all()
    assert front[0].shares == pytest.approx(SURFACE.optimum(np.full(K, 1 / K)), abs=2e-3)
    assert front[-1].shares == pytest.approx(SURFACE.equaliser(), abs=2e-3)
    assert [front[i].name for i in (0, -1)] == ["pareto_000", "pareto_100"]


@pytest.mark.parametrize("aggregate", ["macro", "worst"])
def test_no_row_of_the_front_is_dominated_whatever_the_reserve(aggregate):
    """Chosen with the reserve and shown without it, the worst corpus would rise here from one row to the next."""

    class Uncertain(PowerLaw):
        STD = np.array([0.04, 0, 0.02, 0, 0, 0])

    unsure = replace(problem(aggregate), surface=Uncertain(SURFACE.a, SURFACE.b))
    front = pareto_front(unsure, UNIFORM, kappa=2.0)
    average, largest = (np.array([getattr(point, key) for point in front]) for key in ("average", "worst"))
    assert len(front) >= 3
    assert (np.diff(average) > 0).all()
    assert (np.diff(largest) < 0).all()
    # what is shown is the prediction, without the reserve
    shares = np.stack([point.shares for point in front])
    assert average == pytest.approx(SURFACE.mean(shares).mean(axis=1))
    assert largest == pytest.approx(SURFACE.mean(shares).max(axis=1))


@pytest.mark.parametrize(
    ("aggregate", "tolerance"), [("worst", 1e-3), ("weighted", 1e-3), ("soft_worst", 2e-3)]
)
def test_direct_converges(aggregate, tolerance):
    found = Direct(rounds=40).optimise(objective_of(aggregate), nsl, UNIFORM, FREE)
    objective = objective_of(aggregate)
    best = value_of(Surrogate(kappa=0).optimise(problem(aggregate), UNIFORM), objective)
    assert value_of(found, objective) == pytest.approx(best, rel=tolerance)
    assert min(row["value"] for row in found.table) == pytest.approx(value_of(found, objective))
    assert len(found.table) == 40
    if aggregate == "worst":
        assert found.notes["nsl_range"] < 0.005


def test_direct_respects_bounds():
    bounds = Bounds(np.full(K, 0.1), np.full(K, 0.2))
    for aggregate in ("worst", "weighted"):
        history = UNIFORM[None], nsl(UNIFORM)[None]
        shares = Direct().next_mixture(objective_of(aggregate), *history, bounds)
        assert bounds.contain(shares)
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
    objective, bounds = objective_of(aggregate, tokens), Bounds(np.full(K, 0.01), np.ones(K))
    free, limited = (Direct().optimise(objective, nsl, UNIFORM, bounds, c) for c in ((), (found,)))
    over = [found.excess(nsl(best_of(result)), tokens).max() for result in (free, limited)]
    on_surface = Problem(SURFACE, objective, bounds, (found,), ERRORS)
    best = Surrogate(kappa=0).optimise(on_surface, UNIFORM)
    if aggregate == "macro":
        assert over[0] > 0.01
    assert over[1] <= 1e-4
    assert limited.notes["violation"] == pytest.approx(max(over[1], 0))
    assert value_of(limited, objective) == pytest.approx(value_of(best, objective), rel=cost)


def test_adaptive_batch():
    given = measured(np.random.default_rng(1).dirichlet(np.full(K, 3.0), 8))
    batch = propose_batch(problem("worst"), given, 5, seed=3)
    assert np.array_equal(batch, propose_batch(problem("worst"), given, 5, seed=3))
    assert not np.array_equal(batch[1:], propose_batch(problem("worst"), given, 5, seed=4)[1:])
    assert (batch <= 2 * given.shares.max(axis=0) + 1e-9).all()
    everything = measured(np.concatenate([given.shares, batch]))
    apart = np.abs(everything.shares[:, None] - everything.shares).sum(axis=-1) / 2 + np.eye(13)
    assert apart[len(given) :].min() > 0.005
    found = Adaptive().recommend(problem("worst"), everything)
    assert tuple(candidate.name for candidate in found.candidates) == Adaptive.candidates
    adaptive, best_proxy = (value_at(c.shares, objective_of("worst")) for c in found.candidates)
    assert adaptive <= best_proxy
    # A batch near the optimum promises much against a bad best, and about nothing against one that nothing can beat.
    assert expected_gain(problem("worst"), batch, given.targets + 0.2) > 0.1
    assert expected_gain(problem("worst"), batch, np.full((1, K), 0.5)) == 0
