"""Pre-tokenization regexes that the config knows by name; docs/patterns.md says what each does."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"|\s*[\r\n]+|\s+(?!\S)|\s+"


def _like_cl100k(letters: str, number: str, punctuation: str) -> str:
    """The shape that cl100k_base gave most patterns after it."""
    return rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?{letters}+|{number}| ?[^\s{punctuation}]+[\r\n]*{_SPACES}"


# The paper's pattern (arXiv 2601.13588): that of GPT-4's family with digits one by one. Qwen2 and Qwen3 have the same.
DEFAULT = _like_cl100k(r"\p{L}", r"\p{N}", r"\p{L}\p{N}")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# tiktoken's original regex, and Llama 3's. tiktoken's newer one, meant to be the same, has a possessive {1,3}+, which
# Oniguruma (`tokenizers`) reads as a repetition of {1,3}: it would take numbers whole.
CL100K = _like_cl100k(r"\p{L}", r"\p{N}{1,3}", r"\p{L}\p{N}")
QWEN_MARKS = _like_cl100k(r"[\p{L}\p{M}]", r"\p{N}", r"\p{L}\p{M}\p{N}")
O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]*[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]+{_CONTRACTIONS}?"
    rf"|[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]+[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]*{_CONTRACTIONS}?"
    rf"|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*{_SPACES}"
)
# DeepSeek-V3 splits three times: by \p{N}{1,3}, by [一-龥぀-ゟ゠-ヿ]+, and by a third regex, which also splits what the
# second takes. This is one regex that gives the same words: the third's alternatives twice, once for what the second
# takes and once for the rest, where such a character ends a word as the end of a text would. Three code points of the
# second are unassigned; the third leaves them over unless a letter follows.
_KANA_HAN = r"\u3040-\u30ff\u4e00-\u9fa5"
_UNASSIGNED = r"\u3040\u3097\u3098"
DEEPSEEK = (
    rf"\p{{N}}{{1,3}}|[{_UNASSIGNED}]?[\p{{L}}\p{{M}}&&[{_KANA_HAN}]]+|[\p{{P}}\p{{S}}&&[{_KANA_HAN}]]+"
    rf"|(?:[{_UNASSIGNED}](?![\p{{L}}\p{{M}}&&[{_KANA_HAN}]]))+|[!-/:-@\[-`{{-~][A-Za-z]+"
    rf"|[^\r\n\p{{L}}\p{{P}}\p{{S}}\p{{N}}{_KANA_HAN}]?[\p{{L}}\p{{M}}&&[^{_KANA_HAN}]]+"
    rf"| ?[\p{{P}}\p{{S}}&&[^{_KANA_HAN}]]+[\r\n]*|\s*[\r\n]+|\s+(?![^\s\p{{N}}{_KANA_HAN}])|\s+"
)
# Ours, for languages with marks: marks and joiners (U+200C, U+200D) stay with the letters, or the punctuation or emoji,
# that they follow; an apostrophe opens a word in every language alike; digits one by one; runs of punctuation and of
# white space end after 16 characters, so that no ruler or indentation becomes a long token.
MULTILINGUAL = (
    r"[^\r\n\p{L}\p{M}\p{N}]?\p{L}[\p{L}\p{M}\u200c\u200d]*|\p{N}| ?[^\s\p{L}\p{N}]{1,16}[\r\n]{0,16}"
    r"|[^\S\r\n]{0,16}[\r\n]{1,16}|\s{1,16}(?!\S)|\s{1,16}"
)

# Pieces of text for superwords, which white space does not end. SUPERBPE is published (arXiv 2503.13423). SUPERWORDS
# goes with patterns that take digits one by one, as ours do: so no merge of words is lost to a border that only pieces
# have. It leaves marks to their letters. A line ends its piece, in a document as in training text, which is read by
# lines.
SUPERBPE = r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]{2,}[\r\n/]*| +(?!\S)"
SUPERWORDS = r"\p{N}| ?[^\s\p{L}\p{M}\p{N}]{2,}[\r\n/]*| ?[^\s\p{L}\p{M}\p{N}][\r\n]+|\s*[\r\n]+| +(?!\S)"
# The regex of each name. The name "none" is no regex: text is not split.
PATTERNS = {
    "default": DEFAULT,
    "gpt2": GPT2,
    "cl100k": CL100K,
    "o200k": O200K,
    "llama3": CL100K,
    "qwen": DEFAULT,
    "qwen3.5": QWEN_MARKS,
    "deepseek": DEEPSEEK,
    "multilingual": MULTILINGUAL,
    "superbpe": SUPERBPE,
    "superwords": SUPERWORDS,
}


def regex_of(pattern: str) -> str:
    """The regex of a name, or the regex itself; an empty one for none."""
    return "" if pattern == "none" else PATTERNS.get(pattern, pattern)


def split_name(tokenizer: Mapping[str, Any]) -> str:
    """What a config's section `tokenizer` says about how text is cut into words, as the name of a folder.

    >>> split_name({"pattern": PATTERNS["o200k"], "normalizer": "nfc", "unit": "document"})
    'o200k'
    """
    names = {"": "none"} | {regex: name for name, regex in reversed(PATTERNS.items())}
    pattern = tokenizer["pattern"]
    name = names.get(pattern) or f"regex-{sha256(pattern.encode()).hexdigest()[:8]}"
    name += "" if tokenizer["normalizer"] == "nfc" else f"-{tokenizer['normalizer']}"
    return name + ("" if tokenizer["unit"] == "document" else f"-{tokenizer['unit']}")
