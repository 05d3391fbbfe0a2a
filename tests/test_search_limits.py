"""Limits of an objective with real proxies of a small index: what a search proposes keeps them as it is measured."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from small_index import CORPORA, TOKENIZER, build_index

from trex.mixtures.baselines import uniform
from trex.mixtures.bounds import Bounds
from trex.mixtures.sampling import MixtureSampler
from trex.objective import constraints
from trex.objective.constraints import SLACK
from trex.objective.objective import Objective
from trex.proxies.tables import evaluation_arrays
from trex.proxies.train import Trainer
from trex.proxies.training_set import TrainingSet
from trex.search.limits import expected_excess, limits_table, with_existing, without_existing
from trex.search.problem import Problem
from trex.search.strategies.adaptive import Adaptive, propose_batch
from trex.search.strategies.direct import Direct
from trex.search.strategies.surrogate import Surrogate
from trex.surfaces.fit import fit_with_residuals

K = len(CORPORA)
SHARDS, S, V = 50, 500_000, 600
# the weights pull towards the first corpus, the limit away from that
WEIGHTS = {"aaa": 8, "bbb": 1, "ccc": 1, "ddd": 1}
SECTION = {
    "aggregate": "weighted",
    "weights": WEIGHTS,
    "evaluation_sets": ["held_out"],
    "max_loss": {"uniform": 2},
}
OBJECTIVE = Objective.from_config(SECTION, CORPORA)
FREE = Bounds(np.zeros(K), np.ones(K))


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return build_index(tmp_path_factory.mktemp("limits"), SHARDS)


@pytest.fixture(scope="module")
def measure(index):
    trainer = Trainer(index, TOKENIZER, S, [V])
    return lambda shares: trainer.nsl(shares, ["held_out"])


@pytest.fixture(scope="module")
def objective(index):
    return OBJECTIVE.on(evaluation_arrays(index.evaluation_rows, ["held_out"], CORPORA)[1])


def limits(measure):
    return OBJECTIVE.constraints({"uniform": measure(uniform(K))})


def by_direct(measure, objective, limited):
    return Direct(rounds=24).optimise(
        objective, measure, uniform(K), FREE, limits(measure) if limited else ()
    )


def on_surface(measure, objective, limited, given):
    """The problem on a surface fitted to proxies at mixtures [n, k], and these proxies."""
    training = TrainingSet(given, np.stack([objective.flat(measure(shares)) for shares in given]), objective)
    surface, errors = fit_with_residuals(given, training.targets, "gaussian_process", own=objective.own)
    return Problem(surface, objective, FREE, limits(measure) if limited else (), errors), training


def random_mixtures(n):
    return MixtureSampler(1, uniform(K), (1, 4)).mixtures(range(n))


def by_surrogate(measure, objective, limited):
    given = random_mixtures(64)
    problem, _ = on_surface(measure, objective, limited, given)
    return Surrogate().optimise(problem.within_support(given), uniform(K))


def by_adaptive(measure, objective, limited):
    given = random_mixtures(16)
    for seed in range(2):
        problem, training = on_surface(measure, objective, limited, given)
        given = np.concatenate([given, propose_batch(problem, training, 6, seed=seed)])
    return Adaptive().recommend(*on_surface(measure, objective, limited, given))


@pytest.mark.parametrize("strategy", [by_direct, by_surrogate, by_adaptive])
def test_limits_hold_as_measured(strategy, measure, objective):
    values, over = [], []
    for limited in (False, True):
        for candidate in strategy(measure, objective, limited).candidates:
            nsl = measure(candidate.shares)
            values.append(float(objective.of_nsl(nsl)))
            over.append(float(constraints.violation(limits(measure), nsl, objective.reference_tokens)))
    free, limited = np.split(np.array(over), 2)
    assert (free > 0.02).all()  # the limit binds
    assert (limited <= SLACK).all()
    # and something can be gained within it
    assert values[len(free)] < float(objective.of_nsl(measure(uniform(K))))


def test_limits_of_an_existing_tokenizer_are_scaled_to_proxies():
    key = {"evaluation_set": ["held_out"] * 2, "corpus": ["aaa", "ccc"]}
    documents = pl.DataFrame(
        {
            "evaluation_set": ["held_out"] * 3, "corpus": ["aaa", "ccc", "aaa"],
            "tokens": [60, 50, 30], "reference_tokens": [50, 100, 50],
        }
    )  # fmt: skip
    # from proxies to full scale, aaa falls to a half and ccc to 80 %
    table = limits_table(
        {"v1": documents}, pl.DataFrame(key | {"nsl": [2.0, 1.0]}), pl.DataFrame(key | {"nsl": [1.0, 0.8]})
    )
    objective = Objective.from_config(SECTION | {"max_loss": {"v1": 10}}, CORPORA)
    assert with_existing(objective, [table], "full").existing["v1"] == pytest.approx(
        np.array([[0.9, 0, 0.5, 0]])
    )
    for_proxies = with_existing(objective, [table], "proxies")
    assert for_proxies.existing["v1"] == pytest.approx(np.array([[1.8, 0, 0.625, 0]]))
    excess = constraints.excesses(
        for_proxies.constraints({}), np.array([[1.8, 9, 0.75, 9]]), np.array([[100, 0, 100, 0]])
    )
    assert excess == pytest.approx([1 / 1.1 - 1, 1.2 / 1.1 - 1])
    # of mixtures, mean over draws
    nsl = {"good": (1.9, 0.6), "bad": (2.2, 0.6)}
    rows = [
        (name, draw, "held_out", corpus, V, value * (1 + draw / 10), 100)
        for name, both in nsl.items()
        for draw in (0, 1)
        for corpus, value in zip(("aaa", "ccc"), both, strict=True)
    ]
    keys = ["name", "draw", "evaluation_set", "corpus", "vocab_size", "nsl", "reference_tokens"]
    objective = replace(objective, corpora=("aaa", "ccc"), vocab_size=V)
    found = expected_excess(pl.DataFrame(rows, schema=keys, orient="row"), objective, [table])
    assert found == {
        "good": pytest.approx((1.9 * 1.1 / 1.98 - 1) / 2), "bad": pytest.approx(2.2 * 1.05 / 1.98 - 1),
    }  # fmt: skip
    assert expected_excess(pl.DataFrame(), objective, []) is None
    assert without_existing(replace(objective, max_loss={"v1": 1, "uniform": 2}), [table]).max_loss == {
        "uniform": 2
    }
