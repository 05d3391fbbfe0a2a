"""The words of error messages about the configuration."""

import difflib
import json
from collections.abc import Iterable
from typing import Any

MAX_PROBLEMS = 25  # listed in one error

Problems = dict[str, str]  # key path -> what is wrong there and what would be right; the first found counts


class ConfigError(ValueError):
    """The configuration cannot be used; the text names each key path, its value and what would be right."""


class Problem(ValueError):
    """A value does not fit; the text says why and what would be right, and leaves the key path to others."""


def join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


def enumerated(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def suggest(name: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"available: {enumerated(known)}"


def raise_if_any(problems: Problems) -> None:
    if not problems:
        return
    lines = [f"{path}: {text}" if path else f"the configuration: {text}" for path, text in problems.items()]
    if len(lines) > MAX_PROBLEMS:
        lines[MAX_PROBLEMS:] = [f"and {len(lines) - MAX_PROBLEMS} more problems"]
    raise ConfigError("\n".join(lines))
