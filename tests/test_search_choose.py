"""Which mixtures go on from proxies to full scale, which one is recommended there, and gains with their noise."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer

from trex.mixtures.baselines import SIMPLEST_FIRST, kind
from trex.proxies.full_scale import note_of, write_not_trained
from trex.search.choose import choose
from trex.search.finalists import finalists, paired_gain, same_shares
from trex.search.measurements import Measured

KINDS_ON_PROXIES = {"paper": "searched", "best_draw": "searched", "matched": "matched", "uniform": "uniform"}
# The objective of each replicate: paper gains 2 % and 4 % on uniform, 3 % on average with a standard error of 1 %.
MEASURED = {
    "paper": [0.98, 0.96],
    "best_draw": [1.01, 1.01],
    "matched": [0.99, 0.99],
    "uniform": [1.0, 1.0],
}
NONE = dict.fromkeys(KINDS_ON_PROXIES)


def noisy(values: dict[str, float], percent: float) -> Measured:
    """One draw each; over documents, every objective has its own noise of so many percent."""
    noise = np.random.default_rng(1).normal(0, percent / 100, (2001, len(values)))
    noise[0] = 0
    return Measured(
        {name: [value] for name, value in values.items()}, None, np.exp(noise) * [*values.values()]
    )


def test_finalists_are_the_baselines_and_what_may_be_best():
    found = finalists(Measured(MEASURED), KINDS_ON_PROXIES, KINDS_ON_PROXIES, NONE, {})
    # best_draw is 4 % worse with a standard error of 1 %, and t of one degree of freedom is 12.7
    assert found["finalists"] == ["paper", "matched", "uniform", "best_draw"]
    assert found["ranking"][0]["measured"] == pytest.approx(0.97)
    # Two values a distance d apart have a standard error of d / 2.
    assert found["ranking"][0]["standard_error"] == pytest.approx(0.01)
    gain = found["gains"]["uniform"]
    assert (gain["percent"], gain["standard_error"]) == pytest.approx((3, 1))
    clear = noisy({name: values[0] for name, values in MEASURED.items()}, 0.2)
    found = finalists(clear, KINDS_ON_PROXIES, KINDS_ON_PROXIES, NONE, {})
    assert found["finalists"] == ["paper", "matched", "uniform"]
    # a limit that holds at full scale alone: best_draw may be worse and keep it
    nearer = finalists(
        clear, KINDS_ON_PROXIES, KINDS_ON_PROXIES, NONE, {}, NONE | {"paper": 0.02, "best_draw": 0.01}
    )
    assert nearer["finalists"] == ["paper", "matched", "uniform", "best_draw"]
    farther = finalists(
        clear, KINDS_ON_PROXIES, KINDS_ON_PROXIES, NONE, {}, NONE | {"paper": 0.02, "best_draw": 0.02}
    )
    assert farther["finalists"] == found["finalists"]
    (why,) = [row["why_no_finalist"] for row in found["ranking"] if row["name"] == "best_draw"]
    assert why.startswith("on proxies, paper is better by 2.97 %, at least 2.")


def test_what_exceeds_the_limits_is_no_finalist_unless_nothing_keeps_them():
    kinds = {"paper": "searched", "direct": "searched", "uniform": "uniform"}
    none = dict.fromkeys(kinds)

    def found(paper, direct, uniform):
        over = {"paper": paper, "direct": direct, "uniform": uniform}
        values = {"paper": [0.9], "direct": [0.9], "uniform": [1.0]}
        return finalists(Measured(values, over), kinds, kinds, none, {})["finalists"]

    assert found(0.0009, 0.0011, 0.0) == ["paper", "uniform"]
    assert found(0.2, 0.3, 0.4) == ["paper", "uniform"]
    assert found(0.2, 0.2, 0.1) == ["uniform"]


KINDS = {
    "paper": "searched",
    "surrogate": "searched",
    "matched": "matched",
    "uniform": "uniform",
    "mine": "named",
    "drawn": "searched",
}


def chosen(values: dict[str, float], percent: float = 0.2, **violations: float) -> dict:
    measured = noisy(values, percent)
    over = {name: violations.get(name, 0.0) for name in values} if violations else None
    return choose(Measured(measured.values, over, measured.resampled), KINDS, {"drawn": "too bad"})


def test_the_simplest_that_is_not_measurably_worse_is_chosen():
    choice = chosen({"uniform": 1.02, "matched": 1.002, "surrogate": 1.0, "paper": 1.001})
    assert (choice["chosen"], choice["best"]) == ("matched", "surrogate")
    verdicts = {row["name"]: row["verdict"] for row in choice["ranking"]}
    assert verdicts == {
        "surrogate": "less simple", "paper": "less simple", "matched": "recommended", "uniform": "worse",
        "drawn": "no finalist",
    }  # fmt: skip
    assert list(verdicts) == ["surrogate", "paper", "matched", "uniform", "drawn"]
    assert choice["ranking"][3]["why"].startswith(
        "measurably worse: surrogate gains 1.96 % on it, at least 1."
    )
    assert choice["gains"]["uniform"]["percent"] == pytest.approx(100 * (1 - 1.002 / 1.02))
    # of equally simple ones, that which measures best; what the user names is simplest
    assert chosen({"uniform": 1.02, "surrogate": 1.0, "paper": 1.001})["chosen"] == "surrogate"
    assert chosen({"uniform": 1.0, "mine": 1.001})["chosen"] == "mine"


def test_of_equal_ones_the_simplest_is_the_best():
    choice = chosen({"paper": 1.0, "matched": 1.0, "uniform": 1.02}, 0)
    assert (choice["chosen"], choice["best"]) == ("matched", "matched")
    assert [row["name"] for row in choice["ranking"][:2]] == ["matched", "paper"]


def test_another_name_of_a_mixture_is_no_finalist():
    shares = {
        "direct": [0.3 + 5e-10, 0.7 - 5e-10], "paper": [0.4, 0.6], "adaptive": [0.4, 0.6],
        "uniform": [0.5, 0.5], "named": [0.5, 0.5], "near": [0.3 + 1e-6, 0.7 - 1e-6], "matched": [0.3, 0.7],
    }  # fmt: skip
    kinds = dict.fromkeys(shares, "searched") | {name: name for name in ("uniform", "named", "matched")}
    same = same_shares(shares, kinds)
    # baselines stay, as their tokenizers are asked for
    assert same == {"direct": "matched", "adaptive": "paper"}
    # even if its own rounding of bytes measures better, `direct` is not the best
    values = dict(zip(shares, ([0.899], [0.95], [0.95], [1.0], [1.0], [0.91], [0.9]), strict=True))
    found = finalists(Measured(values), kinds, kinds, dict.fromkeys(kinds), same)
    assert (found["best"], found["finalists"]) == ("matched", ["matched", "named", "uniform"])
    names = ["matched", "direct", "near", "paper", "adaptive", "named", "uniform"]
    assert [row["name"] for row in found["ranking"]] == names
    row = found["ranking"][1]
    assert (row["same_as"], row["why_no_finalist"]) == ("matched", "the same shares as matched")


def test_a_difference_that_other_draws_would_make_is_none():
    """Documents may agree all the same on .02 %."""
    assert chosen({"uniform": 1.0002, "paper": 1.0}, 0.001)["chosen"] == "uniform"
    assert chosen({"uniform": 1.0004, "paper": 1.0}, 0.001)["chosen"] == "paper"


def test_what_exceeds_the_limits_is_not_chosen():
    values = {"paper": 0.9, "uniform": 1.0}
    assert chosen(values, paper=0.0009)["chosen"] == "paper"
    over = chosen(values, paper=0.0011)
    assert (over["chosen"], over["best"]) == ("uniform", "uniform")
    assert over["ranking"][1]["verdict"] == "over limits"
    none = chosen(values, paper=0.2, uniform=0.3)
    assert none["chosen"] == "paper"

    def why(choice: dict) -> str:
        return next(row["why"] for row in choice["ranking"] if row["verdict"] == "recommended")

    # nothing that measures better is said to be worse
    assert why(over) == "the only one that keeps the limits"
    assert why(none) == "no mixture keeps the limits, and it exceeds them least"
    of_two = chosen({"paper": 0.9, "surrogate": 0.95, "uniform": 1.0}, paper=0.1)
    assert (
        why(of_two)
        == "measures best of the 2 that keep the limits, and the others of these are measurably worse"
    )


def test_of_one_document_nothing_is_measurably_worse():
    measured = noisy({"uniform": 1.1, "paper": 1.0}, 0.2)
    assert choose(measured, KINDS, {})["chosen"] == "paper"
    assert choose(Measured(measured.values, None, measured.resampled, 0), KINDS, {})["chosen"] == "uniform"


def test_the_noise_of_draws_widens_what_is_measurable():
    """Gains of .2 % in three draws that agree, and in three that do not; documents agree in both."""
    documents = noisy({"uniform": 1.002, "paper": 1.0}, 0.01).resampled
    for scatter, expected in ((0.00005, "paper"), (0.002, "uniform")):
        values = {
            "uniform": [1.002 + scatter, 1.002 - scatter, 1.002],
            "paper": [1.0 - scatter, 1.0 + scatter, 1.0],
        }
        choice = choose(Measured(values, None, documents), KINDS, {})
        assert (choice["chosen"], choice["draws"]) == (expected, 3)
        # the draws' means are equal, so each residual is the scatter: 4 scatter^2 with 2 degrees of freedom
        assert choice["draw_noise"]["deviation"] == pytest.approx(scatter * 2**0.5, rel=0.01)


def test_kinds_of_mixtures():
    baselines = {
        "a": "natural", "b": {"tempered": 0.3}, "c": {"shares": {"x": 1}}, "d": {"infer": "gpt2"}, "e": "uniform",
    }  # fmt: skip
    kinds = [kind(name, baselines) for name in ("c", "e", "a", "b", "matched", "d", "surrogate")]
    assert kinds == list(SIMPLEST_FIRST)


def test_nothing_takes_a_note_for_a_tokenizer(tmp_path):
    write_not_trained("paper is no finalist", "paper", tmp_path / "0.tokenizer.json")
    assert note_of(tmp_path / "0.tokenizer.json") == "paper is no finalist"
    with pytest.raises(Exception, match="expected"):
        Tokenizer.from_file(str(tmp_path / "0.tokenizer.json"))
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {}}))
    assert note_of(tmp_path / "tokenizer.json") is None


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


def test_without_noise_and_others():
    measured = {"paper": [1.0], "b": [1.0], "a": [1.0]}
    kinds = {"paper": "searched", "b": "named", "a": "named"}
    found = finalists(Measured(measured), kinds, kinds, dict.fromkeys(kinds), {})
    assert (found["finalists"], found["ranking"][0]["standard_error"]) == (["b", "a", "paper"], None)
    only = choose(Measured({"paper": [1.0]}), KINDS, {})
    assert (only["chosen"], only["gains"], only["draw_noise"]) == ("paper", {}, None)


@pytest.mark.parametrize("measured", [{}, {"paper": []}, {"paper": [1.0], "uniform": [1.0, 2.0]}])
def test_draws_must_pair(measured):
    with pytest.raises(ValueError, match="same draws"):
        Measured(measured)
