"""From the choice on the selection half to the claim on the test half, without true differences and with one."""

import numpy as np
import pytest

from trex.mixtures.baselines import MATCHED, NATURAL, SEARCHED, TEMPERED, UNIFORM
from trex.objective.comparisons import DrawNoise, compare
from trex.objective.resampling import degrees_of_freedom, effective_documents, resampled_sums
from trex.search.choose import choose
from trex.search.finalists import paired_gain
from trex.search.measurements import Measured

KINDS = {"uniform": UNIFORM, "natural": NATURAL, "tempered": TEMPERED, "matched": MATCHED}
KINDS |= {f"searched_{i}": SEARCHED for i in range(8)}
NAMES = list(KINDS)
BASELINES = NAMES[:4]
DOCUMENTS, CORPORA, RESAMPLES, REPETITIONS = 60, 2, 500, 250
SCATTER = 0.02  # standard deviation of a document's tokens by one tokenizer, as a share


def objectives(rng: np.random.Generator, gains: np.ndarray) -> np.ndarray:
    """Macro NSL of a tokenizer for each true gain (%), on made-up documents and resampled ones. [resamples + 1, m]"""
    values = 0.0
    for _ in range(CORPORA):
        reference = rng.integers(50, 400, DOCUMENTS)
        common = rng.normal(1.1, 0.2, DOCUMENTS)  # what makes a document hard is the same for all
        own = rng.normal(1, SCATTER, (len(gains), DOCUMENTS)) * (1 - gains[:, None] / 100)
        sums = resampled_sums(np.vstack([reference * common * own, reference]), rng, RESAMPLES)
        values = values + sums[:, :-1] / sums[:, -1:] / CORPORA
    return values


def chosen_on(selection: np.ndarray) -> str:
    measured = Measured(dict(zip(NAMES, selection[:1].T.tolist(), strict=True)), None, selection)
    return choose(measured, KINDS, {})["chosen"]


def claimed(test: np.ndarray, chosen: str) -> list[str]:
    """The baselines than which the chosen mixture is said to be better."""
    pairs = [(NAMES.index(chosen), NAMES.index(name)) for name in BASELINES if name != chosen]
    return [NAMES[j] for (_, j), gain in compare(test, pairs).items() if gain.is_gain]


@pytest.fixture(scope="module")
def without_differences():
    """(selection half, test half, mixture chosen on the first) of mixtures that are all equal, many times."""
    rng = np.random.default_rng(1)
    nothing = np.zeros(len(NAMES))
    halves = [(objectives(rng, nothing), objectives(rng, nothing)) for _ in range(REPETITIONS)]
    return [(selection, test, chosen_on(selection)) for selection, test in halves]


# 5 % and two and a half standard errors of a rate in so many repetitions
AT_MOST = 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / REPETITIONS)


def test_where_nothing_differs_nothing_is_claimed(without_differences):
    claims = [bool(claimed(test, chosen)) for _, test, chosen in without_differences]
    assert np.mean(claims) <= AT_MOST


def unequal(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """As `objectives` of five equal tokenizers, of 20 documents whose sizes have a heavy tail; degrees of freedom."""
    values, effective = 0.0, []
    for _ in range(CORPORA):
        reference = rng.lognormal(5, 1, 20)
        common, own = rng.normal(1.1, 0.2, 20), rng.normal(1, SCATTER, (5, 20))
        sums = resampled_sums(np.vstack([reference * common * own, reference]), rng, RESAMPLES)
        values = values + sums[:, :-1] / sums[:, -1:] / CORPORA
        effective.append(effective_documents(reference))
    return values, degrees_of_freedom(np.ones(CORPORA), np.array(effective))


def test_few_documents_of_unequal_size_claim_no_more():
    """Without the degrees of freedom, in 8 % of all cases."""
    rng = np.random.default_rng(5)
    pairs = [(0, i) for i in range(1, 5)]
    claims = []
    for _ in range(600):
        values, freedom = unequal(rng)
        ways = (compare(values, pairs, freedom=freedom), compare(values, pairs))
        claims.append([any(gain.is_gain for gain in way.values()) for way in ways])
    claimed, without = np.mean(claims, axis=0)
    assert claimed <= 0.06
    assert without > claimed + 0.02


def test_degrees_of_freedom():
    """Of 10 equal documents 9; two corpora of these 18; a corpus of two decides, and one of one leaves nothing."""
    assert effective_documents(np.full(10, 7)) == 10
    assert degrees_of_freedom(np.ones(1), np.array([10.0])) == pytest.approx(9)
    assert degrees_of_freedom(np.ones(2), np.array([10.0, 10.0])) == pytest.approx(18)
    assert degrees_of_freedom(np.ones(2), np.array([2.0, 1e9])) == pytest.approx(1)
    assert degrees_of_freedom(np.ones(2), np.array([1.0, 50.0])) == 0
    assert degrees_of_freedom(np.array([0, 1.0]), np.array([1.0, 50.0])) == pytest.approx(49)
    # t of 5 degrees of freedom instead of the normal
    values = np.exp(np.random.default_rng(6).normal(0, 0.01, (8001, 2)))
    values[0] = 1
    normal, t = (-compare(values, [(0, 1)], freedom=freedom)[0, 1].low for freedom in (None, 5))
    assert t / normal == pytest.approx(2.571 / 1.96, rel=0.05)


def test_the_luck_of_the_best_of_many_does_not_reach_the_claim(without_differences):
    """The best of twelve, whatever its kind: on the half that it was the best on, it looks better than it is."""
    on_selection, on_test = [], []
    for selection, test, _ in without_differences:
        best = NAMES[int(selection[0].argmin())]
        at = NAMES.index(best)
        gains = [
            paired_gain(selection[0, [at]], selection[0, [j]], (selection[1:, at], selection[1:, j]))
            for j in range(4)
            if j != at
        ]
        on_selection.append(any(gain["low"] > 0 for gain in gains))
        on_test.append(bool(claimed(test, best)))
    assert np.mean(on_selection) > 0.3  # what this test would find, were the halves one
    assert np.mean(on_test) <= AT_MOST


def test_the_simplest_of_equal_mixtures_is_chosen(without_differences):
    """And not the luckiest: another one is taken in 5 % of all cases."""
    assert np.mean([chosen != "uniform" for *_, chosen in without_differences]) <= AT_MOST


def test_a_difference_is_found_and_claimed():
    """A searched mixture that is 1.3 % better: five standard errors of a difference."""
    rng = np.random.default_rng(2)
    gains = np.zeros(len(NAMES))
    gains[-1] = 1.3
    found = []
    for _ in range(50):
        chosen = chosen_on(objectives(rng, gains))
        found.append(chosen == NAMES[-1] and claimed(objectives(rng, gains), chosen) == BASELINES)
    assert np.mean(found) >= 0.8


def test_the_same_mixture_under_two_names():
    measured = Measured({"a": [1.0], "b": [1.0]}, None, np.linspace(1, 1.1, 100)[:, None].repeat(2, axis=1))
    choice = choose(measured, {"a": SEARCHED, "b": UNIFORM}, {})
    assert choice["chosen"] == "b"
    assert choice["gains"]["a"] == {"percent": 0.0, "low": 0.0, "high": 0.0}


def test_the_noise_of_draws_is_pooled_and_counts():
    """Draws alone: 8 mixtures, 3 draws; intervals of all 28 pairs hold 0 in 95 % of all cases."""
    rng = np.random.default_rng(3)
    pairs = [(i, j) for i in range(8) for j in range(i)]
    wrong, deviations = [], []
    for _ in range(400):
        draws = rng.normal(0, 0.01, 3)  # which all mixtures share
        objectives = np.exp(rng.normal(0, 0.002, (8, 3)) + draws)
        noise = DrawNoise.of(objectives)
        deviations.append(noise.deviation**2)
        means = np.exp(np.log(objectives).mean(axis=1))
        compared = compare(np.tile(means, (501, 1)), pairs, noise).values()
        wrong.append(any(gain.low > 0 or gain.high < 0 for gain in compared))
    assert noise.freedom == 14
    assert np.sqrt(np.mean(deviations)) == pytest.approx(0.002, rel=0.03)
    assert 0.02 < np.mean(wrong) < 0.08
    assert DrawNoise.of(objectives[:, :1]) is None


def test_intervals_are_wider_the_more_is_compared():
    objectives = np.exp(np.random.default_rng(4).normal(0, 0.01, (4001, 10)))
    objectives[0] = 1
    one = compare(objectives, [(0, 1)])[0, 1]
    nine = compare(objectives, [(0, j) for j in range(1, 10)])[0, 1]
    # 1.96 and, of nine comparisons with a control, 2.69 (Dunnett's table) standard errors of sqrt(2) %
    assert one.high == pytest.approx(100 * (1 - np.exp(-1.96 * 2**0.5 / 100)), rel=0.04)
    assert nine.high == pytest.approx(100 * (1 - np.exp(-2.69 * 2**0.5 / 100)), rel=0.04)
