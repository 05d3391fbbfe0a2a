"""Shards: whatever part of a corpus is asked for, a border lies within 1 % of it, or within one document."""

import numpy as np
import pytest
from power_law import PowerLaw

from trex.counting.shards import GROUPS, cells, cells_of, shards_of_cells
from trex.counting.word_index import WordIndex
from trex.mixtures.sampling import MixtureSampler
from trex.proxies.training_set import TrainingSet
from trex.surfaces.fit import fit_surface

SAMPLER = MixtureSampler(1, np.full(3, 1 / 3), (0.5, 2), 0.001)


def corpus(n: int, seed: int, mean: float = 5000) -> tuple[np.ndarray, np.ndarray]:
    """(hashes, bytes) of documents whose lengths differ as those of web text do: standard deviation twice the mean."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, n, dtype=np.uint64)
    sigma = np.sqrt(np.log(1 + 2**2))
    sizes = np.maximum(rng.lognormal(np.log(mean) - sigma**2 / 2, sigma, n), 1).astype(np.int64)
    return hashes, sizes


def dealt(hashes: np.ndarray, sizes: np.ndarray, batch: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    """(shard of each document, group of each shard), the documents met in batches."""
    met = [cells_of(hashes[i : i + batch], min(i + batch, len(hashes))) for i in range(0, len(hashes), batch)]
    cell = np.concatenate(met)
    cell_bytes = np.zeros(cells(), dtype=np.int64)
    np.add.at(cell_bytes, cell, sizes)
    shard_of_cell, group = shards_of_cells(cell_bytes, len(hashes))
    return shard_of_cell[cell], group


def index_of(*corpora: tuple[np.ndarray, np.ndarray]) -> WordIndex:
    """A word index that knows its shards and no words."""
    shard_bytes, group_shards = [], []
    for hashes, sizes in corpora:
        shard, group = dealt(hashes, sizes)
        group_shards.append(len(shard_bytes) + np.searchsorted(group, np.arange(GROUPS + 1)))
        shard_bytes += np.bincount(shard, weights=sizes).astype(np.int64).tolist()
    names = tuple(f"c{number}" for number in range(len(corpora)))
    documents = np.array([len(hashes) for hashes, _ in corpora])
    return WordIndex(
        names, *[None] * 8, np.array(shard_bytes), np.array(group_shards), documents
    )  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 20, 700, 4000, 30_000, 400_000])
def test_every_part_of_a_corpus_can_be_given(n):
    hashes, sizes = corpus(n, seed=n)
    shard, group = dealt(hashes, sizes)
    upto = np.concatenate(([0], np.cumsum(np.bincount(shard, weights=sizes))))
    largest = np.zeros(len(group))
    np.maximum.at(largest, shard, sizes)
    missed = 0
    for asked in np.geomspace(upto[1], upto[-1], 3000):
        after = min(int(np.searchsorted(upto, asked)), len(group))
        off = np.abs(upto[after - 1 : after + 1] - asked).min()
        if off > max(0.01 * asked, largest[after - 1]):
            missed += 1
            assert off <= 0.02 * asked
    assert missed <= 3
    assert len(group) <= max(n, 2000)


def test_shards_follow_group_and_rank_and_not_the_order_of_documents():
    hashes, sizes = corpus(9000, seed=1)
    shard, group = dealt(hashes, sizes)
    upper = (hashes >> np.uint64(32)).astype(np.int64)
    assert (group[shard] == upper % GROUPS).all()
    order = np.lexsort((upper // GROUPS, upper % GROUPS))
    assert (np.diff(shard[order]) >= 0).all()
    mixed = np.random.default_rng(2).permutation(9000)
    for batch in (1, 777, 9000):
        assert (dealt(hashes[mixed], sizes[mixed], batch)[0] == shard[mixed]).all()


@pytest.mark.parametrize("ratio", [1, 10, 100, 1000, 10_000])
def test_mixtures_given_are_the_mixtures_asked_for(ratio):
    """README's example, three corpora of 10 GB and proxies of 200 MB, and others: corpora of `ratio` times S."""
    corpora = [corpus(2_000_000, seed) for seed in range(3)]
    index = index_of(*corpora)
    n_bytes = int(index.available_bytes.min()) // ratio
    shares = np.stack([SAMPLER.mixture(number) for number in range(128)])
    index.check_given([f"m{i}" for i in range(128)], shares, n_bytes)
    given, asked = index.given_bytes(shares, n_bytes), shares * n_bytes
    one = max(sizes.max() for _, sizes in corpora)
    assert (np.abs(given - asked) <= np.maximum(0.01 * asked, one)).all()
    if ratio <= 1000:  # proxies of 10 MB or more: a document is nothing
        assert np.abs(given / given.sum(axis=1, keepdims=True) - shares).max() < 0.01
    # nested: more is asked for, more is given
    for c in range(3):
        order = np.argsort(asked[:, c])
        assert (np.diff(given[order, c]) >= 0).all()


def test_what_cannot_be_given_is_refused():
    """Documents of a megabyte in one corpus, and a training text of two."""
    index = index_of(corpus(20_000, 0, mean=100), corpus(300, 1, mean=1e6), corpus(20_000, 2, mean=100))
    shares = np.stack([SAMPLER.mixture(number) for number in range(64)])
    names = [f"m{i}" for i in range(64)]
    refusal = r"m\d+ asks for .* bytes of c1 and gets .* Documents of c1 have .* make proxies.bytes at least"
    with pytest.raises(ValueError, match=refusal):
        index.check_given(names, shares, 500_000)
    with pytest.raises(
        ValueError, match=r"too many for a training text of 20,000 bytes: make proxies.bytes at least"
    ):
        index.check_given(names, shares, 20_000)
    few = index_of(corpus(20_000, 0, mean=100), corpus(20, 1, mean=1e6))
    with pytest.raises(ValueError, match=r"training text of 100,000 bytes: give shorter documents"):
        few.check_given(names, np.stack([np.arange(64) + 1, 64 - np.arange(64)], axis=1) / 65, 100_000)


def test_mixtures_that_differ_by_less_than_a_shard_may_be_alike():
    """Two corpora of short lines: many mixtures, few different texts, every share right."""
    index = index_of(corpus(25_000, 0, mean=75), corpus(25_000, 1, mean=180))
    sampler = MixtureSampler(1, np.full(2, 1 / 2), (0.5, 2), 0.001)
    for n_bytes in (50_000, 1_000_000):
        shares = np.stack([sampler.mixture(number) for number in range(256)])
        index.check_given([f"m{i}" for i in range(256)], shares, n_bytes)
        index.check_given(["a", "b"], shares[[0, 0]] + [[0, 0], [1e-6, -1e-6]], n_bytes)


def test_the_fit_recovers_a_known_surface_from_what_was_given():
    """Corpora of 1,000 times S: the surface of the given shares is found, and is that of the asked ones to 0.3 %."""
    index = index_of(*(corpus(200_000, seed) for seed in range(3)))
    n_bytes = int(index.available_bytes.min()) // 1000
    asked = np.stack([SAMPLER.mixture(number) for number in range(64)])
    given = index.given_bytes(asked, n_bytes)
    shares = given / given.sum(axis=1, keepdims=True)
    truth = PowerLaw([1.0, 1.2, 0.8], [0.1, 0.08, 0.12])
    surface = fit_surface(shares, truth.mean(shares), "gaussian_process", own=[0, 1, 2])
    unseen = np.stack([SAMPLER.mixture(number) for number in range(1000, 1100)])
    assert surface.predict(unseen)[0] == pytest.approx(truth.mean(unseen), rel=3e-3)


def test_a_training_set_of_one_mixture_or_one_value_is_refused():
    alike = TrainingSet(np.full((20, 3), 1 / 3), np.ones((20, 1)), lambda targets: targets[..., 0])
    with pytest.raises(ValueError, match="the mixtures that 20 proxies were given are only 1"):
        alike.check()
    shares = np.stack([SAMPLER.mixture(number) for number in range(20)])
    constant = TrainingSet(shares, np.ones((20, 1)), alike.objective, columns=[("held_out", "deu")])
    with pytest.raises(
        ValueError, match="all 20 proxies have the same NSL on evaluation set held_out of deu, 1,"
    ):
        constant.check()
