"""Checks of the kinds of tokenizers beside plain BPE: superwords, and a base to extend."""

from pathlib import Path

from trex.config.models import Config
from trex.config.named import special_tokens_of
from trex.config.words import Problems, show
from trex.tokenizer.sizes import transition_size

# of the section `tokenizer`, what a base decides
OF_BASE = ("pattern", "normalizer", "special_tokens", "reserved", "base_size")


def resolve_base(config: Config, folder: Path) -> Problems:
    """Give the section `tokenizer` what its base decides; what is wrong with the base, or with what is written beside
    it. folder: that a relative path starts from."""
    kind = config.tokenizer
    if kind.base is None:
        found = {"keep": "all", "base_size": None}
        return {
            f"tokenizer.{key}": "is only for a tokenizer with a base; name it in tokenizer.base, or remove this"
            for key, value in found.items()
            if getattr(kind, key) != value
        }
    from trex.tokenizer.base import base_facts  # here, for it reads files

    spec = kind.base if isinstance(kind.base, str) else kind.base.model_dump()
    try:
        facts = base_facts(spec, folder, None if kind.keep == "all" else kind.keep)
    except (OSError, ValueError) as error:
        path = "tokenizer.keep" if "cannot be kept" in str(error) else "tokenizer.base"
        return {
            path: f"{error}; write another tokenizer or number of merges"
            if path.endswith("keep")
            else str(error)
        }
    decided = {
        "pattern": facts.pattern,
        "normalizer": facts.normalizer,
        "special_tokens": facts.special_tokens,
        "reserved": 0,
        "base_size": facts.entries,
        "alphabet": "utf8",
    }
    problems = {}
    for key, value in decided.items():
        if key in kind.model_fields_set and getattr(kind, key) not in (value, None):
            problems[f"tokenizer.{key}"] = f"is that of tokenizer.base, {show(value)}; remove it"
        setattr(kind, key, value)
    return problems


def check_superwords(config: Config) -> Problems:
    """What does not go with superwords."""
    kind, training = config.tokenizer, config.training
    if kind.superwords is None:
        return {}
    problems = {}
    if kind.base is not None:
        problems["tokenizer.superwords"] = "does not go with tokenizer.base; remove one of the two"
    if kind.alphabet != "utf8":
        problems["tokenizer.superwords"] = "is for text, and the sources are binary; remove it"
    if kind.superwords.pattern == kind.pattern:
        problems["tokenizer.superwords.pattern"] = (
            "cuts text as tokenizer.pattern does, so that pieces are words; write superwords, superbpe or another regex"
        )
    if training.vocab_size is None:
        problems["training.vocab_size"] = (
            "auto does not go with tokenizer.superwords, whose `from` is a share of the merges to this size: smaller "
            "ones are no beginning of the same training; write a number"
        )
        return problems
    share = kind.superwords.from_
    transition = transition_size(training.vocab_size, share, len(special_tokens_of(config)))
    for i, size in enumerate(training.ladder):
        path = f"training.ladder[{i}]"
        if size > training.vocab_size:
            problems[path] = (
                f"{size} is above training.vocab_size, to which tokenizer.superwords.from counts merges; write the "
                f"largest size there, or one of at most {training.vocab_size} here"
            )
        elif size < transition:
            problems[path] = (
                f"{size} is cut below {transition}, where {share:g} of the merges to training.vocab_size "
                f"(tokenizer.superwords.from) are made, and so would have no superwords; write at least {transition}, "
                "or a recipe of its own"
            )
    return problems


def check_release_of_base(config: Config) -> Problems:
    """A base keeps its post-processor, so nothing else can begin or end a text."""
    if config.tokenizer.base is None:
        return {}
    return {
        f"release.add_{end}_token": "does not go with tokenizer.base, whose post-processor stays; remove it"
        for end in ("bos", "eos")
        if getattr(config.release, f"add_{end}_token")
    }


# the keys that a check is about, which are right in themselves, and the check
KIND_CHECKS = (
    (("tokenizer", "training"), check_superwords),
    (("tokenizer", "release"), check_release_of_base),
)
