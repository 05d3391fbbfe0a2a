"""Checks of `language_model.check`: whether there are the tokenizers that language models are to be trained with."""

from pathlib import Path

from trex.config.checks import Check, Found
from trex.config.models import Config
from trex.config.words import show, suggest


def _check_language_models(config: Config, _: Path) -> Found:
    check, path = config.language_model.check, "language_model.check"
    if not check.seeds:
        return
    if check.recipes == "all" and not config.recipes:
        yield f"{path}.recipes", "the run has no recipes; leave the key out"
    recipes = [] if check.recipes == "all" else check.recipes
    named = {
        "recipes": (recipes, [*config.recipes], "is no recipe"),
        "existing": (check.existing, [*config.validation.tokenizers], "is not in validation.tokenizers"),
        "proxy_compression": (check.proxy_compression, check.mixtures, f"is not in {path}.mixtures"),
    }
    for key, (names, known, problem) in named.items():
        for i, name in enumerate(names):
            if name not in known:
                hint = suggest(name, known) if known else "leave it out"
                yield f"{path}.{key}[{i}]", f"{show(name)} {problem}; {hint}"
    if not check.recipes:  # otherwise each recipe is asked, as it may have other baselines
        yield from mixtures_without_tokenizer(config, check.mixtures)
    if not (check.mixtures or check.existing or check.raw_bytes):
        yield f"{path}.mixtures", "there is nothing to train a model with; name a mixture, such as chosen"


def mixtures_without_tokenizer(config: Config, mixtures: list[str], of: str = "") -> Found:
    """Of the mixtures whose tokenizers language models are to be trained with, those that have none at full scale.
    of: who has none, for the words of the problem."""
    others = [*config.baselines, *(["matched"] if config.baselines or config.search.strategies else [])]
    trained = ["chosen", *(others if config.training.baselines else [])]
    for i, name in enumerate(mixtures):
        if name not in trained:
            hint = suggest(name, trained)
            if name in config.baselines:
                hint = (
                    "with training.baselines: false there is only chosen; write mixtures: [chosen], or training: "
                    "{baselines: true}"
                )
            yield (
                f"language_model.check.mixtures[{i}]",
                f"{show(name)} is no full-scale tokenizer{of}; {hint}",
            )


# the keys that a check is about, the check
LANGUAGE_MODEL_CHECKS: list[tuple[tuple[str, ...], Check]] = [
    (("language_model", "baselines", "training", "validation", "search.strategies"), _check_language_models),
]
