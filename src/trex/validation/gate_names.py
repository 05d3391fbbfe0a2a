"""What a tokenizer is tried for, in the order of the table; docs/decisions.md says why each gate stops a run or not."""

# "A tokenizer that ..."
STOPS = {
    "scripts": "gives back text of every Unicode script",
    "documents": "gives back all test documents",
    "random": "gives back random text and random bytes",
    "spaces": "keeps leading, repeated and trailing white space",
    "bytes": "has an entry for each of the 256 bytes",
    "determinism": "gives all ids of a text, the same when loaded again, in another process, one by one and in batches",
    "special_text": "makes no special token of ordinary text, or of the white space beside one",
    "special_tokens": "finds each special token as one token",
    "merges": "has no entry that its merges never make",
    "normalizer": "has no entry that its normalizer always changes",
}
# The number of ...
WARNINGS = {
    "pattern": "entries for which no text was found: words are always split within them",
    "completed": "parts of characters that every text merges further",
    "junk": "entries of 8 characters and more without a letter, mark or digit, or of one repeated character",
    "long": "entries of more than 64 characters",
    "half": "entries that are no whole characters",
    "spelled": "ordinary entries with the text of a special token",
    "form": "forms of Unicode that lose differences (NFKC, NFKD), in which text is given back",
}
GATES = {**STOPS, **WARNINGS}

# What comes of a gate; n/a where it makes no sense.
PASSED, WARNED, FAILED, LEFT_OUT = "pass", "warn", "fail", "n/a"
