"""From text to counts of words: patterns, the scanner, tables of words, documents by shard."""
