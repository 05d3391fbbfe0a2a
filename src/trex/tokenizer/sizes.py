"""The vocabulary sizes that a config asks the full-scale trainings for. Light, as rules, checks and pages use it."""

from collections.abc import Mapping
from typing import Any

STEPS = 8  # sizes measured in every doubling of V: neighbours differ by 9 %
BELOW = 8  # with a fixed V, the curve begins at this part of it
DEFAULT_PAD = 128  # of `pad_to` with `vocab_size: auto`
# Costs that differ by less than this part count as equal. Their model leaves out more than that: memory of embeddings
# and optimizer, attention, and whether a model learns rarely used entries as well as others.
FLAT = 0.01
# An entry with fewer uses in the text that it was learned from is rare. Gowda and May (2020, arXiv 2004.02334) take the
# largest vocabulary of which 95 % of the entries have 100 uses or more.
RARE = 100
ALPHABET_SIZE = 256  # byte-level BPE starts from all bytes


def is_automatic(training: Mapping[str, Any]) -> bool:
    """Whether V is chosen by the run; training: the config's section."""
    return training["vocab_size"] is None


def planned_size(training: Mapping[str, Any]) -> int:
    """V, for what has to know one before it is chosen: with `vocab_size: auto` the smallest in the range."""
    return training["vocab_range"][0] if is_automatic(training) else training["vocab_size"]


def first_size(tokenizer: Mapping[str, Any]) -> int:
    """Entries that are there before a merge is trained: those of the base, or bytes and special tokens; tokenizer: the
    section of a loaded config."""
    return tokenizer["base_size"] or ALPHABET_SIZE + len(tokenizer["special_tokens"])


def smallest_size(tokenizer: Mapping[str, Any]) -> int:
    """The smallest vocabulary with a merge."""
    return first_size(tokenizer) + 1


def transition_size(vocab_size: int, share: float, n_specials: int = 0) -> int:
    """The size of the vocabulary after a share of the merges, 0 to 1, that lead to vocab_size tokens.

    >>> transition_size(32_000, 0.8)
    25651
    """
    smallest = ALPHABET_SIZE + n_specials
    return smallest + round(share * (vocab_size - smallest))


def compared_sizes(config: Mapping[str, Any]) -> list[int]:
    """The sizes whose costs a run compares, rising; a loaded config.

    With `vocab_size: auto` the multiples of `pad_to` in the range, among which it chooses; otherwise V and some below.
    Only V where a training gives no smaller vocabularies: with an algorithm that is not BPE.
    """
    training, tokenizer = config["training"], config["tokenizer"]
    if tokenizer["algorithm"] != "bpe":
        return [training["vocab_size"]]
    if is_automatic(training):
        return in_range(*training["vocab_range"], training["pad_to"])
    if size := tokenizer["base_size"]:
        new = training["vocab_size"] - size
        return [size + entries for entries in in_range(max(new // BELOW, 1), new, 1)]
    return in_range(max(training["vocab_size"] // BELOW, smallest_size(tokenizer)), training["vocab_size"], 1)


def curve_sizes(config: Mapping[str, Any]) -> list[int]:
    """The sizes at which compression is measured at full scale, rising: those above, the ladder's, that of the base.
    Every training goes to the last."""
    base = config["tokenizer"]["base_size"]
    return sorted({*compared_sizes(config), *config["training"]["ladder"], *([base] if base else [])})


def needed_size(config: Mapping[str, Any]) -> int:
    """The size that the text must give; what is beyond is measured only as far as the text goes."""
    return max([planned_size(config["training"]), *config["training"]["ladder"]])


def needed_by(config: Mapping[str, Any]) -> str:
    """The config keys that ask for `needed_size`."""
    training = config["training"]
    sizes = {"training.ladder": training["ladder"]}
    key = "training.vocab_range" if is_automatic(training) else "training.vocab_size"
    sizes[key] = [planned_size(training)]
    return " and ".join(key for key, asked in sizes.items() if needed_size(config) in asked)


def in_range(low: int, high: int, multiple: int) -> list[int]:
    """Multiples from low to high, about `STEPS` in a doubling, both ends included; rising. None if there are none.

    >>> in_range(1000, 2000, 128)
    [1024, 1152, 1280, 1408, 1536, 1664, 1792, 1920]
    >>> in_range(1000, 1020, 128)
    []
    """
    first, last = -(-low // multiple), high // multiple
    if first > last:
        return []
    steps, size = [], float(first)
    while size < last:
        steps.append(round(size))
        size *= 2 ** (1 / STEPS)
    return [multiple * step for step in sorted({*steps, last})]
