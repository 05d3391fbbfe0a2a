"""Aggregates of NSL, on numbers that can be checked by hand."""

import numpy as np
import pytest

from trex.objective import metrics
from trex.objective.aggregate import AGGREGATES, Aggregate

REFERENCE = np.array([100, 200])
NSL = np.array([[1.0, 1.5], [2.0, 1.0]])  # two mixtures, two corpora


@pytest.mark.parametrize(
    ("config", "values", "weights"),
    [
        ({"aggregate": "macro"}, [1.25, 1.5], [0.5, 0.5]),
        ({"aggregate": "pooled"}, [4 / 3, 4 / 3], [1 / 3, 2 / 3]),
        ({"aggregate": "worst"}, [1.5, 2.0], None),
        ({"aggregate": "weighted", "weights": {"eng": 3, "deu": 1}}, [1.125, 1.75], [0.75, 0.25]),
        ({"aggregate": "weighted", "weights": {"deu": 1}}, [1.5, 1.0], [0, 1]),
    ],
)
def test_aggregates_by_hand(config, values, weights):
    aggregate = Aggregate.from_config(config, ["eng", "deu"])
    assert aggregate.value(NSL, REFERENCE) == pytest.approx(values)
    v = aggregate.linear_weights(REFERENCE)
    assert v is None if weights is None else v == pytest.approx(weights)
    # The same set twice changes nothing; weights come per set.
    two_sets = np.stack([REFERENCE, REFERENCE])
    assert aggregate.mean_over_sets(np.stack([NSL, NSL], axis=1), two_sets) == pytest.approx(values)
    if weights:
        assert aggregate.linear_weights(two_sets) == pytest.approx(np.array([weights, weights]))


def test_aggregate_over_sets_is_the_mean_of_the_sets():
    nsl = np.array([[1.0, 2.0], [3.0, 4.0]])  # one mixture, two sets
    tokens = np.array([[1, 1], [1, 3]])
    assert (
        Aggregate.from_config({"aggregate": "pooled"}, ["a", "b"]).mean_over_sets(nsl, tokens)
        == (1.5 + 3.75) / 2
    )
    assert (
        Aggregate.from_config({"aggregate": "worst"}, ["a", "b"]).mean_over_sets(nsl, tokens) == (2 + 4) / 2
    )


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"aggregate": "mean"}, "one of macro, pooled, worst, weighted, soft_worst; got 'mean'"),
        ({"aggregate": "weighted"}, "weights go with aggregate: weighted"),
        (
            {"aggregate": "macro", "weights": {"eng": 1}},
            "weights go with aggregate: weighted; got aggregate: macro",
        ),
        ({"aggregate": "weighted", "weights": {"fra": 1}}, r"unknown corpora \['fra'\]"),
        ({"aggregate": "weighted", "weights": {"eng": -1}}, "must be 0 or more"),
        ({"aggregate": "soft_worst", "sharpness": 0}, "must be above 0"),
    ],
)
def test_aggregate_errors(config, message):
    with pytest.raises(ValueError, match=message):
        Aggregate.from_config(config, ["eng", "deu"])


def test_soft_worst_lies_between_macro_and_worst():
    aggregate = Aggregate.from_config({"aggregate": "soft_worst", "sharpness": 2.0}, ["eng", "deu"])
    by_hand = np.log((np.exp(2 * 1.0) + np.exp(2 * 1.5)) / 2) / 2
    assert aggregate.value(NSL[0], REFERENCE) == pytest.approx(by_hand)
    assert aggregate.linear_weights(REFERENCE) is None
    soft = [metrics.soft_worst(NSL, sharpness) for sharpness in (1e-4, 20, 1e4)]
    assert soft[0] == pytest.approx(metrics.macro(NSL), abs=1e-4)
    assert soft[2] == pytest.approx(metrics.worst(NSL), abs=1e-3)
    assert (metrics.worst(NSL) - np.log(2) / 20 <= soft[1]).all()


@pytest.mark.parametrize("kind", AGGREGATES)
def test_gradient_against_finite_differences(kind):
    random = np.random.default_rng(0)
    aggregate = Aggregate(kind, np.array([1.0, 0, 2]))
    nsl, tokens = random.uniform(1, 2, (4, 2, 3)), random.integers(50, 100, (2, 3))
    gradient = aggregate.gradient(nsl, tokens)
    assert gradient.sum(axis=(-1, -2)) == pytest.approx(1)
    for s, i in np.ndindex(2, 3):
        step = np.zeros((2, 3))
        step[s, i] = 1e-6
        up, down = (aggregate.mean_over_sets(nsl + sign * step, tokens) for sign in (1, -1))
        assert gradient[:, s, i] == pytest.approx((up - down) / 2e-6, abs=1e-6)


def test_average_of_what_is_about_the_worst_is_macro():
    weights = np.array([3.0, 1])
    kinds = {kind: Aggregate(kind, weights).average().kind for kind in AGGREGATES}
    assert kinds == {
        "macro": "macro", "pooled": "pooled", "weighted": "weighted", "worst": "macro", "soft_worst": "macro",
    }  # fmt: skip
