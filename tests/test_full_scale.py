"""Full-scale tokenizers: draws of text that are another text."""

import numpy as np
import pytest
from small_index import build_index

from trex.proxies.full_scale import same_text


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return build_index(tmp_path_factory.mktemp("index"), shards=30, words_per_shard=100)


@pytest.mark.parametrize(("used", "repeated"), [(0.3, 0), (0.5, 1 / 3), (0.75, 2 / 3), (1.0, 1), (1.5, 1)])
def test_how_much_of_a_draw_is_the_text_of_the_first(index, used, repeated):
    """A draw begins a third of a corpus later, and goes on from its start."""
    available = index.available_bytes
    n_bytes = int(used * available.sum())
    for draw in (1, 2):
        part = index.repeated(available / available.sum(), n_bytes, draw)
        # of 1.5 times the text, what is read twice are different halves
        expected = (1 + (0.5 - 1 / 3)) / 1.5 if used == 1.5 else repeated
        assert part == pytest.approx(expected, abs=0.06)


def test_a_draw_of_the_same_text_is_not_trained(index):
    available = index.available_bytes
    mixtures = np.stack([available / available.sum(), np.full(4, 1 / 4)])
    total = int(available.sum())
    assert same_text(index, mixtures, None, 0) is None
    assert same_text(index, mixtures, total // 2, 1) is None
    assert f"have {total:,} bytes for texts of {total:,}" in same_text(index, mixtures, None, 1)
