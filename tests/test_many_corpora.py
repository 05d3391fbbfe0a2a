"""Hundreds of small corpora: what shares a job, what runs again, and surfaces and searches whose cost is bounded."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import snakemake.api  # ahead of trex.run.planning, which needs all of it loaded
import tiny
import yaml
from threadpoolctl import threadpool_limits

from trex.mixtures import bounds as bounds_module
from trex.mixtures.bounds import Bounds
from trex.objective.aggregate import Aggregate
from trex.objective.targets import TargetObjective
from trex.run.job import each_task
from trex.run.planning import Planner
from trex.run.records import Records
from trex.run.tasks import BATCH_BYTES, BATCH_CORPORA, SMALL_BYTES, Task, batches_of_small, several
from trex.search import minimise as minimise_module
from trex.search.minimise import minimise
from trex.search.problem import Problem
from trex.surfaces.base import MANY
from trex.surfaces.fit import class_to_fit, fit_with_residuals, load_surface
from trex.surfaces.gaussian_process import GaussianProcessSurface
from trex.surfaces.many_corpora import ManyCorporaSurface


@pytest.fixture(autouse=True)
def one_thread():
    """As in a job: threads that share small matrices wait for each other longer than they compute."""
    with threadpool_limits(1, user_api="blas"):
        yield


def test_which_corpora_share_a_job():
    sizes = {f"c{i}": 20_000 for i in range(300)} | {"large": SMALL_BYTES + 1, "hub": None}
    batches = batches_of_small(sizes)
    assert [corpus for batch in batches for corpus in batch] == list(sizes)[:300]
    assert max(map(len, batches)) == BATCH_CORPORA
    assert batches_of_small({f"c{i}": 1 for i in range(8)}) == []  # eight jobs for eight corpora
    assert len(batches_of_small({f"c{i}": 1 for i in range(14)})) == 7
    large = batches_of_small({f"c{i}": SMALL_BYTES for i in range(64)})
    assert all(len(batch) * SMALL_BYTES <= BATCH_BYTES for batch in large)


def test_long_lists_of_files_are_cut():
    assert several(["a", "b", "c"], 2) == ["a", "b", "c"]
    assert several(["a", "b", "c", "d"], 2) == ["a", "b", "and 2 more"]


@pytest.fixture
def batch(tmp_path, monkeypatch):
    """A job of three tasks that copy files, and a function that runs it: what it copied."""
    monkeypatch.chdir(tmp_path)
    names = ["deu", "eng", "fra"]
    for name in names:
        (tmp_path / f"{name}.txt").write_text(name)
    tasks = [
        Task("copy", {"corpus": n}, {"file": f"{n}.txt"}, {"copy": f"results/{n}.out"}, {"code": "1"})
        for n in names
    ]

    def job(tasks):
        return SimpleNamespace(
            rule=SimpleNamespace(name="copy_batch_000"),
            params={"tasks": tasks},
            input=[path for task in tasks for path in task.inputs],
            output=[path for task in tasks for path in task.outputs],
        )

    def run(tasks=tasks):
        done = []

        def copy(task):
            text = (tmp_path / task.input["file"]).read_text()
            if "bad" in text:
                raise ValueError("not a text")
            done.append(task.name)
            (tmp_path / task.output["copy"]).parent.mkdir(exist_ok=True)
            (tmp_path / task.output["copy"]).write_text(text)

        script = SimpleNamespace(**{**vars(job(tasks)), "rule": "copy_batch_000"}, log=["log"])
        script.config = {"results": "results"}
        each_task(script, copy)
        return done

    run.tasks = tasks
    run.why = lambda tasks=tasks: Planner(Records("results")).why(SimpleJob(job(tasks)))
    return run


class SimpleJob(SimpleNamespace):
    """Like Snakemake's jobs, it can be the key of a dict."""

    def __init__(self, job):
        super().__init__(**vars(job))

    __hash__ = object.__hash__


def test_a_changed_corpus_runs_alone_within_its_batch(batch, tmp_path):
    assert batch() == ["deu", "eng", "fra"]
    assert not batch.why()
    (tmp_path / "eng.txt").write_text("English")
    assert batch.why().inputs == ["eng.txt"]
    assert batch() == ["eng"]
    (tmp_path / "results/fra.out").write_text("damaged")
    assert batch.why().missing == ["results/fra.out"]
    assert batch() == ["fra"]
    # in another batch, a corpus is what it was
    assert batch(batch.tasks[:2]) == []
    assert not batch.why(batch.tasks[1:])


def test_a_corpus_that_fails_is_named_and_the_others_are_kept(batch, tmp_path, capsys):
    (tmp_path / "eng.txt").write_text("bad")
    with pytest.raises(SystemExit):
        batch()
    said = capsys.readouterr().err
    assert "eng: not a text" in said
    assert "The other 2 of this job are done" in said
    assert "Traceback" in (tmp_path / "log").read_text()
    assert batch.why().missing == ["results/eng.out"]
    (tmp_path / "eng.txt").write_text("English")
    assert batch() == ["eng"]


def snakemake(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", "--configfile", "my.yaml", "--cores", "2", *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return result.stdout + result.stderr


def test_batches_in_a_run(tmp_path):
    """Of 24 corpora in batches of three, the first six are counted: an added corpus, which makes batches of four, a
    changed one, and one that fails."""
    folder = tiny.make(tmp_path / "run")
    lines = (folder / "aaa.jsonl").read_text().splitlines(keepends=True)
    names = [f"c{i:02d}" for i in range(24)]
    for i, name in enumerate([*names, "more"]):
        (folder / f"{name}.jsonl").write_text("".join(lines[20 * i : 20 * i + 80]))
    config = yaml.safe_load((folder / "my.yaml").read_text())
    config["corpora"] = {name: {"source": {"jsonl": f"{name}.jsonl"}} for name in names}

    def count(config) -> tuple[str, dict[str, tuple]]:
        (folder / "my.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        targets = [
            f"results/counts/{name}/words.arrow" for name in [*names[:6], *list(config["corpora"])[24:]]
        ]
        said = snakemake(folder, *targets, "results/evaluation/held_out/c00.parquet")
        stats = {path: path.stat() for path in folder.glob("results/counts/*/words.arrow")}
        return said, {
            path.parent.name: stat.st_ino for path, stat in stats.items()
        }  # a file that is made is a new one

    said, first = count(config)
    assert said.count("Counting the words of 3 corpora") == 2
    assert set(first) == set(names[:6])
    assert (folder / "results/evaluation/held_out/c02.ledger.parquet").exists()  # counted with c00

    (folder / "c05.jsonl").write_text("".join(lines[300:380]))
    (folder / "c04.jsonl").write_text(lines[0])  # nothing to evaluate on
    config["corpora"]["more"] = {"source": {"jsonl": "more.jsonl"}}
    said, second = count(config)
    assert "c04: corpus c04: 1 documents give" in said
    untouched = names[:4]
    assert {name: second[name] for name in untouched} == {name: first[name] for name in untouched}
    assert second["c05"] != first["c05"]

    (folder / "c04.jsonl").write_text("".join(lines[400:480]))
    said, third = count(config)
    assert set(third) == {*names[:8], "more"}
    assert {name: third[name] for name in untouched} == {name: first[name] for name in untouched}
    assert third["c05"] == second["c05"]
    records = [
        json.loads(path.read_text()) for path in folder.glob("results/.artifacts/files/counts/*/*.json")
    ]
    assert {record["rule"] for record in records} == {"count_words"}


K = MANY + 16


@pytest.fixture(scope="module")
def measured():
    """Shares of K corpora and NSL as a power law of the own share, with noise."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(K), 96)
    nsl = (0.6 + 0.05 * (shares + 1e-3) ** -0.3) * np.exp(1e-3 * rng.standard_normal(shares.shape))
    return shares, nsl


def test_many_corpora_have_a_surface_of_their_own(measured):
    shares, nsl = measured
    nsl = nsl[:, :12]
    surface, _ = fit_with_residuals(shares[:64], nsl[:64], "gaussian_process", own=range(12), seed=1)
    assert isinstance(surface, ManyCorporaSurface)
    again = load_surface(json.loads(json.dumps(surface.to_json())))
    mean, std = surface.predict(shares[64:])
    assert all(map(np.array_equal, again.predict(shares[64:]), (mean, std)))
    assert 100 * np.abs(mean / nsl[64:] - 1).mean() < 0.6
    assert 0.7 < np.mean(np.abs(mean - nsl[64:]) < 1.645 * std) < 0.97
    few = class_to_fit("gaussian_process", shares[:, :5], np.arange(5))
    assert few is GaussianProcessSurface


def test_gradients_of_many_corpora(measured):
    shares, nsl = measured
    surface = ManyCorporaSurface.fit(shares[:64], nsl[:64, :6], own=np.arange(6), seed=1)
    mean, std, mean_slope, std_slope = surface.gradient(shares[64:66])
    assert all(map(np.allclose, surface.predict(shares[64:66]), (mean, std)))
    for corpus in (0, 5, 40):
        step = 1e-4 * shares[64:66] * (np.arange(K) == corpus)
        above, below = surface.predict(shares[64:66] + step), surface.predict(shares[64:66] - step)
        for high, low, slope in zip(above, below, (mean_slope, std_slope), strict=True):
            numeric = (high - low) / (2 * step[:, [corpus]])
            np.testing.assert_allclose(numeric, slope[..., corpus], rtol=0.02, atol=1e-4)


@pytest.mark.parametrize("aggregate", ["macro", "worst"])
def test_minimising_over_many_corpora_equals_quadratic_programming(measured, monkeypatch, aggregate):
    shares, nsl = measured
    surface = ManyCorporaSurface.fit(shares[:64], nsl[:64, :6], own=np.arange(6), seed=1)
    tokens = np.ones((1, K))
    tokens[:, 6:] = 0  # corpora without evaluation text
    objective = TargetObjective(Aggregate(aggregate, np.ones(K)), tokens)
    problem = Problem(surface, objective, Bounds(np.full(K, 1e-3), np.full(K, 0.2)))
    start = np.full(K, 1 / K)
    found = minimise(problem, start)
    monkeypatch.setattr(minimise_module, "MANY", K)
    exact = minimise(problem, start)
    assert problem.bounds.contain(found.shares)
    assert found.value == pytest.approx(exact.value, rel=2e-3)
    assert found.value < problem.objective(surface.mean(start[None]))[0]


def test_projections_of_many_shares_are_those_of_few(monkeypatch):
    rng = np.random.default_rng(0)
    bounds = Bounds(rng.random(K) * 1e-3, np.where(np.arange(K) < 5, 2e-3, 0.1))
    weights = rng.dirichlet(np.full(K, 0.3), 200)
    weights[0] = np.eye(K)[7]
    found = bounds.project(weights)
    monkeypatch.setattr(bounds_module, "MANY", K)
    np.testing.assert_allclose(found, bounds.project(weights), atol=1e-12)
