"""Random mixtures: their law, streams, and the caps that the available text sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trex.mixtures import baselines
from trex.mixtures.bounds import share_caps
from trex.mixtures.sampling import MixtureSampler, asked_shares, cap, support

PRIOR = np.array([0.5, 0.3, 0.2])


@pytest.mark.parametrize(
    ("shares", "caps", "floor", "expected"),
    [
        ([0.5, 0.3, 0.2], [0.4, 1, 1], 0, [0.4, 0.36, 0.24]),  # .1 is handed out 3 : 2
        ([0.5, 0.3, 0.2], [0.4, 0.35, 1], 0, [0.4, 0.35, 0.25]),  # which fills the second, too
        ([1, 0, 0], [0.4, 0.4, 0.8], 0, [0.4, 0.2, 0.4]),  # nobody else has a share: by room, 1 : 2
        ([0.6, 0.3, 0.1], [0.5, 1, 1], 0.1, [0.5, 0.4, 0.1]),  # nothing for who is at the floor
        ([1, 0, 0], [1, 1, 1], 0.1, [0.8, 0.1, 0.1]),
        ([0.5, 0.3, 0.2], [0.5, 0.5, 0.5], 0.1, [0.5, 0.3, 0.2]),
    ],
)
def test_cap(shares, caps, floor, expected):
    assert cap(np.array(shares), np.array(caps), floor) == pytest.approx(expected)


def test_limits_that_cannot_be_met():
    with pytest.raises(
        ValueError, match=r"S of 300 bytes needs at least 1.5 epochs of the 200 bytes .* 200 or less"
    ):
        share_caps(np.array([150, 50]), train_bytes=300, max_epochs=1)
    with pytest.raises(ValueError, match=r"needs 1.25 times the epochs"):
        cap(PRIOR, np.array([0.4, 0.2, 0.2]))
    with pytest.raises(
        ValueError, match=r"corpus number 2 allows a share of at most 0.05, below the floor of 0.1"
    ):
        cap(PRIOR, np.array([1, 1, 0.05]), floor=0.1)
    with pytest.raises(ValueError, match=r"at most 0.3333"):
        cap(PRIOR, np.ones(3), floor=0.4)


def test_share_caps():
    assert share_caps(np.array([150, 50]), train_bytes=200, max_epochs=2).tolist() == [1, 0.5]
    exact = share_caps(np.array([1, 2, 4]), train_bytes=7, max_epochs=1)
    assert cap(baselines.uniform(3), exact) == pytest.approx([1 / 7, 2 / 7, 4 / 7])


@given(
    weights=st.lists(st.floats(0, 1), min_size=2, max_size=12).filter(any),
    tightness=st.floats(0, 1),
    seed=st.integers(0, 9),
    floor_share=st.floats(0, 1),
)
def test_cap_properties(weights, tightness, seed, floor_share):
    k = len(weights)
    shares = np.array(weights) / sum(weights)
    slack = np.random.default_rng(seed).dirichlet(np.ones(k))
    caps = slack * (1 + 3 * tightness)
    floor = floor_share * min(caps.min(), 1 / k)
    capped = cap(np.stack([shares, slack]), caps, floor)
    assert capped.sum(axis=1) == pytest.approx([1, 1], abs=1e-9)
    assert (capped <= np.minimum(caps, 1)).all()
    assert (capped >= floor - 1e-12).all()
    # Rows do not disturb each other, and capping again changes nothing.
    assert capped[0].tolist() == cap(shares, caps, floor).tolist()
    assert cap(capped, caps, floor) == pytest.approx(capped, abs=1e-12)
    # Among those that are neither full nor at the floor, what is above the floor keeps its proportions.
    free = (capped[0] < caps - 1e-9) & (shares > floor + 1e-6) & (caps < 1)
    if free.sum() > 1:
        ratios = (capped[0][free] - floor) / (shares[free] - floor)
        assert ratios == pytest.approx(np.full(free.sum(), ratios[0]), rel=1e-6)


@given(
    mixture_id=st.integers(0, 10**6),
    k=st.integers(2, 25),
    low=st.floats(1e-7, 10),
    spread=st.floats(1, 100),
    min_share=st.floats(0, 1),
)
def test_sample_properties(mixture_id, k, low, spread, min_share):
    prior = np.arange(1.0, k + 1)
    caps, floor = np.full(k, 1.5 / k), min_share / k
    shares = MixtureSampler(1, prior, (low, low * spread), floor, caps).mixture(mixture_id)
    assert shares.sum() == pytest.approx(1)
    assert (shares <= caps).all()
    assert (shares >= floor - 1e-12).all()


def test_samples_are_stable():
    """Golden values: if these change, so do everybody's mixtures, and finished proxies are lost."""
    settings = {"seed": 42, "prior": PRIOR, "strength": (0.3, 3), "min_share": 0.01, "caps": np.full(3, 0.6)}
    golden = [
        [0.3375103179989492, 0.24788639960439568, 0.41460328239665517],
        [0.6, 0.017689761753838622, 0.3823102382461614],
        [0.6, 0.3899961747080019, 0.010003825291998123],
    ]
    np.testing.assert_allclose(MixtureSampler(**settings).mixtures([0, 1, 7]), golden, rtol=1e-12)
    more = MixtureSampler(**settings).mixtures(range(20))
    assert more[[0, 1, 7]].tolist() == MixtureSampler(**settings).mixtures([0, 1, 7]).tolist()
    assert len(np.unique(more, axis=0)) == 20


def test_tiny_alpha_is_one_corpus():
    shares = MixtureSampler(0, PRIOR, (1e-9, 1e-6)).mixtures(range(400))
    assert set(shares.max(axis=1)) == {1.0}
    assert shares.mean(axis=0) == pytest.approx(PRIOR, abs=0.1)  # 4 sd
    assert MixtureSampler(0, [1, 0], (1, 1)).mixture(0).tolist() == [1, 0]


def test_law_is_dirichlet():
    """Mean p and variance p (1 - p) / (s k + 1) at a fixed strength s, for single and bulk draws alike."""
    settings = {"seed": 3, "prior": PRIOR, "strength": (0.5, 0.5)}
    variance = PRIOR * (1 - PRIOR) / (0.5 * 3 + 1)
    for shares in (
        MixtureSampler(**settings).block(0, 40_000),
        MixtureSampler(**settings).mixtures(range(4000)),
    ):
        tolerance = 5 * np.sqrt(variance.max() / len(shares))
        assert shares.mean(axis=0) == pytest.approx(PRIOR, abs=tolerance)
        assert shares.var(axis=0) == pytest.approx(variance, abs=tolerance)
    # min_share takes its part of the spread
    floored = MixtureSampler(**settings, min_share=0.1).block(0, 40_000)
    assert floored.min() >= 0.1
    assert floored.mean(axis=0) == pytest.approx(0.1 + 0.7 * PRIOR, abs=0.01)


def test_draws_do_not_depend_on_the_chunks():
    settings = {"seed": 3, "prior": PRIOR, "strength": (0.3, 3), "caps": np.full(3, 0.7)}
    whole = MixtureSampler(**settings).draws(0, 25_000)
    assert whole.shape == (25_000, 3)
    assert whole.max() <= 0.7
    starts = [(0, 9_999), (9_999, 2), (10_001, 14_999)]
    parts = np.concatenate([MixtureSampler(**settings).draws(start, n) for start, n in starts])
    assert np.array_equal(whole, parts)


def test_support():
    shares = np.array([[0.1, 0.9], [0.2, 0.8], [0.6, 0.4]])
    assert support(shares, ["eng", "deu"]).select("corpus", "min", "median", "max").rows() == [
        ("eng", 0.1, 0.2, 0.6),
        ("deu", 0.4, 0.8, 0.9),
    ]


def test_settings_that_give_no_mixture_are_errors():
    with pytest.raises(ValueError, match=r"0 < low <= high, such as \[0.3, 3\]; got \[3, 0.3\]"):
        MixtureSampler(0, PRIOR, (3, 0.3))
    with pytest.raises(ValueError, match=r"min_share must be between 0 and 1/3"):
        MixtureSampler(0, PRIOR, (1, 1), min_share=0.4)


def test_asked_shares_of_sampled_and_explicit_mixtures():
    sampler = MixtureSampler(1, PRIOR, (1, 1))
    mixtures = {"m00003": 3, "mine": {"b": 3, "a": 1}}
    asked = asked_shares(mixtures, sampler, ["a", "b", "c"], np.array([1, 1, 1]))
    assert asked["m00003"].tolist() == sampler.mixture(3).tolist()
    assert asked["mine"].tolist() == [0.25, 0.75, 0]
