"""Existing tokenizers: a tokenizer.json, one from the Hugging Face hub, or a tiktoken encoding.

The two encodings come from the rank files that `bpe_openai` ships, byte for byte those that OpenAI publishes, so that
nothing is downloaded.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from trex.bpe.byte_alphabet import BYTE_CHARACTERS, is_spelling, spell, unspell
from trex.counting.rules import WordRules
from trex.files import check_input_name
from trex.tokenizer.build import add_special_tokens, split_and_spell
from trex.tokenizer.encode import of_plain_text
from trex.tokenizer.encodings import ENCODINGS, PATTERN_OF, SPECIAL_TOKENS, read_ranks
from trex.tokenizer.rules import steps, word_rules


@dataclass(frozen=True)
class Existing:
    """A byte-level BPE tokenizer that others trained; make one with :func:`load_existing`.

    name: what the reports call it. vocab_size: its tokens, special ones included; ids may have gaps.
    """

    name: str
    vocab_size: int
    _json: str = field(repr=False)

    def to_tokenizer(self) -> Tokenizer:
        """A new tokenizer that encodes text as the original does; special tokens in a text are text to it."""
        return of_plain_text(Tokenizer.from_str(self._json))

    def save(self, path: Path) -> None:
        """Its tokenizer.json."""
        path.write_text(self._json, encoding="utf-8")

    @cached_property
    def config(self) -> dict[str, Any]:
        """Its tokenizer.json, to be read only."""
        return json.loads(self._json)

    def word_rules(self) -> WordRules:
        """How it makes words of text; OutsideFamily if only it can (`trex.tokenizer.rules`)."""
        return word_rules(self.config)

    @cached_property
    def merges(self) -> list[tuple[bytes, bytes]]:
        """Merges by rank."""
        pairs = self.config["model"]["merges"]
        return [(unspell(a), unspell(b)) for a, b in pairs]


def load_existing(spec: str | Mapping, base: Path) -> Existing:
    """The byte-level BPE tokenizer that the config names.

    Args:
        spec, base: as in :func:`load_tokenizer`.

    Raises:
        ValueError: there is no such tokenizer, or it is not byte-level BPE; says what it is.
    """
    name, tokenizer = load_tokenizer(spec, base)
    text = tokenizer.to_str()
    if problem := _not_byte_level(json.loads(text)):
        raise ValueError(f"tokenizer {name!r}: it is {problem}; it must be byte-level BPE, such as GPT-2's")
    return Existing(name, tokenizer.get_vocab_size(), text)


def check_byte_level(path: Path) -> None:
    """ValueError unless a tokenizer.json is byte-level BPE, without loading all of it."""
    try:
        problem = _not_byte_level(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is not a tokenizer.json: {error!r}") from error
    if problem:
        raise ValueError(f"{path} is {problem}; it must be byte-level BPE, such as GPT-2's")


# A regex that tries too many ways to match stops `tokenizers`, most often on a run of like characters.
_PROBES = [*(character * 200 for character in "a1 !\n"), "ab " * 100, "a1" * 100, "a\n" * 100, "अं" * 100]
_PANIC = "PanicException"  # of pyo3, which is not an Exception and cannot be imported


def check_usable(spec: str | Mapping, base: Path) -> None:
    """ValueError unless a tokenizer that is a file can be loaded and encodes text. The hub is not asked."""
    if isinstance(spec, Mapping) or spec in ENCODINGS:
        return
    check_input_name(base / spec)
    tokenizer = load_tokenizer(spec, base)[1]
    try:
        _probe(lambda text: tokenizer.encode(text, add_special_tokens=False))
        if not tokenizer.encode("a b", add_special_tokens=False).ids:
            raise ValueError("it makes no tokens of text")
    except ValueError as error:
        raise ValueError(f"tokenizer {spec!r}: {error}") from error


def check_pattern(pattern: str) -> None:
    """ValueError if a regex that compiles fails on text."""
    _probe(pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str)


def _probe(encode: Callable[[str], Any]) -> None:
    """ValueError if `encode` fails on a text that is hard for a regex."""
    for text in _PROBES:
        try:
            with _quiet():
                encode(text)
        except BaseException as error:
            if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
                raise
            raise ValueError(
                f"it fails on the text {text[:8]!r} repeated to {len(text)} characters: {error}"
            ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing goes to the terminal, not even the trace of a panic."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


def load_tokenizer(spec: str | Mapping, base: Path) -> tuple[str, Tokenizer]:
    """What reports call the tokenizer that the config names, of any kind, and the tokenizer.

    Args:
        spec: ``"o200k_base"`` or ``"cl100k_base"`` (built in, offline); the path of a ``tokenizer.json``, relative to
            ``base``; or ``{"huggingface": name, "revision": ...}`` (``revision`` is optional).
        base: directory that relative paths start from.

    Raises:
        ValueError: there is no such tokenizer; says what there is.
    """
    if isinstance(spec, Mapping):
        name, revision = spec.get("huggingface"), spec.get("revision") or "main"
        if not name:
            raise ValueError(f"tokenizer {dict(spec)}: write {{huggingface: NAME, revision: REVISION}}")
        try:
            tokenizer = Tokenizer.from_pretrained(name, revision=revision)
        except Exception as error:  # the hub's errors, and tokenizers raises bare Exception
            raise ValueError(
                f"tokenizer {name!r}, revision {revision!r}, is not on the Hugging Face hub, or the hub cannot be "
                f"reached: {error}"
            ) from error
        return f"{name}@{revision}" if "revision" in spec else name, tokenizer
    if spec in ENCODINGS:
        return spec, _encoding(spec)
    if not spec.endswith(".json"):
        raise ValueError(
            f"tokenizer {spec!r}: unknown encoding; available: {', '.join(ENCODINGS)}, the path of a "
            "tokenizer.json, and {huggingface: NAME}"
        )
    path = base / spec
    if not path.is_file():
        raise ValueError(f"tokenizer {spec!r}: {path} does not exist")
    try:
        return spec, Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise ValueError(f"tokenizer {spec!r}: {path} is not a tokenizer.json: {error}") from error


def _not_byte_level(config: Mapping[str, Any]) -> str | None:
    """What a tokenizer.json describes that is no byte-level BPE; None if it is one."""
    model = config["model"]
    if model["type"] != "BPE":
        return model["type"]
    if model.get("byte_fallback"):
        return "BPE on characters with bytes as a fallback"
    for key in ("continuing_subword_prefix", "end_of_word_suffix", "dropout"):
        if model.get(key):
            return f"BPE with {key} {model[key]!r}"
    if not any(step.get("type") == "ByteLevel" for step in steps(config["pre_tokenizer"], "pretokenizers")):
        return "BPE without a ByteLevel pre-tokenizer"
    if missing := [character for character in BYTE_CHARACTERS if character not in model["vocab"]]:
        return f"BPE that lacks {len(missing)} of the 256 bytes"
    # older files have "a b" for ["a", "b"]; a space is no byte's character
    pairs = (pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"])
    if strange := next((pair for pair in pairs if not is_spelling("".join(pair))), None):
        return f"BPE whose merge {strange} is not spelled in bytes"
    return None


# --- tiktoken ---


def _encoding(name: str) -> Tokenizer:
    """A tiktoken encoding as `tokenizers` says it: merges for ranks, and words that are tokens taken whole."""
    ranks = read_ranks(name)
    vocab = {spell(token): rank for token, rank in ranks.items()}
    merges = [tuple(map(spell, _split(token, ranks))) for token in ranks if len(token) > 1]
    specials = SPECIAL_TOKENS[name]
    tokenizer = Tokenizer(models.BPE(vocab={**vocab, **specials}, merges=merges, ignore_merges=True))
    tokenizer.pre_tokenizer = split_and_spell(PATTERN_OF[name])
    tokenizer.decoder = decoders.ByteLevel()
    add_special_tokens(tokenizer, specials)
    return tokenizer


def _split(token: bytes, ranks: Mapping[bytes, int]) -> list[bytes]:
    """The two tokens that the token is merged from: what is left of it when only lower ranks are merged.

    tiktoken merges whatever adjacent tokens make the one of the lowest rank, `tokenizers` only the pairs it lists. This
    is the same, because the inside of a token is merged as if it stood alone, so that it comes about by one pair only.
    """
    own = ranks[token]
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        joined = [ranks.get(a + b, own) for a, b in pairwise(parts)]
        best = min(joined)
        if best == own:
            raise ValueError(
                f"the token {token!r} of rank {own} cannot be merged from two tokens of lower rank"
            )
        i = joined.index(best)
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return parts
