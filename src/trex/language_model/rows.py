"""What is compared: a row is a way in which a language model reads text.

Names of rows: that of a mixture or an existing tokenizer, `raw_bytes`, or `{mixture}.and_bytes` for Proxy Compression.
Where recipes are compared, `{recipe}` is the tokenizer of its recommended mixture, and `{recipe}.{mixture}` another one
of its tokenizers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trex.layout import CHOSEN

RAW_BYTES = "raw_bytes"
_AND_BYTES = ".and_bytes"


def row_names(check: Mapping[str, Any]) -> list[str]:
    """All rows of a config's section `language_model.check`, in order; none if it is turned off.

    >>> off = {"seeds": 0}
    >>> row_names(off)
    []
    >>> on = {"seeds": 2, "mixtures": ["chosen"], "existing": [], "raw_bytes": True, "proxy_compression": ["chosen"]}
    >>> row_names(on | {"recipes": []})
    ['chosen', 'raw_bytes', 'chosen.and_bytes']
    >>> row_names(on | {"recipes": ["plain", "o200k"], "mixtures": ["chosen", "uniform"], "proxy_compression": []})
    ['plain', 'plain.uniform', 'o200k', 'o200k.uniform', 'raw_bytes']
    """
    if not check["seeds"]:
        return []
    raw = [RAW_BYTES] if check["raw_bytes"] else []
    mixed, with_bytes = (
        _of_recipes(check["recipes"], check[key]) for key in ("mixtures", "proxy_compression")
    )
    return [*mixed, *check["existing"], *raw, *(f"{name}{_AND_BYTES}" for name in with_bytes)]


def _of_recipes(recipes: Sequence[str], mixtures: Sequence[str]) -> list[str]:
    if not recipes:
        return list(mixtures)
    return [recipe if name == CHOSEN else f"{recipe}.{name}" for recipe in recipes for name in mixtures]


def recipe_and_mixture(view: str) -> tuple[str, str]:
    """Of a view that is a recipe's tokenizer.

    >>> recipe_and_mixture("plain.uniform"), recipe_and_mixture("plain")
    (('plain', 'uniform'), ('plain', 'chosen'))
    """
    recipe, _, mixture = view.partition(".")
    return recipe, mixture or CHOSEN


def views_of(row: str) -> list[str]:
    """The views of text that the models of a row read, the one in which they are measured first: `raw_bytes`, or the
    name of a row that reads tokens alone.

    >>> views_of("chosen"), views_of("chosen.and_bytes")
    (['chosen'], ['raw_bytes', 'chosen'])
    """
    return [RAW_BYTES, row.removesuffix(_AND_BYTES)] if row.endswith(_AND_BYTES) else [row]


def kind(row: str) -> str:
    """Of what its models read: the noise of their seeds is alike.

    >>> kind("chosen"), kind("raw_bytes"), kind("chosen.and_bytes")
    ('tokens', 'raw_bytes', 'both')
    """
    if row == RAW_BYTES:
        return RAW_BYTES
    return "both" if row.endswith(_AND_BYTES) else "tokens"


def in_words(row: str) -> str:
    """For people."""
    if row == RAW_BYTES:
        return "raw bytes"
    mixture = row.removesuffix(_AND_BYTES)
    return f"Proxy Compression of `{mixture}`" if mixture != row else f"`{row}`"
