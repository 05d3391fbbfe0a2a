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
from typing import NamedTuple

import numpy as np

from trex.counting.charset import CODE_POINTS, CharSet

FILE = Path(__file__).with_suffix(".json")

# The general categories of Unicode, by the letters that \p{..} knows them by; a code point has exactly one.
CATEGORIES = (
    *(
        "Lu",
        "Ll",
        "Lt",
        "Lm",
        "Lo",
        "Mn",
        "Mc",
        "Me",
        "Nd",
        "Nl",
        "No",
        "Pc",
        "Pd",
        "Ps",
        "Pe",
        "Pi",
        "Pf",
        "Po",
    ),
    *("Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"),
)
NORMALIZERS = ("nfc", "nfkc")

# Quick check of a normal form (Unicode Standard Annex 15): 0 is inert, DOUBTFUL may change (NFC_Quick_Check No or
# Maybe, or those of NFKC), anything else is the rank of the canonical combining class: a text whose ranks never fall
# within a run of marks and that has nothing doubtful is in that form already.
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


def derive_categories() -> np.ndarray:
    """uint8 [CODE_POINTS]: the place in CATEGORIES of every code point, asked of the installed `tokenizers`."""
    from tokenizers import Regex, pre_tokenizers

    # One search finds the runs of equal categories; the first code points of runs are few enough to ask for each.
    text = "".join(_all_characters())
    runs = "|".join(rf"\p{{{name}}}+" for name in CATEGORIES)
    starts = [span[0] for _, span in pre_tokenizers.Split(Regex(runs), "isolated").pre_tokenize_str(text)]
    firsts = np.array([ord(text[start]) for start in starts])
    of_first = np.full(firsts.size, CATEGORIES.index("Cs"), dtype=np.uint8)
    for i, name in enumerate(CATEGORIES):
        if name != "Cs":
            of_first[_among(firsts, rf"\p{{{name}}}")] = i
    table = np.repeat(of_first, np.diff(firsts, append=CODE_POINTS))
    table[0xD800:0xE000] = CATEGORIES.index("Cs")  # no text has them
    return table


def _among(points: np.ndarray, pattern: str) -> np.ndarray:
    """bool: which code points the one-character regex `pattern` matches in `tokenizers`."""
    from tokenizers import Regex, normalizers

    kept = normalizers.Replace(Regex(pattern), "").normalize_str("".join(map(chr, points)))
    return ~np.isin(points, [ord(c) for c in kept])


@cache
def members(name: str) -> CharSet:
    """The code points of a class in a regex: \\s, \\p{L}, [[:alpha:]] ...

    What is not in the tables is asked of `tokenizers`, which takes seconds.
    """
    table = load()
    negated = name[1:2] in ("S", "D", "P")
    inner = name[3:-1] if name[:3] in (r"\p{", r"\P{") else {r"\d": "Nd", r"\D": "Nd"}.get(name, "")
    chosen = [i for i, category in enumerate(CATEGORIES) if inner and category.startswith(inner)]
    if chosen:
        of_category = np.isin(np.arange(len(CATEGORIES)), chosen)
        found = of_category[table["categories"]]
    elif name in (r"\s", r"\S"):
        found = table["spaces"].astype(bool)
    else:
        found, negated = _members(name), False
    return CharSet.from_members(~found if negated else found)


def derive_spaces() -> np.ndarray:
    """uint8 [CODE_POINTS]: what \\s matches, asked of the installed `tokenizers`."""
    return _members(r"\s").astype(np.uint8)


def derive_quick_check(normalizer: str) -> np.ndarray:
    """uint8 [CODE_POINTS]: quick-check values of a normal form, asked of the installed `tokenizers`."""
    from tokenizers import normalizers

    normalized = getattr(normalizers, normalizer.upper())().normalize_str
    nfd = normalizers.NFD().normalize_str
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
    changed = [c for c, n in zip(characters, ask(normalized, characters), strict=True) if c != n]
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
def load() -> dict[str, np.ndarray]:
    """Read-only uint8 arrays of CODE_POINTS entries: categories, spaces, and the quick checks of NORMALIZERS."""
    data = json.loads(FILE.read_text())
    tables = {name: _decode(data[name]) for name in ("categories", "spaces", *NORMALIZERS)}
    for table in tables.values():
        table.flags.writeable = False
    return tables


class Suspects(NamedTuple):
    """What tells characters that are not inert by their first three bytes.

    Bytes a, b, c of a text begin a character that may not be inert if firsts[a] & seconds[b] & thirds[c], uint64 [256]
    all; of most characters below U+10000, only if it is none. least: the smallest such a.
    """

    firsts: np.ndarray
    seconds: np.ndarray
    thirds: np.ndarray
    least: int


@cache
def suspects(normalizer: str) -> Suspects:
    """`Suspects` of the characters that the quick check of a normal form does not call inert; arrays are read-only."""
    active = load()[normalizer] != INERT
    # each group has a first byte, and by second byte which third ones are of characters that are not inert, bool
    groups = []
    for later, lead, end in ((1, 0xC2, 0xE0), (2, 0xE0, 0xF0), (3, 0xF0, 0xF5)):
        for first in range(lead, end):
            point = (first & 0x3F >> later) << 6 * later
            among = active[point : point + (1 << 6 * later)].reshape(-1, *[64] * (later - 1))
            among = (
                among.any(axis=2) if later == 3 else np.repeat(among[:, None], 64, 1) if later == 1 else among
            )
            if among.any():
                groups.append((first, {second: row for second, row in enumerate(among) if row.any()}))
    # While there are bits, second bytes get groups of their own, so that no third byte is taken for another's.
    bits = 64 - len(groups)
    for first, rows in sorted(groups, key=lambda group: len(group[1])):
        if 1 < len(rows) <= bits + 1 and 0xE0 <= first < 0xF0:
            groups.remove((first, rows))
            groups += [(first, {second: row}) for second, row in rows.items()]
            bits -= len(rows) - 1
    firsts, seconds, thirds = np.zeros((3, 256), dtype=np.uint64)
    for number, (first, rows) in enumerate(groups):
        bit = np.uint64(1 << number)
        firsts[first] |= bit
        for second, row in rows.items():
            seconds[0x80 + second] |= bit
            if 0xE0 <= first < 0xF0:
                thirds[0x80:0xC0] |= row * bit
        if not 0xE0 <= first < 0xF0:
            thirds |= bit
    for array in (firsts, seconds, thirds):
        array.flags.writeable = False
    return Suspects(firsts, seconds, thirds, int(np.flatnonzero(firsts)[0]))


def main() -> None:
    import tokenizers

    data = {
        "tokenizers": tokenizers.__version__,
        "categories": _encode(derive_categories()),
        "spaces": _encode(derive_spaces()),
        **{name: _encode(derive_quick_check(name)) for name in NORMALIZERS},
    }
    FILE.write_text(json.dumps(data, separators=(",", ":")) + "\n")
    runs = ", ".join(f"{name} {len(data[name])}" for name in ("categories", "spaces", *NORMALIZERS))
    print(f"{FILE}: runs of tokenizers {tokenizers.__version__}: {runs}")


if __name__ == "__main__":
    main()
