"""Corpora of bytes that are no text: read, trained on and decoded byte for byte."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from trex.bpe.byte_alphabet import LATIN1
from trex.bpe.training import train_bpe
from trex.corpora import read_documents


@pytest.fixture
def programs(tmp_path):
    """Three files of bytes of all values, with stretches that repeat."""
    rng = np.random.default_rng(4)
    words = [bytes(rng.integers(0, 256, n, dtype=np.uint8)) for n in rng.integers(2, 9, 40)]
    for name in "abc":
        data = b"".join(words[i] for i in rng.zipf(1.4, 4000) % len(words))
        (tmp_path / f"{name}.bin").write_bytes(data + bytes(range(256)))
    return tmp_path


def test_chunks_are_latin1_text(programs):
    source = {"binary": "*.bin", "chunk": 1000}
    texts = [text.as_py() for batch in read_documents(source, programs) for text in batch]
    data = b"".join(path.read_bytes() for path in sorted(programs.glob("*.bin")))
    assert "".join(texts).encode("latin-1") == data
    assert {len(text) for text in texts[:10]} == {1000}


def test_merges_are_those_of_tokenizers_on_latin1_text(programs):
    texts = [
        path.read_bytes()[i : i + 500].decode("latin-1")
        for path in sorted(programs.glob("*.bin"))
        for i in range(0, 8000, 500)
    ]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split("<never>", "removed")
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=list(LATIN1.characters),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    theirs = json.loads(tokenizer.to_str())["model"]
    words = sorted({text.encode("latin-1") for text in texts})
    counts = np.array([texts.count(word.decode("latin-1")) for word in words])
    model = train_bpe(words, counts, 600, special_tokens=["<|endoftext|>"], alphabet=LATIN1)
    assert model.vocab == theirs["vocab"]
    assert [[LATIN1.spell(a), LATIN1.spell(b)] for a, b in model.merges] == theirs["merges"]
