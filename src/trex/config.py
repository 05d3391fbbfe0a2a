"""The configuration: read, checked against the schema, completed with defaults.

``workflow/schemas/config.schema.yaml`` is the one place of keys, defaults and ranges. It is standard JSON
Schema, but the part of it that we use is checked here and not by ``jsonschema``: importing that takes 0.3 s
in each of thousands of cluster jobs, and its messages do not say what to type. The tests hold both together.
"""

import difflib
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import yaml

from trex.patterns import PATTERNS

SCHEMA_PATH = Path(__file__).parents[2] / "workflow/schemas/config.schema.yaml"
ENCODINGS = ("o200k_base", "cl100k_base")  # the reference tokenizers known by name
ALPHABET_SIZE = 256  # byte-level BPE starts from all bytes
MAX_DEPTH = 12  # nesting of a config; YAML aliases can be endless
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


# --- Public functions ---------------------------------------------------------------------------------------


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
        raise ConfigError(f"{path}: holds {_show(content)}; a mapping of keys such as 'corpora:' is needed")
    return content


def load_config(raw: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """Check a configuration and return its complete, JSON-able form; loading that again changes nothing.

    Defaults are filled in, ``corpus_defaults`` is merged into the corpora (and empty in the result), amounts
    of bytes are integers (``training.bytes: all`` is None), ``proxies.vocab_grid`` is sorted and holds
    ``vocab_size``, and explicit shares name every corpus in the config's order.

    Args:
        raw: what the YAML says; not modified.
        base: folder that a relative path of a reference ``tokenizer.json`` starts from.

    Raises:
        ConfigError: with all problems. A check of several keys against each other is left out while one of
            them is wrong in itself.
    """
    problems: Problems = {}
    plain = _plain(raw, "", problems)
    schema = _schema()
    _conform(plain, schema, "", problems)  # as written, so that a problem is named where it was typed
    merge_problems: Problems = {}
    config = _conform(_merge_corpus_defaults(plain), schema, "", merge_problems)
    problems = problems or merge_problems
    found = tuple(problems)
    for needs, check in _CHECKS:
        if not any(_overlap(path, need) for path in found for need in needs):
            for path, problem in check(config, base):
                problems.setdefault(path, problem)
    _raise_if_any(problems)
    return _normalise(config)


def check_files(config: Mapping[str, Any], base: Path) -> None:
    """Check that the sources of a loaded config exist and can be read.

    Raises:
        ConfigError: with the problems of all sources.
    """
    from trex.corpora import CorpusError, check_source

    problems: Problems = {}
    for path, source in _sources(config):
        try:
            check_source(source, base)
        except CorpusError as error:
            problems[path] = str(error)
    _raise_if_any(problems)


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
            f"{_show(amount)} is not an amount of bytes; write 2000000, 2MB, 1.5GB or 1GiB, or the like"
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
def _schema() -> dict[str, Any]:
    return load_yaml(SCHEMA_PATH)


def _plain(value: Any, path: str, problems: Problems, depth: int = 0) -> Any:
    """A copy in what JSON can say: str keys, finite numbers, no dates, no endless nesting."""
    if depth > MAX_DEPTH:
        problems[path] = f"is nested more than {MAX_DEPTH} deep"
    elif isinstance(value, Mapping):
        copy = {}
        for key, item in value.items():
            if isinstance(key, str) and _is_unicode(key):
                copy[key] = _plain(item, _join(path, key), problems, depth + 1)
            else:
                problems[_join(path, repr(key))] = (
                    "the key is not text; write it in quotes (YAML takes no, yes, on, off for booleans)"
                )
        return copy
    elif isinstance(value, (list, tuple)):
        return [_plain(item, f"{path}[{i}]", problems, depth + 1) for i, item in enumerate(value)]
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


def _merge_corpus_defaults(raw: Any) -> Any:
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
        schema = _schema()["$defs"][schema["$ref"].rpartition("/")[2]] | own
    return schema


def _conform(value: Any, schema: Node, path: str, problems: Problems) -> Any:
    """Check a value, note problems, and return it with defaults filled in and amounts parsed."""
    schema = _resolve(schema)
    if not _fits(value, schema):
        expected = f"{_show(value)} is not {_expected(schema)}{_hint(value, schema)}"
        problems.setdefault(path, ". ".join(filter(None, (expected, schema.get("description")))))
    elif isinstance(value, dict):
        return _conform_mapping(value, schema, path, problems)
    elif isinstance(value, list):
        items = [_conform(item, schema["items"], f"{path}[{i}]", problems) for i, item in enumerate(value)]
        repeated = [item for i, item in enumerate(items) if item in items[:i]]
        if repeated and schema.get("uniqueItems"):
            problems.setdefault(path, f"{_show(repeated[0])} is listed twice; list it once")
        return items
    elif "format" in schema and value is not None:
        return _FORMATS[schema["format"]](value)
    return value


def _conform_mapping(value: dict[str, Any], schema: Node, path: str, problems: Problems) -> dict[str, Any]:
    """_conform for a mapping; the result has the schema's order of keys."""
    properties, others = schema.get("properties", {}), schema["additionalProperties"]
    result = {}
    for key, item in value.items():
        key_path = _join(path, key)
        if key in properties or others:
            _check_name(key, schema.get("propertyNames", {}), key_path, problems)
            result[key] = _conform(item, properties.get(key, others), key_path, problems)
        else:
            problems.setdefault(key_path, f"unknown key; {_suggest(key, properties)}")
    for key, node in properties.items():
        if key in schema.get("required", ()) and key not in value:
            problems.setdefault(_join(path, key), f"is missing; give {_expected(_resolve(node))}")
        elif "default" in node and key not in value and _belongs(node, value):
            result[key] = _conform(node["default"], node, _join(path, key), problems)
    return {key: result[key] for key in [*properties, *result] if key in result}


def _belongs(option: Node, source: Mapping[str, Any]) -> bool:
    """Whether an option goes with the kind of a source."""
    return "x-for" not in option or any(kind in source for kind in option["x-for"])


def _check_name(name: str, rule: Node, path: str, problems: Problems) -> None:
    if not _fits(name, {"type": "string"} | rule):
        problems.setdefault(path, f"{_show(name)} is not {rule['x-expected']}")
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


def _expected(schema: Node) -> str:
    """What a schema asks for, in words: "a whole number of at least 10 and at most 1000"."""
    types = _types(schema)
    words = " or ".join(schema.get("enum", [_TYPES[name] for name in types if name != "null"]))
    limits = [f"{limit} {schema[key]}" for key, limit in _LIMITS.items() if key in schema]
    if limits:
        words += f" of {' and '.join(limits)}"
    return schema.get("x-expected", words) + (" or null" if "null" in types else "")


def _hint(value: Any, schema: Node) -> str:
    """What to type for slips of YAML: an empty key; 1e6, which is text; 1.0e+6, which is no whole number."""
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


# --- Several keys -------------------------------------------------------------------------------------------

Config = Mapping[str, Any]  # conforming to the schema, where no problem was found
Found = Iterator[tuple[str, str]]  # key path, problem
Check = Callable[[Config, Path], Found]
_CHECKS: list[tuple[tuple[str, ...], Check]] = []


def _needs(*paths: str) -> Callable[[Check], Check]:
    """Register a check of several keys, to be run if they are right in themselves."""

    def register(check: Check) -> Check:
        _CHECKS.append((paths, check))
        return check

    return register


@_needs("results")
def _check_results(config: Config, _: Path) -> Found:
    results = config["results"]
    path = PurePath(results)
    if {"..", "~"} & set(path.parts) or not path.name or set("{}\0\n") & set(results):
        problem = (
            f"{_show(results)} is not a folder below the working directory or an absolute path; "
            "write one without .., ~ and braces, such as results"
        )
        yield "results", problem


@_needs("reference")
def _check_reference(config: Config, base: Path) -> Found:
    reference = config["reference"]
    if isinstance(reference, dict) or reference in ENCODINGS:
        return
    if not reference.endswith(".json") or not os.path.isfile(base / reference):
        expected = _expected(_schema()["properties"]["reference"])
        yield (
            "reference",
            f"{_show(reference)} is no known name and no .json file in {base}; write {expected}",
        )


@_needs("corpora", "corpus_defaults")
def _check_sources(config: Config, _: Path) -> Found:
    properties = _schema()["$defs"]["source"]["properties"]
    kinds = [key for key, node in properties.items() if "x-choice" in node]
    for path, source in _sources(config):
        found = [kind for kind in kinds if kind in source]
        if len(found) != 1:
            yield path, f"gives {' and '.join(found) or 'no source'}; give exactly one of {', '.join(kinds)}"
            continue
        for option in source:
            if not _belongs(properties[option], source):
                suited = " or ".join(properties[option]["x-for"])
                yield _join(path, option), f"does not go with {found[0]}, only with {suited}; remove it"


@_needs("tokenizer.pattern")
def _check_pattern(config: Config, _: Path) -> Found:
    pattern = config["tokenizer"]["pattern"]
    if pattern in PATTERNS or pattern in PATTERNS.values():
        return
    from tokenizers import Regex  # here, for the import takes as long as all checks

    try:
        Regex(pattern)
    except Exception as error:  # the library raises no narrower class
        yield "tokenizer.pattern", f"{_show(pattern)} is not default or a regex that compiles: {error}"


@_needs("tokenizer.special_tokens", "proxies.vocab_size", "proxies.vocab_grid", "training.vocab_size")
def _check_vocab_sizes(config: Config, _: Path) -> Found:
    special_tokens = len(config["tokenizer"]["special_tokens"])
    smallest = ALPHABET_SIZE + special_tokens + 1
    largest = config["proxies"]["vocab_size"]
    sizes = {"proxies.vocab_size": largest, "training.vocab_size": config["training"]["vocab_size"]}
    sizes |= {f"proxies.vocab_grid[{i}]": size for i, size in enumerate(config["proxies"]["vocab_grid"])}
    for path, size in sizes.items():
        if size < smallest:
            problem = (
                f"{size} leaves no room for a merge beside {ALPHABET_SIZE} bytes and {special_tokens} "
                f"special tokens; write at least {smallest}"
            )
            yield path, problem
        elif "grid" in path and size > largest:
            yield path, f"{size} is more than proxies.vocab_size; write at most {largest} or raise that"


@_needs("proxies.count", "proxies.per_job")
def _check_batches(config: Config, _: Path) -> Found:
    count, per_job = config["proxies"]["count"], config["proxies"]["per_job"]
    if count % per_job:
        below = count // per_job * per_job
        nearest = " or ".join(str(multiple) for multiple in (below, below + per_job) if multiple)
        yield "proxies.count", f"{count} is not a multiple of proxies.per_job ({per_job}); write {nearest}"


@_needs("proxies.count", "regression.folds")
def _check_folds(config: Config, _: Path) -> Found:
    folds, count = config["regression"]["folds"], config["proxies"]["count"]
    if folds > count:
        yield "regression.folds", f"{folds} is more than proxies.count; write at most {count}"


@_needs("search.draws", "search.top_k")
def _check_top_k(config: Config, _: Path) -> Found:
    top_k, draws = config["search"]["top_k"], config["search"]["draws"]
    if top_k > draws:
        yield "search.top_k", f"{top_k} is more than search.draws; write at most {draws}"


@_needs("proxies.strength", "search.strength")
def _check_strengths(config: Config, _: Path) -> Found:
    for section in ("proxies", "search"):
        low, high = config[section]["strength"] or (0, 0)
        if low > high:
            yield f"{section}.strength", f"[{low}, {high}] falls; write the range as [{high}, {low}]"


@_needs("proxies.min_share", "corpora")
def _check_min_share(config: Config, _: Path) -> Found:
    min_share, corpora = config["proxies"]["min_share"], len(config["corpora"])
    if min_share * corpora > 1:
        most = math.floor(1e4 / corpora) / 1e4
        yield "proxies.min_share", f"{min_share} for {corpora} corpora is more than 1; write at most {most}"


@_needs("corpora", "proxies.mixtures", "proxies.prior", "baselines")
def _check_shares(config: Config, _: Path) -> Found:
    for path, shares in _explicit_shares(config):
        yield from _unknown_corpora(path, shares, config)
        total = math.fsum(shares.values())
        if abs(total - 1) > SHARES_TOLERANCE:
            yield path, f"the shares sum to {total:.7g}; they must sum to 1"
        without = [corpus for corpus in config["corpora"] if not shares.get(corpus)]
        if path == "proxies.prior.shares" and without:
            yield path, f"every corpus needs a share above 0 in the prior; give one to {_enumerate(without)}"


@_needs("corpora", "objective.weights", "objective.aggregate")
def _check_weights(config: Config, _: Path) -> Found:
    objective = config["objective"]
    yield from _unknown_corpora("objective.weights", objective["weights"], config)
    if objective["aggregate"] == "weighted" and not any(objective["weights"].values()):
        yield "objective.weights", "the weighted aggregate needs a weight above 0, such as {deu: 1, eng: 2}"


@_needs("corpora", "objective")
def _check_evaluation_sets(config: Config, _: Path) -> Found:
    objective, corpora = config["objective"], config["corpora"]
    known = ["held_out", *dict.fromkeys(name for corpus in corpora.values() for name in corpus["evaluation"])]
    counted = list(corpora)
    if objective["aggregate"] == "weighted":
        counted = [corpus for corpus in corpora if objective["weights"].get(corpus)]
    for i, name in enumerate(objective["evaluation_sets"]):
        path = f"objective.evaluation_sets[{i}]"
        without = [corpus for corpus in counted if name not in corpora[corpus]["evaluation"]]
        if name not in known:
            yield path, f"{_show(name)} is no evaluation set; {_suggest(name, known)}"
        elif name != "held_out" and without:
            problem = (
                f"{name} is missing for {_enumerate(without)}; give corpora.<corpus>.evaluation.{name} for "
                "each corpus that the objective counts, or take the set out of the objective"
            )
            yield path, problem


def _unknown_corpora(path: str, named: Mapping[str, float], config: Config) -> Found:
    for corpus in named:
        if corpus not in config["corpora"]:
            yield _join(path, corpus), f"there is no such corpus; {_suggest(corpus, config['corpora'])}"


def _sources(config: Config) -> Iterator[tuple[str, dict[str, Any]]]:
    """The key path and mapping of every source: each corpus's own, then those of its evaluation sets."""
    for name, corpus in config["corpora"].items():
        yield f"corpora.{name}.source", corpus["source"]
        for evaluation_set, source in corpus["evaluation"].items():
            yield f"corpora.{name}.evaluation.{evaluation_set}", source


def _explicit_shares(config: Config) -> Iterator[tuple[str, dict[str, float]]]:
    """The key path and shares of every mixture given by shares."""
    for name, shares in config["proxies"]["mixtures"].items():
        yield f"proxies.mixtures.{name}", shares
    specs = {"proxies.prior": config["proxies"]["prior"]}
    specs |= {f"baselines.{name}": spec for name, spec in config["baselines"].items()}
    for path, spec in specs.items():
        if isinstance(spec, dict) and "shares" in spec:
            yield f"{path}.shares", spec["shares"]


def _normalise(config: dict[str, Any]) -> dict[str, Any]:
    """Bring a checked config, which is changed, into the form that load_config promises."""
    config["corpus_defaults"] = {}  # they are in the corpora
    config["results"] = str(PurePath(config["results"]))
    tokenizer, proxies = config["tokenizer"], config["proxies"]
    tokenizer["pattern"] = PATTERNS.get(tokenizer["pattern"], tokenizer["pattern"])
    proxies["vocab_grid"] = sorted({*proxies["vocab_grid"], proxies["vocab_size"]})
    for _, shares in _explicit_shares(config):
        total = math.fsum(shares.values())
        total = total if abs(total - 1) > 1e-12 else 1.0  # what was normalised before stays as it is
        complete = {corpus: shares.get(corpus, 0.0) / total for corpus in config["corpora"]}
        shares.clear()
        shares.update(complete)
    return config


# --- Words --------------------------------------------------------------------------------------------------


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _overlap(path: str, need: str) -> bool:
    """Whether a problem at path makes the key `need` unusable: it is that key, or around or within it."""
    return (
        not path or path == need or path.startswith((f"{need}.", f"{need}[")) or need.startswith(f"{path}.")
    )


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _enumerate(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _suggest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {_enumerate(list(known))}"


def _raise_if_any(problems: Problems) -> None:
    if not problems:
        return
    lines = [f"{path}: {text}" if path else f"the configuration: {text}" for path, text in problems.items()]
    if len(lines) > MAX_PROBLEMS:
        lines[MAX_PROBLEMS:] = [f"and {len(lines) - MAX_PROBLEMS} more problems"]
    raise ConfigError("\n".join(lines))
