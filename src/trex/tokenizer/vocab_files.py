"""A tokenizer as GPT-2's two files, `vocab.json` and `merges.txt`. They do not say how text is split."""

import json
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer, models

from trex.tokenizer.build import split_and_spell
from trex.tokenizer.formats import MERGES, VOCAB
from trex.tokenizer.vocabulary import Encode, Vocabulary


def write(vocabulary: Vocabulary, folder: Path) -> None:
    vocab = {token: number for number, token in enumerate(vocabulary.tokens)}
    (folder / VOCAB).write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(f"{a} {b}" for a, b in vocabulary.merges)]
    (folder / MERGES).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(vocabulary: Vocabulary, folder: Path) -> tuple[str, Encode]:
    """(the library, how it encodes), with the regex of the vocabulary."""
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / VOCAB), str(folder / MERGES)))
    tokenizer.pre_tokenizer = split_and_spell(vocabulary.regex)
    return f"tokenizers {tokenizers.__version__}", lambda texts: [
        encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    ]
