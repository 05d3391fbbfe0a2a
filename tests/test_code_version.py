"""Which rules run again when code changes: those that run it, and no others."""

from pathlib import Path

import pytest

from trex.run import code_version

SCRIPTS = Path(__file__).parents[1] / "workflow" / "scripts"


def rerun_by(change: str) -> set[str]:
    """The scripts whose fingerprint covers a file of the package."""
    file = code_version.PACKAGE / change
    assert file.exists()
    return {script.stem for script in SCRIPTS.glob("*.py") if file in code_version.modules_of(script)}


@pytest.mark.parametrize(
    ("change", "reruns", "spared"),
    [
        (
            "bpe/merge_loop.py",
            {"train_proxies", "train_candidate", "train_tokenizer", "train_grid", "search_round"},
            {"count_words", "count_part", "count_eval_words", "index_words", "infer_mixture"}
            | {"sample_mixtures", "validate", "validate_tokenizer", "validate_existing"},
        ),
        (
            "report/summary.py",
            {"write_summary"},
            {"train_proxies", "fit_surfaces", "search_mixture", "validate", "plot_figures"},
        ),
        ("search/minimise.py", {"search_on_surface", "search_round"}, {"search_alone", "train_proxies"}),
        ("surfaces/fit.py", {"fit_surfaces", "search_round"}, {"search_alone", "train_proxies"}),
        ("tokenizer/reference.py", {"count_eval_words"}, {"count_words", "train_proxies"}),
        ("surfaces/base.py", {"search_on_surface", "search_round", "fit_surfaces"}, {"search_alone"}),
        (
            "counting/corpus.py",
            {"count_words", "count_part", "merge_counts", "count_eval_words"},
            {"hash_documents", "index_words", "train_proxies", "write_summary"},
        ),
        ("counting/pretokenize.py", {"count_words"}, {"hash_documents"}),
        ("report/costs.py", {"write_summary"}, {"plot_figures"}),
        ("report/text_caveats.py", {"write_summary"}, {"count_eval_words", "plot_figures"}),
    ],
)
def test_a_comment_reruns_what_runs_the_file(change, reruns, spared):
    found = rerun_by(change)
    assert reruns <= found
    assert not spared & found


@pytest.mark.parametrize(
    ("change", "reruns"),
    [
        ("run/records.py", set()),
        ("run/locks.py", set()),
        ("run/job.py", set()),
        ("run/provenance.py", {"write_provenance"}),
    ],
)
def test_what_goes_around_a_job_reruns_nothing(change, reruns):
    assert rerun_by(change) == reruns


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package trex of these modules."""
    for name in ("__init__", "a", "b", "c/__init__", "c/d", "c/e"):
        path = tmp_path / "trex" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    monkeypatch.setattr(code_version, "PACKAGE", tmp_path / "trex")
    return tmp_path / "trex"


@pytest.mark.parametrize(
    ("file", "line", "found"),
    [
        ("../script.py", "from trex.a import anything", {"__init__", "a"}),
        ("../script.py", "from trex import b, anything", {"__init__", "b"}),
        ("../script.py", "import trex.c.d as d", {"__init__", "c/__init__", "c/d"}),
        ("../script.py", "def later():\n    import os, trex.a", {"__init__", "a"}),
        ("../script.py", "import trexes.a\nfrom os import path", set()),
        ("c/d.py", "from . import e", {"__init__", "c/__init__", "c/e"}),
        ("c/d.py", "from .e import anything", {"__init__", "c/__init__", "c/e"}),
        ("c/d.py", "from ..a import anything", {"__init__", "a"}),
        ("c/__init__.py", "from .d import anything", {"__init__", "c/__init__", "c/d"}),
        (
            "c/d.py",
            "if TYPE_CHECKING:\n    from trex.a import A\nelse:\n    import trex.b",
            {"__init__", "b"},
        ),
    ],
)
def test_imports_are_followed(package, file, line, found):
    path = package / file
    path.write_text(line)
    modules = code_version.modules_of(path)
    assert {module.relative_to(package).with_suffix("").as_posix() for module in modules} == found


def test_the_version_changes_with_a_module_or_its_table(package):
    script = package.parent / "script.py"
    script.write_text("from trex.a import anything")
    versions = {code_version.code_version(script)}
    for name in ("a.py", "a.json"):
        (package / name).write_text("{}")
        versions.add(code_version.code_version(script))
    (package / "b.py").write_text("# not imported")
    versions.add(code_version.code_version(script))
    assert len(versions) == 3
