"""The tiktoken encodings that are known by name: the rank files that `bpe_openai` ships, byte for byte OpenAI's."""

import base64
import gzip
from importlib import resources

from trex.counting.patterns import CL100K, O200K

ENCODINGS = ("o200k_base", "cl100k_base")
BYTES = "bytes"  # as the reference tokenizer: every byte is a token
PATTERN_OF = {"cl100k_base": CL100K, "o200k_base": O200K}
RANKS = {"cl100k_base": 100_256, "o200k_base": 199_998}  # how many; to load bpe_openai takes a second
SPECIAL_TOKENS = {
    "cl100k_base": {
        "<|endoftext|>": 100257,
        "<|fim_prefix|>": 100258,
        "<|fim_middle|>": 100259,
        "<|fim_suffix|>": 100260,
        "<|endofprompt|>": 100276,
    },
    "o200k_base": {"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
}


def read_ranks(name: str) -> dict[bytes, int]:
    """Token -> rank, which is its id, rising."""
    packed = (resources.files("bpe_openai.data") / f"{name}.tiktoken.gz").read_bytes()
    lines = (line.split() for line in gzip.decompress(packed).splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in lines}
