"""Pydantic's errors in words that say what to type."""

import math
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from trex.config.models import Config
from trex.config.schema import expected, has_default, node_at, number_fits, properties
from trex.config.words import Problem, Problems, show, suggest

# What earlier versions knew: keys, and values of keys.
REMOVED = {
    "counting.shards": "is gone; shares are met to within 1 % at any size, so remove it",
}
RENAMED_KEYS = {
    "verification": "choice",
}
RENAMED_VALUES = {
    ("search.strategies", "trex"): "paper",
    ("regression.model", "lightgbm_direct"): "lightgbm_objective",
    ("regression.compare", "lightgbm_direct"): "lightgbm_objective",
}

Path = list[str | int]


def validate(raw: Any) -> tuple[Config | None, Problems]:
    """The checked configuration, or None and what is wrong with it, in the order in which it is written."""
    try:
        return Config.model_validate(raw), {}
    except ValidationError as error:
        found = [problem for one in error.errors(include_url=False) for problem in _translate(one, raw)]
    problems: Problems = {}
    for path, text in sorted(found, key=lambda problem: _position(problem[0], raw)):
        problems.setdefault(spell_path(path), text)
    return None, problems


def spell_path(path: Path) -> str:
    spelled = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return spelled.removeprefix(".")


def _locate(steps: tuple[str | int, ...], raw: Any) -> tuple[Path, Any]:
    """Key path and value of pydantic's location, which also names members of unions and keys that are missing."""
    path, value = [], raw
    for step in steps:
        if (isinstance(value, dict) and step in value) or (isinstance(value, list) and isinstance(step, int)):
            path.append(step)
            value = value[step]
    return path, value


def _position(path: Path, raw: Any) -> tuple[int, ...]:
    """Where a key path is in what is written; a missing key is behind the keys around it."""
    place = []
    for step in path:
        keys = list(raw) if isinstance(raw, dict) else range(len(raw))
        if step not in keys:
            return (*place, len(keys))
        place.append(keys.index(step))
        raw = raw[step]
    return tuple(place)


def _translate(error: Any, raw: Any) -> Iterator[tuple[Path, str]]:
    """Key paths and what to say there."""
    kind, steps = error["type"], error["loc"]
    path, value = _locate(steps, raw)
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Problem):
        yield path, str(cause)
    elif kind == "extra_forbidden":
        yield path, _unknown_key(path)
    elif kind == "missing":
        path = [*path, steps[-1]]
        yield path, f"is missing; give {expected(node_at(path))}"
    elif steps and steps[-1] == "[key]":
        yield path, f"{show(path[-1])} is not {node_at(path[:-1])['propertyNames']['x-expected']}"
    else:
        unknown = []
        if kind.startswith("union_tag") and isinstance(value, dict) and (known := properties(node_at(path))):
            unknown = [[*path, key] for key in value if key not in known]
        yield from ((inner, _unknown_key(inner)) for inner in unknown)
        if not unknown:
            yield path, _unfit(path, value)


def _unknown_key(path: Path) -> str:
    key = spell_path(path)
    if key in RENAMED_KEYS:
        return f"is now called {RENAMED_KEYS[key]}; write that"
    if len(path) == 3 and path[0] == "recipes" and path[2] in set(Config.model_fields) - {"recipes"}:
        return "is the same in all recipes; write it beside them"
    return REMOVED.get(key) or f"unknown key; {suggest(str(path[-1]), properties(node_at(path[:-1])))}"


def _unfit(path: Path, value: Any) -> str:
    keys = ".".join(step for step in path if isinstance(step, str))
    if isinstance(value, str) and (keys, value) in RENAMED_VALUES:
        return f"{show(value)} is now called {RENAMED_VALUES[keys, value]}; write that"
    node = node_at(path)
    sentence = f"{show(value)} is not {expected(node)}{_hint(path, value)}"
    return ". ".join(filter(None, (sentence, node.get("description"))))


def _hint(path: Path, value: Any) -> str:
    """What to type for slips of YAML: an empty key; 1e6, which is text; 1.0e+6, which is no whole number."""
    if value is None and path:
        optional = has_default(path[-1], node_at(path[:-1]))
        return " (leave the key out to have the default)" if optional else ""
    try:
        number = float(value) if isinstance(value, (str, float)) else math.nan
    except ValueError:
        return ""
    return (
        f" (write {int(number)})" if number.is_integer() and number_fits(int(number), node_at(path)) else ""
    )
