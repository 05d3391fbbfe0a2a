"""Scripts of letters, and which of them belong together in one language's text."""

import polars as pl

SCRIPTS = (
    "Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil",
    "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao", "Tibetan", "Myanmar", "Georgian", "Armenian",
    "Ethiopic", "Khmer", "Han", "Hiragana", "Katakana", "Hangul",
)  # fmt: skip
OTHER = "other"

_JAPANESE = frozenset({"Han", "Hiragana", "Katakana"})
_KOREAN = frozenset({"Hangul", "Han"})
_KANA = 0.05  # of a text's letters: Chinese text quotes hardly any

# Of ids such as hin_Deva: the ISO 15924 code of a script, and the scripts that such text has.
OF_CODE = {
    "Latn": {"Latin"}, "Cyrl": {"Cyrillic"}, "Grek": {"Greek"}, "Arab": {"Arabic"}, "Hebr": {"Hebrew"},
    "Deva": {"Devanagari"}, "Beng": {"Bengali"}, "Guru": {"Gurmukhi"}, "Gujr": {"Gujarati"}, "Orya": {"Oriya"},
    "Taml": {"Tamil"}, "Telu": {"Telugu"}, "Knda": {"Kannada"}, "Mlym": {"Malayalam"}, "Sinh": {"Sinhala"},
    "Thai": {"Thai"}, "Laoo": {"Lao"}, "Tibt": {"Tibetan"}, "Mymr": {"Myanmar"}, "Geor": {"Georgian"},
    "Armn": {"Armenian"}, "Ethi": {"Ethiopic"}, "Khmr": {"Khmer"}, "Hans": {"Han"}, "Hant": {"Han"}, "Hani": {"Han"},
    "Jpan": _JAPANESE, "Kore": _KOREAN, "Hang": _KOREAN,
}  # fmt: skip


def script_of(letter: pl.Expr) -> pl.Expr:
    """The script of texts of one letter: one of SCRIPTS, or OTHER; null for null."""
    script = pl.when(letter.is_null()).then(pl.lit(None, pl.String))
    for name in SCRIPTS:
        script = script.when(letter.str.contains(rf"\p{{{name}}}")).then(pl.lit(name))
    return script.otherwise(pl.lit(OTHER))


def written_together(shares: dict[str, float]) -> frozenset[str]:
    """The main script of a text with these shares of letters by script, and those that are written with it.

    >>> sorted(written_together({"Han": 0.6, "Hiragana": 0.3, "Latin": 0.1}))
    ['Han', 'Hiragana', 'Katakana']
    """
    if not shares:
        return frozenset()
    main = max(shares, key=shares.__getitem__)
    kana = shares.get("Hiragana", 0) + shares.get("Katakana", 0)
    if main in ("Hiragana", "Katakana") or (main == "Han" and kana > _KANA):
        return _JAPANESE
    return _KOREAN if main == "Hangul" else frozenset({main})
