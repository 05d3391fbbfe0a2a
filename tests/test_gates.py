"""Each hand-made tokenizer here is broken in one way, and fails or is warned of at exactly that gate."""

import json
import random
from dataclasses import replace
from itertools import product

import numpy as np
import polars as pl
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from trex.bpe.byte_alphabet import BYTE_LEVEL, LATIN1, spell
from trex.bpe.training import train_bpe
from trex.tokenizer.build import to_tokenizer
from trex.validation import probes
from trex.validation.entries import read_vocabulary
from trex.validation.gate_names import FAILED, LEFT_OUT, PASSED, STOPS, WARNED
from trex.validation.gates import check_gates, failures
from trex.validation.reach import unreachable

ALL_SCRIPTS, SOME = probes.of_scripts, ("Latin", "Greek", "Cyrillic", "Devanagari")
NOTHING_CHANGED = pl.DataFrame({"corpus": ["eng"], "changed": [0], "change": [None]})
BYTES = 257  # with the special token


@pytest.fixture(autouse=True)
def few_scripts(monkeypatch):
    """Fast enough for tests; the first test takes them all."""
    texts = {script: ALL_SCRIPTS()[script] for script in SOME}
    monkeypatch.setattr(probes, "of_scripts", lambda: texts)


def trained(*words: bytes, vocab_size: int = BYTES + 1, special="<|end|>", **rules) -> Tokenizer:
    counts = np.array([9] * len(words))
    return to_tokenizer(train_bpe(list(words), counts, vocab_size, special_tokens=[special]), **rules)


def edited(tokenizer: Tokenizer, change) -> Tokenizer:
    settings = json.loads(tokenizer.to_str())
    change(settings["model"])
    return Tokenizer.from_str(json.dumps(settings))


def normalized(normalizer) -> Tokenizer:
    tokenizer = trained(b" ab", normalizer="none")
    tokenizer.normalizer = normalizer
    return tokenizer


def with_merges(*merges: tuple[bytes, bytes], **rules) -> Tokenizer:
    def add(model):
        for a, b in merges:
            model["vocab"].setdefault(spell(a + b), len(model["vocab"]))
            model["merges"].append([spell(a), spell(b)])

    return edited(trained(b"ab", vocab_size=BYTES, **rules), add)


def gates_of(tokenizer: Tokenizer, corpora=NOTHING_CHANGED, alphabet=BYTE_LEVEL, **changes) -> dict[str, str]:
    vocabulary = replace(read_vocabulary(tokenizer, alphabet), **changes)
    table = check_gates(tokenizer, vocabulary, unreachable(tokenizer, vocabulary), corpora)
    return {gate: result for gate, result in table.select("gate", "result").iter_rows() if result != PASSED}


def test_a_sound_tokenizer_passes_all(monkeypatch):
    monkeypatch.setattr(probes, "of_scripts", ALL_SCRIPTS)
    assert len(ALL_SCRIPTS()) > 150
    assert sum(map(len, ALL_SCRIPTS().values())) > 150_000
    assert gates_of(trained(b" ab")) == {}


def drop_byte(model):
    del model["vocab"][spell(b"\xc0")]  # which no text has, so that all text is given back


def add_entry(model):
    model["vocab"]["xyz"] = len(model["vocab"])


def make_special(model):
    model["merges"].append(["e", "e"])


DEVANAGARI = [(b"\xe0", b"\xa4"), *((b"\xe0\xa4", bytes([last])) for last in range(0x80, 0xC0))]
RULERS = [(b"-" * n, b"-" * n) for n in (1, 2, 4)]
ABAB = [(b"a", b"b"), *((b"ab" * n, b"ab" * n) for n in (1, 2, 4, 8, 16, 32))]
BROKEN = {
    "scripts": lambda: normalized(normalizers.Replace("ꙮ", "o")),
    "random": lambda: normalized(normalizers.Replace("\U00077777", "o")),
    "spaces": lambda: normalized(normalizers.Replace("  ", " ")),
    "bytes": lambda: edited(trained(b" ab"), drop_byte),
    "determinism": lambda: edited(trained(b" ab"), lambda model: model.update(dropout=0.5)),
    "special_text": lambda: edited(trained(b" ab", special="ee"), make_special),
    "merges": lambda: edited(trained(b" ab"), add_entry),
    "normalizer": lambda: with_merges((b"\xcc", b"\x81"), (b"e", b"\xcc\x81")),
    "pattern": lambda: with_merges((b"a", b"b"), (b"1", b"b")),
    "junk": lambda: with_merges(*RULERS),
    "long": lambda: with_merges(*ABAB),
    "half": lambda: with_merges((b"\xe0", b"\xa4")),
    "spelled": lambda: with_merges(
        (b" ", b"<"), (b" <", b"a"), (b" <a", b">"), special="<a>", pattern="none"
    ),
    "form": lambda: trained(b" ab", normalizer="nfkc"),
}


@pytest.mark.parametrize("gate", BROKEN)
def test_a_broken_tokenizer_is_stopped_at_its_gate(gate, monkeypatch):
    if gate == "random":
        monkeypatch.setattr(probes, "random_texts", lambda *_, **__: ["a\U00077777"])
    assert gates_of(BROKEN[gate]()) == {gate: FAILED if gate in STOPS else WARNED}


def test_a_part_of_a_character_that_always_grows():
    assert gates_of(with_merges(*DEVANAGARI)) == {"completed": WARNED, "half": WARNED}
    assert gates_of(with_merges(*DEVANAGARI[:-1])) == {"half": WARNED}  # one letter is left over
    # and from the other side: no character ends with the two bytes alone
    ends = [(b"\xa4", b"\x85"), *((bytes([lead]), b"\xa4\x85") for lead in range(0xE0, 0xF0))]
    assert "completed" not in gates_of(
        with_merges(*ends, normalizer="none")
    )  # U+10905 has them too, after F0 90
    ends += [(bytes([third]), b"\xa4\x85") for third in range(0x80, 0xC0)]
    assert gates_of(with_merges(*ends, normalizer="none")) == {"completed": WARNED, "half": WARNED}


def test_documents_and_special_tokens():
    changed = pl.DataFrame({"corpus": ["eng", "deu"], "changed": [2, 0], "change": ["'x' becomes ''", None]})
    assert gates_of(trained(b" ab"), changed) == {"documents": FAILED}
    assert gates_of(trained(b" ab"), special={258: "<|missing|>"}) == {"special_tokens": FAILED}


def of_gate(tokenizer: Tokenizer, gate: str) -> list[str]:
    vocabulary = read_vocabulary(tokenizer)
    table = check_gates(tokenizer, vocabulary, unreachable(tokenizer, vocabulary), NOTHING_CHANGED)
    return table.row(by_predicate=pl.col("gate") == gate, named=True)["examples"]


@pytest.mark.parametrize("special", ["  ", "\n\n", "end", "...", "पद"])
def test_a_special_token_of_ordinary_text(special):
    tokenizer = trained(b" ab", special=special)
    assert gates_of(tokenizer) == {"special_text": FAILED}  # and no white space is said to spell one
    assert of_gate(tokenizer, "special_text") == [f"{special!r} is ordinary text"]


@pytest.mark.parametrize(("side", "where"), [("lstrip", "before"), ("rstrip", "after")])
def test_a_special_token_that_takes_the_white_space_beside_it(side, where):
    settings = json.loads(trained(b" ab").to_str())
    settings["added_tokens"][0][side] = True
    tokenizer = Tokenizer.from_str(json.dumps(settings))
    assert gates_of(tokenizer) == {"special_text": FAILED}
    assert of_gate(tokenizer, "special_text") == [f"<|end|> takes the white space {where} it"]


def test_truncation_and_padding_are_switched_off():
    cut = trained(b" ab")
    cut.enable_truncation(512)
    assert gates_of(cut) == {"determinism": FAILED}
    padded = trained(b" ab")
    padded.enable_padding()
    assert of_gate(padded, "determinism") == ["its tokenizer.json switches padding on"]


def test_text_that_is_not_given_back_is_shown():
    tokenizer = normalized(normalizers.Lowercase())
    vocabulary = read_vocabulary(tokenizer)
    table = check_gates(tokenizer, vocabulary, unreachable(tokenizer, vocabulary), NOTHING_CHANGED)
    scripts = table.row(by_predicate=pl.col("gate") == "scripts", named=True)
    assert any(example.startswith("Greek: 'Ͱ") and "becomes 'ͱ" in example for example in scripts["examples"])
    assert table.filter(gate="normalizer")["count"].item() == 26  # A to Z


def test_bytes_that_are_no_text():
    model = train_bpe([b"\x00\xff" * 3], np.array([9]), 258, alphabet=LATIN1)
    tokenizer = to_tokenizer(model, pattern="none", normalizer="none")
    left_out = dict.fromkeys(("scripts", "junk", "half"), LEFT_OUT)
    assert gates_of(tokenizer, alphabet=LATIN1) == left_out
    broken = edited(tokenizer, lambda model: model["vocab"].update({"\x00\x00": 258}))
    assert gates_of(broken, alphabet=LATIN1) == {**left_out, "merges": FAILED}


def test_tokenizers_of_other_kinds():
    words = Tokenizer(models.WordLevel({"ab": 0, "?": 1}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    found = gates_of(words)
    assert {gate for gate, result in found.items() if result == FAILED} == {
        "scripts",
        "random",
        "spaces",
        "bytes",
    }


# --- Reach, against all texts --------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["default", "o200k", "gpt2"])
def test_reach_is_what_all_short_texts_reach(pattern):
    """Random merges, most of which no trainer would make: entries that are in no encoding of any text of up to five
    characters are those that are said to be out of reach."""
    rng = random.Random(pattern)
    texts = ["".join(text) for n in range(1, 6) for text in product("aA1 's", repeat=n)]
    for _ in range(3):
        known = [bytes([byte]) for byte in b"aA1 's"]
        merges = []
        while len(merges) < 12:
            a, b = rng.choice(known), rng.choice(known)
            if len(a + b) <= 3 and a + b not in known:
                known.append(a + b)
                merges.append((a, b))
        tokenizer = with_merges(*merges, pattern=pattern)
        vocabulary = read_vocabulary(tokenizer)
        seen = {number for encoding in tokenizer.encode_batch_fast(texts) for number in encoding.ids}
        ours = vocabulary.entries.filter(pl.col("bytes").is_in(known))
        found = unreachable(tokenizer, vocabulary).filter(pl.col("id").is_in(ours["id"].to_list()))
        assert set(found["id"]) == set(ours["id"]) - seen
        assert set(found["reason"]) <= {"merges", "pattern"}


# --- What a failed gate says ---------------------------------------------------------------------------------


def test_failures_are_one_paragraph():
    rows = [
        ("chosen", "bytes", FAILED, 1, ["C0"]),
        ("chosen", "junk", WARNED, 3, []),
        ("gpt", "bytes", FAILED, 2, ["C1"]),
    ]
    gates = pl.DataFrame(rows, schema=["tokenizer", "gate", "result", "count", "examples"], orient="row")
    message = failures(gates, ["chosen"])
    assert (
        "chosen: not a tokenizer that has an entry for each of the 256 bytes (bytes; 1 found, such as C0)"
        in message
    )
    assert "tokenizer.base" not in message
    assert "what tokenizer.base fails at stays" in failures(gates, ["chosen"], extended=True)
    assert failures(gates, ["chosen"], waived=["bytes"]) is None
    assert failures(gates, ["other"]) is None
