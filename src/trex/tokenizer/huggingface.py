"""A tokenizer's folder as `transformers` and the Hugging Face Hub read it."""

import json
from collections.abc import Mapping
from typing import Any

from tokenizers import AddedToken, Tokenizer, processors

from trex.tokenizer.encode import vocabulary_size
from trex.tokenizer.other_algorithms import NEVER
from trex.tokenizer.special import CHAT, CONFIG, GENERATION, ROLES, SPECIAL, reserved_tokens


def released(tokenizer: Tokenizer, ends: Mapping[str, str | None], pad_to: int = 1) -> Tokenizer:
    """The tokenizer as it is released.

    Text without special tokens is encoded as by `tokenizer`: what is added are unused entries behind the vocabulary
    and, if asked for, the beginning and the end of a text.

    Args:
        tokenizer: of `trex.tokenizer.build.to_tokenizer`, not modified.
        ends: of `trex.tokenizer.special.added_ends`.
        pad_to: the vocabulary is filled up to a multiple of this.
    """
    return _with_ends(_padded(tokenizer, pad_to), ends)


def config_files(
    tokenizer: Tokenizer, release: Mapping[str, Any], chat_template: str | None = None
) -> dict[str, str]:
    """The files beside tokenizer.json, name -> text, with which `AutoTokenizer.from_pretrained(folder)` loads it.

    Args:
        tokenizer: of `released`.
        release: the loaded config's section of that name.
        chat_template: the text of release["chat_template"], a file; None if there is none.

    Raises:
        ValueError: a token of the release is not among the tokenizer's special tokens.
    """
    special = special_ids(tokenizer)
    roles = {role: release[role] for role in ROLES if release[role] is not None}
    for role, token in roles.items():
        if token not in special:
            raise ValueError(f"release.{role}: {token!r} is no special token of the tokenizer: {[*special]}")
    ids = {f"{role}_id": special[token] for role, token in roles.items() if role != "unk_token"}
    files = {
        CONFIG: _json(_config(special, roles, release)),
        SPECIAL: _json(roles),
        GENERATION: _json(ids),
    }
    return files if chat_template is None else {**files, CHAT: chat_template}


def special_ids(tokenizer: Tokenizer) -> dict[str, int]:
    """Special tokens -> ids, rising: those of the config, reserved ones and what fills the vocabulary up."""
    added = sorted(tokenizer.get_added_tokens_decoder().items())
    return {token.content: number for number, token in added if token.special}


def _padded(tokenizer: Tokenizer, pad_to: int) -> Tokenizer:
    """With reserved tokens behind all others, so that the number of ids is a multiple. They are in the model's
    vocabulary too: programs take its size for that of the embedding."""
    content = json.loads(tokenizer.to_str())
    size = vocabulary_size(tokenizer)
    fill = reserved_tokens(-size % pad_to, taken=tokenizer.get_vocab(with_added_tokens=True))
    if content["model"]["type"] == "Unigram":
        content["model"]["vocab"] += [[token, NEVER] for token in fill]
    else:
        content["model"]["vocab"].update({token: size + i for i, token in enumerate(fill)})
    padded = Tokenizer.from_str(json.dumps(content, ensure_ascii=False))
    padded.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in fill])
    return padded


def _with_ends(tokenizer: Tokenizer, ends: Mapping[str, str | None]) -> Tokenizer:
    """With a post-processor that adds the beginning and the end of a text, where asked; the same as `transformers`
    makes of add_bos_token and add_eos_token."""
    bos, eos = ends["bos"], ends["eos"]
    if bos or eos:
        special = {token: tokenizer.token_to_id(token) for token in (bos, eos) if token}
        tokenizer.post_processor = processors.TemplateProcessing(
            single=_ends(bos, "$A", eos, 0),
            pair=_ends(bos, "$A", eos, 0) + _ends(bos, "$B", eos, 1),
            special_tokens=list(special.items()),
        )
    return tokenizer


def _ends(bos: str | None, text: str, eos: str | None, kind: int) -> list[str]:
    return [f"{piece}:{kind}" for piece in (bos, text, eos) if piece]


def _config(
    special: Mapping[str, int], roles: Mapping[str, str], release: Mapping[str, Any]
) -> dict[str, Any]:
    """What tokenizer_config.json says; class and keys are those that transformers 4 and 5 read alike."""
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,  # or decoding would drop spaces before punctuation
        "add_bos_token": release["add_bos_token"],
        "add_eos_token": release["add_eos_token"],
        **{role: roles.get(role) for role in ROLES},
        "added_tokens_decoder": {str(number): _added(token) for token, number in special.items()},
    }
    if release["model_max_length"] is not None:
        config["model_max_length"] = release["model_max_length"]
    return config


def _added(token: str) -> dict[str, Any]:
    flags = dict.fromkeys(("lstrip", "normalized", "rstrip", "single_word"), False)
    return {"content": token, **flags, "special": True}


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
