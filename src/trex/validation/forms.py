"""Whether a tokenizer gives text back, in the form of Unicode that it works in."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from tokenizers import Tokenizer, normalizers

from trex.tokenizer.encode import batches
from trex.tokenizer.rules import steps

_FORMS = ("NFC", "NFD", "NFKC", "NFKD")


@dataclass(frozen=True)
class Form:
    """The form of Unicode that a tokenizer gives text back in. Whatever else its normalizer does is a loss.

    name: NFC, NFD, NFKC, NFKD or none.
    """

    name: str

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> Self:
        normalizer = tokenizer.normalizer
        settings = json.loads(normalizer.__getstate__()) if normalizer else None
        kinds = [step["type"] for step in steps(settings, "normalizers")]
        return cls(next((kind for kind in reversed(kinds) if kind in _FORMS), "none"))

    @property
    def loses(self) -> bool:
        """Whether it makes one of characters that are different, such as ² and 2."""
        return "K" in self.name

    def __call__(self, text: str) -> str:
        return text if self.name == "none" else getattr(normalizers, self.name)().normalize_str(text)


def changed_texts(tokenizer: Tokenizer, form: Callable[[str], str], texts: Iterable[str]) -> list[str]:
    """What becomes of texts that a tokenizer does not give back, in words; texts are expected in its form."""
    found = []
    for batch in batches(texts):
        ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False)]
        found += differences(batch, tokenizer.decode_batch(ids, skip_special_tokens=False), form)
    return found


def differences(texts: Sequence[str], decoded: Sequence[str], form: Callable[[str], str]) -> list[str]:
    """The first place at which each text differs from what was decoded, for those that do."""
    found = []
    for text, back in zip(texts, decoded, strict=True):
        if back == text:
            continue
        expected = form(text)
        if back != expected:
            at = next(
                (i for i, (a, b) in enumerate(zip(expected, back, strict=False)) if a != b),
                min(len(expected), len(back)),
            )
            found.append(f"{expected[at : at + 8]!r} becomes {back[at : at + 8]!r}")
    return found
