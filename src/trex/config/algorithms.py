"""Checks of tokenizers of other algorithms, which are trained at full scale only: parity, Unigram and WordPiece."""

from pathlib import Path

from trex.config.checks import Check, Found
from trex.config.models import Config
from trex.config.named import evaluation_sets, special_tokens_of
from trex.config.words import enumerated, join, show, suggest
from trex.tokenizer.sizes import ALPHABET_SIZE

NAMES = {"unigram": "Unigram", "wordpiece": "WordPiece"}


def _check_alone(config: Config, _: Path) -> Found:
    """The core has no combination of kinds, and no proxies of these."""
    kind = config.tokenizer
    if kind.algorithm != "bpe":
        path = "tokenizer.algorithm"
    elif kind.parity is not None:
        path = "tokenizer.parity"
    else:
        return
    for other in ("superwords", "base", "parity"):
        if getattr(kind, other) is not None and path != f"tokenizer.{other}":
            yield path, f"does not go with tokenizer.{other}; remove one of the two"
    if config.search.strategies:
        yield (
            "search.strategies",
            f"searches mixtures by proxies, which {path} has none of: such a tokenizer is trained at full scale only, "
            "on every baseline; write []",
        )


def _check_sizes(config: Config, _: Path) -> Found:
    kind, training = config.tokenizer, config.training
    if kind.algorithm == "bpe":
        return
    name = NAMES[kind.algorithm]
    alone = f"{name} has another training at every vocabulary size, so that none gives several"
    if training.vocab_size is None:
        yield "training.vocab_size", f"cannot be auto: {alone}; write a number, such as 32768"
    if training.ladder:
        yield "training.ladder", f"{alone}; write [], and make each size a recipe"
    special_tokens = len(special_tokens_of(config))
    alphabets = 2 if kind.algorithm == "wordpiece" else 1
    least = alphabets * ALPHABET_SIZE + special_tokens + 1
    if training.vocab_size is not None and training.vocab_size < least:
        twice = " at the beginning of a word and within" if alphabets == 2 else ""
        yield (
            "training.vocab_size",
            f"{training.vocab_size} leaves no room beside {ALPHABET_SIZE} bytes{twice} and {special_tokens} special "
            f"tokens; write at least {least}",
        )


def _check_settings(config: Config, _: Path) -> Found:
    kind = config.tokenizer
    if kind.algorithm == "bpe":
        return
    name = NAMES[kind.algorithm]
    if kind.alphabet != "utf8":
        yield (
            "tokenizer.alphabet",
            f"{kind.alphabet} is for BPE; {name} is trained on text only, so write utf8",
        )
    if kind.algorithm == "unigram" and kind.min_frequency:
        yield (
            "tokenizer.min_frequency",
            f"{kind.min_frequency} has no meaning for {name}, which merges nothing; write 0",
        )
    if kind.algorithm == "wordpiece" and kind.max_token_length is not None:
        yield (
            "tokenizer.max_token_length",
            f"{kind.max_token_length} cannot be kept: the trainer of {name} has no such limit; write null",
        )


def _check_parity(config: Config, _: Path) -> Found:
    parity, corpora = config.tokenizer.parity, config.corpora
    if parity is None:
        return
    path, name, ratio = "tokenizer.parity", parity.development, parity.ratio
    known = ["held_out", *evaluation_sets(config)]
    if name is None and ratio is None:
        yield (
            f"{path}.ratio",
            "is missing: with development: null, training text is compared by its bytes per token, and ratio says "
            "which are meant to be equal; name an evaluation set as development, or give every corpus a number",
        )
    elif name is not None and ratio is not None:
        yield (
            f"{path}.ratio",
            "is for training text, and development text is compared; write development: null",
        )
    elif name is not None and name not in known:
        yield f"{path}.development", f"{show(name)} is no evaluation set; {suggest(name, known)}"
    elif name not in (None, "held_out"):
        without = [corpus for corpus in corpora if name not in corpora[corpus].evaluation]
        if without:
            yield (
                f"{path}.development",
                f"{name} is missing for {enumerated(without)}; give corpora.<corpus>.evaluation.{name} for every "
                "corpus, or take held_out",
            )
    if parity.compare == "tokens" and (name is None or name != config.objective.parallel_set):
        yield (
            f"{path}.compare",
            "numbers of tokens can be compared on parallel text only; write nsl, or name the same set in development "
            "and objective.parallel_set",
        )
    if ratio is not None:
        for corpus in ratio:
            if corpus not in corpora:
                yield join(f"{path}.ratio", corpus), f"unknown corpus; {suggest(corpus, corpora)}"
        if without := [corpus for corpus in corpora if corpus not in ratio]:
            yield f"{path}.ratio", f"every corpus needs a number; give one to {enumerated(without)}"


# the keys that a check is about, the check
ALGORITHM_CHECKS: list[tuple[tuple[str, ...], Check]] = [
    (("tokenizer", "search.strategies"), _check_alone),
    (("tokenizer", "training"), _check_sizes),
    (("tokenizer",), _check_settings),
    (("tokenizer.parity", "corpora", "objective"), _check_parity),
]
