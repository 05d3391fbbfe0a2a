"""Words and their counts, against `tokenizers` itself."""

import json
import os
import re
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from trex.bpe.byte_alphabet import BYTE_CHARACTERS
from trex.counting import pretokenize, unicode_tables, word_files
from trex.counting.charset import CODE_POINTS
from trex.counting.patterns import DEFAULT, GPT2
from trex.counting.pretokenize import WordCounter, count_words

BYTE_OF = {character: byte for byte, character in enumerate(BYTE_CHARACTERS)}
SLOW = rf"(?<=.){GPT2}"  # GPT2 outside the family; the look behind is of its first alternative alone
NFC = normalizers.NFC()


def by_tokenizers(texts, pattern=DEFAULT) -> dict[bytes, int]:
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    counts = Counter()
    for text in texts:
        counts.update(word for word, _ in split.pre_tokenize_str(NFC.normalize_str(text)))
    return {word.encode(): n for word, n in counts.items()}


def counted(texts, **options) -> dict[bytes, int]:
    counter = WordCounter(**options)
    counter.add(pa.array(texts, type=pa.large_string()))
    counts = counter.result()
    return dict(zip(counts.words.to_pylist(), counts.totals().tolist(), strict=True))


def test_by_hand():
    assert count_words("don't  panic\n\nIT'S 42!") == {
        b"don": 1, b"'t": 1, b" ": 2, b" panic": 1, b"\n\n": 1, b"IT": 1, b"'S": 1, b"4": 1, b"2": 1, b"!": 1
    }  # fmt: skip
    assert count_words("a\nb\n", by_line=True) == {b"a": 1, b"\n": 2, b"b": 1}
    assert count_words("") == {}
    assert count_words("e\u0301") == {"\u00e9".encode(): 1}  # NFC


def test_tables_are_those_of_the_installed_library():
    tables = unicode_tables.load()
    assert (tables["categories"] == unicode_tables.derive_categories()).all()
    assert (tables["spaces"] == unicode_tables.derive_spaces()).all()
    for normalizer in unicode_tables.NORMALIZERS:
        assert (tables[normalizer] == unicode_tables.derive_quick_check(normalizer)).all()


@pytest.mark.parametrize("context", ["{0}", " {0}a{0}'{0}\n"])
def test_code_points(context):
    """Every one that is anything, and some of the unassigned and private; benchmarks/counting.py --exact asks all."""
    points = [*range(0xD800), *range(0xE000, 0x32000), *range(0x32000, 0x110000, 61)]
    texts = [context.format(chr(p)) for p in points]
    assert counted(texts) == by_tokenizers(texts)


# characters that the regex and NFC treat in different ways
TRICKY = list(
    "aA1 \t\n\r\v\x00'.\u00a0\u0301\u0323\u0345\u0334\u093c\u1161\u11a8\u3042\uac00\u017f\u212a\u0130"
)
TRICKY += [
    "'s",
    "'RE",
    "'ll",
    "\r\n",
    "  ",
    "e\u0301\u0323",
    "\U0001f469\u200d\U0001f52c",
    "\u05bc\u05c1",
    "\ud55c",
]
texts = st.one_of(st.lists(st.sampled_from(TRICKY), max_size=30).map("".join), st.text(max_size=40))


@settings(max_examples=1000, deadline=None)
@given(texts)
@example("x \n \n y")
@example("''ſ'Ve")
def test_any_text(text):
    assert count_words(text) == by_tokenizers([text])
    *lines, rest = text.split("\n")
    assert count_words(text, by_line=True) == by_tokenizers([*(line + "\n" for line in lines), rest])


@pytest.mark.parametrize("clean", [2, 20, 200])
def test_long_documents(clean):
    """Parts of a line are normalized alone, a few thousand of them at a time."""
    random = Random(clean)
    plain = ["é", "e", "न", " ", "한", "\n\n"]
    text = "".join(random.choice(TRICKY if random.randrange(clean) == 0 else plain) for _ in range(300_000))
    assert count_words(text) == by_tokenizers([text])
    assert count_words(text, by_line=True) == by_tokenizers(re.findall(r"[^\n]*\n|[^\n]+", text))


@settings(max_examples=100, deadline=None)
@given(texts)
def test_any_other_regex(text):
    assert count_words(text, SLOW) == by_tokenizers([text], SLOW)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(texts, st.integers(0, 4)), min_size=1, max_size=12))
def test_shards_are_counted_apart(documents):
    texts, shards = map(list, zip(*documents, strict=True))
    for pattern in (DEFAULT, SLOW):
        counter = WordCounter(pattern, shards=5)
        for half in (slice(0, None, 2), slice(1, None, 2)):  # several batches
            counter.add(
                pa.array(texts[half], type=pa.large_string()), np.array(shards[half], dtype=np.uint16)
            )
        table = counter.result().by_shard().to_pylist()
        for shard in range(5):
            words = {
                row["word"]: n
                for row in table
                for s, n in zip(row["shard"], row["count"], strict=True)
                if s == shard
            }
            expected = by_tokenizers([t for t, s in documents if s == shard], pattern)
            assert words == expected
            assert counter.words_in_shard[shard] == sum(expected.values())
        assert [row["word"] for row in table] == sorted(row["word"] for row in table)


def test_lookahead_of_eight_bytes_ends_at_the_document():
    """What follows a document, and how many bytes are left of it, changes nothing."""
    for text in (
        "a",
        "abcdefgh",
        " abcdefgh",
        "abcdefghi",
        "é",
        "abcdefgé",
        "e\u0301",
        "x" * 7 + "é",
        " ",
        "'",
    ):
        assert counted([text, "letters", "\n", "'s", "\u0301"])[text_after_nfc(text)] == 1
        assert count_words(text) == by_tokenizers([text])


def text_after_nfc(text: str) -> bytes:
    return NFC.normalize_str(text).encode()


def test_words_that_differ_in_size_or_late():
    """Words are compared eight bytes at a time, the last filled up with zeros."""
    texts = ["\0" * n for n in range(1, 20)] + ["!\0", "!", "!\0\0"] + ["a" * n for n in range(1, 40)]
    texts += ["a" * 17 + letter for letter in "bcd"]
    assert counted(texts) == by_tokenizers(texts)
    words = list(counted(texts))
    assert words == sorted(words)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(texts, st.integers(0, 4)), max_size=12), st.integers(1, 4), st.integers(2, 4))
@pytest.mark.parametrize("pattern", [DEFAULT, SLOW])
def test_spilling_changes_nothing(pattern, documents, chunk_words, fan_in):
    """A table that is full after every document, in chunks and merges so small that all ways are taken."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        whole = WordCounter(pattern, shards=5)
        patch.setattr(pretokenize, "CHUNK_WORDS", chunk_words)
        patch.setattr(word_files, "BATCH_WORDS", 3)
        patch.setattr(pretokenize, "FAN_IN", fan_in)
        spilling = WordCounter(pattern, shards=5, table_bytes=1, spill_to=Path(folder))
        for text, shard in documents:
            for counter in (whole, spilling):
                counter.add(pa.array([text], pa.large_string()), np.array([shard], dtype=np.uint16))
            assert not os.listdir(folder)  # the files have no names, so nothing is left behind
        expected = whole.result().by_shard()
        assert spilling.result().by_shard().equals(expected)
        assert (spilling.words_in_shard == whole.words_in_shard).all()
        spilling.write(Path(folder, "words.arrow"), np.array([0, 0, 1, 1, 2]))
        coarser = WordCounter(pattern, shards=3)
        for text, shard in documents:
            coarser.add(pa.array([text], pa.large_string()), np.array([shard // 2], dtype=np.uint16))
        written = Path(folder, "words.arrow")
        expected = coarser.result().by_shard()
        assert pa.Table.from_batches(word_files.word_batches(written, 2), expected.schema).equals(expected)
        assert word_files.n_words(written) == len(expected)
        assert os.listdir(folder) == ["words.arrow"]


def test_shards_of_a_word_are_in_order(monkeypatch):
    """A word that is met in 300 of 400 shards, again and again, while its counts are added up now and then."""
    monkeypatch.setattr(pretokenize, "COMPACT_ENTRIES", 1000)
    shards = np.random.default_rng(1).integers(0, 300, 5000) + 50
    counter = WordCounter(shards=400)
    for part in np.split(shards, 100):
        counter.add(pa.array(["word"] * len(part), pa.large_string()), part.astype(np.uint16))
    for counts in (counter.result(), counter.result()):  # asking changes nothing
        assert counts.words.to_pylist() == [b"word"]
        assert counts.shards.tolist() == np.unique(shards).tolist()
        assert counts.counts.tolist() == np.unique(shards, return_counts=True)[1].tolist()


def test_a_count_may_exceed_what_an_entry_of_the_log_holds():
    counter = WordCounter(shards=3)
    for shard in (1, 2, 1):
        counter.add(pa.array(["x\n" * 1_500_000], pa.large_string()), np.array([shard], dtype=np.uint16))
    counts = counter.result()
    assert counts.words.to_pylist() == [b"\n", b"x"]
    assert counts.shards.tolist() == [1, 2] * 2
    assert counts.counts.tolist() == [3_000_000, 1_500_000] * 2


def test_what_training_on_files_counts(udhr, tmp_path):
    """The trainer's own state shows the words that `tokenizers` counted while it read a file."""
    text = "\n\n".join("\n".join(articles) for articles in udhr.values()).replace("o", "o\r\n", 40)
    (tmp_path / "text").write_text(text, encoding="utf-8", newline="")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(DEFAULT), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    trainer = trainers.BpeTrainer(vocab_size=256, show_progress=False)
    tokenizer.train([str(tmp_path / "text")], trainer)
    words = json.loads(trainer.__getstate__())["BpeTrainer"]["words"]
    expected = {bytes(BYTE_OF[c] for c in word): n for word, n in words.items()}
    assert count_words(text, by_line=True) == expected


@pytest.mark.parametrize("normalizer", unicode_tables.NORMALIZERS)
def test_suspects_are_all_that_a_normal_form_may_change(normalizer):
    points = np.array([*range(0x80, 0xD800), *range(0xE000, CODE_POINTS)])
    encoded = [chr(point).encode().ljust(4, b"a") for point in points]
    first, second, third, _ = np.frombuffer(b"".join(encoded), np.uint8).reshape(-1, 4).T
    suspects = unicode_tables.suspects(normalizer)
    suspect = (suspects.firsts[first] & suspects.seconds[second] & suspects.thirds[third]) > 0
    active = unicode_tables.load()[normalizer][points] != unicode_tables.INERT
    assert not (active & ~suspect).any()
    if normalizer == "nfc":  # kana and general punctuation, which are everywhere, are not looked at twice
        common = ((points >= 0x3040) & (points < 0x3099)) | ((points > 0x3099 + 1) & (points < 0x3100))
        common |= (points >= 0x2010) & (points < 0x2040)
        assert not (suspect & ~active)[common].any()
    assert first[suspect].min() == suspects.least


def test_words_that_begin_alike_are_in_the_order_of_their_bytes():
    words = ["a" * n for n in range(1, 41)] + ["a" * 8 + "\x00" * n for n in range(1, 20)]
    words += ["a" * 16 + chr(point) for point in range(0x100, 0x200)] + [
        "a" * 24 + chr(point) for point in range(40)
    ]
    expected = {word.encode(): n % 3 + 1 for n, word in enumerate(words)}
    counter = WordCounter("none", shards=5, normalizer="none")
    for turn in range(3):  # the shards of a word rise within a call alone
        chosen = [n for n in range(len(words)) if n % 3 >= turn]
        counter.add(
            pa.array([words[n] for n in chosen], pa.large_string()), np.array(chosen) * (turn + 2) % 5
        )
    for _ in range(2):  # what was sorted can be sorted again
        counts = counter.result()
        assert counts.words.to_pylist() == sorted(expected)
        assert dict(zip(counts.words.to_pylist(), counts.totals().tolist(), strict=True)) == expected
        for first, end in pairwise(counts.offsets.tolist()):
            assert (np.diff(counts.shards[first:end].astype(int)) > 0).all()
