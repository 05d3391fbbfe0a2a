"""Texts that a tokenizer has to give back: of every script, random ones, and ones full of spaces."""

import random
import unicodedata
from functools import cache

import polars as pl

# The scripts of Unicode 15.0, by their names in regexes. Characters of later versions count as `other`.
_NAMES = (
    "Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki "
    "Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee "
    "Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan "
    "Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi "
    "Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited "
    "Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi "
    "Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani "
    "Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui "
    "Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari "
    "New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian "
    "Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong "
    "Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian "
    "Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le "
    "Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai "
    "Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square"
)
SCRIPTS = tuple(_NAMES.split())
_RUN = 6  # characters of a made-up word

SPACES = (
    " a", "  a", "   a b", "a  b", "a   b    c", "a ", "a  ", " ", "  ", " " * 16, " " * 200, "\ta", "\t\ta\t b",
    "\n a", "a\n\n\n b", "a\r\nb", "a\rb", " \n \n", "a \n", "\u00a0a", "a\u00a0\u00a0b", "a\u2003b", "\u3000a",
    "a\u3000b", "\ufeffa", "a\u200bb", "a\u200d b", "\x0ba", "a\x0cb", "a\x85b", "a\u2028b",
)  # fmt: skip


@cache
def of_scripts() -> dict[str, str]:
    """By script, a text of all its assigned characters, in words of a few; of private characters the first of each
    plane alone."""
    rest = pl.Series(
        [
            "".join(
                chr(code)
                for code in range(0x110000)
                if (kind := unicodedata.category(chr(code))) not in ("Cn", "Cs")
                and (kind != "Co" or code in (0xE000, 0xF8FF, 0xF0000, 0x100000))
            )
        ]
    )
    texts = {}
    for script in SCRIPTS:
        if characters := "".join(rest.str.extract_all(rf"\p{{{script}}}+").explode().drop_nulls()):
            texts[script] = _in_words(characters)
        rest = rest.str.replace_all(rf"\p{{{script}}}+", "")
    return texts | {"other": _in_words(rest[0])}


def _in_words(characters: str) -> str:
    return " ".join(characters[i : i + _RUN] for i in range(0, len(characters), _RUN))


def random_texts(latin1: bool = False, n: int = 200, length: int = 100, seed: int = 0) -> list[str]:
    """Texts of random code points, assigned or not, half of them from the first 0x3000; of latin1 all from the first
    256."""
    rng = random.Random(seed)

    def character() -> str:
        code = rng.randrange(0x100 if latin1 else 0x3000 if rng.random() < 0.5 else 0x110000)
        return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)

    return ["".join(character() for _ in range(length)) for _ in range(n)]


def random_bytes(n: int = 200, length: int = 100, seed: int = 1) -> list[bytes]:
    """Runs of random bytes, each of the 256 in several."""
    rng = random.Random(seed)
    return [rng.randbytes(length) for _ in range(n)]
