"""Metrics, each on numbers that can be checked by hand."""

import numpy as np
import pytest
from trex.metrics import Objective

from trex import metrics

# Two mixtures, two corpora.
TOKENS = np.array([[100, 300], [200, 200]])
REFERENCE = np.array([100, 200])
NSL = np.array([[1.0, 1.5], [2.0, 1.0]])


def test_compression():
    assert metrics.nsl(TOKENS, REFERENCE).tolist() == NSL.tolist()
    assert metrics.macro(NSL).tolist() == [1.25, 1.5]
    assert metrics.pooled(TOKENS, REFERENCE) == pytest.approx([400 / 300, 400 / 300])
    assert metrics.worst(NSL).tolist() == [1.5, 2.0]
    assert metrics.weighted(NSL, np.array([3, 1])) == pytest.approx([1.125, 1.75])
    assert metrics.bytes_per_token(1000, 250) == 4
    assert metrics.fertility(150, 100) == 1.5
    assert metrics.token_premium(TOKENS, pivot_index=0).tolist() == [[1, 3], [1, 1]]


def test_gini():
    assert metrics.gini([2, 2, 2]) == 0
    assert metrics.gini([0, 0, 0, 1]) == 0.75  # 1 - 1/k
    x = np.array([[1.0, 5, 2, 3], [1, 1, 1, 5]])
    by_pairs = np.abs(x[:, :, None] - x[:, None]).sum(axis=(1, 2)) / (2 * 16 * x.mean(axis=1))
    assert metrics.gini(x) == pytest.approx(by_pairs)


def test_vocabulary():
    assert metrics.renyi_efficiency([7, 7, 7, 7]) == pytest.approx(1)
    assert metrics.renyi_efficiency([7, 7, 0, 0]) == pytest.approx(0.5)  # log 2 / log 4, at every order
    # order 2: -log(.75^2 + .25^2) / log 2 = -log2(.625)
    assert metrics.renyi_efficiency([3, 1], alpha=2) == pytest.approx(-np.log2(0.625))
    assert metrics.renyi_efficiency([3, 1], alpha=1) == pytest.approx(
        metrics.renyi_efficiency([3, 1], alpha=1 + 1e-7), rel=1e-5
    )
    assert metrics.vocabulary_use([3, 0, 1, 0]) == 0.5


def test_words():
    tokens, frequencies = np.array([1, 1, 2, 5, 3]), np.array([6, 1, 2, 1, 0])
    assert metrics.continued_word_rate(tokens, frequencies) == 0.3
    assert metrics.strr(tokens, frequencies) == 0.5


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
def test_objective(config, values, weights):
    objective = Objective.from_config(config, ["eng", "deu"])
    assert objective.value(NSL, REFERENCE) == pytest.approx(values)
    v = objective.linear_weights(REFERENCE)
    assert v is None if weights is None else v == pytest.approx(weights)
    # The same set twice changes nothing; weights come per set.
    two_sets = np.stack([REFERENCE, REFERENCE])
    assert objective.mean_over_sets(np.stack([NSL, NSL], axis=1), two_sets) == pytest.approx(values)
    if weights:
        assert objective.linear_weights(two_sets) == pytest.approx(np.array([weights, weights]))


def test_objective_over_sets_is_the_mean_of_the_sets():
    nsl = np.array([[1.0, 2.0], [3.0, 4.0]])  # one mixture, two sets
    tokens = np.array([[1, 1], [1, 3]])
    assert (
        Objective.from_config({"aggregate": "pooled"}, ["a", "b"]).mean_over_sets(nsl, tokens)
        == (1.5 + 3.75) / 2
    )
    assert (
        Objective.from_config({"aggregate": "worst"}, ["a", "b"]).mean_over_sets(nsl, tokens) == (2 + 4) / 2
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
def test_objective_errors(config, message):
    with pytest.raises(ValueError, match=message):
        Objective.from_config(config, ["eng", "deu"])


def test_soft_worst_lies_between_macro_and_worst():
    objective = Objective.from_config({"aggregate": "soft_worst", "sharpness": 2.0}, ["eng", "deu"])
    by_hand = np.log((np.exp(2 * 1.0) + np.exp(2 * 1.5)) / 2) / 2
    assert objective.value(NSL[0], REFERENCE) == pytest.approx(by_hand)
    assert objective.linear_weights(REFERENCE) is None
    soft = [metrics.soft_worst(NSL, sharpness) for sharpness in (1e-4, 20, 1e4)]
    assert soft[0] == pytest.approx(metrics.macro(NSL), abs=1e-4)
    assert soft[2] == pytest.approx(metrics.worst(NSL), abs=1e-3)
    assert (metrics.worst(NSL) - np.log(2) / 20 <= soft[1]).all()


@pytest.mark.parametrize("aggregate", ["macro", "pooled", "weighted", "worst", "soft_worst"])
def test_gradient_of_the_objective_against_finite_differences(aggregate):
    random = np.random.default_rng(0)
    objective = Objective(aggregate, np.array([1.0, 0, 2]))
    nsl, tokens = random.uniform(1, 2, (4, 2, 3)), random.integers(50, 100, (2, 3))
    gradient = objective.gradient(nsl, tokens)
    assert gradient.sum(axis=(-1, -2)) == pytest.approx(1)
    for s, i in np.ndindex(2, 3):
        step = np.zeros((2, 3))
        step[s, i] = 1e-6
        up, down = (objective.mean_over_sets(nsl + sign * step, tokens) for sign in (1, -1))
        assert gradient[:, s, i] == pytest.approx((up - down) / 2e-6, abs=1e-6)
