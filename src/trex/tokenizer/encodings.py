"""The tiktoken encodings that are known by name: the rank files that `bpe_openai` ships, byte for byte OpenAI's."""

ENCODINGS = ("o200k_base", "cl100k_base")
BYTES = "bytes"  # as the reference tokenizer: every byte is a token
