"""Kinds of records that are left out of a corpus, as the ledgers have them and in words."""

# Why a record is bad.
REASONS = {
    "not_json": "not JSON, or cut off",
    "not_utf8": "not UTF-8",
    "half_surrogate": "with half of a surrogate pair",
    "no_text": "without a text",
    "not_text": "with something else in place of a text",
    "two_texts": "with two different texts",
    "no_order": "with a value that where cannot compare",
}
NULL = "null"  # records whose text is null, which are not bad
FILTERED = "filtered"  # by the option where
