"""Entries of a vocabulary that no text encodes to.

An entry counts as reachable only with a witness: a text that the whole tokenizer encodes to ids with the entry among
them. For BPE over bytes two facts make the opposite certain in most cases.

1. *Merges.* Where a word's encoding has the token t, every merge inside its span was made by rank, leftmost first, and
   none crossed its ends. The same merges are made of t's own bytes alone. So if these do not encode to t, no word does.
2. *Neighbours.* For the same reason, tokens in a row are the encoding of their bytes exactly if every two neighbours
   are the encoding of theirs. So whether the bytes before and after a part of a character can be completed to text is
   a search over pairs of entries.

Forms of Unicode (NFC and the like) are closed under taking substrings: an entry whose text is not in the tokenizer's
form is in no normalized text. What a regex makes of text is only tried, in the contexts below: the reason `pattern` is
no proof.
"""

from collections.abc import Iterator
from itertools import chain, islice

import polars as pl
from tokenizers import Tokenizer

from trex.bpe.byte_alphabet import LATIN1
from trex.tokenizer.encode import batches, of_plain_text
from trex.validation.entries import Vocabulary

# Why an entry cannot be produced.
REASONS = ("merges", "normalizer", "pattern", "completed", "no_text")

# One character of each class that patterns tell apart, and nothing; a sign that hardly any merge has; the ends of
# contractions such as 's.
_AROUND = ("", " ", "  ", "\n", "a", "A", "1", "!", "'", "\u0301", "漢", "\u2e40")
_CONTRACTED = tuple(end for lower in ("s", "t", "d", "m", "re", "ve", "ll") for end in (lower, lower.upper()))
# Completions of a part of a character that are tried in whole texts.
_COMPLETIONS = 64


def unreachable(tokenizer: Tokenizer, vocabulary: Vocabulary) -> pl.DataFrame:
    """Entries that no text was found to encode to: id, reason; sorted by id.

    Reasons: `merges`, the merges make other tokens of its bytes; `normalizer`, its text does not stay as it is;
    `completed`, a part of characters that every text merges further; `no_text`, it has bytes that no UTF-8 text has;
    `pattern`, no text among many was found, so most likely words are always split within it. All but the last are
    certain for BPE over bytes with a form of Unicode as normalizer; of other tokenizers it is only known that no text
    was found, and parts of characters are not tried.
    """
    tokenizer = of_plain_text(tokenizer)
    found = _encoded_alone(tokenizer, vocabulary.entries)
    rest = vocabulary.entries.filter(~pl.col("id").is_in(found))
    reasons = {}
    of_bytes = _OfBytes(tokenizer, vocabulary) if vocabulary.is_bpe else None
    for number, spelling, token, text in rest.iter_rows():
        if text is None and vocabulary.alphabet is not None and not of_bytes:
            continue
        reason = of_bytes.reason(number, token, text) if of_bytes else None
        if reason is None:
            texts = iter(()) if text is None else _contexts(text)
            if of_bytes and text is None:
                texts = of_bytes.texts(token)
            elif not of_bytes:
                start = spelling.removeprefix("##")
                texts = chain(texts, (spelling, start, f"a{start}"))
            if any(number in tokenizer.encode(around, add_special_tokens=False).ids for around in texts):
                continue
            reason = "normalizer" if text is not None and _is_changed(tokenizer, text) else "pattern"
        reasons[number] = reason
    return pl.DataFrame(
        {"id": list(reasons), "reason": list(reasons.values())}, schema={"id": pl.Int64, "reason": pl.String}
    )


def _encoded_alone(tokenizer: Tokenizer, entries: pl.DataFrame) -> list[int]:
    """Ids of the entries that are in the encoding of their own text."""
    found, texts = [], entries.drop_nulls("text")
    numbers = iter(texts["id"])
    for batch in batches(texts["text"]):
        encodings = tokenizer.encode_batch_fast(batch, add_special_tokens=False)
        found += [
            number for encoding, number in zip(encodings, numbers, strict=False) if number in encoding.ids
        ]
    return found


def _contexts(text: str) -> Iterator[str]:
    return (before + text + after for before in _AROUND for after in (*_AROUND, *_CONTRACTED))


def _is_changed(tokenizer: Tokenizer, text: str) -> bool:
    return tokenizer.normalizer is not None and tokenizer.normalizer.normalize_str(text) != text


class _OfBytes:
    """What can be said for certain about entries of BPE over bytes."""

    def __init__(self, tokenizer: Tokenizer, vocabulary: Vocabulary):
        self._alphabet = vocabulary.alphabet
        self._whole_words = vocabulary.whole_words
        # a copy, because settings of the model are changed
        self._model = Tokenizer.from_str(tokenizer.to_str()).model
        self._model.ignore_merges = False
        self._model.dropout = None
        rows = vocabulary.entries.filter(pl.col("bytes").bin.size() > 0).select("id", "bytes").iter_rows()
        self._id = {token: number for number, token in rows}
        # entries that go on with a character, and that leave one open, short ones first: they merge least
        short_first = sorted(self._id, key=lambda token: (len(token), token))
        self._going_on = [token for token in short_first if _is_continuation(token[0])]
        self._open = [token for token in short_first if _tail(token) or all(map(_is_continuation, token))]

    def reason(self, number: int, token: bytes, text: str | None) -> str | None:
        """Why no text encodes to the entry, if that is certain."""
        if self._alphabet is not LATIN1 and not _is_part_of_text(token):
            return "no_text"
        if self._ids(token) != [number] and not (self._whole_words and text is not None):
            return "merges"
        return "completed" if text is None and next(self.texts(token), None) is None else None

    def texts(self, token: bytes) -> Iterator[str]:
        """Texts whose bytes, as one word, have the entry in their encoding; some, of a part of a character."""
        head, tail = _head(token), _tail(token)
        befores = self._befores(token, token[:head]) if head else iter([b""])
        afters = self._afters(token, tail) if tail else iter([b""])
        before, after = next(befores, None), next(afters, None)
        if before is None or after is None:
            return
        yield (before + token + after).decode()
        yield from ((before + token + other).decode() for other in islice(afters, _COMPLETIONS))
        yield from ((other + token + after).decode() for other in islice(befores, _COMPLETIONS))

    def _afters(self, last: bytes, tail: bytes) -> Iterator[bytes]:
        """Bytes after an entry that complete its last character, whose first bytes are `tail`."""
        needed = _length(tail[0]) - len(tail)
        for token in self._going_on:
            head = _head(token)
            if head > needed or (head < needed and head < len(token)):
                continue
            if not _is_part_of_text(tail + token[:head]) or not self._go_together(last, token):
                continue
            if head < needed:
                yield from (token + more for more in self._afters(token, tail + token))
            elif rest := _tail(token):
                yield from (token + more for more in self._afters(token, rest))
            else:
                yield token

    def _befores(self, first: bytes, head: bytes) -> Iterator[bytes]:
        """Bytes before an entry that complete its first character, whose last bytes are `head`."""
        for token in self._open:
            tail = _tail(token)
            if not tail:  # continuation bytes alone: the character begins further ahead
                if len(token) + len(head) <= 3 and self._go_together(token, first):
                    yield from (more + token for more in self._befores(token, token + head))
                continue
            if _length(tail[0]) != len(tail) + len(head) or not _is_text(tail + head):
                continue
            if not self._go_together(token, first):
                continue
            if start := _head(token):
                yield from (more + token for more in self._befores(token, token[:start]))
            else:
                yield token

    def _go_together(self, a: bytes, b: bytes) -> bool:
        return self._ids(a + b) == [self._id[a], self._id[b]]

    def _ids(self, word: bytes) -> list[int]:
        return [token.id for token in self._model.tokenize(self._alphabet.spell(word))]


# --- UTF-8 ---


def _is_continuation(byte: int) -> bool:
    return 0x80 <= byte < 0xC0


def _length(lead: int) -> int:
    """Bytes of the character that begins with a byte."""
    return 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def _head(token: bytes) -> int:
    """How many bytes go on with a character that began before."""
    return next((i for i, byte in enumerate(token) if not _is_continuation(byte)), len(token))


def _tail(token: bytes) -> bytes:
    """The first bytes of a character that ends after the token, if it begins in it."""
    for i in range(1, min(len(token), 3) + 1):
        if not _is_continuation(token[-i]):
            return token[-i:] if token[-i] >= 0xC0 and _length(token[-i]) > i else b""
    return b""


def _is_text(part: bytes) -> bool:
    try:
        part.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_part_of_text(token: bytes) -> bool:
    """Whether some UTF-8 text has these bytes in a row."""
    head, tail = _head(token), _tail(token)
    if head > 3 or not _is_text(token[head : len(token) - len(tail)]):
        return False
    return head == len(token) or not tail or _opens(tail)


def _opens(tail: bytes) -> bool:
    """Whether some character begins with these bytes."""
    missing = _length(tail[0]) - len(tail)
    # E0 and F0 take no low second byte, ED and F4 no high one
    return any(_is_text(tail + bytes([byte]) + b"\x80" * (missing - 1)) for byte in (0x80, 0x90, 0xA0, 0xBF))
