"""What a tokenizer's folder says, as other formats need it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from trex.tokenizer.huggingface import special_ids
from trex.tokenizer.rules import steps
from trex.tokenizer.special import CHAT, CONFIG, ROLES, TOKENIZER

Encode = Callable[[list[str]], list[list[int]]]  # ids of normalized texts


@dataclass(frozen=True)
class Vocabulary:
    """What the formats say of a tokenizer.

    tokens: by id, as tokenizer.json spells them. merges: by rank. special: special tokens -> ids. regex: splits text;
    empty if nothing does. normalizer: NFC, NFKC or None. roles: bos_token and so on. ends: whether bos and eos are
    added. chat_template: a text, or None.
    """

    name: str
    tokens: Sequence[str]
    merges: Sequence[tuple[str, str]]
    special: Mapping[str, int]
    regex: str
    normalizer: str | None
    roles: Mapping[str, str]
    ends: Mapping[str, bool]
    chat_template: str | None

    @classmethod
    def load(cls, folder: Path, name: str) -> "Vocabulary":
        """Of the folder of a released tokenizer. ValueError if it is no BPE or its ids have gaps."""
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        content = json.loads(tokenizer.to_str())
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        vocab = tokenizer.get_vocab(with_added_tokens=True)
        tokens = sorted(vocab, key=vocab.__getitem__)
        if [vocab[token] for token in tokens] != list(range(len(tokens))):
            raise ValueError(f"{folder / TOKENIZER}: its ids have gaps, which no export can say")
        splits = [
            step for step in steps(content["pre_tokenizer"], "pretokenizers") if step["type"] == "Split"
        ]
        normalizer, chat = content["normalizer"], folder / CHAT
        if content["model"]["type"] != "BPE":
            raise ValueError(
                f"{folder / TOKENIZER}: it is {content['model']['type']}, and all exports are for byte-level BPE"
            )
        return cls(
            name,
            tokens,
            [(a, b) for a, b in content["model"]["merges"]],
            special_ids(tokenizer),
            splits[0]["pattern"]["Regex"] if splits else "",
            normalizer["type"] if normalizer else None,
            {role: config[role] for role in ROLES if config.get(role)},
            {end: config[f"add_{end}_token"] for end in ("bos", "eos")},
            chat.read_text(encoding="utf-8") if chat.exists() else None,
        )
