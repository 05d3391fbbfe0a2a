"""The locks, the conda environment and what is installed say the same."""

import contextlib
import importlib.util
import re
import shutil
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from trex.config import load_config, named_files
from trex.run.preflight import (
    check_install_path,
    warn_of_address_space,
    warn_of_shared_text,
    warn_of_special_tokens,
)

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = [  # by ./install.sh --dev
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-language-model.lock",
    "requirements-export.lock",
    "envs/build.lock",
]
LOCKS = [*INSTALLED, "requirements-slurm.lock"]


def _load_update():
    spec = importlib.util.spec_from_file_location("envs_update", ROOT / "envs" / "update.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


update = _load_update()


def _pins(lock: str) -> list[Requirement]:
    """The lock's requirements, read without envs/update.py: the lines that are neither comment, option nor hash."""
    lines = (ROOT / lock).read_text().splitlines()
    return [Requirement(line.rstrip("\\ ")) for line in lines if re.match(r"[A-Za-z0-9]", line)]


def _pinned_versions(*locks: str) -> dict[str, str]:
    """Name to version, of the pins that hold for this Python and platform."""
    pins = [pin for lock in locks for pin in _pins(lock) if pin.marker is None or pin.marker.evaluate()]
    return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins}


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_exactly_with_hashes_and_names_no_host(lock):
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"index-url|find-links|trusted-host|(^|\s)(/|~/|file:)", text, flags=re.MULTILINE)
    pins = _pins(lock)
    assert pins
    assert [str(pin) for pin in pins if not re.fullmatch(r"==[^*]+", str(pin.specifier))] == []
    entries = update.split_entries(text)
    assert [Requirement(update.requirement(entry)) for entry in entries] == pins
    assert [update.requirement(entry) for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(
    ("declared", "locks"),
    [
        (lambda project: project["dependencies"], ["requirements.lock"]),
        (lambda project: project["optional-dependencies"]["demo"], ["requirements.lock"]),
        (
            lambda project: project["optional-dependencies"]["dev"],
            ["requirements.lock", "requirements-dev.lock"],
        ),
        (
            lambda project: project["optional-dependencies"]["slurm"],
            ["requirements.lock", "requirements-slurm.lock"],
        ),
        (
            lambda project: project["optional-dependencies"]["language-model"],
            ["requirements.lock", "requirements-language-model.lock"],
        ),
        (
            lambda project: project["optional-dependencies"]["export"],
            ["requirements.lock", "requirements-export.lock"],
        ),
        (lambda project: update.BUILD_REQUIREMENTS, ["envs/build.lock"]),
    ],
    ids=["dependencies", "demo", "dev", "slurm", "language-model", "export", "build"],
)
def test_locks_satisfy_what_is_declared(declared, locks):
    pinned = _pinned_versions(*locks)
    unmet = []
    for text in declared(_project()):
        wanted = Requirement(text)
        version = pinned.get(canonicalize_name(wanted.name))
        if version is None or not wanted.specifier.contains(version, prereleases=True):
            unmet.append(f"{text} (pinned: {version})")
    assert unmet == [], f"run: {update.UPDATE_COMMAND}"


def test_locks_agree_where_they_pin_the_same():
    pinned: dict[str, str] = {}
    for lock in INSTALLED:
        for name, version in _pinned_versions(lock).items():
            assert pinned.setdefault(name, version) == version, (lock, name)


@pytest.mark.parametrize("name", update.CONDA)
def test_conda_environment_is_the_lock(name):
    text = (ROOT / "envs" / name).read_text()
    locks = update.CONDA[name]
    assert text == update.conda_environment("".join((ROOT / lock).read_text() for lock in locks)), (
        "run: python envs/update.py"
    )
    environment = yaml.safe_load(text)
    *conda, pip = environment["dependencies"]
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert conda == [f"python={update.CONDA_PYTHON}", "pip"]
    assert [Requirement(line) for line in pip["pip"]] == [pin for lock in locks for pin in _pins(lock)]
    assert f"{update.CONDA_PYTHON}.0" in Requirement(f"python{_project()['requires-python']}").specifier


def test_installed_packages_are_the_pinned_ones():
    wrong = []
    for name, pinned in _pinned_versions(*INSTALLED).items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            installed = None
        if installed != pinned:
            wrong.append(f"{name}: {pinned} is pinned, {installed or 'nothing'} is installed")
    assert wrong == [], "run: ./install.sh --dev"


@pytest.mark.parametrize(
    ("folder", "harmless"),
    [
        ("plain", True),
        ("ümläut.日本", True),
        ("a b", False),
        ("it's", False),
        ('say "x"', False),
        ("b{x}", False),
        ("$HOME", False),
    ],
)
def test_a_folder_that_jobs_cannot_start_from_is_refused(folder, harmless, tmp_path):
    clone = tmp_path / folder
    clone.mkdir()
    shutil.copy(ROOT / "install.sh", clone)
    result = subprocess.run(["sh", "install.sh", "--help"], cwd=clone, capture_output=True, text=True)
    assert (result.returncode == 0) == harmless
    assert ("has a space, quote or bracket" in result.stderr) == (not harmless)
    with contextlib.nullcontext() if harmless else pytest.raises(ValueError, match="Move the clone"):
        check_install_path(f"{clone}/.venv/bin/python3.12")


def test_a_small_address_space_is_told():
    assert "ulimit -v unlimited" in warn_of_address_space(1_500_000_000)
    assert warn_of_address_space(16_000_000_000) is None


def test_corpora_that_read_the_same_text_are_told(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text('{"text": "x", "de": "y"}\n' * 9)
    config = load_config(
        {
            "corpora": {
                "one": {"source": {"jsonl": "*.jsonl"}},
                "two": {"source": {"jsonl": "b.jsonl", "max_bytes": "1kB"}},
                "three": {"source": {"jsonl": "a.jsonl", "column": "de"}},
                "four": {"source": {"demo": "deu"}},
                "five": {"source": {"demo": "deu"}},
                "six": {"source": {"demo": "fra"}},
            }
        },
        tmp_path,
    )
    lines = warn_of_shared_text(config["corpora"], named_files(config, tmp_path))
    assert [line.partition(":")[0] for line in lines] == [
        "corpora.two.source reads the same text as corpora.one.source",
        "corpora.five.source reads the same text as corpora.four.source",
    ]


def test_special_tokens_like_ordinary_text_are_told():
    tokens = ["<|endoftext|>", "[PAD]", "a_b", "ab", "c 3", "हिन्दी"]
    lines = warn_of_special_tokens(tokens)
    assert [line.partition("special token ")[2].split(" looks")[0] for line in lines] == [
        "'ab'", "'c 3'", "'हिन्दी'"
    ]  # fmt: skip
