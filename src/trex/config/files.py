"""The files and tokenizers that a loaded configuration names: whether they can be used, and which they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trex.config.models import Config
from trex.config.named import inferred, limiting, sources
from trex.config.recipes import changes_of, told_once, writes
from trex.config.words import Problems, join, raise_if_any
from trex.counting.patterns import PATTERNS
from trex.tokenizer.encodings import BYTES, ENCODINGS


def check_files(
    config: Mapping[str, Any],
    base: Path,
    recipes: Mapping[str, Mapping[str, Any]] | None = None,
    written: Mapping[str, Any] | None = None,
) -> None:
    """Check that sources exist and can be read, that tokenizers can be used, that those to infer are byte-level BPE,
    and that a chat template is one. Names on the Hugging Face hub are not looked up.

    config, recipes: of `trex.config.recipes.load_run`. written: what that was given; not needed without recipes.

    Raises:
        ConfigError: with the problems of all of them.
    """
    from trex.corpora import CorpusError, check_source

    problems: Problems = {}
    for path, source in sources(_typed(config)):
        try:
            check_source(source.model_dump(), base)
        except CorpusError as error:
            problems[path] = str(error)
    if recipes:
        changes = changes_of(written)
        found = {name: _wrong_files(recipe, base) for name, recipe in recipes.items()}
        problems |= told_once(found, lambda name, path, _: not writes(changes[name], path))
    else:
        problems |= _wrong_files(config, base)
    raise_if_any(problems)


def _wrong_files(config: Mapping[str, Any], base: Path) -> Problems:
    """What is wrong with the tokenizers, templates and word lists of a loaded config."""
    problems: Problems = {}
    typed = _typed(config)
    to_infer = {path for path, _ in inferred(typed)}
    files = {
        path: name
        for path, name in _tokenizers(config, typed).items()
        if isinstance(name, str) and name not in (*ENCODINGS, BYTES)
    }
    pattern = config["tokenizer"]["pattern"]
    if files or pattern not in ("", *PATTERNS.values()):
        from trex.tokenizer.existing import check_byte_level, check_pattern, check_usable  # slow to import

        for path, name in files.items():
            try:
                if path in to_infer:
                    check_byte_level(base / name)
                check_usable(name, base)
            except ValueError as error:
                problems[path] = str(error)
        try:
            if pattern:
                check_pattern(pattern)
        except ValueError as error:
            problems["tokenizer.pattern"] = str(error)
    if template := config["release"]["chat_template"]:
        from trex.tokenizer.chat import read_chat_template  # imports jinja2

        try:
            read_chat_template(base / template, config["tokenizer"]["special_tokens"], config["release"])
        except ValueError as error:
            problems["release.chat_template"] = str(error)
    lists = {
        join(f"validation.{key}", corpus): name
        for key in ("words", "morphemes")
        for corpus, name in config["validation"][key].items()
    }
    if lists:
        from trex.validation.vocabulary import read_list  # slow to import

        for path, name in lists.items():
            try:
                read_list(base / name)
            except (OSError, ValueError) as error:
                problems[path] = str(error)
    return problems


def named_files(config: Mapping[str, Any], base: Path) -> dict[str, list[Path]]:
    """The files that a loaded config names, by key path; names that are no file here are left out."""
    from trex.corpora import source_files

    typed = _typed(config)
    files = {path: source_files(source.model_dump(), base) for path, source in sources(typed)}
    for path, name in _tokenizers(config, typed).items():
        if isinstance(name, str) and (base / name).exists():
            files[path] = [base / name]
    if template := config["release"]["chat_template"]:
        files["release.chat_template"] = [base / template]
    for key in ("words", "morphemes"):
        for corpus, name in config["validation"][key].items():
            files[f"validation.{key}.{corpus}"] = [base / name]
    return files


def _typed(config: Mapping[str, Any]) -> Config:
    """Of a loaded config, or a recipe's."""
    return Config.model_validate({key: value for key, value in config.items() if key != "place"})


def _tokenizers(config: Mapping[str, Any], typed: Config) -> dict[str, Any]:
    """The existing tokenizers that a config uses, by key path."""
    existing = config["validation"]["tokenizers"].items()
    return {
        "reference": config["reference"],
        **({"tokenizer.base": config["tokenizer"]["base"]} if config["tokenizer"]["base"] else {}),
        **{f"validation.tokenizers.{name}": spec for name, spec in existing},
        **{path: inference.tokenizer for path, inference in inferred(typed)},
        **{
            join("objective.max_loss", name): spec
            for name, spec in limiting_tokenizers(config).items()
            if name not in config["validation"]["tokenizers"]
        },
    }


def limiting_tokenizers(config: Mapping[str, Any]) -> dict[str, Any]:
    """The existing tokenizers that a loaded config's `objective.max_loss` compares with, as it names them."""
    found = limiting(_typed(config))
    return {name: spec if isinstance(spec, str) else spec.model_dump() for name, spec in found.items()}
