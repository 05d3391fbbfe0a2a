"""Regexes that are compiled, named patterns, rules of existing tokenizers, and normalizers, against `tokenizers`."""

import json
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from trex import PATTERNS
from trex.bpe.byte_alphabet import BYTE_CHARACTERS, unspell
from trex.bpe.training import train_bpe
from trex.counting import unicode_tables
from trex.counting.automaton import compiled
from trex.counting.patterns import DEEPSEEK
from trex.counting.pretokenize import WordCounter, count_words
from trex.counting.regex import OutsideFamily
from trex.counting.rules import Split, WordRules, why_slow
from trex.inference.words import count_words_as
from trex.run.preflight import warn_of_slow_pattern
from trex.tokenizer.build import to_tokenizer
from trex.tokenizer.existing import Existing

# Characters that patterns treat in different ways, and what they make of several.
PIECES = [
    *"aAsSzZk1² \t\n\r\v\x00\x7f'.$~!-/\u00a0\u0301\u0323\u0345\u093c\u3042\uac00\u017f\u212a\u0130ªʰǅ一゠・゛\u3040\u3099ー龥龦9\u200c",
    *"\u200d\ue000б\u3000ß\u0903\u2028\u0378\U000e0100\U0001f469①",
    *("'s", "'RE", "'ll", "'vE", "\r\n", "  ", " " * 20, "!" * 20, "\n" * 20, "हिन्दी", "Ǆab", "HelloWorld", " the"),
]  # fmt: skip
NAMES = sorted({regex: name for name, regex in PATTERNS.items()}.values())


def counted(texts: list[str], pattern: str | WordRules, **options) -> dict[bytes, int]:
    counter = WordCounter(pattern, **options)
    counter.add(pa.array(texts, pa.large_string()))
    counts = counter.result()
    return dict(zip(counts.words.to_pylist(), counts.totals().tolist(), strict=True))


def by_tokenizers(texts: list[str], steps, normalize=str) -> dict[bytes, int]:
    split = steps.pre_tokenize_str
    return Counter(word.encode() for text in texts for word, _ in split(normalize(text)))


def splitting(regex: str):
    return pre_tokenizers.Split(Regex(regex), "isolated")


# --- the compiler

ATOMS = [
    *"aAsStb1' \n-éßſऩ", r"\p{L}", r"\P{L}", r"\p{Lu}", r"\p{N}", r"\p{M}", r"\s", r"\S", r"\d", r"\D", ".", r"\r", r"\.",
    r"[ab]", r"[^a]", r"[a-t]", r"[^\r\n\p{L}\p{N}]", r"[\p{Ll}\p{M}]", r"[\p{L}&&[^a-s]]", r"[^\s&&[^\n]]", r"[a\-\]s]",
    r"[-1]", r"[[:alpha:]']", r"\u0065", r"\x{93c}", r"\x31", "(?m:.)", "(?i:s)", "(?i:'k|ab)", "(?i:[at]1)",
]  # fmt: skip
LOOKS = [r"(?!\S)", r"(?=\s)", "(?![a-t])", "(?=1|$)", "$", r"\z", r"(?!\p{L}|\z)"]
QUANTIFIERS = [
    "?",
    "*",
    "+",
    "{1,3}",
    "{2}",
    "{,2}",
    "{2,}",
    "??",
    "*?",
    "+?",
    "{1,2}?",
    "?+",
    "*+",
    "++",
    "{1,2}+",
]


def nested(inner):
    quantified = st.tuples(inner, st.sampled_from(QUANTIFIERS)).map(lambda x: f"(?:{x[0]}){x[1]}")
    joined = st.lists(inner | st.sampled_from(LOOKS), min_size=2, max_size=4).map("".join)
    either = st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})")
    return quantified | joined | either


SIMPLE = st.tuples(st.sampled_from(ATOMS), st.sampled_from(["", "", *QUANTIFIERS])).map("".join)
REGEXES = st.lists(st.recursive(SIMPLE, nested, max_leaves=6), min_size=1, max_size=4).map("|".join)
SHORT = st.text(st.sampled_from("aAbstSk1²' \n\r-.éßſKऩाZ\u3000"), max_size=24)


@settings(max_examples=400, deadline=None)
@given(REGEXES, st.lists(SHORT, min_size=10, max_size=10))
def test_any_regex_of_the_family(regex, texts):
    try:
        compiled((regex,))
        split = splitting(regex)
    except OutsideFamily:
        assume(False)
    assert counted(texts, regex, normalizer="none") == by_tokenizers(texts, split)
