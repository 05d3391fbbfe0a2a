"""A tokenizer in the formats of other programs, each read back by its own library and compared with the original.

Of a folder of `trex.tokenizer.huggingface`:

- ``tiktoken``: `trex.tokenizer.tiktoken_files`
- ``gguf``: `trex.tokenizer.gguf_file`
- ``vocab``: `trex.tokenizer.vocab_files`
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from trex.tokenizer import gguf_file, tiktoken_files, vocab_files
from trex.tokenizer.encode import batches, of_plain_text
from trex.tokenizer.formats import why_not
from trex.tokenizer.special import TOKENIZER
from trex.tokenizer.vocabulary import Encode, Vocabulary

_MODULES = {"tiktoken": tiktoken_files, "gguf": gguf_file, "vocab": vocab_files}

# Where splits and merges of two programs differ first. They go through every check, beside the text of the run.
AWKWARD = (
    "", " ", "\n", " \n\n \t\n", "a\r\n\r\n  b   ", "   leading and   repeated     spaces   ",
    "I'M HERE, we'LL see it's", "1234567890 3.14 ½ ²", "(a) [b] {c} <d> e/f\\g", "don’t “quote”—dash…",
    "naïve Ångström ÅNGSTRÖM ﬁ", "héé", "Привет, МИР", "مرحبا بالعالم", "नमस्ते दुनिया", "สวัสดีชาวโลก",
    "你好，世界", "こんにちは世界", "안녕하세요", "👍🏽 👨\u200d👩\u200d👧 🇩🇪", "\u200d\u200c\ufeff", "\x00\x01\x7f",
    "<|endoftext|> <|reserved_0|>", "a" * 40,
)  # fmt: skip


def export(
    folder: Path, name: str, formats: Iterable[str], alphabet: str, texts: Iterable[str], output: Path
) -> dict[str, Any]:
    """Write a tokenizer in some formats and check each on all texts.

    Args:
        folder: of `trex.tokenizer.huggingface.write_folder`.
        formats: of `trex.tokenizer.formats.FORMATS`.
        alphabet: the config's `tokenizer.alphabet`.
        texts: as they are, or normalized; read once.
        output: a folder that exists.

    Returns:
        What was checked: texts, characters and tokens, and by format the library that read it back.

    Raises:
        ValueError: a format cannot say what the tokenizer does, or does not encode a text alike; says which text.
    """
    vocabulary = Vocabulary.load(folder, name)
    encoders: dict[str, tuple[str, Encode]] = {}
    for one in formats:
        if reason := why_not(one, vocabulary.regex, alphabet, vocabulary.roles.get("eos_token")):
            raise ValueError(f"{name} cannot be exported as {one}: {reason}")
        _MODULES[one].write(vocabulary, output)
        encoders[one] = _MODULES[one].read(vocabulary, output)
    tokenizer = of_plain_text(Tokenizer.from_file(str(folder / TOKENIZER)))
    checked = check_alike(tokenizer, {one: encode for one, (_, encode) in encoders.items()}, texts)
    return {
        "tokenizer": name,
        "sha256": hashlib.sha256((folder / TOKENIZER).read_bytes()).hexdigest(),
        "entries": len(vocabulary.tokens),
        **checked,
        "read_by": {one: library for one, (library, _) in encoders.items()},
    }


def check_alike(tokenizer: Tokenizer, encoders: Mapping[str, Encode], texts: Iterable[str]) -> dict[str, int]:
    """Texts, characters and tokens that were compared. ValueError at the first text that an encoder encodes otherwise.

    tokenizer: of `trex.tokenizer.encode.of_plain_text`. Its normalizer is applied before: other programs have none.
    """
    counts = {"texts": 0, "characters": 0, "tokens": 0}

    def all_texts() -> Iterable[str]:
        yield from AWKWARD
        yield from texts

    for batch in batches(all_texts()):
        if tokenizer.normalizer is not None:
            batch = [tokenizer.normalizer.normalize_str(text) for text in batch]
        right = [encoding.ids for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False)]
        for name, encode in encoders.items():
            for text, ids, own in zip(batch, encode(batch), right, strict=True):
                if ids != own:
                    raise ValueError(f"{name} encodes a text differently: {_difference(text, ids, own)}")
        counts["texts"] += len(batch)
        counts["characters"] += sum(map(len, batch))
        counts["tokens"] += sum(map(len, right))
    return counts


def _difference(text: str, ids: list[int], own: list[int]) -> str:
    at = next((i for i, (a, b) in enumerate(zip(ids, own, strict=False)) if a != b), min(len(ids), len(own)))
    return (
        f"{text[:60]!r} of {len(text):,} characters, from token {at} on: {ids[at : at + 5]} where the tokenizer has "
        f"{own[at : at + 5]}"
    )
