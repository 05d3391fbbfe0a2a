"""A run without a search: what it makes, what it leaves out, and what its pages say."""

import json

import polars as pl
import pytest
import tiny
from test_workflow import planned, snakemake

from trex.config import load_config
from trex.layout import Layout
from trex.report.results import Results


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two mixtures under a limit against an existing tokenizer; all that concerns proxies alone is wrong."""
    folder = tiny.make(
        tmp_path_factory.mktemp("no_search") / "run",
        search={"strategies": []},
        objective={"max_loss": {"reference.json": 18}},
        proxies={"count": 7, "per_job": 5, "bytes": "1GB", "vocab_size": 257},
        regression={"folds": 99, "compare": ["stack"]},
        validation={"mixtures": 2, "grid": None},
    )
    result = snakemake(folder)
    assert result.returncode == 0, result.stderr[-3000:]
    return folder


def test_only_the_baselines_are_trained_and_compared(run):
    results = run / "results"
    assert planned(run) == {}
    candidates = pl.read_parquet(results / "search/candidates.parquet")
    assert candidates["name"].to_list() == ["matched", "uniform"]
    assert candidates.select("aaa", "bbb", "ccc").sum_horizontal().to_list() == pytest.approx([1, 1])
    assert candidates["predicted"].is_null().all()
    choice = json.loads((results / "choice/choice.json").read_text())
    # the NSL of the reference is 1, so this limit is a number
    nsl = pl.read_parquet(results / f"full_scale/{choice['chosen']}/0.compression.parquet")
    most = nsl.filter(vocab_size=500)["nsl"].max()
    assert choice["ranking"][0]["violation"] == pytest.approx(max(most / 1.18 - 1, 0))
    assert {path.name for path in (results / "search").iterdir()} == {"candidates.parquet", "limits.parquet"}
    for name in ("proxies", "surfaces", "training_set.parquet", "mixtures.parquet", "choice/proxies"):
        assert not (results / name).exists()


def test_pages_claim_no_search(run):
    results = run / "results"
    pages = {path.name: path.read_text() for path in results.glob("*.md")}
    for name, text in pages.items():
        text = text.replace("`search.strategies", "")
        for word in ("prox", "predict", "regression", "searched mixture", "the search", "finalist"):
            assert word not in text.lower(), f"{name} says {word}"
    assert "Only `matched` and `uniform` were compared" in " ".join(
        pages["summary.md"].split("\n##")[0].split()
    )
    config = load_config(json.loads((results / "provenance.json").read_text())["run"]["config"], run)
    assert config["validation"]["mixtures"] == 0
    assert Results.load(Layout(results), config).front is None
    data = (results / "report.html").read_text().split('id="data">')[1].split("</script>")[0]
    assert json.loads(data)["objective"] is None


def test_the_target_proxies_says_why_there_are_none(run):
    result = snakemake(run, "--dry-run", "proxies")
    assert result.returncode != 0
    assert "search.strategies is []" in result.stdout + result.stderr
