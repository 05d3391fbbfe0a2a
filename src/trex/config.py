"""The configuration: read, checked against the schema and against itself, completed with defaults.

``workflow/schemas/config.schema.yaml`` is the one place of keys, defaults and ranges (`trex.config_schema` applies it);
`trex.config_checks` holds the checks of several keys against each other.
"""

import math
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from trex.config_checks import CHECKS, explicit_shares, inferred, sources
from trex.config_schema import (
    ALPHABET_SIZE,
    ENCODINGS,
    SCHEMA_PATH,
    ConfigError,
    Problems,
    conform,
    load_yaml,
    merge_corpus_defaults,
    overlap,
    parse_bytes,
    plain,
    raise_if_any,
    whole_schema,
)
from trex.patterns import PATTERNS

__all__ = ["SCHEMA_PATH", "ConfigError", "check_files", "load_config", "load_yaml", "parse_bytes"]


def load_config(raw: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """Check a configuration and return its complete, JSON-able form; loading that again changes nothing.

    Defaults are filled in, ``corpus_defaults`` is merged into the corpora (and empty in the result), amounts
    of bytes are integers (``training.bytes: all`` is None), ``proxies.vocab_grid`` is sorted and holds
    ``vocab_size``, ``validation.grid`` is a list, explicit shares name every corpus in the config's order, and
    ``infer`` of a baseline is a mapping with all its keys.

    Args:
        raw: what the YAML says; not modified.
        base: folder that a relative path of a reference ``tokenizer.json`` starts from.

    Raises:
        ConfigError: with all problems. A check of several keys against each other is left out while one of
            them is wrong in itself.
    """
    problems: Problems = {}
    written = plain(raw, "", problems)
    rules = whole_schema()
    conform(written, rules, "", problems)  # as written, so that a problem is named where it was typed
    merge_problems: Problems = {}
    config = conform(merge_corpus_defaults(written), rules, "", merge_problems)
    problems = problems or merge_problems
    found = tuple(problems)
    for needs, check in CHECKS:
        if not any(overlap(path, need) for path in found for need in needs):
            for path, problem in check(config, base):
                problems.setdefault(path, problem)
    raise_if_any(problems)
    return _normalise(config)


def check_files(config: Mapping[str, Any], base: Path) -> None:
    """Check that the sources of a loaded config exist and can be read, that tokenizers can be used, and that those to
    infer are byte-level BPE.

    Names on the Hugging Face hub are not looked up.

    Raises:
        ConfigError: with the problems of all of them.
    """
    from trex.corpora import CorpusError, check_source

    problems: Problems = {}
    for path, source in sources(config):
        try:
            check_source(source, base)
        except CorpusError as error:
            problems[path] = str(error)
    inferred_from = {f"{path}.infer": spec["infer"]["tokenizer"] for path, spec in inferred(config)}
    used = {"reference": config["reference"], **inferred_from}
    used |= {
        f"validation.tokenizers.{name}": spec for name, spec in config["validation"]["tokenizers"].items()
    }
    used = {path: spec for path, spec in used.items() if isinstance(spec, str) and spec not in ENCODINGS}
    pattern = config["tokenizer"]["pattern"]
    if used or pattern not in PATTERNS.values():
        from trex.existing import check_byte_level, check_pattern, check_usable  # slow to import

        for path, spec in used.items():
            try:
                if path in inferred_from:
                    check_byte_level(base / spec)
                check_usable(spec, base)
            except ValueError as error:
                problems[path] = str(error)
        try:
            check_pattern(pattern)
        except ValueError as error:
            problems["tokenizer.pattern"] = str(error)
    raise_if_any(problems)


def _normalise(config: dict[str, Any]) -> dict[str, Any]:
    """Bring a checked config, which is changed, into the form that load_config promises."""
    config["corpus_defaults"] = {}  # they are in the corpora
    config["results"] = str(PurePath(config["results"]))
    tokenizer, proxies = config["tokenizer"], config["proxies"]
    tokenizer["pattern"] = PATTERNS.get(tokenizer["pattern"], tokenizer["pattern"])
    proxies["vocab_grid"] = sorted({*proxies["vocab_grid"], proxies["vocab_size"]})
    if config["validation"]["grid"] is None:
        smallest = ALPHABET_SIZE + len(tokenizer["special_tokens"]) + 1
        config["validation"]["grid"] = [
            {
                "bytes": max(proxies["bytes"] // part, 1),
                "vocab_size": max(proxies["vocab_size"] // part, smallest),
            }
            for part in (4, 2)
        ]
    for _, spec in inferred(config):
        if isinstance(spec["infer"], str):
            spec["infer"] = conform({"tokenizer": spec["infer"]}, whole_schema()["$defs"]["infer"], "", {})
    for _, shares in explicit_shares(config):
        total = math.fsum(shares.values())
        total = total if abs(total - 1) > 1e-12 else 1.0  # what was normalised before stays as it is
        complete = {corpus: shares.get(corpus, 0.0) / total for corpus in config["corpora"]}
        shares.clear()
        shares.update(complete)
    return config
