"""What is compared: a row is a way in which a language model reads text.

Names of rows: that of a mixture or an existing tokenizer, `raw_bytes`, or `{mixture}.and_bytes` for Proxy Compression.
"""

from collections.abc import Mapping
from typing import Any

RAW_BYTES = "raw_bytes"
_AND_BYTES = ".and_bytes"


def row_names(check: Mapping[str, Any]) -> list[str]:
    """All rows of a config's section `language_model.check`, in order; none if it is turned off.

    >>> off = {"seeds": 0}
    >>> row_names(off)
    []
    >>> on = {"seeds": 2, "mixtures": ["chosen"], "existing": [], "raw_bytes": True, "proxy_compression": ["chosen"]}
    >>> row_names(on)
    ['chosen', 'raw_bytes', 'chosen.and_bytes']
    """
    if not check["seeds"]:
        return []
    raw = [RAW_BYTES] if check["raw_bytes"] else []
    return [
        *check["mixtures"],
        *check["existing"],
        *raw,
        *(f"{n}{_AND_BYTES}" for n in check["proxy_compression"]),
    ]


def views_of(row: str) -> list[str]:
    """The views of text that the models of a row read, the one in which they are measured first: `raw_bytes`, or the
    name of a mixture or an existing tokenizer.

    >>> views_of("chosen"), views_of("chosen.and_bytes")
    (['chosen'], ['raw_bytes', 'chosen'])
    """
    return [RAW_BYTES, row.removesuffix(_AND_BYTES)] if row.endswith(_AND_BYTES) else [row]


def in_words(row: str) -> str:
    """For people."""
    if row == RAW_BYTES:
        return "raw bytes"
    mixture = row.removesuffix(_AND_BYTES)
    return f"raw bytes, and tokens of `{mixture}` while training" if mixture != row else f"`{row}`"
