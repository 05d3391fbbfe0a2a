"""The choice among measured mixtures, and how sure a gain is."""

import numpy as np
import pytest
from made_up_run import MEASURED, MIXTURES

from trex.search.choose import choose, paired_gain


def test_choose():
    roles = {name: row[0] for name, row in MIXTURES.items()}
    strategies = {name: row[1] for name, row in MIXTURES.items()}
    choice = choose(MEASURED, roles, strategies, dict.fromkeys(MIXTURES))
    assert (choice["chosen"], choice["role"], choice["best_baseline"]) == ("found", "candidate", "matched")
    assert [row["name"] for row in choice["ranking"]] == ["found", "matched", "uniform", "drawn"]
    assert choice["ranking"][0]["measured"] == pytest.approx(0.97)
    # Two values a distance d apart have a standard error of d / 2.
    assert choice["ranking"][0]["standard_error"] == pytest.approx(0.01)
    gain = choice["gains"]["uniform"]
    assert (gain["percent"], gain["standard_error"]) == pytest.approx((3, 1))
    assert list(choice["gains"]) == ["matched", "uniform", "drawn"]


def test_what_exceeds_the_limits_is_not_chosen():
    names = {"found": "candidate", "uniform": "baseline"}
    values, none = {"found": [0.9], "uniform": [1.0]}, dict.fromkeys(names)
    within = choose(values, names, names, none, {"found": 0.0009, "uniform": 0.0})
    over = choose(values, names, names, none, {"found": 0.0011, "uniform": 0.0})
    both = choose(values, names, names, none, {"found": 0.2, "uniform": 0.3})
    assert [choice["chosen"] for choice in (within, over, both)] == ["found", "uniform", "found"]


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
    measured = {"found": [1.0], "b": [1.0], "a": [1.0]}
    roles = {"found": "candidate", "b": "baseline", "a": "baseline"}
    choice = choose(measured, roles, roles, dict.fromkeys(roles))
    assert (choice["chosen"], choice["best_baseline"], list(choice["gains"])) == ("b", "b", ["a", "found"])
    assert choice["ranking"][0]["standard_error"] is None
    only = choose({"found": [1.0]}, roles, roles, dict.fromkeys(roles))
    assert (only["chosen"], only["best_baseline"], only["gains"]) == ("found", None, {})


@pytest.mark.parametrize("measured", [{}, {"found": []}, {"found": [1.0], "uniform": [1.0, 2.0]}])
def test_replicates_must_pair(measured):
    with pytest.raises(ValueError, match="same replicates"):
        choose(measured, {}, {}, {})
