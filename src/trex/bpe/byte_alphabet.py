"""The printable characters that stand for bytes in byte-level BPE: how `tokenizer.json` writes tokens."""


def _byte_characters() -> list[str]:
    """The character of each byte (GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) if b in printable else chr(256 + others.index(b)) for b in range(256)]


BYTE_CHARACTERS = _byte_characters()
# `tokenizers` numbers its alphabet by code point
ALPHABET = sorted(range(256), key=lambda byte: BYTE_CHARACTERS[byte])
_BYTE_OF = {character: byte for byte, character in enumerate(BYTE_CHARACTERS)}


def spell(token: bytes) -> str:
    """A token as `tokenizer.json` writes it.

    >>> spell(b" a")
    'Ġa'
    """
    return "".join([BYTE_CHARACTERS[byte] for byte in token])


def is_spelling(text: str) -> bool:
    """Whether `text` is written in the characters of bytes alone."""
    return _BYTE_OF.keys() >= set(text)


def unspell(text: str) -> bytes:
    """The inverse of `spell`. KeyError if `text` has a character that stands for no byte."""
    return bytes([_BYTE_OF[character] for character in text])
