"""Names of special tokens: their roles in a text, and reserved ones, which nothing uses yet. Light, as the config reads
it."""

from collections.abc import Container
from itertools import count, islice

ROLES = ("bos_token", "eos_token", "pad_token", "unk_token")
AUTO = "auto"  # in the config, for the token of a role


def reserved_tokens(number: int, taken: Container[str] = ()) -> list[str]:
    """The first `number` reserved tokens that are not taken.

    >>> reserved_tokens(2, taken=["<|reserved_0|>"])
    ['<|reserved_1|>', '<|reserved_2|>']
    """
    names = (f"<|reserved_{i}|>" for i in count())
    return list(islice((name for name in names if name not in taken), number))
