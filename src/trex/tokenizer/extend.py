"""Extending an existing tokenizer: more merges after its own, which stay as they are."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count, islice

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from trex.arrow import frozen
from trex.bpe.byte_alphabet import BYTE_LEVEL, is_spelling, spell, unspell
from trex.bpe.encoding import encoded, flat_spellings, merges_of
from trex.bpe.model import BpeModel
from trex.bpe.words import FlatWords
from trex.tokenizer.base import check_added, check_keep, dropped_tokens
from trex.tokenizer.existing import Existing


@dataclass(frozen=True)
class Base:
    """An existing tokenizer that training goes on from; make one with :func:`load_base`.

    model: its tokens that bytes can spell, and its merges, for `train_flat(..., start=base.model)`. Tokens are
    numbered as they come by id, without the gaps that special tokens leave; ids, int64 [tokens], has the
    tokenizer's own. keep: merges that stay. dropped: ids of the tokens that the others made, rising.
    """

    existing: Existing
    model: BpeModel
    ids: np.ndarray
    keep: int
    dropped: tuple[int, ...]

    def new_ids(self) -> Iterator[int]:
        """The ids that new tokens get: those of dropped tokens, then those after the last."""
        return chain(self.dropped, count(self._n_ids))

    @property
    def vocab_size(self) -> int:
        """Tokens that stay, special ones included."""
        vocab, added = _tokens(self.existing.config)
        return len(vocab | added) - len(self.dropped)

    @property
    def special_ids(self) -> set[int]:
        return set(_tokens(self.existing.config)[1].values())

    @property
    def _n_ids(self) -> int:
        vocab, added = _tokens(self.existing.config)
        return 1 + max(max(vocab.values()), max(added.values(), default=0))

    def to_tokenizer(self, model: BpeModel) -> Tokenizer:
        """The tokenizer with the merges of a training that went on from it; all else is as it was.

        Its added tokens are in the model's vocabulary too: others get their ids from its size, whatever the
        tokenizer.json says, so that new entries would move them.
        """
        n = len(self.ids)
        if model.spellings[:n] != self.model.spellings:
            raise ValueError(f"the model does not go on from {self.existing.name}")
        bpe = self.existing.config["model"]
        dropped = set(self.dropped)
        old, added = _tokens(self.existing.config)
        vocab = {token: number for token, number in (old | added).items() if number not in dropped}
        new_ids = islice(self.new_ids(), model.vocab_size - n)
        vocab |= dict(zip(map(spell, model.spellings[n:]), new_ids, strict=True))
        new = [[spell(a), spell(b)] for a, b in model.merges[len(self.model.steps) :]]
        bpe = {**bpe, "vocab": vocab, "merges": bpe["merges"][: self.keep] + new}
        return Tokenizer.from_str(json.dumps({**self.existing.config, "model": bpe}))


def kept_merges(keep: int | str) -> int | None:
    """Of the config's key `tokenizer.keep`, as `load_base` takes it."""
    return None if keep == "all" else int(keep)


def load_base(existing: Existing, keep: int | None = None) -> Base:
    """An existing tokenizer to go on from.

    keep: how many of its merges stay (None: all). The ids of tokens that the others made go to new tokens.

    Raises ValueError for a tokenizer whose own encodings its merges do not give: one with merges out of order, with
    tokens that it takes whole though no merge makes them, or with added tokens that are not special.
    """
    config = existing.config
    vocab, added = _tokens(config)
    merges = [(unspell(a), unspell(b)) for a, b in config["model"]["merges"]]
    check_keep(existing.name, keep, len(merges))
    check_added(existing.name, config["added_tokens"])
    keep = len(merges) if keep is None else keep
    spelled = {unspell(token): number for token, number in (vocab | added).items() if is_spelling(token)}
    gone = set(dropped_tokens(merges, keep, {unspell(token) for token in added if is_spelling(token)}))
    ids, spellings = zip(
        *sorted((number, token) for token, number in spelled.items() if token not in gone), strict=True
    )
    number_of = {token: number for number, token in enumerate(spellings)}
    steps = _steps(existing.name, merges[:keep], number_of)
    model = _reachable(spellings, steps)
    if config["model"].get("ignore_merges") and (lost := _lost(model, added)):
        raise ValueError(
            f"{existing.name} takes words whole that are tokens (ignore_merges), and no merges make {len(lost)} of "
            f"them, such as {lost[0]!r}: merges cannot go on from it"
        )
    dropped = tuple(sorted(spelled[token] for token in gone))
    return Base(existing, model, np.array(ids, dtype=np.int64), keep, dropped)


def _tokens(config: dict) -> tuple[dict[str, int], dict[str, int]]:
    """(vocabulary, added tokens) of a tokenizer.json, ids by token."""
    return config["model"]["vocab"], {token["content"]: token["id"] for token in config["added_tokens"]}


def _steps(name: str, merges: list[tuple[bytes, bytes]], number_of: dict[bytes, int]) -> np.ndarray:
    """int32 [merges, 3], (a, b, new). ValueError unless each token is made before it is merged, and made once."""
    made = {bytes([byte]) for byte in range(256)}
    steps = np.empty((len(merges), 3), dtype=np.int32)
    for rank, (a, b) in enumerate(merges):
        if a not in made or b not in made or a + b in made:
            what = (
                "makes what an earlier one made" if a + b in made else "has parts that no earlier one makes"
            )
            raise ValueError(f"{name}: merge {rank:,}, {a!r} and {b!r}, {what}: merges cannot go on from it")
        made.add(a + b)
        steps[rank] = number_of[a], number_of[b], number_of[a + b]
    return steps


def _reachable(spellings: tuple[bytes, ...], steps: np.ndarray) -> BpeModel:
    """The model, without merges that never happen, because their token's bytes are merged otherwise."""
    byte_id = np.empty(256, dtype=np.int32)
    for number, token in enumerate(spellings):
        if len(token) == 1:
            byte_id[token[0]] = number
    words = FlatWords.build(pa.array(spellings, type=pa.large_binary()))
    tokens, borders = encoded(words, merges_of(frozen(byte_id), steps, *flat_spellings(spellings)))
    alone = np.diff(borders) == 1
    alone &= tokens[borders[:-1]] == np.arange(len(spellings))
    steps = steps[alone[steps[:, 2]]]
    n = len(spellings)
    before = np.arange(n - len(steps), n, dtype=np.int32)
    no_columns = np.zeros((n, 0), dtype=np.int64)
    return BpeModel((), spellings, steps, before, BYTE_LEVEL, no_columns.sum(axis=0), no_columns)


def _lost(model: BpeModel, added: dict[str, int]) -> list[bytes]:
    """Tokens that no merge makes, bytes and added ones aside."""
    made = set(model.steps[:, 2].tolist())
    return [
        token
        for number, token in enumerate(model.spellings)
        if len(token) > 1 and number not in made and spell(token) not in added
    ]
