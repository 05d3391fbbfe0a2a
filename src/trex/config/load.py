"""Loading a configuration: corpus_defaults and recipes are merged, all is checked and completed."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from trex.config.algorithms import ALGORITHM_CHECKS
from trex.config.checks import CHECKS
from trex.config.errors import validate
from trex.config.fields import MAX_INTEGER
from trex.config.kind_checks import KIND_CHECKS, OF_BASE, resolve_base
from trex.config.language_model_checks import LANGUAGE_MODEL_CHECKS, mixtures_without_tokenizer
from trex.config.models import Config, Recipe, Scale
from trex.config.named import explicit_shares, release_tokens, special_tokens_of
from trex.config.words import ConfigError, Problems, join, raise_if_any
from trex.counting.patterns import split_name
from trex.tokenizer.sizes import DEFAULT_PAD, smallest_size

MAX_DEPTH = 12  # nesting of a config; YAML aliases can be endless
MAX_VALUES = 200_000  # in a config; nine aliases of nine aliases ... are 387 million
_TWO_CORPORA = {"a": {"source": {"demo": "a"}}, "b": {"source": {"demo": "b"}}}


def load_config(raw: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """Check a configuration and return its complete, JSON-able form; loading that again changes nothing.

    Defaults are filled in, ``corpus_defaults`` is merged into the corpora (and empty in the result), amounts of bytes
    are integers (``training.bytes: all`` and ``training.vocab_size: auto`` are None, ``training.pad_to`` is a number),
    ``proxies.vocab_grid`` is sorted and holds ``vocab_size``, ``validation.grid`` is a list, ``validation.mixtures``
    is 0 without a search, ``language_model.check.recipes`` is a list, ``tokenizer.special_tokens`` has the reserved
    ones (``reserved`` is then 0), the section ``tokenizer`` has what its base decides, every token of ``release`` is
    its name or None, explicit shares name every corpus in the config's order, and ``infer`` of a baseline is a mapping
    with all its keys.

    Args:
        raw: what the YAML says; not modified.
        base: folder that a relative path of a reference ``tokenizer.json`` starts from.

    Raises:
        ConfigError: with all problems. A check of several keys against each other is left out while one of
            them is wrong in itself.
    """
    config, problems = _checked(raw, base)
    raise_if_any(problems)
    return _normalised(config)


def load_recipes(raw: Mapping[str, Any], base: Path) -> dict[str, dict[str, Any]]:
    """The loaded config of every recipe of a configuration that `load_config` takes; none if it has none.

    Each has one more key, `place`: the recipe's name and the split of its text, which say where its results lie
    (`trex.layout`). A check of language models that names recipes is the run's: it is turned off in theirs.

    Raises:
        ConfigError: with the problems of all of them.
    """
    run = {key: value for key, value in _plain(raw, "", {}).items() if key != "recipes"}
    loaded, problems = {}, {}
    lacking: dict[str, list[str]] = {}  # the key of a mixture of the check: recipes without its tokenizer
    names = list(raw.get("recipes", {}))
    check = _checked(raw, base)[0].language_model.check
    checked = names if check.recipes == "all" else check.recipes
    if checked:
        run["language_model"] = {key: value for key, value in run["language_model"].items() if key != "check"}
    for name, changes in raw.get("recipes", {}).items():
        config, found = _checked(_changed(run, changes or {}), base)
        if not found and config.objective.parallel_set != _checked(run, base)[0].objective.parallel_set:
            found["objective.parallel_set"] = "is the same in all recipes; write it beside them"
        if check.seeds and name in checked:
            for path, _ in mixtures_without_tokenizer(config, check.mixtures):
                lacking.setdefault(path, []).append(name)
                of = f" of the recipe{'s' * (len(lacking[path]) > 1)} {', '.join(lacking[path])}"
                problems[path] = dict(mixtures_without_tokenizer(config, check.mixtures, of))[path]
        if name in config.validation.tokenizers:
            found[""] = "has the name of a tokenizer of validation.tokenizers; rename one of the two"
        problems |= _of_recipe(name, found, run, changes or {})
        if not found:
            recipe = _normalised(config)
            kind = recipe["tokenizer"]
            place = {"recipe": name, "split": split_name(kind), "normalizer": kind["normalizer"]}
            loaded[name] = recipe | {"place": place}
    raise_if_any(problems)
    return loaded


def paths_of_patterns(recipes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Every pattern that text is split by, and its key in the config. recipes: of `load_recipes`, or the run's config
    under any one name."""
    of_pattern: dict[str, dict[str, list[str]]] = {}
    for name, config in recipes.items():
        kind = config["tokenizer"]
        of_pattern.setdefault(kind["pattern"], {}).setdefault("tokenizer.pattern", []).append(name)
        if superwords := kind["superwords"]:
            at = of_pattern.setdefault(superwords["pattern"], {})
            at.setdefault("tokenizer.superwords.pattern", []).append(name)
    return {
        pattern: "; ".join(
            path if len(names) == len(recipes) else f"{path} of {', '.join(names)}"
            for path, names in at.items()
        )
        for pattern, at in of_pattern.items()
    }


def pieces_of(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The loaded config of the split of the text into the pieces that superwords are trained on, with a `place`; none
    without superwords."""
    kind = config["tokenizer"]
    if not kind["superwords"]:
        return []
    kind = {**kind, "pattern": kind["superwords"]["pattern"], "superwords": None}
    return [{**config, "tokenizer": kind, "place": {"split": split_name(kind)}}]


def _of_recipe(name: str, found: Problems, run: Mapping[str, Any], changes: Mapping[str, Any]) -> Problems:
    """What is wrong with a recipe, where and in words that say what to write in it: a recipe cannot remove what stands
    beside the recipes, but it can write the default in its place."""
    problems = {}
    for path, problem in found.items():
        section = re.split(r"[.\[]", path)[0]
        if section and section not in Recipe.model_fields:  # is the same in all recipes
            problems.setdefault(path, f"{problem} (in the recipe {name})")
            continue
        for key in dict.fromkeys(_KEY.findall(f"{path} {problem}")) if "remove" in problem else ():
            if cure := _turned_off(*key.split("."), run, changes):
                problem += f"; {key} is the run's own: this recipe turns it off with {cure}"
        problems[join(f"recipes.{name}", path) if path else f"recipes.{name}"] = problem
    return problems


# a section that recipes change, and its key
_KEY = re.compile(rf"\b(?:{'|'.join(set(Recipe.model_fields) - {'baselines'})})\.[a-z_]+")


def _turned_off(section: str, key: str, run: Mapping[str, Any], changes: Mapping[str, Any]) -> str | None:
    """What a recipe writes to have the default of a key that the run sets and the recipe does not."""
    own = (run.get(section) or {}).get(key)
    fields = Config.model_fields[section].annotation.model_fields
    if own is None or key in (changes.get(section) or {}) or key not in fields:
        return None
    default = fields[key].get_default(call_default_factory=True)
    return None if own == default else f"{section}: {{{key}: {json.dumps(default)}}}"


def _changed(run: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a run with what a recipe changes."""
    changed = dict(run)
    for section, keys in changes.items():
        if section == "baselines":
            changed |= {} if keys is None else {section: keys}
        else:
            under = run.get(section) or {}
            if (
                section == "tokenizer" and "base" in keys and keys["base"] is None
            ):  # with its base goes what is kept of it
                under = {key: value for key, value in under.items() if key != "keep"}
            if section == "tokenizer" and keys.get(
                "base"
            ):  # it decides these, whatever the other recipes have
                under = {key: value for key, value in under.items() if key not in OF_BASE}
            changed[section] = {**under, **keys}
    return changed


def _checked(raw: Mapping[str, Any], base: Path) -> tuple[Config, Problems]:
    """What is written, with defaults in place of what is wrong, and what is wrong with it."""
    problems: Problems = {}
    written = _plain(raw, "", problems)
    config, found = validate(written)  # as written, to name a problem where it was typed
    merged = _merge_corpus_defaults(written)
    if merged is not written:
        config, found_merged = validate(merged)
        found = found or found_merged
    problems = found | problems
    if problems or config is None:
        config = _without(merged, problems)
    if not any(_overlap(path, "tokenizer") for path in problems):
        problems |= resolve_base(config, base)
    wrong = tuple(problems)
    for needs, check in [*CHECKS, *LANGUAGE_MODEL_CHECKS, *ALGORITHM_CHECKS]:
        if not any(_overlap(path, need) for path in wrong for need in needs):
            for path, problem in check(config, base):
                problems.setdefault(path, problem)
    for needs, check in KIND_CHECKS:
        if not any(_overlap(path, need) for path in wrong for need in needs):
            problems = check(config) | problems
    return config, problems


def _plain(
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
                copy[key] = _plain(item, join(path, key), problems, depth + 1, numbers)
            else:
                problems[join(path, repr(key))] = (
                    "the key is not text; write it in quotes (YAML takes no, yes, on, off for booleans)"
                )
        return copy
    elif isinstance(value, (list, tuple)):
        return [_plain(item, f"{path}[{i}]", problems, depth + 1, numbers) for i, item in enumerate(value)]
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
    """Put corpus_defaults under every corpus; without them, or where corpora are no mapping, raw itself."""
    if (
        not isinstance(raw, dict)
        or not isinstance(raw.get("corpora"), dict)
        or not raw.get("corpus_defaults")
    ):
        return raw
    defaults = raw["corpus_defaults"]
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


def _without(raw: Any, problems: Problems) -> Config:
    """The configuration with defaults in place of all keys of the first two levels that have problems."""

    def wrong(*keys: str) -> bool:
        path = ".".join(keys)
        return any(problem == path or problem.startswith((f"{path}.", f"{path}[")) for problem in problems)

    sections = {key for key, field in Config.model_fields.items() if field.default_factory}
    kept = {}
    for key, value in raw.items() if isinstance(raw, dict) else ():
        if key in sections and isinstance(value, dict):
            kept[key] = {inner: item for inner, item in value.items() if not wrong(key, inner)}
        elif not wrong(key):
            kept[key] = value
    if wrong("corpora") or wrong("corpus_defaults") or "corpora" not in kept:
        kept["corpora"] = _TWO_CORPORA
    return Config.model_validate(kept)


def _overlap(path: str, need: str) -> bool:
    """Whether a problem at path makes the key `need` unusable: it is that key, or around or within it."""
    return (
        not path or path == need or path.startswith((f"{need}.", f"{need}[")) or need.startswith(f"{path}.")
    )


def _normalised(config: Config) -> dict[str, Any]:
    """The form that load_config promises of a checked config, which is changed."""
    proxies, validation, training = config.proxies, config.validation, config.training
    for role, token in release_tokens(config).items():
        setattr(config.release, role, token)
    config.tokenizer.special_tokens, config.tokenizer.reserved = special_tokens_of(config), 0
    proxies.vocab_grid = sorted({*proxies.vocab_grid, proxies.vocab_size})
    check = config.language_model.check
    check.recipes = list(config.recipes) if check.recipes == "all" else check.recipes
    training.pad_to = training.pad_to or (DEFAULT_PAD if training.vocab_size is None else 1)
    training.ladder = sorted(training.ladder)
    if not config.search.strategies:
        validation.mixtures = 0  # no proxies, whose order could be compared
        training.baselines = training.baselines and bool(
            config.baselines
        )  # the chosen mixture is the only one
    if validation.grid is None:
        first = config.tokenizer.base_size or 0  # of the vocabulary, a part of what is trained
        smallest = smallest_size(config.tokenizer.model_dump()) - first
        validation.grid = [
            Scale(
                bytes=max(proxies.bytes // part, 1),
                vocab_size=first + max((proxies.vocab_size - first) // part, smallest),
            )
            for part in (4, 2)
        ]
    for _, shares in explicit_shares(config):
        total = math.fsum(shares.values())
        total = total if abs(total - 1) > 1e-12 else 1.0  # what was normalised before stays as it is
        complete = {corpus: shares.get(corpus, 0.0) / total for corpus in config.corpora}
        shares.clear()
        shares.update(complete)
    return config.model_dump(by_alias=True, exclude={"corpus_defaults"}) | {"corpus_defaults": {}}
