"""Pre-tokenization regexes that the config knows by name."""

# The paper's pattern (arXiv 2601.13588): that of GPT-4's family with digits one by one. The only one that has a
# scanner of our own (trex.pretokenize); every other goes through `tokenizers`.
DEFAULT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

PATTERNS = {"default": DEFAULT}
