"""The entries of a vocabulary as bytes and as text, whatever the tokenizer spells them in."""

import json
import re
from dataclasses import dataclass
from typing import Any

import polars as pl
from tokenizers import Tokenizer

from trex.bpe.byte_alphabet import BYTE_LEVEL, LATIN1, Alphabet
from trex.tokenizer.rules import steps

# How SentencePiece writes a byte that is no part of a known character, and a space.
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_SPACE = "▁"


@dataclass(frozen=True)
class Vocabulary:
    """What a tokenizer.json says about its vocabulary; make one with :func:`read_vocabulary`.

    entries: one row per ordinary entry: id, spelling (as the file has it), bytes (binary), text (null where the bytes
        are no valid text); sorted by id. Special and other added tokens are not among them.
    alphabet: what spellings are written in; None for tokenizers that are not byte-level.
    special: the text of every special token, by id.
    settings: the tokenizer.json.
    """

    entries: pl.DataFrame
    alphabet: Alphabet | None
    special: dict[int, str]
    settings: dict[str, Any]

    @property
    def is_bpe(self) -> bool:
        """Whether it is BPE over bytes, whose encodings can be reasoned about."""
        model = self.settings["model"]
        plain = not any(model.get(key) for key in ("continuing_subword_prefix", "end_of_word_suffix"))
        return self.alphabet is not None and model["type"] == "BPE" and plain

    @property
    def whole_words(self) -> bool:
        """Whether a word that is an entry is taken whole, whatever the merges say, as tiktoken does."""
        return bool(self.settings["model"].get("ignore_merges"))

    def merges(self) -> list[tuple[str, str]]:
        """Merges by rank, in spellings; none if it is not BPE."""
        pairs = self.settings["model"].get("merges", [])
        # older files have "a b" for ["a", "b"]
        return [tuple(pair.split(" ", 1)) if isinstance(pair, str) else tuple(pair) for pair in pairs]


def read_vocabulary(tokenizer: Tokenizer, alphabet: Alphabet = BYTE_LEVEL) -> Vocabulary:
    """The vocabulary of a tokenizer.

    alphabet: of the run. LATIN1 tokenizers read bytes as Latin-1 text, which their tokenizer.json does not say.
    """
    settings = json.loads(tokenizer.to_str())
    parts = [*steps(settings["pre_tokenizer"], "pretokenizers"), *steps(settings["decoder"], "decoders")]
    vocab = tokenizer.get_vocab(with_added_tokens=False)
    spelled: Alphabet | None = None
    if any(part["type"] == "ByteLevel" for part in parts):
        spelled = BYTE_LEVEL
    elif alphabet is LATIN1 and vocab.keys() >= set(LATIN1.characters):
        spelled = LATIN1
    added = tokenizer.get_added_tokens_decoder()
    rows = []
    # of others, such as BERT's, no text says whether ## is a mark
    prefix = settings["model"].get("continuing_subword_prefix") or "" if spelled else ""
    for spelling, number in sorted(vocab.items(), key=lambda item: item[1]):
        if number not in added:
            rows.append((number, spelling, *_content(spelling.removeprefix(prefix), spelled)))
    schema = {"id": pl.Int64, "spelling": pl.String, "bytes": pl.Binary, "text": pl.String}
    special = {number: token.content for number, token in added.items() if token.special}
    return Vocabulary(pl.DataFrame(rows, schema=schema, orient="row"), spelled, special, settings)


def _content(spelling: str, alphabet: Alphabet | None) -> tuple[bytes, str | None]:
    if alphabet is LATIN1 and alphabet.is_spelling(spelling):
        return alphabet.unspell(spelling), spelling
    if alphabet is None or not alphabet.is_spelling(spelling):
        if byte := _BYTE.fullmatch(spelling):
            token = bytes([int(byte[1], 16)])
            return token, _text(token)
        text = spelling.replace(_SPACE, " ")
        return text.encode(), text
    token = alphabet.unspell(spelling)
    return token, _text(token)


def _text(token: bytes) -> str | None:
    try:
        return token.decode()
    except UnicodeDecodeError:
        return None
