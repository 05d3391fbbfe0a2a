"""The choice of a mixture from what was measured, and its gains."""

import numpy as np
import pytest

from trex.search.choose import choose, paired_gain

ROLES = {"paper": "candidate", "best_draw": "candidate", "matched": "baseline", "uniform": "baseline"}
# The objective of each replicate: paper gains 2 % and 4 % on uniform, 3 % on average with a standard error of 1 %.
MEASURED = {
    "paper": [0.98, 0.96],
    "best_draw": [1.01, 1.01],
    "matched": [0.99, 0.99],
    "uniform": [1.0, 1.0],
}


def test_choose():
    choice = choose(MEASURED, ROLES, ROLES, dict.fromkeys(ROLES))
    assert (choice["chosen"], choice["role"], choice["best_baseline"]) == ("paper", "candidate", "matched")
    assert [row["name"] for row in choice["ranking"]] == ["paper", "matched", "uniform", "best_draw"]
    assert choice["ranking"][0]["measured"] == pytest.approx(0.97)
    # Two values a distance d apart have a standard error of d / 2.
    assert choice["ranking"][0]["standard_error"] == pytest.approx(0.01)
    gain = choice["gains"]["uniform"]
    assert (gain["percent"], gain["standard_error"]) == pytest.approx((3, 1))
    assert list(choice["gains"]) == ["matched", "uniform", "best_draw"]


def test_what_exceeds_the_limits_is_not_chosen():
    names = {"paper": "candidate", "uniform": "baseline"}
    values, none = {"paper": [0.9], "uniform": [1.0]}, dict.fromkeys(names)
    within = choose(values, names, names, none, {"paper": 0.0009, "uniform": 0.0})
    over = choose(values, names, names, none, {"paper": 0.0011, "uniform": 0.0})
    both = choose(values, names, names, none, {"paper": 0.2, "uniform": 0.3})
    assert [choice["chosen"] for choice in (within, over, both)] == ["paper", "uniform", "paper"]


def test_gains_are_paired():
    # Replicates differ by a factor of 2, and the gain is 10 % in each.
    gain = paired_gain([0.9, 1.8], [1, 2])
    assert (gain["percent"], gain["standard_error"], gain["low"]) == pytest.approx((10, 0, None))
    gain = paired_gain([0.9], [1])
    assert (gain["percent"], gain["standard_error"], gain["low"]) == (pytest.approx(10), None, None)


def test_intervals_hold_draws_of_text_and_of_documents():
    # gains of 9 and 11 %: a standard error of 1 %, t of 1 degree of freedom
    gain = paired_gain([0.91, 0.89], [1, 1])
    assert (gain["low"], gain["high"]) == pytest.approx((10 - 12.706, 10 + 12.706), abs=0.001)
    # over documents alone: 1.96 standard deviations of many resamples
    resampled = 1 - np.random.default_rng(1).normal(0.1, 0.01, 100_000), np.ones(100_000)
    gain = paired_gain([0.9], [1], resampled)
    assert (gain["low"], gain["high"]) == pytest.approx((10 - 1.96, 10 + 1.96), abs=0.02)
    # both: variances add up, 1 + 1 with 4 degrees of freedom (Satterthwaite: 2^2 / 1^2 * 1), t = 2.776
    gain = paired_gain([0.91, 0.89], [1, 1], resampled)
    assert gain["high"] - 10 == pytest.approx(2.776 * 2**0.5, rel=0.01)


def test_ties_go_to_the_baseline_named_first():
    measured = {"paper": [1.0], "b": [1.0], "a": [1.0]}
    roles = {"paper": "candidate", "b": "baseline", "a": "baseline"}
    choice = choose(measured, roles, roles, dict.fromkeys(roles))
    assert (choice["chosen"], choice["best_baseline"], list(choice["gains"])) == ("b", "b", ["a", "paper"])
    assert choice["ranking"][0]["standard_error"] is None
    only = choose({"paper": [1.0]}, roles, roles, dict.fromkeys(roles))
    assert (only["chosen"], only["best_baseline"], only["gains"]) == ("paper", None, {})


@pytest.mark.parametrize("measured", [{}, {"paper": []}, {"paper": [1.0], "uniform": [1.0, 2.0]}])
def test_replicates_must_pair(measured):
    with pytest.raises(ValueError, match="same replicates"):
        choose(measured, {}, {}, {})
