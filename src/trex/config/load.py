"""Loading a configuration: corpus_defaults are merged, all is checked and completed. `trex.config.recipes` does it for
several recipes."""

import math
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from trex.config.algorithms import ALGORITHM_CHECKS
from trex.config.checks import CHECKS
from trex.config.errors import validate
from trex.config.fields import MAX_INTEGER
from trex.config.kind_checks import KIND_CHECKS, resolve_base
from trex.config.language_model_checks import LANGUAGE_MODEL_CHECKS
from trex.config.models import Config, Scale
from trex.config.named import explicit_shares, release_tokens, special_tokens_of
from trex.config.words import ConfigError, Problems, join, raise_if_any
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
    config, problems = read(raw)
    problems = check_values(config, base, problems)
    raise_if_any(problems)
    return normalised(config)


def read(raw: Mapping[str, Any]) -> tuple[Config, Problems]:
    """What is written, with defaults in place of what is wrong, and which keys are wrong in themselves."""
    problems: Problems = {}
    written = plain(raw, "", problems)
    config, found = validate(written)  # as written, to name a problem where it was typed
    merged = _merge_corpus_defaults(written)
    if merged is not written:
        config, found_merged = validate(merged)
        found = found or found_merged
    problems = found | problems
    if problems or config is None:
        config = _without(merged, problems)
    return config, problems


def check_values(config: Config, base: Path, problems: Problems) -> Problems:
    """What is wrong with the keys of `read` beside each other, after what is wrong with each (problems).

    config: gets in its section `tokenizer` what a base decides.
    """
    if not any(_overlap(path, "tokenizer") for path in problems):
        problems = problems | resolve_base(config, base)
    wrong = tuple(problems)
    for needs, check in [*CHECKS, *LANGUAGE_MODEL_CHECKS, *ALGORITHM_CHECKS]:
        if not any(_overlap(path, need) for path in wrong for need in needs):
            for path, problem in check(config, base):
                problems.setdefault(path, problem)
    for needs, check in KIND_CHECKS:
        if not any(_overlap(path, need) for path in wrong for need in needs):
            problems = check(config) | problems
    return problems


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


def normalised(config: Config) -> dict[str, Any]:
    """The form that `load_config` promises of a config without problems, which is changed."""
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
