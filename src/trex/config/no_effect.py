"""Settings that change nothing beside the others, which a run says before it begins."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trex.config.models import Config
from trex.config.parity import Parity
from trex.config.recipes import Changes, changed, changes_of, writes
from trex.config.sources import Source
from trex.config.words import enumerated, show
from trex.tokenizer.sizes import smallest_size, transition_size

NO_EFFECT = "has no effect"
WINDOW_SIZE, ALPHA = (Parity.model_fields[key].default for key in ("window_size", "alpha"))
# of the section `search`, what a single strategy reads
_OF_STRATEGIES = {
    "paper": ("draws", "top_k", "strength"),
    "adaptive": ("rounds", "per_round", "tolerance"),
    "direct": ("direct_rounds",),
}
# of a section, what only proxies and what is made of them reads; min_share, max_epochs and bytes limit the matched
# mixture too
_OF_PROXIES = {
    "proxies": (
        "count",
        "vocab_size",
        "vocab_grid",
        "per_job",
        "keep_tokenizers",
        "prior",
        "strength",
        "mixtures",
    ),
    "regression": ("model", "compare", "folds"),
    "choice": ("replicates",),
    "validation": ("mixtures", "grid"),
    "search": ("kappa", "within_support", *sum(_OF_STRATEGIES.values(), ())),
}
Found = Iterator[tuple[str, str]]  # key path, what is said of it


def without_effect(
    written: Mapping[str, Any], config: Mapping[str, Any], recipes: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Key paths of settings that somebody wrote, that differ from the default and that change nothing, and why.

    A key of the file that serves one recipe is not named, though it changes nothing in others.

    Args:
        written: a configuration as it is given to `trex.config.recipes.load_run`. config, recipes: what that returns.
    """
    if not recipes:
        return dict([*_without_effect(written, config), *_of_language_model(written, config)])
    changes = changes_of(written)
    of_recipe = {
        name: dict(_without_effect(changed(written, changes[name]), recipe))
        for name, recipe in recipes.items()
    }
    found = {}
    for name, said in of_recipe.items():
        for path, text in said.items():
            heirs = [other for other, own in changes.items() if not writes(own, path)]
            if name not in heirs:
                found[f"recipes.{name}.{path}"] = text
            elif all(path in of_recipe[heir] for heir in heirs):
                alike = len({of_recipe[heir][path] for heir in heirs}) == 1
                found[path] = text if alike else f"{text.partition(NO_EFFECT)[0]}{NO_EFFECT} in any recipe"
    return found | dict([*_of_language_model(written, config), *_same_recipes(changes, recipes)])


def _without_effect(written: Mapping[str, Any], config: Mapping[str, Any]) -> Found:
    yield from _of_objective(written, config)
    yield from _of_corpora(written, config)
    yield from _of_training(written, config)
    yield from _of_kind(config)
    yield from _of_search(written, config)


def _written(
    written: Mapping[str, Any], config: Mapping[str, Any], section: str, keys: Iterable[str], why: str
) -> Found:
    """Of these keys of a section, those that are written with another value than the default."""
    fields = Config.model_fields
    for name in section.split("."):
        fields = fields[name].annotation.model_fields
        written, config = written.get(name) or {}, config[name]
    for key in keys:
        if key not in written:
            continue
        default, value = fields[key].get_default(call_default_factory=True), written[key]
        turned_off = section == "validation" and not value  # 0 mixtures, no grid: both are off already
        if default not in (value, config[key]) and not turned_off:
            yield f"{section}.{key}", f"{show(value)} {NO_EFFECT}: {why}"


def _of_objective(written: Mapping[str, Any], config: Mapping[str, Any]) -> Found:
    objective = config["objective"]
    kind = objective["aggregate"]
    for key, read_by in (("weights", "weighted"), ("sharpness", "soft_worst")):
        if kind != read_by:
            why = f"objective.aggregate is {kind}, and only {read_by} reads it; write that, or remove this"
            yield from _written(written, config, "objective", [key], why)
    if objective["parallel_set"] is None:
        why = "objective.parallel_set names no set; name one, or remove this"
        yield from _written(written, config, "objective", ["pivot"], why)


def _of_corpora(written: Mapping[str, Any], config: Mapping[str, Any]) -> Found:
    sources = [
        source for of in config["corpora"].values() for source in (of["source"], *of["evaluation"].values())
    ]
    drawn = [source for source in sources if source.get("max_bytes")]
    if not drawn:
        why = "no source has max_bytes, so that all of each is read"
        yield from _written(written, config, "counting", ["draw_from"], why)
    elif all(source.get("where") for source in drawn):
        why = "every source with max_bytes has where too, and is then read whole"
        yield from _written(written, config, "counting", ["draw_from"], why)
    if all("demo" in source for source in sources):
        yield from _written(
            written, config, "counting", ["parts"], "the demo text of a corpus is read in one part"
        )
    by_line = Source.model_fields["sample_by"].default
    if all(source.get("text") and source.get("sample_by", by_line) == by_line for source in sources):
        why = "every document is a line already (text files with sample_by: line)"
        yield from _written(written, config, "tokenizer", ["unit"], why)


def _of_training(written: Mapping[str, Any], config: Mapping[str, Any]) -> Found:
    if config["training"]["bytes"] is None and config["training"]["draws"] != 1:
        why = "training.bytes is all, and all of the text is one draw; write fewer bytes, or remove this"
        yield from _written(written, config, "training", ["draws"], why)
    size = config["training"]["vocab_size"]
    if size is None:
        return
    why = f"training.vocab_size is {size}, and only auto looks in the range; write vocab_size: auto, or remove this"
    yield from _written(written, config, "training", ["vocab_range"], why)
    if size in config["training"]["ladder"]:
        yield (
            "training.ladder",
            f"{size} {NO_EFFECT} in it: it is training.vocab_size, which every tokenizer has",
        )


def _of_kind(config: Mapping[str, Any]) -> Found:
    kind, size = config["tokenizer"], config["training"]["vocab_size"]
    if superwords := kind["superwords"]:
        yield from _of_superwords(superwords, size, len(kind["special_tokens"]))
        yield from _of_pieces(superwords["pattern"], kind["pattern"])
    if parity := kind["parity"]:
        largest = size and max(size, *config["training"]["ladder"], 0)
        yield from _of_parity(parity, largest and largest - smallest_size(kind) + 1, len(config["corpora"]))


def _of_superwords(superwords: Mapping[str, Any], size: int, n_specials: int) -> Found:
    path, share = "tokenizer.superwords", superwords["from"]
    if transition_size(size, share, n_specials) >= size:
        why = "stage 1 makes all merges, on words, and leaves none for tokens of several words"
        yield f"{path}.from", f"with {share:g}, {path} {NO_EFFECT}: {why}; write less, such as 0.8"
        return
    if superwords["max_words"] == 1:
        why = "a token of several words has two at least"
        yield f"{path}.max_words", f"with 1, {path} {NO_EFFECT}: {why}; write 2 or more"
    if " " in superwords["barriers"]:
        why = "a token of several words has a space between them; write the signs alone, such as ':;'"
        yield f"{path}.barriers", f"with {show(superwords['barriers'])}, {path} {NO_EFFECT}: {why}"
    if superwords["word_mixture"] is not None and transition_size(size, share, n_specials) <= transition_size(
        size, 0, n_specials
    ):
        why = f"with from: {share:g} no merge is made on words; write more, such as 0.8"
        yield f"{path}.word_mixture", f"{show(superwords['word_mixture'])} {NO_EFFECT}: {why}"


_WORDS = ("of the cats", "это и то", "一 二 三", "यह और वह")
_DIGITS = "123456789"


def _of_pieces(pieces: str, words: str) -> Found:
    """What a regex of pieces makes useless, whatever the text."""
    path = "tokenizer.superwords.pattern"
    if all(" " not in piece.strip() for text in _WORDS for piece in _cut(text, pieces)):
        why = "this pattern cuts text at spaces, so that no token can have several words"
        yield path, f"tokenizer.superwords {NO_EFFECT}: {why}; write superwords, superbpe or another regex"
        return
    longest, learned = (max(map(len, _cut(_DIGITS, pattern))) for pattern in (pieces, words))
    if longest < learned:
        cuts = "every digit by itself" if longest == 1 else f"numbers into {longest} digits at most"
        of_words = "numbers whole" if learned == len(_DIGITS) else f"{learned} digits as one word"
        cure = "superbpe, which takes three digits" if longest < 3 <= learned else "one that cuts like it"
        yield (
            path,
            f"what stage 1 learns of longer numbers {NO_EFFECT}: this pattern cuts {cuts}, and tokenizer.pattern "
            f"takes {of_words}; write {cure}",
        )


def _cut(text: str, pattern: str) -> list[str]:
    from tokenizers import Regex, pre_tokenizers  # here, as few configs need it

    if not pattern:
        return [text]
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    return [piece for piece, _ in split.pre_tokenize_str(text)]


def _of_parity(parity: Mapping[str, Any], merges: int | None, corpora: int) -> Found:
    """merges: to the largest vocabulary size; None: not known."""
    path = "tokenizer.parity"
    if merges is not None and parity["global_merges"] >= max(merges, 1):
        yield (
            f"{path}.global_merges",
            f"with {parity['global_merges']}, {path} {NO_EFFECT}: that is all of the {merges:,} merges, so that "
            "corpora never take turns and this is plain BPE; write fewer, or a share such as 0.5",
        )
    if parity["variant"] == "base":
        for key, default in (("window_size", WINDOW_SIZE), ("alpha", ALPHA)):
            if parity[key] != default:
                why = "only the variant window looks back on turns; write variant: window"
                yield f"{path}.{key}", f"{parity[key]} {NO_EFFECT}: {why}"
    elif parity["alpha"] >= corpora:
        key = "variant" if parity["alpha"] == ALPHA else "alpha"
        why = (
            f"no corpus can have more than all turns, and alpha / corpora is {parity['alpha'] / corpora:g}, so that "
            "this is the variant base; write that, or a smaller alpha"
        )
        yield f"{path}.{key}", f"{show(parity[key])} {NO_EFFECT}: {why}"


def _of_search(written: Mapping[str, Any], config: Mapping[str, Any]) -> Found:
    strategies = config["search"]["strategies"]
    if not strategies:
        why = "search.strategies is [], so that no proxies are trained"
        for section, keys in _OF_PROXIES.items():
            yield from _written(written, config, section, keys, why)
        return
    for strategy, keys in _OF_STRATEGIES.items():
        if strategy not in strategies:
            why = f"only the strategy {strategy} reads it, and search.strategies does not name that"
            yield from _written(written, config, "search", keys, why)
    if not config["validation"]["mixtures"]:
        why = "validation.mixtures is 0, so that no mixtures are ranked at any scale; write how many, such as 16"
        yield from _written(written, config, "validation", ["grid"], why)


def _of_language_model(written: Mapping[str, Any], config: Mapping[str, Any]) -> Found:
    model, section = config["language_model"], "language_model.check"
    if not model["served_tokens"]:
        why = "language_model.served_tokens is 0, so that the model is never used"
        yield from _written(written, config, "language_model", ["generated_share"], why)
    check = model["check"]
    if not check["seeds"]:
        others = [
            path
            for path, _ in _written(written, config, section, [key for key in check if key != "seeds"], "")
        ]
        if others:
            keys = " and ".join(path.rpartition(".")[2] for path in others)
            why = "no language models are trained; write how many seeds, such as 3, or remove the check"
            yield section, f"{keys} {'have' if len(others) > 1 else 'has'} no effect, as seeds is 0: {why}"
    elif not check["proxy_compression"]:
        why = f"{section}.proxy_compression names no mixture"
        yield from _written(written, config, section, ["byte_share"], why)


def _same_recipes(changes: Mapping[str, Changes], recipes: Mapping[str, Mapping[str, Any]]) -> Found:
    """Recipes that give what one before gives."""
    names = list(recipes)
    settings = {
        name: {**recipe, "place": {**recipe["place"], "recipe": None}} for name, recipe in recipes.items()
    }
    for i, name in enumerate(names):
        same = next((other for other in names[:i] if settings[other] == settings[name]), None)
        if same is None:
            continue
        empty = [
            f"{section}.{key}"
            for section, keys in changes[name].items()
            for key, value in keys.items()
            if value is None
        ]
        hint = f"; {enumerated(empty)} is null here: write {{}} for its defaults" if empty else ""
        yield f"recipes.{name}", f"has the settings of recipes.{same}, and gives the same tokenizer{hint}"
