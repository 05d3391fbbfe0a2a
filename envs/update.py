"""Write the conda environments from the locks; with ``--resolve`` the locks first.

    python envs/update.py                      # the environments again from the locks
    python envs/update.py --resolve            # the locks from pyproject.toml, keeping pinned versions that still fit
    python envs/update.py --resolve --upgrade  # the newest versions that pyproject.toml allows

``--resolve`` needs ``uv`` on PATH; nothing else here needs anything but Python. Six locks, in pip's format:

- ``requirements.lock``: what running needs, with the demo text
- ``requirements-dev.lock``: what tests and checks add to it (begins with ``-r requirements.lock``)
- ``requirements-slurm.lock``: what jobs on a SLURM cluster add to it (so does this)
- ``requirements-language-model.lock``: what small language models add to it (likewise)
- ``requirements-export.lock``: what exports of tokenizers add to it (likewise)
- ``envs/build.lock``: pip itself and what builds the two packages that have no wheel: trex and connection-pool
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONDA_PYTHON = "3.12"
UPDATE_COMMAND = "python envs/update.py --resolve"
# connection-pool, which Snakemake needs, is the one dependency without a wheel: its setup.py needs setuptools
BUILD_REQUIREMENTS = ["pip", "setuptools", "hatchling"]

ADDED = {  # extra: what its lock says of itself
    "dev": "What tests and checks add to it.",
    "slurm": "What jobs on a SLURM cluster add to it.",
    "language-model": "What small language models add to it.",
    "export": "What exports of tokenizers add to it.",
}

CONDA = {  # environment: the locks that it is written from
    "trex.yaml": ["requirements.lock"],
    "language_model.yaml": ["requirements.lock", "requirements-language-model.lock"],
    "export.yaml": ["requirements.lock", "requirements-export.lock"],
}
CONDA_HEADER = f"""\
# For `--software-deployment-method conda`. Written by `python envs/update.py` from the locks; do not edit.
# Everything but Python comes through pip, so that the versions are those of ./install.sh, every one of them.
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python={CONDA_PYTHON}
  - pip
  - pip:
"""


def split_entries(lock: str) -> list[str]:
    """The lock's requirements, each with its hashes, in order: ``["numpy==2.4.6 \\\\\\n    --hash=...", ...]``."""
    joined = re.findall(r"^[A-Za-z0-9].*?(?:[^\\\n]$|\Z)", lock, flags=re.MULTILINE | re.DOTALL)
    return [entry.rstrip() for entry in joined]


def requirement(entry: str) -> str:
    """An entry without its hashes: ``numpy==2.4.6 ; sys_platform == 'linux'``."""
    return entry.split("\\\n")[0].strip()


def conda_environment(lock: str) -> str:
    """The text of ``envs/trex.yaml``: every requirement of the lock, in its order, markers included."""
    return CONDA_HEADER + "".join(f'      - "{requirement(entry)}"\n' for entry in split_entries(lock))


def resolve(uv: str, source: Path, lock: Path, upgrade: bool, *options: str) -> str:
    """Pin what ``source`` asks for and all it depends on, for every Python and platform that we support.

    One version of a package for all of them (``fewest``): results do not depend on the Python in use.
    """
    command = [
        uv,
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--fork-strategy=fewest",
        "--python-version=3.11",
    ]
    command += [
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-emit-find-links",
        "--no-annotate",
        "--no-header",
    ]
    command += ["--upgrade"] if upgrade else []
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / lock.name
        if lock.exists():
            # uv keeps the versions that it finds there; the -r line names the lock of what running needs
            output.write_text(lock.read_text().replace("-r requirements.lock\n", ""))
        subprocess.run([*command, *options, str(source), "-o", str(output)], check=True, cwd=ROOT)
        return output.read_text()


def write_lock(path: Path, what: str, body: str) -> None:
    """Write ``body`` under a header that says what it is and how it is made."""
    path.write_text(f"# {what}\n# Written by `{UPDATE_COMMAND}`; do not edit.\n{body}")


def resolve_all(upgrade: bool) -> None:
    """Write the locks."""
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("envs/update.py --resolve needs uv: pip install uv")
    project, run = ROOT / "pyproject.toml", ROOT / "requirements.lock"
    build = ROOT / "envs" / "build.lock"

    body = resolve(uv, project, run, upgrade, "--extra=demo")
    write_lock(run, "What running needs, with the demo text.", body)

    for extra, what in ADDED.items():
        lock = ROOT / f"requirements-{extra}.lock"
        pinned = set(split_entries(body))
        options = ["--extra=demo", f"--extra={extra}", f"--constraints={run}"]
        if extra != "dev":  # what both add, such as tiktoken, has one version
            options.append(f"--constraints={ROOT / 'requirements-dev.lock'}")
        everything = resolve(uv, project, lock, upgrade, *options)
        added = [entry for entry in split_entries(everything) if entry not in pinned]
        missing = pinned - set(split_entries(everything))
        if missing:
            sys.exit(f"The extra `{extra}` changes what running needs: {sorted(map(requirement, missing))}")
        write_lock(lock, what, "\n".join(["-r requirements.lock", *added]) + "\n")

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "build.in"
        source.write_text("\n".join(BUILD_REQUIREMENTS) + "\n")
        options = [
            "--allow-unsafe",
            f"--constraints={ROOT / 'requirements-dev.lock'}",
        ]  # "unsafe" is pip-tools' old word for pip and setuptools
        body = resolve(uv, source, build, upgrade, *options)
    write_lock(build, "pip, and what builds the packages that have no wheel (trex, connection-pool).", body)


def main() -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--resolve", action="store_true", help="resolve the locks from pyproject.toml first")
    parser.add_argument(
        "--upgrade", action="store_true", help="with --resolve: take the newest versions allowed"
    )
    arguments = parser.parse_args()
    if arguments.upgrade and not arguments.resolve:
        parser.error("--upgrade needs --resolve")
    if arguments.resolve:
        resolve_all(arguments.upgrade)
    for name, locks in CONDA.items():
        text = "".join((ROOT / lock).read_text() for lock in locks)
        (ROOT / "envs" / name).write_text(conda_environment(text))


if __name__ == "__main__":
    main()
