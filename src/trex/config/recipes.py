"""Loading a configuration with recipes: each is a config of its own, and what is wrong with any is said together."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trex.config.kind_checks import OF_BASE
from trex.config.language_model_checks import mixtures_without_tokenizer
from trex.config.load import check_values, load_config, normalised, plain, read
from trex.config.models import Config, Recipe
from trex.config.words import Problems, enumerated, join, raise_if_any, show
from trex.counting.patterns import split_name

Changes = Mapping[str, Any]  # what a recipe has of its own, as it is written
# a section that recipes change, and its key
_KEY = re.compile(rf"\b(?:{'|'.join(set(Recipe.model_fields) - {'baselines'})})\.[a-z_]+")
_CHECK = "language_model.check."


def load_run(raw: Mapping[str, Any], base: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """(config of the run, config of every recipe by name), each as of `load_config`, whose arguments these are.

    A recipe's config has one more key, `place`: the recipe's name and the split of its text, which say where its
    results lie (`trex.layout`). A check of language models that names recipes is the run's: it is turned off in theirs.
    What recipes share is made with the settings of the first one, so the run's config is that one's, without `place`.
    Without recipes, there is one config, the file's.

    Raises:
        ConfigError: with the problems of the file and of all recipes. Keys of the file that do not go together are a
            problem only in recipes that take them over.
    """
    changes = changes_of(raw)
    if not changes:
        return load_config(raw, base), {}
    shared, wrong = read(raw)
    of_file = check_values(shared, base, wrong)
    check = shared.language_model.check
    check.recipes = list(changes) if check.recipes == "all" else check.recipes
    file = _file_of_recipes(raw, turn_off_check=bool(check.recipes))

    def is_inherited(name: str, path: str, problem: str) -> bool:
        return of_file.get(path) == problem and not writes(changes[name], path)

    configs: dict[str, Config] = {}
    found: dict[str, Problems] = {}
    for name, own in changes.items():
        configs[name], wrong_here = read(changed(file, own))
        problems = check_values(configs[name], base, wrong_here)
        # a key of the file that is wrong in itself is told once
        problems = {path: text for path, text in problems.items() if path not in wrong or writes(own, path)}
        for path, text in problems.items():
            if not is_inherited(name, path, text):
                problems[path] = text + _cures(text, path, file, own)
        found[name] = problems | _of_whole_recipe(name, configs[name], shared, file, own)
    of_check = {path: text for path, text in of_file.items() if check.recipes and path.startswith(_CHECK)}
    if check.seeds:
        of_check |= _without_tokenizer(
            {name: configs[name] for name in check.recipes if name in configs}, check.mixtures
        )
    raise_if_any(wrong | told_once(found, is_inherited) | of_check)

    loaded = {}
    for name, config in configs.items():
        recipe = normalised(config)
        kind = recipe["tokenizer"]
        place = {"recipe": name, "split": split_name(kind), "normalizer": kind["normalizer"]}
        loaded[name] = recipe | {"place": place}
    run = {key: value for key, value in next(iter(loaded.values())).items() if key != "place"}
    return run | {"language_model": shared.language_model.model_dump(by_alias=True)}, loaded


def changes_of(raw: Mapping[str, Any]) -> dict[str, Changes]:
    """What each recipe of a configuration has of its own, as far as it has the right shape."""
    recipes = plain(raw, "", {}).get("recipes") if isinstance(raw, Mapping) else None
    if not isinstance(recipes, dict):
        return {}
    return {
        name: {
            section: keys
            for section, keys in (own if isinstance(own, dict) else {}).items()
            if section in Recipe.model_fields and isinstance(keys, dict)
        }
        for name, own in recipes.items()
    }


def changed(file: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """What a recipe would be if it were written as a file of its own. file: as it is written, without recipes."""
    whole = dict(file)
    for section, keys in changes.items():
        if section == "baselines":
            whole[section] = keys
            continue
        under = file.get(section) or {}
        if section == "tokenizer" and "base" in keys:
            # a base decides these, whatever the other recipes have; without one, there is nothing to keep of it
            gone = OF_BASE if keys["base"] else ("keep",)
            under = {key: value for key, value in under.items() if key not in gone}
        whole[section] = {**under, **keys}
    return whole


def writes(changes: Changes, path: str) -> bool:
    """Whether a recipe has a key of its own, or a part of it, or the key around it."""
    section, *keys = re.split(r"[.\[]", path)
    return section in changes and (section == "baselines" or not keys or keys[0] in changes[section])


def told_once(found: Mapping[str, Problems], is_inherited: Callable[[str, str, str], bool]) -> Problems:
    """The problems of all recipes, by name, each said once and with the recipes that have it.

    is_inherited: whether a recipe (name, key path, problem) only takes over what stands in the file, where it is then
    to be mended.
    """
    names_of: dict[tuple[str, str, bool], list[str]] = {}
    for name, problems in found.items():
        for path, problem in problems.items():
            in_file = bool(path) and (
                path.partition(".")[0] not in Recipe.model_fields or is_inherited(name, path, problem)
            )
            names_of.setdefault((path, problem, in_file), []).append(name)
    told = {}
    for (path, problem, in_file), names in names_of.items():
        if in_file and len(names) == len(found):
            told[path] = problem
        elif in_file:
            told[f"{path} (in the recipe{'s' * (len(names) > 1)} {enumerated(names)})"] = problem
        else:
            others = f" (also in {enumerated(names[1:])})" if len(names) > 1 else ""
            told[f"{join(f'recipes.{names[0]}', path) if path else f'recipes.{names[0]}'}{others}"] = problem
    return told


def paths_of_patterns(recipes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Every pattern that text is split by, and its key in the config. recipes: of `load_run`, or the run's config under
    any one name."""
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


def _file_of_recipes(raw: Mapping[str, Any], turn_off_check: bool) -> dict[str, Any]:
    """What is written beside the recipes. turn_off_check: without the check of language models, which is the run's."""
    file = {key: value for key, value in plain(raw, "", {}).items() if key != "recipes"}
    if turn_off_check:
        models = {key: value for key, value in file["language_model"].items() if key != "check"}
        file["language_model"] = models
    return file


def _of_whole_recipe(
    name: str, config: Config, shared: Config, file: Mapping[str, Any], changes: Changes
) -> Problems:
    """What is wrong with a recipe beside the file and the other tokenizers of the run."""
    problems = {}
    if writes(changes, "objective.parallel_set") and (
        config.objective.parallel_set != shared.objective.parallel_set
    ):
        problems["objective.parallel_set"] = "is the same in all recipes; write it beside them"
    if name in config.validation.tokenizers:
        problems[""] = "has the name of a tokenizer of validation.tokenizers; rename one of the two"
    under, own = file.get("tokenizer") or {}, changes.get("tokenizer") or {}
    another = own.get("base") and under.get("base") and own["base"] != under["base"]
    if another and under.get("keep", "all") != "all" and "keep" not in own:
        problems["tokenizer.keep"] = (
            f"{show(under['keep'])} merges are to stay of {show(under['base'])}, and this recipe extends "
            f"{show(own['base'])}; write keep in the recipe too: all, or a number of merges"
        )
    return problems


def _without_tokenizer(configs: Mapping[str, Config], mixtures: list[str]) -> Problems:
    """What the run's check of language models asks for and recipes do not have. configs: of the recipes that it
    compares."""
    lacking: dict[str, list[str]] = {}
    problems = {}
    for name, config in configs.items():
        for path, _ in mixtures_without_tokenizer(config, mixtures):
            lacking.setdefault(path, []).append(name)
            of = f" of the recipe{'s' * (len(lacking[path]) > 1)} {', '.join(lacking[path])}"
            problems[path] = dict(mixtures_without_tokenizer(config, mixtures, of))[path]
    return problems


def _cures(problem: str, path: str, file: Mapping[str, Any], changes: Changes) -> str:
    """What a recipe writes in place of a key that it is told to remove and that the file has: it cannot remove what is
    beside it, but it can write the default."""
    keys = dict.fromkeys(_KEY.findall(f"{path} {problem}")) if "remove" in problem else ()
    cures = ((key, _turned_off(*key.split("."), file, changes)) for key in keys)
    return "".join(
        f"; {key} is the run's own: this recipe turns it off with {cure}" for key, cure in cures if cure
    )


def _turned_off(section: str, key: str, file: Mapping[str, Any], changes: Changes) -> str | None:
    """What a recipe writes to have the default of a key that the file sets and the recipe does not."""
    value = (file.get(section) or {}).get(key)
    fields = Config.model_fields[section].annotation.model_fields
    if value is None or key in (changes.get(section) or {}) or key not in fields:
        return None
    default = fields[key].get_default(call_default_factory=True)
    return None if value == default else f"{section}: {{{key}: {json.dumps(default)}}}"
