"""Metrics, each on numbers that can be checked by hand."""

import numpy as np
import pytest

from trex.objective import metrics

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
