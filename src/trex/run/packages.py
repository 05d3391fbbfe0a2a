"""Versions of the packages that decide what a script makes."""

import re
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from trex.run.code_version import modules_of

# packages whose modules have another name
PACKAGE_OF = {"sklearn": "scikit-learn", "yaml": "PyYAML"}


# a line, anywhere in a module; a line of a docstring that looks like one names no package that is installed
_IMPORT = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)


@cache
def _imported(file: Path) -> frozenset[str]:
    """Top-level names of the modules that a Python file imports; parsing all files would take half a second."""
    found = set(_IMPORT.findall(file.read_text(encoding="utf-8")))
    return frozenset(found - sys.stdlib_module_names - {"trex"})


@cache
def version(package: str) -> str | None:
    """The version of an installed package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def package_versions(script: Path) -> dict[str, str]:
    """Versions, by package, of what a script and the modules of ours that decide what it makes import, sorted."""
    names = {name for file in [script, *modules_of(script)] for name in _imported(file)}
    packages = {name: version(name) for name in sorted(PACKAGE_OF.get(name, name) for name in names)}
    return {name: number for name, number in packages.items() if number is not None}
