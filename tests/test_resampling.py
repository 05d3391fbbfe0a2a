"""The bootstrap over documents, against the formula that it approximates."""

import numpy as np
import polars as pl
import pytest

from trex.objective.resampling import interval, resample


def documents(tokens, reference, corpus="a") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "evaluation_set": "held_out",
            "corpus": corpus,
            "document": np.arange(len(tokens), dtype=np.uint32),
            "tokens": np.asarray(tokens, dtype=np.int64),
            "reference_tokens": np.asarray(reference, dtype=np.int64),
        }
    )


@pytest.fixture
def two_tokenizers() -> dict[str, pl.DataFrame]:
    rng = np.random.default_rng(3)
    reference = rng.integers(20, 400, size=300)
    first = np.round(reference * rng.normal(1.1, 0.2, size=300))
    return {"one": documents(first, reference), "two": documents(first * 2, reference)}


def standard_error_of_ratio(tokens, reference) -> float:
    """The textbook's, by linearisation."""
    ratio = tokens.sum() / reference.sum()
    return np.sqrt(((tokens - ratio * reference) ** 2).sum()) / reference.sum()


def test_width_is_that_of_a_ratio_of_sums(two_tokenizers):
    drawn = resample(two_tokenizers, ["held_out"], ["a"], seed=1)
    nsl, reference = drawn.nsl(0)
    table = two_tokenizers["one"]
    assert nsl[0, 0, 0] == table["tokens"].sum() / table["reference_tokens"].sum()
    expected = standard_error_of_ratio(table["tokens"].to_numpy(), table["reference_tokens"].to_numpy())
    assert nsl[1:, 0, 0].std() == pytest.approx(expected, rel=0.1)
    low, high = interval(nsl[..., 0])
    assert high[0] - low[0] == pytest.approx(2 * 1.96 * expected, rel=0.1)
    # the same documents for both: twice the tokens stay twice the tokens in every resample
    assert np.allclose(nsl[:, 1], 2 * nsl[:, 0])
    assert reference.shape == (1001, 1)


def test_a_sample_of_documents_speaks_for_all(two_tokenizers):
    whole = resample(two_tokenizers, ["held_out"], ["a"], seed=1)
    part = {
        name: table.gather_every(4).with_columns(sampled=pl.lit(0.25))
        for name, table in two_tokenizers.items()
    }
    drawn = resample(part, ["held_out"], ["a"], seed=1)
    widths = [float(np.diff(interval(each.nsl(0)[0][:, 0, 0]))[0]) for each in (whole, drawn)]
    assert widths[1] == pytest.approx(widths[0], rel=0.25)


def test_many_documents_are_drawn_in_stretches():
    rng = np.random.default_rng(5)
    reference = rng.integers(20, 400, size=5_003)
    tokens = np.round(reference * rng.normal(1.1, 0.2, size=5_003)).astype(np.int64)
    drawn = resample({"one": documents(tokens, reference)}, ["held_out"], ["a"], seed=1)
    nsl = drawn.nsl(0)[0][:, 0, 0]
    assert nsl[0] == tokens.sum() / reference.sum()
    assert nsl[1:].std() == pytest.approx(standard_error_of_ratio(tokens, reference), rel=0.15)


def test_other_documents_are_refused(two_tokenizers):
    two_tokenizers["two"] = two_tokenizers["two"].head(299)
    with pytest.raises(ValueError, match="same documents of evaluation set held_out of a"):
        resample(two_tokenizers, ["held_out"], ["a"], seed=1)
