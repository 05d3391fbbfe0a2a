"""Smaller vocabularies from one training: what a tokenizer was after its first V entries."""

import json
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from trex.tokenizer.base import kept_tokens


def cut(tokenizer: Tokenizer, vocab_size: int) -> Tokenizer:
    """The tokenizer that the same training gives for a smaller vocabulary: equal to one trained at that size.

    Args:
        tokenizer: of `Trainer.finished`; special tokens have the first ids. Added tokens behind the
            merges, such as reserved slots, keep their order and move down. Of Unigram and WordPiece there is one size
            only, and the tokenizer itself is returned.
        vocab_size: of the smaller one, with all added tokens.

    Raises:
        ValueError: the size is larger than the tokenizer or leaves no room for its alphabet and added tokens, or tokens
            move that a post-processor names by id, or it is no BPE and has another size.
    """
    content = json.loads(tokenizer.to_str())
    model = content["model"]
    if model["type"] != "BPE":
        size = tokenizer.get_vocab_size()
        if vocab_size != size:
            raise ValueError(
                f"a {model['type']} tokenizer of {size:,} entries cannot be cut to {vocab_size:,}: another size is "
                "another training"
            )
        return tokenizer
    added = sorted(content["added_tokens"], key=lambda token: token["id"])
    trained = _trained(model["vocab"], model["merges"], added)
    behind = [token for token in added if token["id"] >= trained]
    before = _sizes_before(model["vocab"], model["merges"], trained)
    smallest = (before[0] if before else trained) + len(behind)
    largest = trained + len(behind)
    if not smallest <= vocab_size <= largest:
        raise ValueError(
            f"a tokenizer of {largest:,} entries cannot be cut to {vocab_size:,}; write a size from {smallest:,} (its "
            f"bytes and added tokens) to {largest:,}"
        )
    kept = vocab_size - len(behind)
    if behind and kept < trained and content["post_processor"]:
        raise ValueError(
            "added tokens behind the merges would get other ids than those its post-processor names; cut the "
            "tokenizer first and add the post-processor afterwards"
        )
    moved = {token["content"]: kept + i for i, token in enumerate(behind)}
    vocab = {token: number for token, number in model["vocab"].items() if number < kept}
    model["vocab"] = vocab | {token: moved[token] for token in model["vocab"] if token in moved}
    model["merges"] = [merge for merge, size in zip(model["merges"], before, strict=True) if size < kept]
    for token in content["added_tokens"]:
        token["id"] = moved.get(token["content"], token["id"])
    return Tokenizer.from_str(json.dumps(content, ensure_ascii=False))


def cutter(base: str | Path | None, keep: int | str) -> Callable[[Tokenizer, int], Tokenizer]:
    """What cuts the tokenizers of a run to a size: `cut`, or `cut_extension`.

    base: tokenizer.json that they go on from; keep: the config's key `tokenizer.keep`.
    """
    if base is None:
        return cut
    kept, n_merges = kept_tokens(base, keep)
    return partial(cut_extension, kept=kept, n_merges=n_merges)


def cut_extension(tokenizer: Tokenizer, vocab_size: int, kept: Collection[str], n_merges: int) -> Tokenizer:
    """The same of a tokenizer that goes on from a base (`trex.tokenizer.extend`): with fewer new entries.

    Args:
        tokenizer: of `Base.to_tokenizer`.
        vocab_size: of the smaller one, with all tokens of the base that stay.
        kept: those tokens. n_merges: so many merges of the base stay.

    Raises:
        ValueError: the size is larger than the tokenizer, or smaller than what stays of the base.
    """
    content = json.loads(tokenizer.to_str())
    model = content["model"]
    present, merges = set(kept), model["merges"][:n_merges]
    for a, b in model["merges"][n_merges:]:
        if len(present) >= vocab_size:
            break
        present.add(a + b)
        merges.append([a, b])
    if len(present) != vocab_size:
        raise ValueError(
            f"a tokenizer of {len(kept):,} entries of its base and {len(present) - len(kept):,} new ones cannot be cut "
            f"to {vocab_size:,}"
        )
    model["vocab"] = {token: number for token, number in model["vocab"].items() if token in present}
    model["merges"] = merges
    return Tokenizer.from_str(json.dumps(content, ensure_ascii=False))


def _trained(vocab: dict[str, int], merges: list[Any], added: list[dict[str, Any]]) -> int:
    """How many entries the training gave: all but the added tokens behind the last merge's."""
    behind = {token["content"] for token in added}
    last = max((vocab[a + b] for a, b in merges), default=-1)
    return 1 + max(last, *(number for token, number in vocab.items() if token not in behind))


def _sizes_before(vocab: dict[str, int], merges: list[Any], trained: int) -> list[int]:
    """The size of the vocabulary before each merge. A merge that spells a special token adds no entry."""
    size, sizes = trained, []
    for a, b in reversed(merges):
        if vocab[a + b] == size - 1:
            size -= 1
        sizes.append(size)
    return sizes[::-1]
