"""Tokenizers as `tokenizers` loads them: built from our models, read from files, and used to encode text."""
