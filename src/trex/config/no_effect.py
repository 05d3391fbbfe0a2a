"""Settings that change nothing beside the others, which a run says before it begins."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trex.config.models import Config
from trex.config.parity import Parity
from trex.config.words import show
from trex.tokenizer.sizes import smallest_size, transition_size

NO_EFFECT = "has no effect"
WINDOW_SIZE, ALPHA = (Parity.model_fields[key].default for key in ("window_size", "alpha"))
# of the section `search`, what a single strategy reads
_OF_STRATEGIES = {
    "paper": ("draws", "top_k", "strength"),
    "adaptive": ("rounds", "per_round", "tolerance"),
    "direct": ("direct_rounds",),
}
# of a section, what only proxies and what is made of them reads
_OF_PROXIES = {
    "proxies": ("count", "vocab_grid", "keep_tokenizers", "mixtures", "strength"),
    "regression": ("model", "compare", "folds"),
    "choice": ("replicates",),
}


def without_effect(config: Mapping[str, Any]) -> dict[str, str]:
    """Key paths of settings that differ from the default and change nothing, and why.

    Args:
        config: a loaded one, of a run or of a recipe.
    """
    found = [*_of_objective(config), *_of_training(config), *_of_kind(config), *_of_search(config)]
    return {path: f"{show(value)} {NO_EFFECT}: {why}" for path, value, why in found}


def without_effect_in_recipes(
    recipes: Mapping[str, Mapping[str, Any]],
    written: Mapping[str, Any],
) -> dict[str, str]:
    """The same of recipes. Of what stands beside them, only what changes nothing in any of them.

    Args:
        recipes: of `load_recipes`.
        written: what each recipe has of its own, as in the config.
    """
    of_recipe = {name: without_effect(config) for name, config in recipes.items()}
    found = {}
    for name, problems in of_recipe.items():
        for path, text in problems.items():
            section, key = path.split(".")[:2]
            if key in ((written.get(name) or {}).get(section) or {}):
                found[f"recipes.{name}.{path}"] = text
            elif all(path in others for others in of_recipe.values()):
                alike = len({others[path] for others in of_recipe.values()}) == 1
                found[path] = text if alike else f"{text.partition(NO_EFFECT)[0]}{NO_EFFECT} in any recipe"
    return found


Found = Iterator[tuple[str, Any, str]]  # key path, value, why it changes nothing


def _changed(config: Mapping[str, Any], section: str, keys: Iterable[str], why: str) -> Found:
    """Of these keys, those that have another value than the default."""
    fields = Config.model_fields[section].annotation.model_fields
    for key in keys:
        value = config[section][key]
        if value != fields[key].get_default(call_default_factory=True):
            yield f"{section}.{key}", value, why


def _of_objective(config: Mapping[str, Any]) -> Found:
    objective = config["objective"]
    kind = objective["aggregate"]
    if kind != "weighted":
        yield from _changed(config, "objective", ["weights"], f"objective.aggregate is {kind}, not weighted")
    if kind != "soft_worst":
        yield from _changed(
            config, "objective", ["sharpness"], f"objective.aggregate is {kind}, not soft_worst"
        )
    if objective["parallel_set"] is None:
        yield from _changed(config, "objective", ["pivot"], "objective.parallel_set names no set")


def _of_training(config: Mapping[str, Any]) -> Found:
    if config["training"]["vocab_size"] is not None:
        yield from _changed(
            config,
            "training",
            ["vocab_range"],
            "training.vocab_size is a number, and auto alone looks in the range",
        )
    if not any(corpus["source"].get("max_bytes") for corpus in config["corpora"].values()):
        yield from _changed(
            config, "counting", ["draw_from"], "no source has max_bytes, so that all of each is read"
        )


def _of_kind(config: Mapping[str, Any]) -> Found:
    kind, size = config["tokenizer"], config["training"]["vocab_size"]
    if superwords := kind["superwords"]:
        path = "tokenizer.superwords"
        n_specials = len(kind["special_tokens"])
        if size is not None and transition_size(size, superwords["from"], n_specials) >= size:
            why = "all merges are made on words, so that no superwords come about; write less, such as 0.8"
            yield f"{path}.from", superwords["from"], why
        elif superwords["max_words"] == 1:
            yield f"{path}.max_words", 1, "a superword has two words at least; write 2 or more"
    if parity := kind["parity"]:
        largest = size and max(size, *config["training"]["ladder"], 0)
        yield from _of_parity(parity, largest and largest - smallest_size(kind) + 1, len(config["corpora"]))


def _of_parity(parity: Mapping[str, Any], merges: int | None, corpora: int) -> Found:
    """merges: to the largest vocabulary size; None: not known."""
    path = "tokenizer.parity"
    if merges is not None and parity["global_merges"] >= max(merges, 1):
        yield (
            f"{path}.global_merges",
            parity["global_merges"],
            f"that is all of the {merges:,} merges, so that corpora never take turns and this is plain BPE; write "
            "fewer, or a share such as 0.5",
        )
    if parity["variant"] == "base":
        for key, default in (("window_size", WINDOW_SIZE), ("alpha", ALPHA)):
            if parity[key] != default:
                why = "only the variant window looks back on turns; write variant: window"
                yield f"{path}.{key}", parity[key], why
    elif parity["alpha"] >= corpora:
        key = "variant" if parity["alpha"] == ALPHA else "alpha"
        why = (
            f"no corpus can have more than all turns, and alpha / corpora is {parity['alpha'] / corpora:g}, so that "
            "this is the variant base; write that, or a smaller alpha"
        )
        yield f"{path}.{key}", parity[key], why


def _of_search(config: Mapping[str, Any]) -> Found:
    strategies = config["search"]["strategies"]
    for strategy, keys in _OF_STRATEGIES.items():
        if strategies and strategy not in strategies:
            why = f"only the strategy {strategy} reads it, and search.strategies does not name that"
            yield from _changed(config, "search", keys, why)
    if strategies:
        return
    why = "search.strategies is [], so that no proxies are trained"
    yield from _changed(config, "search", ["kappa", *sum(_OF_STRATEGIES.values(), ())], why)
    for section, of_proxies in _OF_PROXIES.items():
        for path, value, _ in _changed(config, section, of_proxies, why):
            if path != "proxies.vocab_grid" or len(value) > 1:  # a loaded one holds vocab_size
                yield path, value, why
