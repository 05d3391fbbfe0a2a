"""Regexes that are compiled, named patterns, rules of existing tokenizers, and normalizers, against `tokenizers`."""

import json
import logging
import re
from collections import Counter
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from trex import PATTERNS
from trex.bpe.training import train_bpe
from trex.config import ConfigError, load_config
from trex.counting import unicode_tables
from trex.counting.automaton import compiled
from trex.counting.patterns import DEEPSEEK, GPT2
from trex.counting.pretokenize import WordCounter, count_words
from trex.counting.regex import OutsideFamily
from trex.counting.rules import WordRules, why_slow
from trex.run.preflight import warn_of_slow_pattern
from trex.tokenizer.build import to_tokenizer
from trex.tokenizer.rules import word_rules

# Characters that patterns treat in different ways, and what they make of several.
PIECES = [
    *"aAsSzZk1² \t\n\r\v\x00\x7f'.$~!-/",
    *"\u00a0\u0301\u0323\u0345\u093c\u3042\uac00\u017f\u212a\u0130ªʰǅ一゠・゛\u3040\u3099",
    *"ー龥龦9\u200c\u200d\ue000б\u3000ß\u0903\u2028\u0378\U000e0100\U0001f469①",
    *(
        "'s",
        "'RE",
        "'ll",
        "'vE",
        "\r\n",
        "  ",
        " " * 20,
        "!" * 20,
        "\n" * 20,
        "हिन्दी",
        "Ǆab",
        "HelloWorld",
        " the",
    ),
]
NAMES = sorted({regex: name for name, regex in PATTERNS.items()}.values())


def counted(texts: list[str], pattern: str | WordRules, **options) -> dict[bytes, int]:
    counter = WordCounter(pattern, **options)
    counter.add(pa.array(texts, pa.large_string()))
    counts = counter.result()
    return dict(zip(counts.words.to_pylist(), counts.totals().tolist(), strict=True))


def by_tokenizers(texts: list[str], step: pre_tokenizers.PreTokenizer, normalize=str) -> dict[bytes, int]:
    return Counter(word.encode() for text in texts for word, _ in step.pre_tokenize_str(normalize(text)))


def splitting(regex: str, behavior: str = "isolated", invert: bool = False) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Split(Regex(regex), behavior, invert=invert)


def tricky(n: int, seed: int = 0) -> list[str]:
    random = Random(seed)
    return ["".join(random.choices(PIECES, k=random.randrange(1, 16))) for _ in range(n)]


# --- the compiler

ATOMS = [
    *"aAsStb1' \n-éßſऩ", r"\p{L}", r"\P{L}", r"\p{Lu}", r"\p{N}", r"\p{M}", r"\s", r"\S", r"\d", r"\D", ".", r"\r",
    r"[ab]", r"[^a]", r"[a-t]", r"[^\r\n\p{L}\p{N}]", r"[\p{Ll}\p{M}]", r"[\p{L}&&[^a-s]]", r"[^\s&&[^\n]]", r"\.",
    r"[-1]", r"[a\-\]s]", r"\u0065", r"\x{93c}", r"\x31", "(?m:.)", "(?i:s)", "(?i:'k|ab)", "(?i:[at]1)",
]  # fmt: skip
LOOKS = [r"(?!\S)", r"(?=\s)", "(?![a-t])", "(?=1|$)", "$", r"\z", r"(?!\p{L}|\z)"]
OF_SETS = ["", "", "", "?+", "*+", "++"]
QUANTIFIERS = ["?", "*", "+", "{1,3}", "{2}", "{,2}", "{2,}", "??", "*?", "+?", "{1,2}?", "{1,2}+"]
ATOM = st.sampled_from(ATOMS)


def nested(inner):
    repeated = st.tuples(ATOM, inner, st.sampled_from(QUANTIFIERS)).map(lambda x: f"(?:{x[0]}{x[1]}){x[2]}")
    joined = st.lists(inner | st.sampled_from(LOOKS), min_size=2, max_size=4).map("".join)
    either = st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})")
    return repeated | joined | either


SIMPLE = st.tuples(ATOM, st.sampled_from(OF_SETS + QUANTIFIERS)).map("".join)
ALTERNATIVE = st.tuples(
    st.sampled_from(["", " ?", "[^1]?"]), ATOM, st.recursive(SIMPLE, nested, max_leaves=6)
)
REGEXES = st.lists(ALTERNATIVE.map("".join), min_size=1, max_size=4).map("|".join)
SHORT = st.text(st.sampled_from("aAbstSk1²' \n\r-.éßſKऩाZ\u3000"), max_size=24)


@settings(max_examples=80, deadline=None)
@given(REGEXES, st.lists(SHORT, min_size=8, max_size=8))
def test_any_regex_of_the_family(regex, texts):
    try:
        compiled((regex,))
    except OutsideFamily:
        assume(False)
    assert counted(texts, regex, normalizer="none") == by_tokenizers(texts, splitting(regex))


OUTSIDE = {
    r"(?<=a)b|.": "a group of another kind",
    r"(\w)\1|.": r"\1 at",
    r"a+(?=bc)|.": "a look at more than the next character",
    r"\b.": r"\b at",
    "a*": "match nothing",
    "(?:a*)*b": "unlimited repeat",
    "(?i:strasse|.)": "letters that one character folds to",
    "(?i:é)|.": "not ASCII",
    "(?>ab|a)c|.": "a group of another kind",
    "(?:ab)++.|.": "possessive repeat of more than a set",
    "a{2}?|.": "{n}?",
    r"(?:a{1000}b?){1000}": "longer than",
}


@pytest.mark.parametrize(("regex", "why"), OUTSIDE.items(), ids=OUTSIDE)
def test_what_is_outside_the_family_is_exact_all_the_same(regex, why):
    with pytest.raises(
        OutsideFamily, match=why.replace("\\", "\\\\").replace("{", "\\{").replace("?", "\\?")
    ):
        compiled((regex,))
    texts = ["aabc b\nabab ab", "straße Strasse STRAẞE é É", "aaaab", ""]
    assert counted(texts, regex, by_line=True) == by_tokenizers(
        [line for text in texts for line in text.splitlines(keepends=True)], splitting(regex)
    )


def test_the_slow_way_says_so_before_and_in_the_log(caplog):
    assert warn_of_slow_pattern(PATTERNS["o200k"], "tokenizer.pattern") is None
    assert warn_of_slow_pattern(r"\p{L}+|.", "tokenizer.pattern") is None
    assert "tokenizer.pattern: words are split" in warn_of_slow_pattern(r"(?<=a)b|\w+|.", "tokenizer.pattern")
    with caplog.at_level(logging.WARNING):
        counted(["word " * 100_000] * 3, r"\b\w+|.")
    assert "MB a second" in caplog.text
    assert r"\b at character 2" in caplog.text


def test_ignoring_case_is_what_oniguruma_does():
    letters = "".join(map(chr, unicode_tables.members("(?i:[a-z])").points()))
    assert len(letters) == 54
    for letter in "abcdefghijklmnopqrstuvwxyz":
        assert count_words(letters, f"(?i:{letter})|.", normalizer="none") == by_tokenizers(
            [letters], splitting(f"(?i:{letter})|.")
        )


# --- named patterns


@pytest.mark.parametrize("name", NAMES)
def test_named_patterns(name):
    """benchmarks/counting.py --exact asks for all code points in many contexts, and for 100,000 texts of each."""
    points = [*range(0xD800), *range(0xE000, 0x32000, 3), *range(0x32000, 0x110000, 611)]
    texts = [f" {c}a{c}'{c}\n1{c}" for c in map(chr, points[:: 1 if name == "o200k" else 7])] + tricky(1500)
    assert counted(texts, PATTERNS[name]) == by_tokenizers(
        texts, splitting(PATTERNS[name]), normalizers.NFC().normalize_str
    )


def test_deepseek_is_the_three_splits_of_its_tokenizer():
    three = [
        r"\p{N}{1,3}",
        "[一-龥぀-ゟ゠-ヿ]+",
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+"""
        r"[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ]
    texts = tricky(3000, seed=1)
    expected = by_tokenizers(texts, pre_tokenizers.Sequence(list(map(splitting, three))))
    assert counted(texts, DEEPSEEK, normalizer="none") == expected


def test_multilingual_keeps_marks_and_caps_runs():
    def words(text: str) -> list[str]:
        return [word for word, _ in splitting(PATTERNS["multilingual"]).pre_tokenize_str(text)]

    assert words("हिन्दी می‌خواهم ශ්‍රී ภาษาไทย شُكْرًا") == ["हिन्दी", " می‌خواهم", " ශ්‍රී", " ภาษาไทย", " شُكْرًا"]
    assert words("-" * 35 + " " * 20 + "x") == ["-" * 16, "-" * 16, "---", " " * 16, "   ", " x"]
    assert words("42 👩\u200d🔬!\n\n") == ["4", "2", " 👩\u200d🔬!\n\n"]


# Those of a real team: apostrophes and the Tibetan tsheg belong to words, runs are capped, and before all else comes a
# guard: a run of eight equal characters is a word of its own.
_BEFORE = r"[ \x{0F0B}\x{0027}\x{2019}]?"
_AFTER = r"(?:[\x{0027}\x{2019}](?!\p{L}))?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CAPPED = (
    rf"{_BEFORE}{_UPPER}*{_LOWER}+{_AFTER}|{_BEFORE}{_UPPER}+{_LOWER}*{_AFTER}|\p{{N}}"
    r"| ?[^\s\p{L}\p{M}\p{N}]{1,16}[\r\n/]{0,16}|\s{0,16}[\r\n]{1,16}|\s{1,16}(?!\S)|\s{1,16}"
)
GUARDS = {
    "none": "",
    "eight": _BEFORE + r"(?<run>[^\s\p{N}])\k<run>{7}|",
    "by number": r"([^\s\p{N}])\1{7}|",
    "two": r" ?(?<x>[a\u3042])\k<x>{1}|",
}
RUNS = [
    *PIECES, "\u0f0b", "\u2019", "'", "don't", "'\u3042", "a" * 7, "a" * 8, "-" * 8, "'" * 9, "1" * 9, "é" * 20,
    "a" * 41, "\u3042" * 25, "\u2019" * 17, "\U0001f469" * 8, "\u0301" * 8, "-\n" * 8,
]  # fmt: skip


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("by_line", [False, True])
def test_a_guard_against_runs_of_a_character(guard, by_line):
    regex = GUARDS[guard] + CAPPED
    assert why_slow(regex) is None
    random = Random(guard)
    texts = ["".join(random.choices(RUNS, k=random.randrange(1, 16))) for _ in range(1500)]
    items = [line for text in texts for line in re.findall(r"[^\n]*\n|[^\n]+", text)] if by_line else texts
    assert counted(texts, regex, by_line=by_line, normalizer="none") == by_tokenizers(items, splitting(regex))


@pytest.mark.parametrize(
    "regex",
    [
        r"\p{L}+|([^\s])\1{7}|.",  # not the first alternative
        r"(\s)\1{7}|(?m:.)",  # goes beyond a line
        r"([^\s])\1{7}|\p{L}",  # leaves some text over
    ],
)
def test_other_guards_go_the_slow_way(regex):
    assert why_slow(regex)
    texts = ["a" * 20 + "\n" * 9 + "bc", " " * 30]
    assert counted(texts, regex) == by_tokenizers(texts, splitting(regex))


def test_a_guard_takes_no_longer_for_longer_runs():
    """Nor for many runs, behind each of which the next ones were split before."""
    regex = GUARDS["eight"] + CAPPED
    assert count_words("x" * 4_000_004, regex) == {b"x" * 8: 500_000, b"xxxx": 1}
    many = counted([("-" * 80 + "\n") * 30_000], regex)
    assert many == {b"-" * 8: 300_000, b"\n": 30_000}


# --- what is no regex alone

ISOLATED = {"behavior": "Isolated", "invert": False}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
DIGITS = {"type": "Digits", "individual_digits": True}


def split_step(regex: str, **other) -> dict:
    return {"type": "Split", "pattern": {"Regex": regex}, **ISOLATED, **other}


PIPELINES = {
    "gpt2": [{**BYTES, "use_regex": True}],
    "starcoder": [DIGITS, {**BYTES, "use_regex": True}],
    "bloom": [split_step(r" ?[^(\s|[.,!?…。，、।۔،])]+"), BYTES],
    "deepseek-coder": [
        split_step("[\r\n]"), split_step(r"\s?\p{L}+"), split_step(r"\s?\p{P}+"),
        split_step("[一-龥ࠀ-一가-퟿]+"), {**DIGITS, "individual_digits": False}, BYTES,
    ],
    "removed": [split_step(r"\s", behavior="Removed"), split_step("[aeiou]"), BYTES],
    "kept": [split_step(r"\p{L}+|\d", behavior="Removed", invert=True), split_step("[^a]+"), BYTES],
    "text": [{**split_step(""), "pattern": {"String": "a.(-"}}, {"type": "WhitespaceSplit"}, BYTES],
    "nothing": [BYTES],
}  # fmt: skip


def tokenizer_json(pipeline: list[dict], normalizer: dict | None = None) -> dict:
    """As `tokenizers` writes it."""
    config = json.loads(Tokenizer(models.BPE()).to_str())
    config["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": pipeline}
    config["normalizer"] = normalizer
    return json.loads(Tokenizer.from_str(json.dumps(config)).to_str())


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_of_existing_tokenizers(name):
    """What `tokenizers` makes of the steps before the bytes, and the ByteLevel regex."""
    rules = word_rules(tokenizer_json(PIPELINES[name]))
    before = [step for step in PIPELINES[name] if step["type"] != "ByteLevel"]
    steps = Tokenizer.from_str(json.dumps(tokenizer_json([*before, split_step(r"(?m:.+)")]))).pre_tokenizer
    if PIPELINES[name][-1]["use_regex"]:
        steps = pre_tokenizers.Sequence([steps, splitting(GPT2)])
    texts = [*tricky(1000, seed=2), "a.(-aa.(- b", "𑷠𑷡1²"]
    assert counted(texts, rules) == by_tokenizers(texts, steps)
    lines = [line for text in texts for line in text.split("\n")]
    assert counted(["\n".join(lines)], rules, by_line=True) == by_tokenizers(
        [*(line + "\n" for line in lines[:-1]), lines[-1]], steps
    )


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (tokenizer_json([{**BYTES, "add_prefix_space": True}]), "a space before each text"),
        (tokenizer_json([BYTES, DIGITS]), "Digits splits what is spelled in bytes"),
        (tokenizer_json([{"type": "BertPreTokenizer"}, BYTES]), "the pre-tokenizer BertPreTokenizer"),
        (tokenizer_json([split_step("a", behavior="MergedWithNext"), BYTES]), "the behavior MergedWithNext"),
        (tokenizer_json([BYTES], {"type": "Lowercase"}), "its normalizer is Lowercase"),
    ],
)
def test_rules_that_only_the_tokenizer_has(config, why):
    with pytest.raises(OutsideFamily, match=why):
        word_rules(config)


def test_numeric_of_digits_is_that_of_the_library():
    """Rust's, of a newer Unicode than Oniguruma's."""
    points = [c for c in range(0x20000) if not 0xD800 <= c < 0xE000]
    rules = word_rules(tokenizer_json([DIGITS, BYTES]))
    texts = ["a" + "a".join(map(chr, points)) + "a"]
    assert counted(texts, rules) == by_tokenizers(texts, pre_tokenizers.Digits(individual_digits=True))


@pytest.mark.parametrize("normalizer", ["nfc", "nfkc", "none"])
def test_a_tokenizer_encodes_what_was_counted(normalizer):
    """Its words are the words counted, whatever the normalizer; and the text comes back, normalized."""
    texts = [*tricky(1500, seed=3), "ﷺ ｆｕｌｌ ½ ﬁ ﾊﾞ e\u0323\u0302", "क़ ಕೋ"]
    words = counted(texts, PATTERNS["multilingual"], normalizer=normalizer)
    model = train_bpe(list(words), np.array(list(words.values())), 300)
    tokenizer = to_tokenizer(model, PATTERNS["multilingual"], normalizer)
    normalize = tokenizer.normalizer.normalize_str if tokenizer.normalizer else str
    assert words == by_tokenizers(texts, splitting(PATTERNS["multilingual"]), normalize)
    assert words == counted(texts, word_rules(json.loads(tokenizer.to_str())))
    assert all(tokenizer.decode(tokenizer.encode(text).ids) == normalize(text) for text in texts)


def test_config_knows_the_names(tmp_path):
    config = {"corpora": {c: {"source": {"text": "a.txt"}} for c in "ab"}, "reference": "o200k_base"}
    for name, regex in PATTERNS.items():
        loaded = load_config({**config, "tokenizer": {"pattern": name, "normalizer": "nfkc"}}, tmp_path)
        assert (loaded["tokenizer"]["pattern"], loaded["tokenizer"]["normalizer"]) == (regex, "nfkc")
    with pytest.raises(ConfigError, match="multilingual"):
        load_config({**config, "tokenizer": {"pattern": "(multi"}}, tmp_path)
