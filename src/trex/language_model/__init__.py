"""What a tokenizer means for a language model."""
