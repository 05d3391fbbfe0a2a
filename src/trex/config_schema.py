"""One key of the configuration at a time: YAML, the schema, defaults, and what to say of a value that does not fit.

``workflow/schemas/config.schema.yaml`` is standard JSON Schema, but the part of it that we use is checked here and not
by ``jsonschema``: importing that takes 0.3 s in each of thousands of cluster jobs, and its messages do not say what to
type. The tests hold both together.
"""

import difflib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import yaml

SCHEMA_PATH = Path(__file__).parents[2] / "workflow/schemas/config.schema.yaml"
ENCODINGS = ("o200k_base", "cl100k_base")  # the reference tokenizers known by name
ALPHABET_SIZE = 256  # byte-level BPE starts from all bytes
MAX_DEPTH = 12  # nesting of a config; YAML aliases can be endless
MAX_VALUES = 200_000  # in a config; nine aliases of nine aliases ... are 387 million
MAX_INTEGER = 2**63 - 1
MAX_PROBLEMS = 25  # listed in one error
SHARES_TOLERANCE = 1e-6

_AMOUNT = re.compile(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?(?:e\+?[0-9]{1,2})?)\s*(?:([kmgt]i?)?b)?\s*", re.I)
_UNITS = {"": 1} | {
    prefix + binary: base**power
    for power, prefix in enumerate("kmgt", 1)
    for binary, base in (("", 1000), ("i", 1024))
}
_TYPES = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "a mapping",
}
_LIMITS = {
    "exclusiveMinimum": "more than",
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "length at least",
    "minItems": "length at least",
}

Node = Mapping[str, Any]  # a part of the schema
Problems = dict[str, str]  # key path -> what is wrong there and what would be right; the first found counts


class ConfigError(ValueError):
    """The configuration cannot be used; the text names each key path, its value and what would be right."""


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML mapping; unlike plain YAML, a key given twice is an error and not silently the last one."""
    try:
        with open(path, encoding="utf-8") as file:
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(file)
            root = loader.get_single_node()
            _refuse_repeated_keys(root)
            content = loader.construct_document(root) if root else None
    except ConfigError:
        raise
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: holds {show(content)}; a mapping of keys such as 'corpora:' is needed")
    return content


def parse_bytes(amount: int | float | str) -> int:
    """Bytes of an amount: a whole number or text with a unit, at least 1.

    >>> parse_bytes("1.5GB"), parse_bytes("1 GiB"), parse_bytes("1e6")
    (1500000000, 1073741824, 1000000)

    Raises:
        ConfigError: it is none of these.
    """
    size = 0
    if isinstance(amount, str) and (match := _AMOUNT.fullmatch(amount)):
        size = round(Decimal(match[1].replace("_", "")) * _UNITS[(match[2] or "").lower()])
    elif isinstance(amount, (int, float)) and not isinstance(amount, bool) and amount % 1 == 0:
        size = int(amount)
    if not 1 <= size <= MAX_INTEGER:
        raise ConfigError(
            f"{show(amount)} is not an amount of bytes; write 2000000, 2MB, 1.5GB or 1GiB, or the like"
        )
    return size


# --- YAML ---------------------------------------------------------------------------------------------------


def _refuse_repeated_keys(root: yaml.Node) -> None:
    """Raise ConfigError at the first key that a mapping of the document holds twice."""
    nodes, seen = [root], set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
        elif isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, value in node.value:
                nodes.append(value)
                if isinstance(key, yaml.ScalarNode):
                    mark, name = key.start_mark, key.value
                    if name in lines:
                        raise ConfigError(
                            f"{mark.name}, line {mark.line + 1}: the key '{name}' was given before, on line "
                            f"{lines[name]}; keep one of the two"
                        )
                    lines[name] = mark.line + 1


@cache
def whole_schema() -> dict[str, Any]:
    return load_yaml(SCHEMA_PATH)


def plain(
    value: Any, path: str, problems: Problems, depth: int = 0, numbers: Iterator[int] | None = None
) -> Any:
    """A copy in what JSON can say: str keys, finite numbers, no dates, no endless nesting.

    Raises:
        ConfigError: there is no end to it.
    """
    numbers = numbers or count()  # of the values so far
    if next(numbers) >= MAX_VALUES:
        raise ConfigError(
            f"{path}: the configuration holds more than {MAX_VALUES:,} values; use fewer YAML aliases"
        )
    if depth > MAX_DEPTH:
        problems[path] = f"is nested more than {MAX_DEPTH} deep"
    elif isinstance(value, Mapping):
        copy = {}
        for key, item in value.items():
            if isinstance(key, str) and _is_unicode(key):
                copy[key] = plain(item, join(path, key), problems, depth + 1, numbers)
            else:
                problems[join(path, repr(key))] = (
                    "the key is not text; write it in quotes (YAML takes no, yes, on, off for booleans)"
                )
        return copy
    elif isinstance(value, (list, tuple)):
        return [plain(item, f"{path}[{i}]", problems, depth + 1, numbers) for i, item in enumerate(value)]
    elif isinstance(value, str) and not _is_unicode(value):
        problems[path] = f"{value!r} is not valid Unicode text"
    elif isinstance(value, float) and not math.isfinite(value):
        problems[path] = f"{value} is not a finite number"
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        problems[path] = "the number is too large"
    elif value is None or isinstance(value, (str, int, float)):
        return value
    else:
        problems[path] = f"{type(value).__name__} values have no place here; write it in quotes if it is text"
    return None


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def merge_corpus_defaults(raw: Any) -> Any:
    """Put corpus_defaults under every corpus; a config whose corpora are no mapping stays as it is."""
    if not isinstance(raw, dict) or not isinstance(raw.get("corpora"), dict):
        return raw
    defaults = raw.get("corpus_defaults") or {}
    corpora = {
        name: _merge(_insert(defaults, name), {} if own is None else own)  # `deu_Latn:` alone is null in YAML
        for name, own in raw["corpora"].items()
    }
    return raw | {"corpora": corpora, "corpus_defaults": {}}


def _merge(under: Any, over: Any) -> Any:
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    return under | {key: _merge(under.get(key), value) for key, value in over.items()}


def _insert(value: Any, corpus: str) -> Any:
    """Replace "{corpus}" in all strings below value."""
    if isinstance(value, str):
        return value.replace("{corpus}", corpus)
    if isinstance(value, dict):
        return {key: _insert(item, corpus) for key, item in value.items()}
    return [_insert(item, corpus) for item in value] if isinstance(value, list) else value


# --- One key: the schema ------------------------------------------------------------------------------------


def _resolve(schema: Node) -> Node:
    """The schema with its $ref followed; its own keywords win."""
    while "$ref" in schema:
        own = {key: value for key, value in schema.items() if key != "$ref"}
        schema = whole_schema()["$defs"][schema["$ref"].rpartition("/")[2]] | own
    return schema


def conform(value: Any, schema: Node, path: str, problems: Problems) -> Any:
    """Check a value, note problems, and return it with defaults filled in and amounts parsed."""
    schema = _resolve(schema)
    if not _fits(value, schema):
        expected = f"{show(value)} is not {describe_expected(schema)}{_hint(value, schema)}"
        problems.setdefault(path, ". ".join(filter(None, (expected, schema.get("description")))))
    elif isinstance(value, dict):
        return _conform_mapping(value, schema, path, problems)
    elif isinstance(value, list):
        items = [conform(item, schema["items"], f"{path}[{i}]", problems) for i, item in enumerate(value)]
        repeated = [item for i, item in enumerate(items) if item in items[:i]]
        if repeated and schema.get("uniqueItems"):
            problems.setdefault(path, f"{show(repeated[0])} is listed twice; list it once")
        return items
    elif "format" in schema and value is not None:
        return _FORMATS[schema["format"]](value)
    return value


def _conform_mapping(value: dict[str, Any], schema: Node, path: str, problems: Problems) -> dict[str, Any]:
    """conform for a mapping; the result has the schema's order of keys."""
    properties, others = schema.get("properties", {}), schema["additionalProperties"]
    result = {}
    for key, item in value.items():
        key_path = join(path, key)
        if key in properties or others:
            _check_name(key, schema.get("propertyNames", {}), key_path, problems)
            result[key] = conform(item, properties.get(key, others), key_path, problems)
        else:
            problems.setdefault(key_path, f"unknown key; {suggest(key, properties)}")
    for key, node in properties.items():
        if key in schema.get("required", ()) and key not in value:
            problems.setdefault(join(path, key), f"is missing; give {describe_expected(_resolve(node))}")
        elif "default" in node and key not in value and belongs(node, value):
            result[key] = conform(node["default"], node, join(path, key), problems)
    return {key: result[key] for key in [*properties, *result] if key in result}


def belongs(option: Node, source: Mapping[str, Any]) -> bool:
    """Whether an option goes with the kind of a source."""
    return "x-for" not in option or any(kind in source for kind in option["x-for"])


def _check_name(name: str, rule: Node, path: str, problems: Problems) -> None:
    if not _fits(name, {"type": "string"} | rule):
        problems.setdefault(path, f"{show(name)} is not {rule['x-expected']}")
    elif name in rule.get("not", {}).get("enum", ()):
        problems.setdefault(path, f"the name {name} is reserved; choose another")


def _fits(value: Any, schema: Node) -> bool:
    """Whether a value is right by itself, its items left aside."""
    types = _types(schema)
    if isinstance(value, bool) or value is None:
        return ("null" if value is None else "boolean") in types
    if isinstance(value, dict):
        return "object" in types and _in_range(len(value), schema, "minProperties", "maxProperties")
    if isinstance(value, list):
        return "array" in types and _in_range(len(value), schema, "minItems", "maxItems")
    if isinstance(value, str):
        fits = "string" in types and _in_range(len(value), schema, "minLength", "maxLength")
        fits = fits and bool(re.fullmatch(schema.get("pattern", ".*"), value, re.DOTALL))
    else:
        fits = "number" in types or ("integer" in types and isinstance(value, int))
        fits = fits and _in_range(value, schema, "minimum", "maximum")
        fits = fits and value > schema.get("exclusiveMinimum", -math.inf)
    if fits and "format" in schema:
        try:
            _FORMATS[schema["format"]](value)
        except ConfigError:
            return False
    return fits and value in schema.get("enum", [value])


def _in_range(size: float, schema: Node, low: str, high: str) -> bool:
    return schema.get(low, -math.inf) <= size <= schema.get(high, math.inf)


def _types(schema: Node) -> list[str]:
    return [schema["type"]] if isinstance(schema["type"], str) else schema["type"]


def describe_expected(schema: Node) -> str:
    """What a schema asks for, in words: "a whole number of at least 10 and at most 1000"."""
    types = _types(schema)
    words = " or ".join(schema.get("enum", [_TYPES[name] for name in types if name != "null"]))
    limits = [f"{limit} {schema[key]}" for key, limit in _LIMITS.items() if key in schema]
    if limits:
        words += f" of {' and '.join(limits)}"
    return schema.get("x-expected", words) + (" or null" if "null" in types else "")


# Values that have another name now.
RENAMED = {"trex": "paper", "lightgbm_direct": "lightgbm_objective"}


def _hint(value: Any, schema: Node) -> str:
    """What to type for old names, and for slips of YAML: an empty key; 1e6, which is text; 1.0e+6, which is no whole
    number."""
    if isinstance(value, str) and RENAMED.get(value) in schema.get("enum", ()):
        return f" ({value} is now called {RENAMED[value]})"
    if value is None and "default" in schema:
        return " (leave the key out to have the default)"
    if not isinstance(value, (str, float)) or not {"integer", "number"} & set(_types(schema)):
        return ""
    try:
        number = float(value)
    except ValueError:
        return ""
    return f" (write {int(number)})" if number.is_integer() and _fits(int(number), schema) else ""


_FORMATS: dict[str, Callable[[Any], int | None]] = {
    "bytes": parse_bytes,
    "bytes or all": lambda amount: None if amount == "all" else parse_bytes(amount),
}


# --- Words --------------------------------------------------------------------------------------------------


def join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def overlap(path: str, need: str) -> bool:
    """Whether a problem at path makes the key `need` unusable: it is that key, or around or within it."""
    return (
        not path or path == need or path.startswith((f"{need}.", f"{need}[")) or need.startswith(f"{path}.")
    )


def show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


def enumerated(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def suggest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {enumerated(list(known))}"


def raise_if_any(problems: Problems) -> None:
    if not problems:
        return
    lines = [f"{path}: {text}" if path else f"the configuration: {text}" for path, text in problems.items()]
    if len(lines) > MAX_PROBLEMS:
        lines[MAX_PROBLEMS:] = [f"and {len(lines) - MAX_PROBLEMS} more problems"]
    raise ConfigError("\n".join(lines))
