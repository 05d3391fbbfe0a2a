"""The characters that stand for bytes in a tokenizer.json: those of byte-level BPE, or Latin-1's."""

from collections.abc import Sequence


class Alphabet:
    """256 characters, one for each byte.

    name: in the config. characters: by byte. by_code_point: the bytes in the order of their characters, which is the
    order in which `tokenizers` numbers its alphabet.
    """

    def __init__(self, name: str, characters: Sequence[str]):
        self.name = name
        self.characters = tuple(characters)
        self.by_code_point = sorted(range(256), key=lambda byte: self.characters[byte])
        self._byte_of = {character: byte for byte, character in enumerate(self.characters)}

    def spell(self, token: bytes) -> str:
        """A token as `tokenizer.json` writes it."""
        return "".join([self.characters[byte] for byte in token])

    def is_spelling(self, text: str) -> bool:
        """Whether `text` is written in the characters of bytes alone."""
        return self._byte_of.keys() >= set(text)

    def unspell(self, text: str) -> bytes:
        """The inverse of `spell`. KeyError if `text` has a character that stands for no byte."""
        return bytes([self._byte_of[character] for character in text])


def _byte_characters() -> list[str]:
    """The printable character of each byte (GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) if b in printable else chr(256 + others.index(b)) for b in range(256)]


# Text as UTF-8, whose bytes are written in printable characters; the tokenizer turns text into them.
BYTE_LEVEL = Alphabet("utf8", _byte_characters())
# Bytes that are no text, as the Latin-1 text that has them: the tokenizer gets that text and changes nothing.
LATIN1 = Alphabet("latin1", [chr(byte) for byte in range(256)])
ALPHABETS = {alphabet.name: alphabet for alphabet in (BYTE_LEVEL, LATIN1)}

BYTE_CHARACTERS = BYTE_LEVEL.characters
spell, unspell, is_spelling = BYTE_LEVEL.spell, BYTE_LEVEL.unspell, BYTE_LEVEL.is_spelling
