"""Constraints on numbers that can be checked by hand."""

import numpy as np
import pytest

from trex import constraints

# Set 0 is held-out text of corpora a, b, c; set 1 is parallel and has no c.
NSL = np.array([[1.0, 1.2, 1.1], [1.0, 1.5, 0.0]])
TOKENS = np.array([[100, 100, 100], [100, 200, 0]])
CONFIG = {"evaluation_sets": ["held_out"], "max_loss": {"uniform": 10}, "parallel_set": "udhr"}
CONFIG |= {"max_gini": 0.2, "max_premium": 2.0, "pivot": "a"}
BASELINES = {"uniform": np.array([[1.0, 1.0, 1.1], [1.0, 1.0, 0.0]])}


def build(**changes):
    return constraints.from_config(CONFIG | changes, ["a", "b", "c"], ["held_out", "udhr"], BASELINES)


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
        ({"max_loss": {"natural": 1}}, "baseline 'natural' is unknown; known are ..uniform"),
        ({"pivot": "d"}, "pivot 'd' is unknown; known are ..a', 'b', 'c"),
        ({"parallel_set": "flores"}, "parallel_set 'flores' is unknown"),
        ({"evaluation_sets": ["dev"]}, "evaluation set 'dev' is unknown"),
    ],
)
def test_unknown_names_are_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)
