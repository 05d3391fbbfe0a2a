"""The rules by which an existing tokenizer makes words of text, read out of its tokenizer.json."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from trex.counting.patterns import GPT2
from trex.counting.regex import OutsideFamily
from trex.counting.rules import Split, WordRules

# What Rust calls numeric: 13 digits of newer Unicode than Oniguruma's are numbers too.
_NUMERIC = r"[\p{N}\x{11de0}-\x{11de9}\x{16ff4}-\x{16ff6}]"


def word_rules(config: Mapping[str, Any]) -> WordRules:
    """The rules of a byte-level tokenizer.json.

    OutsideFamily, which says what it is, if it has a step that is not a regex of ours: such a tokenizer splits text
    itself.
    """
    return WordRules(_normalizer(config.get("normalizer")), tuple(_splits(config.get("pre_tokenizer"))))


def steps(step: Mapping[str, Any] | None, parts: str) -> list[Mapping[str, Any]]:
    """The steps of a sequence of sequences (`parts`: where each has its own) one by one."""
    if step is None:
        return []
    if step["type"] == "Sequence":
        return [inner for part in step[parts] for inner in steps(part, parts)]
    return [step]


def _normalizer(config: Mapping[str, Any] | None) -> str:
    names = list(dict.fromkeys(step["type"] for step in steps(config, "normalizers")))
    if not names:
        return "none"
    if len(names) == 1 and names[0] in ("NFC", "NFKC"):
        return names[0].lower()
    raise OutsideFamily(f"its normalizer is {' and '.join(names)}")


def _splits(config: Mapping[str, Any] | None) -> Sequence[Split]:
    splits = []
    spelled = False
    for step in steps(config, "pretokenizers"):
        if spelled:
            raise OutsideFamily(f"its {step['type']} splits what is spelled in bytes already")
        kind = step["type"]
        if kind == "Split":
            splits.append(_split(step))
        elif kind == "Digits":
            splits.append(Split(_NUMERIC if step["individual_digits"] else f"{_NUMERIC}+"))
        elif kind == "WhitespaceSplit":
            splits.append(Split(r"\s+", matches=False))
        elif kind == "ByteLevel":
            spelled = True
            if step["add_prefix_space"]:
                raise OutsideFamily("it puts a space before each text")
            if step.get("use_regex", True):
                splits.append(Split(GPT2))
        else:
            raise OutsideFamily(f"it has the pre-tokenizer {kind}")
    return splits


def _split(step: Mapping[str, Any]) -> Split:
    pattern, behavior = step["pattern"], step["behavior"]
    regex = pattern["Regex"] if "Regex" in pattern else re.escape(pattern["String"])
    if behavior == "Isolated":
        return Split(regex)
    if behavior == "Removed":
        return Split(regex, between=not step["invert"], matches=bool(step["invert"]))
    raise OutsideFamily(f"its Split has the behavior {behavior}")
