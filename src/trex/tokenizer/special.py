"""Special tokens by name and role, and the files that say so. Light, as the config and the rules read it."""

from collections.abc import Container, Mapping
from itertools import count, islice
from typing import Any

ROLES = ("bos_token", "eos_token", "pad_token", "unk_token")
AUTO = "auto"  # in the config, for the token of a role

TOKENIZER, CONFIG, SPECIAL = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"
GENERATION, CHAT = "generation_config.json", "chat_template.jinja"


def folder_files(release: Mapping[str, Any]) -> list[str]:
    """Names of the files of a tokenizer's folder, tokenizer.json first; the others: `huggingface.config_files`."""
    return [TOKENIZER, CONFIG, SPECIAL, GENERATION, *([CHAT] if release["chat_template"] else [])]


def added_ends(release: Mapping[str, Any]) -> dict[str, str | None]:
    """The tokens that a tokenizer adds at the beginning (bos) and the end (eos) of a text; all of the config's section
    `release` that tokenizer.json depends on.

    >>> added_ends({"add_bos_token": True, "bos_token": "<s>", "add_eos_token": False, "eos_token": "</s>"})
    {'bos': '<s>', 'eos': None}
    """
    return {end: release[f"{end}_token"] if release[f"add_{end}_token"] else None for end in ("bos", "eos")}


def reserved_tokens(number: int, taken: Container[str] = ()) -> list[str]:
    """The first `number` reserved tokens that are not taken.

    >>> reserved_tokens(2, taken=["<|reserved_0|>"])
    ['<|reserved_1|>', '<|reserved_2|>']
    """
    names = (f"<|reserved_{i}|>" for i in count())
    return list(islice((name for name in names if name not in taken), number))
