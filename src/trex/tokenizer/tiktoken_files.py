"""A tokenizer for tiktoken: `tokenizer.tiktoken`, a rank a line; `tiktoken.json` with what such a file cannot say; and
`load_tiktoken.py`, which makes a `tiktoken.Encoding` of both."""

import base64
import hashlib
import importlib.util
import json
from pathlib import Path

from trex.bpe.byte_alphabet import unspell
from trex.counting.patterns import DEEPSEEK, PATTERNS, SUPERBPE, SUPERWORDS
from trex.tokenizer.formats import FACTS, LOADER, RANKS
from trex.tokenizer.vocabulary import Encode, Vocabulary

_COMPLETE = {*PATTERNS.values()} - {DEEPSEEK, SUPERBPE, SUPERWORDS}  # regexes that leave nothing over

_SOURCE = '''"""The tiktoken encoding of this folder.

>>> encoding = load("path of this folder")
>>> encoding.encode_ordinary(normalize("text"))
"""

import json
import unicodedata
from pathlib import Path

import tiktoken
from tiktoken.load import load_tiktoken_bpe

FOLDER = Path(__file__).parent


def about(folder=FOLDER):
    return json.loads((Path(folder) / "tiktoken.json").read_text(encoding="utf-8"))


def load(folder=FOLDER):
    facts = about(folder)
    # the hash, because tiktoken keeps a copy of every file that it has read and would not see another of this name
    ranks = load_tiktoken_bpe(str(Path(folder) / "tokenizer.tiktoken"), expected_hash=facts["sha256"])
    return tiktoken.Encoding(
        facts["name"],
        pat_str=facts["pat_str"],
        mergeable_ranks=ranks,
        special_tokens=facts["special_tokens"],
        explicit_n_vocab=facts["n_vocab"],
    )


def normalize(text, folder=FOLDER):
    """What the tokenizer does to a text before it splits it; tiktoken does not."""
    form = about(folder)["normalizer"]
    return unicodedata.normalize(form, text) if form else text
'''


def write(vocabulary: Vocabulary, folder: Path) -> None:
    """ValueError if the ids do not rise with the merges: tiktoken merges the pair whose token has the lowest rank, and
    the rank is the id."""
    ranks = {
        token: number for number, token in enumerate(vocabulary.tokens) if token not in vocabulary.special
    }
    merged = [ranks.get(a + b, -1) for a, b in vocabulary.merges]
    if merged != sorted(set(merged)) or -1 in merged:
        raise ValueError(
            f"{vocabulary.name} cannot be exported as tiktoken: its ids do not rise with its merges, as where a "
            "special token is spelled like one that merges make"
        )
    lines = [f"{base64.b64encode(unspell(token)).decode()} {rank}\n" for token, rank in ranks.items()]
    data = "".join(lines).encode()
    (folder / RANKS).write_bytes(data)
    facts = {
        "name": vocabulary.name,
        "pat_str": _pattern(vocabulary.regex),
        "special_tokens": dict(vocabulary.special),
        "n_vocab": len(vocabulary.tokens),
        "normalizer": vocabulary.normalizer,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    (folder / FACTS).write_text(json.dumps(facts, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (folder / LOADER).write_text(_SOURCE, encoding="utf-8")


def _pattern(regex: str) -> str:
    """What splits text in tiktoken, which drops what the regex leaves over, where `tokenizers` takes it for a word."""
    if not regex:
        return r"(?s:.+)"
    if regex in _COMPLETE:
        return regex
    return rf"(?:{regex})|(?:(?!{regex})(?s:.))+"


def read(vocabulary: Vocabulary, folder: Path) -> tuple[str, Encode]:
    """(the library, how it encodes)."""
    import tiktoken

    spec = importlib.util.spec_from_file_location("load_tiktoken", folder / LOADER)
    loader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loader)
    encoding = loader.load(folder)
    return f"tiktoken {tiktoken.__version__}", lambda texts: encoding.encode_ordinary_batch(
        texts, num_threads=1
    )
