"""Corpora of bytes that are no text: read, trained on and decoded byte for byte."""

import json

import numpy as np
import polars as pl
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from trex.bpe.byte_alphabet import LATIN1
from trex.bpe.training import train_bpe
from trex.config import ConfigError, load_config
from trex.corpora import read_documents
from trex.counting.pretokenize import WordCounter
from trex.tokenizer.build import to_tokenizer
from trex.tokenizer.reference import load_reference
from trex.validation.quality import quality_of


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


@pytest.mark.parametrize("pattern", ["none", "(?m:.){1,16}"])
def test_what_is_counted_is_what_the_tokenizer_encodes_and_gives_back(programs, pattern, tmp_path):
    source = {"binary": "*.bin", "chunk": 3000}
    counter = WordCounter(pattern, normalizer="none", alphabet=LATIN1)
    texts: list[str] = []
    for batch in read_documents(source, programs):
        counter.add(batch)
        texts += batch.to_pylist()
    counts = counter.result()
    words = counts.words.to_pylist()
    assert all(len(word) <= (16 if pattern != "none" else 3000) for word in words)
    total = counts.totals()
    assert sum(len(word) * n for word, n in zip(words, total.tolist(), strict=True)) == sum(map(len, texts))
    model = train_bpe(words, total, 500, alphabet=LATIN1, eval_counts=total[None])
    tokenizer = to_tokenizer(model, pattern, "none")
    assert sum(len(tokenizer.encode(text).ids) for text in texts) == model.token_counts()[0]
    every_byte = bytes(range(256)).decode("latin-1")
    assert tokenizer.decode(tokenizer.encode(every_byte).ids) == every_byte

    reference = load_reference("bytes", tmp_path, LATIN1)
    assert reference.count(texts).tolist() == [len(text) for text in texts]
    path = tmp_path / "documents.parquet"
    pl.DataFrame({"text": texts, "reference_tokens": reference.count(texts)}).write_parquet(path)
    row = quality_of(tokenizer, {("held_out", "programs"): path}, LATIN1).corpora.row(0, named=True)
    assert (row["bytes"], row["words"], row["nsl"]) == (
        sum(map(len, texts)),
        None,
        pytest.approx(1 / row["bytes_per_token"]),
    )


def test_bytes_of_text_as_the_reference(tmp_path):
    assert load_reference("bytes", tmp_path).count(["aé", ""]).tolist() == [3, 0]


def test_text_and_bytes_do_not_mix(programs):
    source = {"source": {"binary": "*.bin"}}
    config = {"corpora": {"a": source, "b": source}, "reference": "bytes"}
    with pytest.raises(ConfigError) as error:
        load_config(config, programs)
    for key, right in (("alphabet", "latin1"), ("normalizer", "none"), ("pattern", "none, or a fixed")):
        assert any(f"tokenizer.{key}" in line and right in line for line in str(error.value).splitlines())
    kind = {"alphabet": "latin1", "normalizer": "none", "pattern": "none"}
    assert load_config({**config, "tokenizer": kind}, programs)["tokenizer"]["pattern"] == ""
    with pytest.raises(ConfigError, match="one tokenizer reads either text or bytes"):
        load_config(
            {**config, "tokenizer": kind, "corpora": {"a": source, "b": {"source": {"demo": "deu"}}}},
            programs,
        )
    large = {"source": {"binary": "*.bin", "chunk": "600kB"}}
    with pytest.raises(
        ConfigError, match=r"b\.source\.chunk: .*evaluation.max_document_bytes.*at most 500,000"
    ):
        load_config({**config, "tokenizer": kind, "corpora": {"a": source, "b": large}}, programs)
