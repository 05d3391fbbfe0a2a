"""What a configuration names, wherever it names it: sources, mixtures, tokenizers, special tokens."""

from collections.abc import Iterator

from trex.config.fields import ExplicitMixture, Inference, InferredMixture, Tokenizer
from trex.config.models import Config
from trex.config.sources import Source
from trex.tokenizer.special import AUTO, ROLES, reserved_tokens


def special_tokens_of(config: Config) -> list[str]:
    """All of them in the order of their ids, with the reserved ones."""
    named = config.tokenizer.special_tokens
    return [*named, *reserved_tokens(config.tokenizer.reserved)]


def release_tokens(config: Config) -> dict[str, str | None]:
    """The token of each role, with what `auto` takes."""
    tokens = {role: getattr(config.release, role) for role in ROLES}
    if tokens["eos_token"] == AUTO:
        tokens["eos_token"] = next(iter(config.tokenizer.special_tokens), None)
    if tokens["pad_token"] == AUTO:
        tokens["pad_token"] = tokens["eos_token"]
    return tokens


def evaluation_sets(config: Config) -> list[str]:
    """The names of the evaluation sets that the corpora give."""
    return list(dict.fromkeys(name for corpus in config.corpora.values() for name in corpus.evaluation))


def sources(config: Config) -> Iterator[tuple[str, Source]]:
    """The key path of every source, and the source: each corpus's own, then those of its evaluation sets."""
    for name, corpus in config.corpora.items():
        yield f"corpora.{name}.source", corpus.source
        for evaluation_set, source in corpus.evaluation.items():
            yield f"corpora.{name}.evaluation.{evaluation_set}", source


def explicit_shares(config: Config) -> Iterator[tuple[str, dict[str, float]]]:
    """The key path and shares of every mixture given by shares."""
    for name, shares in config.proxies.mixtures.items():
        yield f"proxies.mixtures.{name}", shares
    mixtures = {"proxies.prior": config.proxies.prior}
    mixtures |= {f"baselines.{name}": mixture for name, mixture in config.baselines.items()}
    if superwords := config.tokenizer.superwords:
        mixtures["tokenizer.superwords.word_mixture"] = superwords.word_mixture
    for path, mixture in mixtures.items():
        if isinstance(mixture, ExplicitMixture):
            yield f"{path}.shares", mixture.shares


def inferred(config: Config) -> Iterator[tuple[str, Inference]]:
    """The key path of every baseline that is the mixture of an existing tokenizer, and how it is inferred."""
    for name, mixture in config.baselines.items():
        if isinstance(mixture, InferredMixture):
            yield f"baselines.{name}.infer", mixture.infer


def limiting(config: Config) -> dict[str, Tokenizer]:
    """The existing tokenizers that `objective.max_loss` compares with, as the config's values that name them."""
    existing = config.validation.tokenizers
    return {
        name: existing.get(name, name)
        for name in config.objective.max_loss
        if name not in (*config.baselines, "matched")
    }
