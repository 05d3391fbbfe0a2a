"""The package's code as the workflow's scripts see it: which files, and whether they changed.

Snakemake itself notices new parameters, inputs and scripts, but not a change in a package that a script imports.
"""

import ast
import hashlib
import os
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


def put_on_python_path() -> None:
    """Let the jobs' processes import the package from this checkout, in whatever environment they run."""
    rest = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(PACKAGE.parent), *([rest] if rest else [])])


@cache  # the same modules serve many scripts: 0.3 s for all of them, and not 1.6
def _imported(file: Path) -> set[Path]:
    """The package's modules that a Python file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), filename=str(file))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE.name:
            inside = node.module.split(".")[1:]
            names = [[*inside, alias.name] for alias in node.names]
            # importing trex.a.b also runs trex/a/__init__.py; not all names are modules
            parts = {tuple(name[: i + 1]) for name in names for i in range(len(name))}
            found.update(PACKAGE.joinpath(*part).with_suffix(".py") for part in parts)
            found.update(PACKAGE.joinpath(*part, "__init__.py") for part in parts)
    return {module for module in found if module.exists()}


def modules_of(script: Path) -> list[Path]:
    """The package's modules that a script imports, directly or through other modules, sorted."""
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        new = _imported(waiting.pop()) - found
        found |= new
        waiting += new
    return sorted(found)


def code_version(script: Path) -> str:
    """SHA-256 over the content of a script and of all package modules (and their tables) that it uses."""
    digest = hashlib.sha256()
    for file in [script, *modules_of(script)]:
        for part in (file, file.with_suffix(".json")):
            if part.exists():
                digest.update(part.name.encode() + b"\0" + part.read_bytes() + b"\0")
    return digest.hexdigest()
