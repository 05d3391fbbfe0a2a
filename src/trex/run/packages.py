"""Versions of the packages that decide what a script makes."""

import ast
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from trex.code_version import modules_of

# packages whose modules have another name
PACKAGE_OF = {"sklearn": "scikit-learn", "yaml": "PyYAML"}


@cache
def _imported(file: Path) -> frozenset[str]:
    """Top-level names of the modules that a Python file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), filename=str(file))):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return frozenset(found - sys.stdlib_module_names - {"trex"})


@cache
def version(package: str) -> str | None:
    """The version of an installed package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def package_versions(script: Path) -> dict[str, str | None]:
    """Versions, by package, of what a script and the modules of ours that it uses import, sorted.

    What goes around a job (`trex.run`) decides nothing of what the job makes."""
    files = [script, *(file for file in modules_of(script) if file.parent != Path(__file__).parent)]
    names = {name for file in files for name in _imported(file)}
    packages = sorted(PACKAGE_OF.get(name, name) for name in names)
    return {package: version(package) for package in packages}
