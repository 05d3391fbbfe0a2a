"""Baselines, and the mixture that matches the evaluation text."""

import numpy as np
import pytest

from trex.mixtures import baselines


def test_baselines():
    available = np.array([900, 100, 0])
    assert baselines.uniform(4).tolist() == [0.25] * 4
    assert baselines.natural(available).tolist() == [0.9, 0.1, 0]
    # square roots .949 and .316, divided by their sum
    assert baselines.tempered(available, 0.5) == pytest.approx([0.75, 0.25, 0])


def test_matched():
    # 1/2 * 400/100 : 1/2 * 600/50 = 2 : 6
    assert baselines.matched([0.5, 0.5], [400, 600], [100, 50]) == pytest.approx([0.25, 0.75])
    # A second set where all the weight is on the first corpus: 2 + 4 : 6
    two_sets = [[0.5, 0.5], [1, 0]], [[400, 600], [40, 60]], [[100, 50], [10, 5]]
    assert baselines.matched(*map(np.array, two_sets)) == pytest.approx([0.5, 0.5])


def test_resolve():
    corpora, available = ["eng", "deu"], np.array([3, 1])
    assert baselines.resolve("uniform", corpora, available).tolist() == [0.5, 0.5]
    assert baselines.resolve("natural", corpora, available).tolist() == [0.75, 0.25]
    assert baselines.resolve({"tempered": 0}, corpora, available).tolist() == [0.5, 0.5]
    assert baselines.resolve({"shares": {"deu": 20}}, corpora, available).tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"unknown corpora \['fra'\]; the config has \['eng', 'deu'\]"):
        baselines.resolve({"shares": {"fra": 1}}, corpora, available)
    with pytest.raises(ValueError, match="a mixture is uniform, natural"):
        baselines.resolve({"tempered": 1, "shares": {}}, corpora, available)
