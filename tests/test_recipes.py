"""Recipes side by side: numbers that can be checked by hand, what is claimed, and what is refused."""

import json
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from made_up_recipes import config, finished

from trex.counting.patterns import PATTERNS
from trex.objective.comparisons import DrawNoise
from trex.recipes.choose import choices, eligible
from trex.recipes.compare import AVERAGE, COST, FAIRNESS, FEWER, MORE, WORST, Compared, differences
from trex.recipes.finished import _other_doubts
from trex.report.figures import save
from trex.report.page import part, sha256_of
from trex.report.recipes import corpora_table, main_scripts, sorted_by_script, write_recipes
from trex.report.recipes_figures import figures
from trex.report.recipes_page import recipes_data, write_recipes_page
from trex.run.progress import closing_words

N = 40
RNG = np.random.default_rng(5)
REFERENCE = {corpus: RNG.integers(200, 300, N) for corpus in ("deu_Latn", "rus_Cyrl")}
CORPORA = list(REFERENCE)
SUPERWORDS = {"superwords": {"from": 0.8, "pattern": PATTERNS["superbpe"]}}


def tokens(deu: float, rus: float, scatter: float = 0.0) -> dict[str, np.ndarray]:
    """So many times the reference tokens, by corpus; scatter: standard deviation over documents."""
    rng = np.random.default_rng(int(1000 * (deu + rus)))
    factors = dict(zip(CORPORA, (deu, rus), strict=True))
    return {
        c: np.round(1000 * REFERENCE[c] * rng.normal(factors[c], scatter, N)).astype(int) for c in CORPORA
    }


THOUSANDFOLD = {corpus: 1000 * of for corpus, of in REFERENCE.items()}  # so that rounding is no matter


def recipe(name: str, deu: float, rus: float, scatter: float = 0.0, **how):
    settings = how.pop("settings", config(CORPORA))
    return finished(name, tokens(deu, rus, scatter), THOUSANDFOLD, settings=settings, **how)


def value(compared: Compared, tokenizer: str, metric: str, **at) -> float:
    table = compared.table.filter(tokenizer=tokenizer, metric=metric, **at)
    for column in {"evaluation_set", "corpus"} - set(at):
        table = table.filter(pl.col(column).is_null())
    return table["value"].item()


def test_differences_by_hand():
    compared = Compared.of([recipe("plain", 1.0, 1.2), recipe("other", 0.9, 1.32, vocab_size=2000)])
    assert value(compared, "plain", AVERAGE) == pytest.approx(1.1, abs=1e-5)
    assert value(compared, "other", AVERAGE) == pytest.approx(1.11, abs=1e-5)
    assert value(compared, "other", "macro_difference") == pytest.approx(100 * (1.11 / 1.1 - 1), abs=1e-3)
    assert value(compared, "other", "worst_difference") == pytest.approx(10, abs=1e-3)
    assert value(compared, "other", "tokens_difference", corpus="deu_Latn") == pytest.approx(-10, abs=1e-3)
    worst = compared.table.filter(tokenizer="other", metric="worst_corpus")
    assert worst["corpus"].item() == "rus_Cyrl"
    # 6 * (1e9 + V * 100) operations a token; of 5e8 bytes of each corpus, a reference token has 4
    of = {
        name: 6 * (1e9 + 100 * size) * 1.25e8 * nsl
        for name, size, nsl in (("plain", 1000, 2.2), ("other", 2000, 2.22))
    }
    assert value(compared, "plain", COST) == pytest.approx(of["plain"], rel=1e-5)
    assert value(compared, "other", "cost_difference") == pytest.approx(
        100 * (of["other"] / of["plain"] - 1), abs=1e-3
    )
    # documents that are all alike have no noise
    row = differences(compared.table, AVERAGE)["other"]
    assert row["low"] == pytest.approx(row["value"], abs=1e-3)
    assert row["claim"] == MORE


def test_claims_and_the_simplest():
    noisy = {"scatter": 0.1}
    compared = Compared.of(
        [
            recipe("plain", 1.0, 1.0, **noisy),
            recipe("same", 1.001, 0.997, **noisy),
            recipe("super", 0.9, 0.9, **noisy, settings=config(CORPORA, SUPERWORDS)),
            recipe("more", 0.9005, 0.9005, **noisy),
        ]
    )
    found = differences(compared.table, AVERAGE)
    assert [found[name]["claim"] for name in ("same", "super", "more")] == [None, FEWER, FEWER]
    average = choices(compared)[0]
    assert {average.best, average.runner_up[0]} == {"super", "more"}
    assert not average.is_claimed
    assert set(average.equal) == {"super", "more"}
    assert average.simplest == "more"


def test_recipes_against_each_other():
    factors = {"plain": 1.0, "half": 0.5, "tenth_more": 1.1}
    compared = Compared.of([recipe(name, factor, factor) for name, factor in factors.items()])
    rows = {
        (row["tokenizer"], row["against"]): row
        for row in compared.table.filter(metric="macro_of_pair").iter_rows(named=True)
    }
    assert rows.keys() == {(a, b) for a in factors for b in factors if a != b}
    for (a, b), row in rows.items():
        assert row["value"] == pytest.approx(100 * (factors[a] / factors[b] - 1), abs=1e-3)
        assert row["claim"] == (FEWER if factors[a] < factors[b] else MORE)
    page = write_recipes(compared, {})
    assert re.search(r"\| `half` +\| +-50.00 %▼ \| +\| +-54.55 %▼ \|", page)
    two = Compared.of(compared.tokenizers[:2])
    assert "against each other" not in write_recipes(two, {})


def test_what_recipes_differ_in_is_shown():
    """Recipes that differ in the pattern of pieces, or in the merges of a base that stay."""
    kinds = [
        SUPERWORDS,
        *({"base": {"huggingface": "a/b", "revision": "1"}, "keep": keep} for keep in ("all", 4000)),
    ]
    every = [recipe(f"r{i}", 1.0, 1.0, settings=config(CORPORA, kind)) for i, kind in enumerate(kinds)]
    page = write_recipes(Compared.of(every), {})
    for shown in ("| `none`, pieces `superbpe` |", "| extends b ", "| extends b, 4,000 merges kept "):
        assert shown in page


def test_best_by_each_objective():
    """The first has the best average, the second the best worst corpus, the third costs least."""
    compared = Compared.of(
        [
            recipe("average", 0.8, 1.2, vocab_size=1_000_000),
            recipe("worst", 1.05, 1.05, vocab_size=1_000_000),
            recipe("small", 0.81, 1.21, vocab_size=1000),
        ]
    )
    best = {choice.goal: choice for choice in choices(compared)}
    assert [best[goal].best for goal in (AVERAGE, WORST, COST)] == ["average", "worst", "small"]
    assert all(choice.is_claimed for choice in best.values())
    assert FAIRNESS not in best


def test_nothing_is_claimed_of_few_documents():
    few = {c: of[:9] for c, of in THOUSANDFOLD.items()}
    compared = Compared.of(
        [
            finished(
                name, {c: (factor * of).astype(int) for c, of in few.items()}, few, settings=config(CORPORA)
            )
            for name, factor in (("plain", 1.0), ("half", 0.5))
        ]
    )
    assert compared.table["claim"].null_count() == compared.table.height
    (average, *_) = choices(compared)
    assert average.best == "half"
    assert not average.is_claimed
    assert average.too_few == (9, "held_out", "deu_Latn")
    assert "Nothing can be claimed: the test half has 9 documents" in write_recipes(compared, {}).replace(
        "\n  ", " "
    )


def test_unfit_recipes_are_not_recommended():
    failing = recipe("failing", 0.5, 0.5, failed_gates=("bytes",))
    over = recipe("over", 0.6, 0.6, over_limits=0.1)
    compared = Compared.of([recipe("plain", 1.0, 1.0), failing, over])
    assert eligible(compared) == [0]
    assert {choice.best for choice in choices(compared)} == {"plain"}
    page = write_recipes(compared, {})
    assert "**`failing` is not fit for use:**" in page
    assert "**`over` does not keep all limits" in page


def test_a_recipe_that_its_own_summary_doubts_is_marked():
    """In its row, beside the choices that it wins, and with a link to the page that says why."""
    pages = {"summary.md": "recipes/guessed/summary.md", "report.html": "recipes/guessed/report.html"}
    why = "**All sampled proxies measure the same objective**, to within 0.001 %."
    guessed = recipe("guessed", 0.8, 0.8, doubts=(why,), pages=pages)
    better = recipe("better", 0.9, 0.9, better_mixture="uniform")
    compared = Compared.of([recipe("plain", 1.0, 1.0), guessed, better])
    assert {choice.best for choice in choices(compared)} == {"guessed"}
    page = write_recipes(compared, {})
    first, said = page.split("\n\n")[1], page.replace("\n  ", " ")
    assert first.replace("\n  ", " ").count(" `guessed` is in doubt.") == 3  # at the three choices
    assert "**`guessed` is in doubt:** its [summary.md](recipes/guessed/summary.md) says" in said
    assert why in said
    assert "`matched`, but at full scale `uniform` is better,** says its summary.md." in said
    assert "| `guessed` (in doubt)" in page
    assert "| `better` " in page
    assert "[report.html](recipes/guessed/report.html)" in page
    rows = {row["name"]: row for row in recipes_data(compared, {})["tokenizers"]}
    assert [rows[name]["in_doubt"] for name in ("plain", "guessed", "better")] == [False, True, False]
    assert rows["guessed"]["pages"] == pages
    assert "in doubt" not in write_recipes(Compared.of([recipe("plain", 1.0, 1.0), better]), {}).lower()


def test_doubts_that_gates_and_limits_say_are_not_said_twice():
    doubts = {"gates": ["gates"], "proxies": ["proxies"], "shares": [], "limits": ["limits"]}
    assert list(_other_doubts(doubts, failed_gates=["bytes"])) == ["proxies"]
    assert list(_other_doubts(doubts, failed_gates=[])) == ["gates", "proxies"]  # those of a baseline


def test_the_end_of_a_run_tells_the_best_choices(tmp_path):
    pages = {"vocabulary.md": "recipes/other/vocabulary.md"}
    compared = Compared.of(
        [recipe("plain", 1.0, 1.2), recipe("other", 0.9, 1.3, failed_gates=("bytes",), pages=pages)]
    )
    (tmp_path / "recipes.md").write_text(write_recipes(compared, {}))
    (tmp_path / "recipes.html").touch()
    lines = closing_words(tmp_path / "recipes.md").splitlines()
    assert lines[1].startswith("- Best average: plain, macro NSL 1.1000")
    assert [line.partition(":")[0] for line in lines[2:4]] == ["- Best worst corpus", "- Least cost"]
    assert "other is not fit for use" in lines[4]
    assert f"its\n  {tmp_path}/recipes/other/vocabulary.md shows" in "\n".join(lines)
    assert lines[-1] == f"Read {tmp_path / 'recipes.md'}, or open {tmp_path / 'recipes.html'}"


def test_other_documents_are_refused():
    first, other = recipe("plain", 1.0, 1.0), recipe("other", 1.0, 1.0)
    fewer = replace(
        other,
        corpora=other.corpora.with_columns(documents=pl.lit(39)),
    )
    with pytest.raises(
        ValueError, match=r"held_out of deu_Latn has 39 documents in the results of other and 40 in"
    ):
        Compared.of([first, fewer])
    longer = replace(other, corpora=other.corpora.with_columns(pl.col("bytes") + 1))
    with pytest.raises(ValueError, match="bytes in the results of other and"):
        Compared.of([first, longer])
    renumbered = replace(other, documents=other.documents.with_columns(pl.col("document") + 1))
    with pytest.raises(ValueError, match="document 0 is missing in the results of other"):
        Compared.of([first, renumbered])


def test_another_normalizer_counts_the_same_documents():
    """Its own reference tokens are of its own text; the first recipe's count."""
    first = recipe("plain", 1.0, 1.0)
    nfkc = recipe("nfkc", 0.9, 0.9, settings=config(CORPORA, {"normalizer": "nfkc"}))
    nfkc = replace(
        nfkc,
        corpora=nfkc.corpora.with_columns(pl.col("bytes") // 2),
        documents=nfkc.documents.with_columns(pl.col("reference_tokens") // 2),
    )
    compared = Compared.of([first, nfkc])
    assert value(compared, "nfkc", AVERAGE) == pytest.approx(0.9, abs=1e-5)
    assert value(compared, "nfkc", "cost_difference") == pytest.approx(-10, abs=1e-3)
    assert "`nfkc` normalizes text by `nfkc`, `plain` by `nfc`" in write_recipes(compared, {}).replace(
        "\n  ", " "
    )


def test_own_objectives():
    """Each is compared by the common measures and by the objectives of all."""
    heavy = config(CORPORA, aggregate="weighted", weights={"deu_Latn": 3, "rus_Cyrl": 1})
    same = config(CORPORA, aggregate="weighted", weights={"deu_Latn": 0.75, "rus_Cyrl": 0.25})
    compared = Compared.of(
        [
            recipe("plain", 1.0, 1.0),
            recipe("german", 0.8, 1.2, settings=heavy),
            recipe("again", 0.8, 1.0, settings=same),
        ]
    )
    assert list(compared.objectives) == ["macro", "pooled", "worst", "weighted of german"]
    assert compared.own_objective(compared.recipes[2]) == "weighted of german"
    assert value(compared, "german", "weighted of german_difference") == pytest.approx(-10, abs=1e-3)
    assert "**-10.00 %▼**" in write_recipes(compared, {})


def test_fairness_existing_tokenizers_and_scripts(tmp_path):
    sets = {"held_out": THOUSANDFOLD, "udhr": THOUSANDFOLD}
    settings = config(CORPORA, parallel_set="udhr", pivot="deu_Latn")

    def of(name, deu, rus, settings):
        return finished(name, dict.fromkeys(sets, tokens(deu, rus)), sets, settings=settings, shares=None)

    unfair, fair = of("unfair", 1.0, 1.5, settings), of("fair", 1.2, 1.2, settings)
    compared = Compared.of([unfair, fair, of("old", 0.9, 0.9, None)])
    sums = {c: int(THOUSANDFOLD[c].sum()) for c in CORPORA}
    a, b = sums["deu_Latn"], 1.5 * sums["rus_Cyrl"]
    assert value(compared, "unfair", FAIRNESS) == pytest.approx((b - a) / (2 * (a + b)), rel=1e-4)
    assert value(compared, "unfair", "premium", evaluation_set="udhr", corpus="rus_Cyrl") == pytest.approx(
        b / a
    )
    assert choices(compared)[-1].best == "fair"
    page = write_recipes(compared, {}).replace("\n  ", " ")
    assert "Better still, of existing tokenizers: `old`." in page
    assert sorted_by_script(["zho", "rus", "deu"], {"zho": "Han", "rus": "Cyrillic", "deu": "Latin"}) == [
        "deu",
        "rus",
        "zho",
    ]
    assert main_scripts({"a": {"text": {"scripts": {"Latin": 0.2, "Han": 0.8}}}}) == {"a": "Han"}
    table = corpora_table(compared, {"rus_Cyrl": "Cyrillic"})
    assert table["corpus"].to_list() == ["rus_Cyrl", "deu_Latn"]
    assert table["fair_difference"].to_list() == pytest.approx([-20, 20], abs=1e-3)


@pytest.mark.parametrize("n", [1, 3])
def test_figures_and_page_for_any_number_of_recipes(n, tmp_path):
    every = [recipe("plain", 1.0, 1.2), recipe("other", 0.9, 1.3, shares=None), recipe("same", 1.0, 1.2)]
    compared = Compared.of(every[:n])
    drawn = figures(compared, {"deu_Latn": "Latin"})
    for name, figure in drawn.items():
        save(figure, tmp_path / f"{name}.svg")
    data = recipes_data(compared, {"deu_Latn": "Latin"})
    json.dumps(data, allow_nan=False)
    assert data["corpora"] == CORPORA
    assert [row["name"] for row in data["tokenizers"]] == compared.names
    page = write_recipes_page(compared, {}, "1")
    assert page.count("<script") == 2
    assert f"script-src 'sha256-{sha256_of(part('recipes.js').strip())}'" in page
    assert all(f"figures/{name}.svg" in write_recipes(compared, {}) for name in drawn)


def test_noise_of_draws_is_pooled():
    known = [DrawNoise(0.001, 4, 1), DrawNoise(0.003, 12, 1), None]
    compared = Compared.of([recipe(str(i), 1.0, 1.0, noise=noise) for i, noise in enumerate(known)])
    assert compared.noise == DrawNoise(pytest.approx(np.sqrt((4 * 1e-6 + 12 * 9e-6) / 16)), 16, 1)
