"""What a config has to know of the tokenizer that it extends. `trex.tokenizer.extend` loads it to train with, which
takes longer: the merges of a tiktoken encoding have to be found."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trex.tokenizer.encodings import ENCODINGS, PATTERN_OF, RANKS, SPECIAL_TOKENS


@dataclass(frozen=True)
class BaseFacts:
    """pattern: regex that cuts text into words; empty: nothing is cut. normalizer: nfc, nfkc or none. special_tokens:
    in the order of their ids. entries: tokens that stay, special ones included. merges: all that it has."""

    pattern: str
    normalizer: str
    special_tokens: list[str]
    entries: int
    merges: int


def base_facts(spec: str | Mapping[str, Any], folder: Path, keep: int | None = None) -> BaseFacts:
    """Of an existing tokenizer, of which so many merges are to stay (None: all).

    spec, folder: as in `trex.tokenizer.existing.load_tokenizer`.

    Raises ValueError if there is no such tokenizer, it is not byte-level BPE, or cuts text in a way that is not one
    regex; says what it is.
    """
    if spec in ENCODINGS:
        return _of_encoding(str(spec), keep)
    from trex.tokenizer.existing import check_byte_level, load_existing  # imports tokenizers

    if isinstance(spec, Mapping):
        config = load_existing(spec, folder).config
        name = spec["huggingface"]
    else:
        name = spec
        if not (spec.endswith(".json") and (folder / spec).is_file()):
            raise ValueError(
                f"{spec!r} is no known name and no .json file in {folder}; write {', '.join(ENCODINGS)}, the path of a "
                "tokenizer.json, or {huggingface: name, revision: commit}"
            )
        check_byte_level(folder / spec)
        config = json.loads((folder / spec).read_text(encoding="utf-8"))
    check_added(name, config["added_tokens"])
    pattern, normalizer = _rules(name, config)
    merges = [tuple(pair.split(" ") if isinstance(pair, str) else pair) for pair in config["model"]["merges"]]
    check_keep(name, keep, len(merges))
    added = {token["content"] for token in config["added_tokens"]}
    tokens = {*config["model"]["vocab"], *added} - set(dropped_tokens(merges, keep, added))
    special = sorted(config["added_tokens"], key=lambda token: token["id"])
    return BaseFacts(pattern, normalizer, [token["content"] for token in special], len(tokens), len(merges))


def _of_encoding(name: str, keep: int | None) -> BaseFacts:
    special, ranks = SPECIAL_TOKENS[name], RANKS[name]
    merges = ranks - 256  # each token of several bytes has one
    check_keep(name, keep, merges)
    entries = ranks + len(special) - (0 if keep is None else merges - keep)
    return BaseFacts(PATTERN_OF[name], "none", sorted(special, key=special.__getitem__), entries, merges)


def check_added(name: str, added_tokens: list[Mapping[str, Any]]) -> None:
    """ValueError if a tokenizer.json has added tokens that are not special."""
    plain = [token["content"] for token in added_tokens if not token["special"]]
    if plain:
        raise ValueError(
            f"{name} has {len(plain)} added tokens that are not special, such as {plain[0]!r}: it finds them in text "
            "before it makes words, so that merges cannot go on from it"
        )


def dropped_tokens(
    merges: list[tuple[Any, Any]], keep: int | None, added: Collection[Any] = ()
) -> Iterator[Any]:
    """The tokens that only merges behind the first `keep` make; None: none of them. Not the added tokens, which stay
    whatever makes them."""
    if keep is None:
        return
    made = {*added, *(a + b for a, b in merges[:keep])}
    for a, b in merges[keep:]:
        if a + b not in made:
            made.add(a + b)
            yield a + b


def kept_tokens(path: str | Path, keep: int | str) -> tuple[dict[str, int], int]:
    """(ids of the tokens of a base that stay, how many of its merges do).

    path: of its tokenizer.json, of rule load_base. keep: the config's key `tokenizer.keep`.
    """
    config = json.loads(Path(path).read_text(encoding="utf-8"))
    merges = [(a, b) for a, b in config["model"]["merges"]]
    n_merges = len(merges) if keep == "all" else int(keep)
    added = {token["content"]: token["id"] for token in config["added_tokens"]}
    gone = set(dropped_tokens(merges, n_merges, added))
    ids = config["model"]["vocab"] | added
    return {token: number for token, number in ids.items() if token not in gone}, n_merges


def _rules(name: str, config: Mapping[str, Any]) -> tuple[str, str]:
    """(regex, normalizer) by which a tokenizer.json makes words."""
    from trex.counting.regex import OutsideFamily
    from trex.tokenizer.rules import word_rules

    try:
        rules = word_rules(config)
    except OutsideFamily as why:
        raise ValueError(f"{name} cannot be extended: {why}") from None
    whole = all(split.between and split.matches for split in rules.splits)
    if len(rules.splits) > 1 or not whole:
        raise ValueError(
            f"{name} cannot be extended: it cuts text in {len(rules.splits)} steps, and not by one regex"
        )
    return "".join(rules.regexes()), rules.normalizer


def check_keep(name: str, keep: int | None, merges: int) -> None:
    """ValueError if a tokenizer has not so many merges."""
    if keep is not None and not 0 <= keep <= merges:
        raise ValueError(f"{name} has {merges:,} merges, so that {keep:,} of them cannot be kept")
