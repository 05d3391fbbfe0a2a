"""Mixture inference: what text an existing tokenizer was trained on, from its merges alone."""
