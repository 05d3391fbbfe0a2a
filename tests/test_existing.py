"""Existing tokenizers: the same ids as the originals, the merges that training gave, and errors for other kinds."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from trex.bpe.byte_alphabet import BYTE_CHARACTERS
from trex.bpe.training import train_bpe
from trex.config import ConfigError, check_files, load_config
from trex.counting.pretokenize import count_words
from trex.tokenizer.build import to_tokenizer
from trex.tokenizer.existing import ENCODINGS, load_existing

DATA = Path(os.environ.get("TREX_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
ODD = [
    "",
    "<|endoftext|>",
    "a<|endofprompt|>b",
    "\x00",
    "e\u0301 é \u0301\u0301",
    "👩‍👩‍👧🏽",
    "1234567",
    "I'LL don'ſ Ǆungla",
]
ODD += [
    "  \t\r\n\n  x \n  ",
    "=" * 500,
    "DON'T /\n//\r",
    "x" * 3_000,
    "\u3000\u00a0 \u2028",
    "한국어 ไทย हिन्दी العربية",
    "ﬀ\U0010ffff",
]


def byte_level(pattern: str | None = None) -> str:
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(BYTE_CHARACTERS)}, merges=[]))
    steps = [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)]
    if pattern:
        steps.insert(0, pre_tokenizers.Split(Regex(pattern), "isolated"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    return tokenizer.to_str()


BROKEN = {
    "empty": b"",
    "brace": b"{",
    "list": b"[]",
    "cut": byte_level().encode()[:-100],
    "binary": b"\x00\xff" * 50,
    "wrong": b'{"model": {"type": "Other"}}',
    "deep": b"[" * 100_000,
    "no tokens": Tokenizer(models.BPE()).to_str().encode(),
    "backtracks": byte_level(r"(a+)+b").encode(),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_tokenizer_is_found_before_anything_runs(content, tmp_path, capfd):
    for name in ("good", "{x}"):
        (tmp_path / f"{name}.json").write_text(byte_level())
    (tmp_path / "bad.json").write_bytes(content)
    two = {name: {"source": {"text": "a.txt"}} for name in ("a", "b")}
    (tmp_path / "a.txt").write_text("text\n")
    check_files(load_config({"corpora": two, "reference": "good.json"}, tmp_path), tmp_path)
    capfd.readouterr()
    wrong = {"reference": "bad.json", "validation": {"tokenizers": {"x": "bad.json", "y": "{x}.json"}}}
    wrong["baselines"] = {"z": {"infer": "bad.json"}}
    with pytest.raises(ConfigError) as error:
        check_files(load_config({"corpora": two, **wrong}, tmp_path), tmp_path)
    lines = str(error.value).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "reference", "validation.tokenizers.x", "validation.tokenizers.y", "baselines.z.infer"
    ]  # fmt: skip
    assert all("bad.json" in lines[i] for i in (0, 1, 3))
    assert "rename" in lines[2]
    assert capfd.readouterr().err == ""


def test_a_pattern_that_backtracks_is_found(tmp_path):
    config = {"corpora": {name: {"source": {"text": "a.txt"}} for name in ("a", "b")}}
    (tmp_path / "a.txt").write_text("text\n")
    with pytest.raises(ConfigError, match=r"tokenizer.pattern: it fails on the text 'aaaaaaaa'.*retry-limit"):
        check_files(load_config(config | {"tokenizer": {"pattern": "(a+)+b"}}, tmp_path), tmp_path)
    check_files(load_config(config | {"tokenizer": {"pattern": "o200k"}}, tmp_path), tmp_path)


@pytest.fixture(scope="module", params=ENCODINGS)
def encoding(request):
    return load_existing(request.param, Path())


def test_encodings_give_the_ids_of_bpe_openai(encoding):
    from bpe_openai import _bindings

    original = _bindings.tokenizer_for_encoding(encoding.name)
    udhr = DATA / "ood" / "udhr.parquet"
    texts = ODD + (pl.read_parquet(udhr)["text"].to_list() if udhr.is_file() else [])
    tokenizer = encoding.to_tokenizer()
    for text, found in zip(texts, tokenizer.encode_batch_fast(texts, add_special_tokens=False), strict=True):
        assert found.ids == original.encode(text), text
        assert tokenizer.decode(found.ids, skip_special_tokens=False) == text


def test_encodings_by_hand(encoding):
    assert encoding.vocab_size == {"cl100k_base": 100_256 + 5, "o200k_base": 199_998 + 2}[encoding.name]
    # every token but the 256 bytes has one merge; the first makes two spaces
    assert (
        len(encoding.merges)
        == len(set(encoding.merges))
        == {"cl100k_base": 100_000, "o200k_base": 199_742}[encoding.name]
    )
    assert encoding.merges[0] == (b" ", b" ")
    assert (b" t", b"he") in encoding.merges or (b" th", b"e") in encoding.merges
    special = encoding.to_tokenizer().token_to_id("<|endoftext|>")
    assert special == {"cl100k_base": 100_257, "o200k_base": 199_999}[encoding.name]


def test_a_tokenizer_json(tmp_path):
    words = count_words("the cat and the other cats, then the dog; café " * 3)
    model = train_bpe(list(words), np.array(list(words.values())), 270, special_tokens=["<|x|>"])
    to_tokenizer(model).save(str(tmp_path / "own.json"))
    existing = load_existing("own.json", tmp_path)
    assert existing.merges == model.merges
    assert existing.vocab_size == 270
    assert existing.to_tokenizer().encode("the cats").ids == to_tokenizer(model).encode("the cats").ids


def test_from_the_hub(tmp_path, monkeypatch):
    asked = []

    def from_pretrained(name, revision):
        asked.append((name, revision))
        return to_tokenizer(train_bpe([b"aa"], np.array([2]), 257))

    monkeypatch.setattr(Tokenizer, "from_pretrained", from_pretrained)
    assert load_existing({"huggingface": "org/model", "revision": "abc"}, Path()).merges == [(b"a", b"a")]
    assert asked == [("org/model", "abc")]


def _bpe(**options) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 1, "ab": 2}, merges=[("a", "b")], **options))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    return tokenizer


@pytest.mark.parametrize(
    ("tokenizer", "says"),
    [
        (Tokenizer(models.Unigram([("a", -1.0)], unk_id=0)), "Unigram"),
        (Tokenizer(models.WordPiece({"a": 0, "[UNK]": 1})), "WordPiece"),
        (Tokenizer(models.BPE(vocab={"a": 0}, merges=[])), "without a ByteLevel"),
        (_bpe(byte_fallback=True), "as a fallback"),
        (_bpe(end_of_word_suffix="</w>"), "end_of_word_suffix"),
        (_bpe(), "lacks 254"),
    ],
)  # fmt: skip
def test_other_kinds_are_named(tokenizer, says, tmp_path):
    tokenizer.save(str(tmp_path / "other.json"))
    with pytest.raises(ValueError, match=f"other.json.*{says}.*must be byte-level BPE"):
        load_existing("other.json", tmp_path)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("gpt5", "unknown encoding"),
        ("gone.json", "does not exist"),
        ("broken.json", "is not a tokenizer.json"),
        ({}, "NAME"),
    ],
)
def test_wrong_names(spec, says, tmp_path):
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ValueError, match=says):
        load_existing(spec, tmp_path)
