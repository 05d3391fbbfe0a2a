"""Bounds of shares."""

import numpy as np
import pytest

from trex.mixtures.bounds import Bounds


def test_bounds_of_corpora():
    corpora = ["a", "b", "c"]
    bounds = Bounds.of_corpora(
        corpora,
        np.array([0.5, 1, 1]),
        min_share=0.1,
        floors={"b": 0.2, "c": 0.05},
        ceilings={"c": 0.4, "a": 0.9},
    )
    assert bounds.low.tolist() == [0.1, 0.2, 0.1]
    assert bounds.high.tolist() == [0.5, 1, 0.4]
    with pytest.raises(ValueError, match=r"floors of shares name unknown corpora \['d'\]"):
        Bounds.of_corpora(corpora, floors={"d": 0.1})
    with pytest.raises(ValueError, match=r"share of a must be at least 0\.6 and at most 0\.5"):
        Bounds.of_corpora(corpora, np.array([0.5, 1, 1]), floors={"a": 0.6})
    with pytest.raises(ValueError, match=r"ceilings to 0\.3"):
        Bounds.of_corpora(corpora, np.full(3, 0.1))


def test_mixtures_inside_and_outside():
    bounds = Bounds(np.array([0.2, 0]), np.array([1, 0.8]))
    shares = np.array([[0.2, 0.8], [0.1, 0.9], [0.2 - 1e-12, 0.8 + 1e-12]])
    assert bounds.contain(shares).tolist() == [True, False, True]
    assert bounds.contain(shares[0])
    shares = np.array([[0.5, 0.5], [0.05, 0.95], [0.3, 0.7]])
    bounds = Bounds.of_corpora(["a", "b"], floors={"a": 0.1}, ceilings={"b": 0.6})
    assert bounds.excess(shares) == pytest.approx([0, 0.35, 0.1])
    assert Bounds.of_corpora(["a", "b"]).excess(shares).tolist() == [0, 0, 0]


def test_floors_above_the_support_hold():
    given = np.array([[0.2, 0.5, 0.3], [0.3, 0.3, 0.4]])
    bounds = Bounds(np.array([0.4, 0, 0]), np.array([1, 1, 0.2])).within_support(given)
    assert bounds.low.tolist() == [0.4, 0.3, 0.2]
    assert bounds.high.tolist() == [0.4, 0.5, 0.2]


def test_project():
    bounds = Bounds(np.array([0, 0, 0.2]), np.array([0.5, 1, 1]))
    shares = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])
    assert bounds.project(shares) == pytest.approx(np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3]]))
    # Of weights that cannot fill the sum, the others are raised.
    halves = Bounds(np.zeros(3), np.full(3, 0.5))
    assert halves.project(np.array([1.0, 0, 0])).sum() == pytest.approx(1)
