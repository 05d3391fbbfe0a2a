"""What the exports can say: the formats, and the splits that llama.cpp knows by name. Light, as the config reads it."""

from collections.abc import Iterable
from dataclasses import dataclass

from trex.counting.patterns import CL100K, DEEPSEEK, DEFAULT, GPT2, QWEN_MARKS

# the files of each format
RANKS, FACTS, LOADER = "tokenizer.tiktoken", "tiktoken.json", "load_tiktoken.py"
GGUF = "tokenizer.gguf"
VOCAB, MERGES = "vocab.json", "merges.txt"
FILES = {"tiktoken": (RANKS, FACTS, LOADER), "gguf": (GGUF,), "vocab": (VOCAB, MERGES)}
CHECKED = "checked.json"  # what was compared
PACKAGES = {"tiktoken": "tiktoken", "gguf": "gguf"}  # what writes and reads a format, beside `tokenizers`


def export_files(formats: Iterable[str]) -> list[str]:
    """Names of the files of some formats, and of what was checked."""
    return [*(file for one in formats for file in FILES[one]), CHECKED]


@dataclass(frozen=True)
class PreTokenizer:
    """How llama.cpp splits text under one name of `tokenizer.ggml.pre` (its src/llama-vocab.cpp).

    regexes: each splits what those before it left. ignore_merges: a word that is a token is taken whole.
    """

    name: str
    regexes: tuple[str, ...]
    ignore_merges: bool = False


def _any_case(regex: str) -> str:
    """llama.cpp has no (?i:...) and writes both cases out, so that 'ſ (a long s) is no contraction."""
    both = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
    return regex.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)", both)


# By our regex. Each was compared with llama.cpp itself (docs/decisions.md). Its gpt-4o is not o200k: it tells capitals
# from small letters in ASCII alone and parts marks from letters.
PRE_TOKENIZERS = {
    DEFAULT: PreTokenizer("qwen2", (_any_case(DEFAULT),)),
    CL100K: PreTokenizer("llama-bpe", (_any_case(CL100K),), ignore_merges=True),
    QWEN_MARKS: PreTokenizer("qwen35", (_any_case(QWEN_MARKS),)),
    GPT2: PreTokenizer("gpt-2", (GPT2,)),
    DEEPSEEK: PreTokenizer(
        "deepseek-v3",
        (
            r"\p{N}{1,3}",
            "[一-龥぀-ゟ゠-ヿ]+",
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ),
    ),
}


def why_not(
    file_format: str, regex: str, alphabet: str, eos_token: str | None, algorithm: str = "bpe"
) -> str | None:
    """Why a tokenizer has no export of a format, and what to do; None if it has one.

    regex: what splits text, of `tokenizer.pattern`; alphabet: the config's `tokenizer.alphabet`; eos_token: its
    `release.eos_token`; algorithm: its `tokenizer.algorithm`.
    """
    if algorithm != "bpe":
        return (
            f"all formats are for byte-level BPE, and tokenizer.algorithm is {algorithm}; its tokenizer.json has no "
            "exports"
        )
    if alphabet == "latin1":
        return (
            "the tokenizer reads bytes (tokenizer.alphabet: latin1), and all formats are for tokenizers of UTF-8 text; "
            "binary tokenizers have no exports"
        )
    if file_format == "gguf" and regex not in PRE_TOKENIZERS:
        return (
            "llama.cpp splits text only by regexes that it knows by name, and it has none that gives the words of "
            "tokenizer.pattern; of the named patterns it has default, gpt2, cl100k, llama3, qwen, qwen3.5 and "
            "deepseek; list the other formats in release.exports"
        )
    if file_format == "gguf" and eos_token is None:
        return (
            "llama.cpp would end every text at the token of id 11, an ordinary one, since release.eos_token is null; "
            "name one of tokenizer.special_tokens there, or list the other formats in release.exports"
        )
    return None
