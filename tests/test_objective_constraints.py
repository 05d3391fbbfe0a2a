"""Constraints on numbers that can be checked by hand."""

import numpy as np
import pytest

from trex.objective import constraints
from trex.objective.objective import Objective

# Set 0 is held-out text of corpora a, b, c; set 1 is parallel and has no c.
NSL = np.array([[1.0, 1.2, 1.1], [1.0, 1.5, 0.0]])
TOKENS = np.array([[100, 100, 100], [100, 200, 0]])
CONFIG = {
    "aggregate": "macro",
    "evaluation_sets": ["held_out"],
    "max_loss": {"uniform": 10},
    "parallel_set": "udhr",
}
CONFIG |= {"max_gini": 0.2, "max_premium": 2.0, "pivot": "a"}
BASELINES = {"uniform": np.array([[1.0, 1.0, 1.1], [1.0, 1.0, 0.0]])}


def build(**changes):
    return Objective.from_config(CONFIG | changes, ["a", "b", "c"]).constraints(BASELINES)


def test_excess_by_hand():
    excess = constraints.excesses(build(), NSL, TOKENS)
    # 10 % over uniform allows 1.1, 1.1, 1.21 on held-out text. Parallel: 100 and 300 tokens, Gini .25, premium 3.
    assert excess == pytest.approx([1 / 1.1 - 1, 1.2 / 1.1 - 1, 1.1 / 1.21 - 1, 0.25, -0.5, 0.5])
    assert constraints.violation(build(), NSL, TOKENS) == pytest.approx(0.5)
    assert constraints.violation((), NSL, TOKENS) == 0
    only_loss = build(max_gini=None, max_premium=None)
    assert constraints.violation(only_loss, np.stack([NSL, NSL - 0.2]), TOKENS) == pytest.approx(
        [0.1 / 1.1, 0]
    )


def test_gradient_against_finite_differences():
    found = build()
    nsl = np.stack([NSL, NSL + np.array([[0.1, 0.2, 0.3], [0.4, -0.7, 0]])])
    gradient = np.concatenate([c.gradient(nsl, TOKENS) for c in found], axis=-3)
    for s, i in np.argwhere(TOKENS > 0):
        step = np.zeros(NSL.shape)
        step[s, i] = 1e-6
        up, down = (constraints.excesses(found, nsl + sign * step, TOKENS) for sign in (1, -1))
        assert gradient[..., s, i] == pytest.approx((up - down) / 2e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_loss": {"natural": 1}}, "baseline 'natural' is unknown; write one of uniform"),
        ({"pivot": "d"}, "pivot 'd' is unknown; write one of a, b, c"),
    ],
)
def test_unknown_names_are_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_sets_of_the_objective_and_of_its_limits():
    def sets(**changes):
        return Objective.from_config(CONFIG | changes, ["a", "b", "c"]).evaluation_sets

    assert sets() == ["held_out", "udhr"]
    assert sets(evaluation_sets=["udhr", "held_out"]) == ["udhr", "held_out"]
    assert sets(max_gini=None, max_premium=None) == ["held_out"]


def test_objective_of_targets_counts_the_first_sets_alone():
    objective = Objective.from_config(CONFIG, ["a", "b", "c"]).on(TOKENS)
    assert objective.columns == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    assert objective.own.tolist() == [0, 1, 2, 0, 1]
    flat = objective.flat(NSL)
    assert flat.tolist() == [1, 1.2, 1.1, 1, 1.5]
    assert objective.nsl(flat).tolist() == NSL.tolist()
    assert objective(flat) == objective.of_nsl(NSL) == pytest.approx(1.1)
    assert objective.gradient(flat) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0])


def test_objective_of_resampled_tokens():
    objective = Objective.from_config(
        CONFIG | {"evaluation_sets": ["udhr"], "aggregate": "worst"}, ["a", "b", "c"]
    )
    tokens = np.array([[[[1, 1, 1], [100, 300, 0]], [[1, 1, 1], [150, 100, 0]]]], float)  # two tokenizers
    found = objective.of_tokens(tokens, TOKENS[None].astype(float), ["held_out", "udhr"])
    assert found.tolist() == [[1.5, 1.5]]
