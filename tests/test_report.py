"""The pages about a run: word by word for a made-up run whose numbers can be worked out by hand, and what heads the
summary when the result is doubtful."""

import json
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined
from made_up_run import CORPORA, EXPECTED, MEASURED, RAW, pages, pages_of, ranks, write_results

from trex.config import load_config
from trex.layout import Layout
from trex.report.costs import strategy_costs
from trex.report.results import Results
from trex.report.validation_page import smallest_that_ranks
from trex.run.code_version import modules_of
from trex.search.registry import STRATEGIES, described

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    return pages(tmp_path_factory.mktemp("made_up"))


@pytest.mark.parametrize("page", ["summary", "details", "validation", "costs"])
def test_pages_are_as_expected(made_up, page):
    """After a change that is meant: python tests/made_up_run.py, and read the difference."""
    assert made_up[page] == (EXPECTED / f"{page}.md").read_text()


def test_the_expected_numbers_are_right(made_up):
    """Worked out by hand, so that nobody writes wrong numbers into the expected pages."""
    # found gains 1 - .9/.95 = 5.263 % on matched at full scale
    gains = "| `matched`    | matched  |          +5.26 % |  +4.76 to +5.76 % |     +5.26 % |"
    assert gains in made_up["summary"]
    # of 10 MB a fifth is heb, of which there is 1 MB
    assert (
        "| `heb`    |       20.00 % |   33.33 % |   10.00 % | 10.0 to 40.0 % | 1.0 MB | 2.00 times |"
        in (made_up["summary"])
    )
    # a TB of each corpus at 2 / .8, 2 / .9 and 2 / 1 bytes a token: 1.35 x 10^12 tokens
    assert "| `chosen`     |            1.35 |" in made_up["validation"]
    # all benchmarks together: 20.5 + 30 + 4 CPU seconds
    assert "|        64 |            20 s |         30 s |              4 s |    54 s |" in made_up["costs"]


def test_a_strategy_costs_the_proxies_that_it_trains(tmp_path):
    """Those of its own rounds, and the sampled ones unless it runs alone; it reads nothing but what strategies say."""
    config = load_config(RAW | {"search": {"strategies": ["direct", "adaptive"], "rounds": 2}}, tmp_path)
    seconds = {"train_proxies/00000-00063": 10.0, "fit_surfaces": 20.0, "search_on_surface/adaptive": 1.0}
    seconds |= {"search_round/00": 3.0, "search_round/01": 4.0, "search_alone/direct": 7.0}
    notes = {"direct": {"rounds": 40}, "adaptive": {"rounds": 2, "trained": 6}}
    costs = strategy_costs(config, seconds, notes, described(STRATEGIES))
    assert [(cost.strategy, cost.proxies, cost.search, cost.total) for cost in costs] == [
        ("direct", 40, 0.0, 7.0),
        ("adaptive", 70, 8.0, 38.0),
    ]


def test_the_summary_fits_on_two_screens(made_up):
    lines = made_up["summary"].splitlines()
    corpora = 14
    assert len(lines) + corpora - len(CORPORA) <= 80
    assert max(map(len, lines)) <= 110


def test_no_page_has_raw_keys(made_up):
    for text in made_up.values():
        for key in ("penalised_value", "at_limits", "acceptance_rate", "not_in_the_list", "nan", "None"):
            assert key not in text


def summary_of(folder, path, *changes, **arguments):
    """The summary after a table of the results was changed."""
    write_results(folder, **arguments)
    table = pl.read_parquet(folder / path)
    table.with_columns(*changes).write_parquet(folder / path)
    return pages_of(folder, RAW)["summary"]


def headline(summary: str) -> str:
    return summary.splitlines()[0]


DOUBTFUL = "# Do not trust this result yet"


def test_proxies_that_are_the_same_mixture_head_the_summary(tmp_path):
    same = [pl.Series("share", [0.4, 0.3, 0.3] * 2)]
    text = summary_of(tmp_path, "training_ledger.parquet", *same)
    assert headline(text) == DOUBTFUL
    assert "**Only 1 of 2 sampled mixtures differ" in text
    assert "6 of 6 shares are more than 1 percentage point off" in text.replace("\n  ", " ")


@pytest.mark.parametrize(
    ("path", "change", "reason"),
    [
        ("surfaces/metrics.parquet", pl.lit(1.0).alias("r2"), "without any error (R² = 1)"),
        ("surfaces/metrics.parquet", pl.lit(float("nan")).alias("r2"), "no better than their mean"),
        ("surfaces/predictions.parquet", pl.lit(1.0).alias("measured"), "measure the same objective"),
        ("full_scale/found/0.ledger.parquet", pl.Series("share", [0.53, 0.278, 0.192]), "`deu` of `found`"),
    ],
)
def test_doubts_head_the_summary(tmp_path, path, change, reason):
    text = summary_of(tmp_path, path, change)
    assert headline(text) == DOUBTFUL
    assert reason in text.replace("\n  ", " ")
    assert "face value" in text


def test_a_mixture_that_exceeds_the_limits_heads_the_summary(tmp_path):
    text = pages(tmp_path, violations=dict.fromkeys(MEASURED, 0.02))["summary"]
    assert headline(text) == DOUBTFUL
    assert "`found` exceeds them least, by 2.00 %" in text.replace("\n  ", " ")


def test_what_alone_keeps_the_limits_does_not_measure_best(tmp_path):
    over = {"found": 0.0, "matched": 0.1, "uniform": 0.1}
    text = pages(tmp_path, violations=over)["summary"].replace("\n", " ")
    assert "It is the only one of 3 mixtures trained at full scale that keeps the limits." in text
    over = {"found": 0.0, "matched": 0.0, "uniform": 0.1}
    text = pages(tmp_path, violations=over)["summary"].replace("\n", " ")
    assert (
        "measures best of the 2 mixtures trained at full scale that keep the limits, and the others of these"
        in text
    )


def test_few_test_documents_claim_nothing(tmp_path):
    found = pages(tmp_path, test_documents=9, full_scale={"chosen": 0.95, "matched": 0.9, "uniform": 1.0})
    said = (
        "The test half has too few documents to claim anything: 9 of `deu` in `held_out` and 2 more corpora, where 10 "
        "are needed."
    )
    for page in ("summary", "validation"):
        assert said in found[page].replace("\n", " ")
    assert headline(found["summary"]) == "# Recommended mixture: `found`"
    assert "% fewer tokens than" not in found["summary"]


def test_a_failed_gate_is_a_doubt_and_an_accepted_one_a_caveat(tmp_path):
    write_results(tmp_path, failed=("bytes",))
    failed = (
        "`chosen`, `matched` and `uniform` fail the gate `bytes` (a tokenizer that passes it has an entry"
    )
    text = pages_of(tmp_path, RAW)["summary"]
    assert headline(text) == DOUBTFUL
    assert f"**Not fit for use: {failed}" in text.replace("\n  ", " ")
    raw = RAW | {"validation": RAW["validation"] | {"waived_gates": ["bytes"]}}
    text = pages_of(tmp_path, raw)["summary"]
    assert headline(text) == "# Recommended mixture: `found`"
    assert f"- {failed}" in text.replace("\n  ", " ").split("## Caveats")[1]


def test_a_baseline_that_is_better_at_full_scale_heads_the_summary(tmp_path):
    full_scale = {"chosen": 0.95, "matched": 0.9, "uniform": 0.92}
    text = pages(tmp_path, full_scale=full_scale)["summary"]
    assert headline(text) == "# At full scale, `matched` is better than the recommended `found`"
    assert "**Train on the baseline `matched`, not on `found`,**" in text
    # .95 / .9 - 1
    assert "`found` needs 5.56 % more tokens than `matched` (5.56 to 5.56 %)" in text.replace("\n", " ")
    assert 'results/tokenizers/matched")' in text


def test_a_tie_at_full_scale_is_said(tmp_path):
    text = pages(tmp_path, full_scale={"chosen": 0.9, "matched": 0.9001, "uniform": 1.0})["summary"]
    said = "needs 10.00 % fewer tokens than `uniform` (10.00 to 10.00 %); no difference from `matched` can be claimed"
    assert said in text.replace("\n", " ")


def test_the_recommended_mixture_need_not_measure_best(tmp_path):
    """The simplest of those that cannot be told apart may be chosen."""
    full_scale = {"chosen": 0.95, "matched": 0.95, "uniform": 1.0}
    text = pages(tmp_path, chosen="matched", full_scale=full_scale)["summary"]
    assert headline(text) == "# Recommended mixture: `matched`"
    said = "**Train on the baseline `matched`.** It is the simplest of the 3 mixtures"
    assert said in text.replace("\n", " ")
    # figures and report.html show that baseline's tokenizer once, as `chosen`
    table = Results.load(Layout(tmp_path), load_config(RAW, tmp_path)).distinct_validation
    assert "matched" not in {*table["tokenizer"], *table["against"]}
    assert {"chosen", "uniform"} <= {*table["tokenizer"]}
    assert "uniform" in table["against"]


@pytest.mark.parametrize(
    ("spearman", "said"), [(0.9, "prefer the wrong"), (float("nan"), "could not be measured")]
)
def test_proxies_that_rank_badly_are_a_caveat(tmp_path, spearman, said):
    write_results(tmp_path)
    ranks(CORPORA, spearman).write_parquet(tmp_path / "validation/ranks.parquet")
    found = pages_of(tmp_path, RAW)
    assert said in found["summary"].replace("\n  ", " ")
    assert "Raise `proxies.bytes`" in found["summary"]
    assert "**No smaller scale has a Spearman correlation" in found["validation"]


def test_the_smallest_scale_that_ranks():
    assert smallest_that_ranks({"1": 0.99, "2": 0.9, "3": 0.98, "4": 1.0}) == "3"
    assert smallest_that_ranks({"1": 0.99, "2": float("nan")}) is None
    assert smallest_that_ranks({"1": 0.99, "2": None}) is None


def test_extrapolation_is_a_caveat(tmp_path):
    text = pages(tmp_path, sampled=[[0.2, 0.4, 0.4], [0.4, 0.3, 0.3]])["summary"]
    # .5 of deu above .4, .2 of heb below .3
    assert "share of `deu` and `heb` lies outside" in text.replace("\n  ", " ")


def test_an_inferred_baseline_says_what_it_leaves_out(tmp_path):
    write_results(tmp_path)
    (tmp_path / "inference").mkdir()
    found = {"tokenizer": "o200k_base", "merges": 30000, "unseen": 6000, "residual": 0.25}
    (tmp_path / "inference/uniform.json").write_text(json.dumps(found))
    raw = RAW | {"baselines": {"uniform": {"infer": "o200k_base"}}}
    text = pages_of(tmp_path, raw)["summary"].replace("\n  ", " ")
    assert "first 30,000 merges of o200k_base; 20.00 % of them occur in no corpus" in text


def test_without_full_scale_baselines(tmp_path):
    write_results(tmp_path, full_scale={"chosen": 0.9})
    text = pages_of(tmp_path, RAW | {"training": {"vocab_size": 32768, "baselines": False}})["summary"]
    # against an existing tokenizer, since no other is validated
    assert "`found` needs 25.00 % fewer tokens than `o200k_base`" in text.replace("\n", " ")
    assert "| `uniform`    | uniform  |          -0.10 % | -0.60 to +0.40 % |           – |" in text


def test_the_reference_has_no_worst_corpus(tmp_path):
    """Its NSL is 1 everywhere."""
    write_results(tmp_path)
    path = tmp_path / "validation/validation.parquet"
    table = pl.read_parquet(path)
    of_reference = (pl.col("tokenizer") == "o200k_base") & (pl.col("metric") == "nsl")
    table.with_columns(value=pl.when(of_reference).then(1.0).otherwise("value")).write_parquet(path)
    assert "|      all equal |" in pages_of(tmp_path, RAW)["validation"]


def test_the_front_has_no_dominated_row(tmp_path):
    results = Results.load(Layout(write_results(tmp_path)), load_config(RAW, tmp_path))
    assert results.pareto["name"].to_list() == ["p0", "p1", "p2"]
    assert results.front["name"].to_list() == ["p0", "p2"]
    assert results.front_measured.rows() == [
        ("front_average", "p0", pytest.approx(0.957), 1.24, 0.95, 1.25),
        ("front_worst", "p2", pytest.approx(1.015), 1.15, 1.0, 1.1),
    ]


@pytest.mark.parametrize("corpora", [["eng", "deu", "heb"], ["deu", "eng", "pol"]])
def test_other_corpora_are_refused(tmp_path, corpora):
    folder = write_results(tmp_path, corpora=corpora)
    with pytest.raises(ValueError, match=r"candidates.parquet has the columns .* delete it and run again"):
        Results.load(Layout(folder), load_config(RAW, folder))


def test_a_table_that_lacks_a_corpus_is_refused(tmp_path):
    path = write_results(tmp_path) / "training_ledger.parquet"
    pl.read_parquet(path).filter(pl.col("corpus") != "heb").write_parquet(path)
    with pytest.raises(
        ValueError, match=r"training_ledger.parquet and the config differ in the corpora \['heb'\]"
    ):
        Results.load(Layout(tmp_path), load_config(RAW, tmp_path))


@pytest.mark.parametrize("script", ["write_summary", "plot_figures"])
def test_pages_hang_on_no_stage_of_the_run(script):
    """A change of a search strategy or of a kernel must not write the pages again, but for new results."""
    modules = {
        path.relative_to(ROOT / "src/trex") for path in modules_of(ROOT / f"workflow/scripts/{script}.py")
    }
    used = "\n".join(path.read_text() for path in (ROOT / "src/trex" / module for module in modules))
    assert "import numba" not in used
    assert "scipy" not in used
    assert not any(
        part in ("search", "proxies", "surfaces", "bpe") for path in modules for part in path.parts
    )


@pytest.mark.parametrize("caption", sorted(ROOT.glob("workflow/report/*.rst")), ids=lambda path: path.stem)
def test_captions_render(caption, tmp_path):
    """As Snakemake does it, but every warning is an error."""
    config = load_config(RAW, tmp_path)
    template = Environment(undefined=StrictUndefined).from_string(caption.read_text())
    text = template.render(snakemake=SimpleNamespace(config=config))
    assert publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
