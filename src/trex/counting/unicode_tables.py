"""What the `tokenizers` library believes about every Unicode code point, as lookup tables.

Python's `unicodedata` and the `regex` module know other versions of Unicode than the Oniguruma and
unicode-normalization that `tokenizers` is built on (9,272 letters differ), so the tables are taken from
`tokenizers` itself and committed as run-length lists in `unicode_tables.json`. `python -m trex.counting.unicode_tables`
writes the file again; a test compares it with the installed library.
"""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")
CODE_POINTS = 0x110000

# classes of the default regex; a code point has exactly one
OTHER, LETTER, NUMBER, SPACE, NEWLINE = range(5)

# NFC quick check (Unicode Standard Annex 15): 0 is inert, DOUBTFUL may change under NFC (NFC_Quick_Check No or
# Maybe), anything else is the rank of the canonical combining class: a text whose ranks never fall within a run
# of marks and that has nothing doubtful is in NFC already.
INERT, DOUBTFUL = 0, 255


def _all_characters() -> list[str]:
    return [chr(c) for c in range(CODE_POINTS) if not 0xD800 <= c < 0xE000]


def _members(pattern: str) -> np.ndarray:
    """bool [CODE_POINTS]: which code points the one-character regex `pattern` matches in `tokenizers`."""
    from tokenizers import Regex, normalizers

    member = np.zeros(CODE_POINTS, dtype=bool)
    kept = normalizers.Replace(Regex(pattern), "").normalize_str("".join(_all_characters()))
    member[[ord(c) for c in _all_characters()]] = True
    member[[ord(c) for c in kept]] = False
    return member


def derive_classes() -> np.ndarray:
    """uint8 [CODE_POINTS]: the class of every code point, asked of the installed `tokenizers`."""
    table = np.full(CODE_POINTS, OTHER, dtype=np.uint8)
    table[_members(r"\p{L}")] = LETTER
    table[_members(r"\p{N}")] = NUMBER
    table[_members(r"\s")] = SPACE
    table[[0x0A, 0x0D]] = NEWLINE
    return table


def derive_nfc() -> np.ndarray:
    """uint8 [CODE_POINTS]: NFC quick-check values, asked of the installed `tokenizers`."""
    from tokenizers import normalizers

    nfc, nfd = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    # a newline is a starter that composes with nothing, so it keeps the answers for each code point apart
    characters = [c for c in _all_characters() if c != "\n"]

    def ask(normalize, strings: list[str]) -> list[str]:
        answers = normalize("\n".join(strings)).split("\n")
        assert len(answers) == len(strings)
        return answers

    table = np.zeros(CODE_POINTS, dtype=np.uint8)
    decomposed = ask(nfd, characters)
    # Marks by two probes: anything reordered around the highest class (240, U+0345) or the lowest (1, U+0334).
    simple = [c for c, d in zip(characters, decomposed, strict=True) if c == d]
    after = ask(nfd, ["x\u0345" + c for c in simple])
    before = ask(nfd, ["x" + c + "\u0334" for c in simple])
    marks = [
        c
        for c, a, b in zip(simple, after, before, strict=True)
        if a != "x\u0345" + c or b != "x" + c + "\u0334" or c in "\u0334\u0345"
    ]
    # The rank of a mark's combining class: order marks by how many others canonical ordering puts before them.
    lower = np.zeros(len(marks), dtype=np.int64)
    for probe in marks:
        answers = ask(nfd, ["x" + m + probe for m in marks])  # reordered: 0 < ccc(probe) < ccc(m)
        lower += np.array([a != "x" + m + probe for m, a in zip(marks, answers, strict=True)])
    ranks = np.unique(lower, return_inverse=True)[1] + 1
    assert ranks.max() < DOUBTFUL
    table[[ord(c) for c in marks]] = ranks
    # No: changes by itself. Maybe: can stand in second place of a composition.
    changed = [c for c, n in zip(characters, ask(nfc, characters), strict=True) if c != n]
    second = {c for d in decomposed for c in d[1:]}
    table[[ord(c) for c in changed]] = DOUBTFUL
    table[[ord(c) for c in second]] = DOUBTFUL
    return table


def _encode(table: np.ndarray) -> list[list[int]]:
    """Runs of equal values as [first code point, value]."""
    starts = np.flatnonzero(np.diff(table, prepend=table[0] + 1))
    return [[int(s), int(table[s])] for s in starts]


def _decode(runs: list[list[int]]) -> np.ndarray:
    table = np.empty(CODE_POINTS, dtype=np.uint8)
    for (start, value), (end, _) in pairwise([*runs, [CODE_POINTS, 0]]):
        table[start:end] = value
    return table


@cache
def load() -> tuple[np.ndarray, np.ndarray]:
    """(classes, nfc): read-only uint8 arrays of CODE_POINTS entries."""
    data = json.loads(FILE.read_text())
    tables = _decode(data["classes"]), _decode(data["nfc"])
    for table in tables:
        table.flags.writeable = False
    return tables


@cache
def by_first_byte() -> tuple[np.ndarray, np.ndarray]:
    """(opening, inert): read-only uint8 [256], what the first byte of a character alone tells the scanner.

    opening: 0x80 for an ASCII letter and for what may stand before the letters of a word and begins nothing else that
    has letters (so not the apostrophe), otherwise 0. inert: the bytes of the character, if all that begin so are inert,
    otherwise 0.
    """
    classes, nfc = load()
    opening, inert = np.zeros(256, dtype=np.uint8), np.zeros(256, dtype=np.uint8)
    opening[:128][np.isin(classes[:128], (OTHER, LETTER, SPACE))] = 0x80
    opening[ord("'")] = 0
    for first in range(256):
        for size, lead, bits in ((1, 0, 7), (2, 0xC0, 5), (3, 0xE0, 4), (4, 0xF0, 3)):
            if first >> bits == lead >> bits:
                later = 6 * (size - 1)
                points = nfc[(first - lead) << later : (first - lead + 1) << later]
                inert[first] = 0 if (points != INERT).any() else size
    for table in (opening, inert):
        table.flags.writeable = False
    return opening, inert


def main() -> None:
    import tokenizers

    data = {
        "tokenizers": tokenizers.__version__,
        "classes": _encode(derive_classes()),
        "nfc": _encode(derive_nfc()),
    }
    FILE.write_text(json.dumps(data, separators=(",", ":")) + "\n")
    print(f"{FILE}: {len(data['classes'])} + {len(data['nfc'])} runs of tokenizers {tokenizers.__version__}")


if __name__ == "__main__":
    main()
