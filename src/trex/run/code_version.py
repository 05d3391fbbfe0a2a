"""The package's code as the workflow's scripts see it: which files, and whether they changed.

Snakemake itself notices new parameters, inputs and scripts, but not a change in a package that a script imports.

What goes around a job (`trex.run`: its log, locks, records) decides nothing of what the job makes. It does not count,
so that a change in it trains nothing again. Of `trex.run`, only `provenance` makes a result itself.
"""

import ast
import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# what a module may have beside it by its own name: tables, and what it puts into a page
BESIDE = (".json", ".html", ".css", ".js", ".licenses.txt")
# modules of `trex.run` that make a result
MAKES_RESULTS = {"provenance.py"}


def put_on_python_path() -> None:
    """Let the jobs' processes import the package from this checkout, in whatever environment they run."""
    rest = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(PACKAGE.parent), *([rest] if rest else [])])


@cache  # the same modules serve many scripts: 0.3 s for all of them, and not 1.6
def _imported(file: Path) -> frozenset[Path]:
    """The package's modules that a Python file imports, anywhere in it, but for those that only type checkers see and
    those that go around jobs."""
    names: set[tuple[str, ...]] = set()
    for node in _running(ast.parse(file.read_text(encoding="utf-8"), filename=str(file))):
        if isinstance(node, ast.Import):
            names |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = tuple(node.module.split(".")) if node.module else ()
            if node.level:
                inside = (PACKAGE.name, *file.relative_to(PACKAGE).parts[: -node.level], *inside)
            names |= {(*inside, alias.name) for alias in node.names}  # not all of these are modules
    # importing trex.a.b also runs trex/__init__.py and trex/a/__init__.py
    parts = {name[1:end] for name in names if name[0] == PACKAGE.name for end in range(1, len(name) + 1)}
    found = {PACKAGE.joinpath(*part, "__init__.py") for part in parts}
    found |= {PACKAGE.joinpath(*part).with_suffix(".py") for part in parts if part}
    return frozenset(module for module in found if module.exists() and not _around_jobs(module))


def _around_jobs(module: Path) -> bool:
    """Whether a module decides nothing of what a job makes."""
    return module.parent == PACKAGE / "run" and module.name not in MAKES_RESULTS


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree but the body of `if TYPE_CHECKING:`."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def modules_of(script: Path) -> list[Path]:
    """The package's modules that decide what a script makes: those that it imports, directly or through other modules,
    without those that go around jobs. Sorted."""
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        new = _imported(waiting.pop()) - found
        found |= new
        waiting += new
    return sorted(found)


def code_version(script: Path) -> str:
    """SHA-256 over the content of a script and of all package modules that it uses, with what
    lies BESIDE them."""
    digest = hashlib.sha256()
    for file in [script, *modules_of(script)]:
        for part in (file, *map(file.with_suffix, BESIDE)):
            if part.exists():
                digest.update(part.name.encode() + b"\0" + part.read_bytes() + b"\0")
    return digest.hexdigest()
