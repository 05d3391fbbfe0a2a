"""From regexes to tables of deterministic automata, which `trex.counting.scanner` runs.

Oniguruma tries the alternatives of a regex in order and takes the first with which all matches. One pass finds the
same: a state is the list of places in the regex that a match may have reached, in the order in which Oniguruma would
try them; what comes after a place where the regex ends is left out. The last end met on the way is the match.

Characters are read as classes: two code points are of one class if no set of the regexes tells them apart. A look ahead
depends on the class that follows, so it is a transition that says whether a match ends before the character it reads.
"""

from functools import cache
from string import ascii_letters, ascii_lowercase
from typing import NamedTuple

import numpy as np

from trex.counting.charset import CODE_POINTS, NONE, CharSet
from trex.counting.regex import Alternatives, Chars, Concat, Next, Node, OutsideFamily, Repeat, guarded, parse

MOST_PLACES, MOST_STATES, MOST_CLASSES = 20_000, 3_000, 250

# A transition is the row of the next state, 0 if there is none, above four bits: a match ends before the character; the
# next state leads back to itself with all lower-case ASCII letters; and with all upper-case ones; and each such step,
# too, says that a match ends before the letter.
ENDS, LOOPS_LOWER, LOOPS_UPPER, LOOP_ENDS = 1, 2, 4, 8
ROW_BITS = 4
GUARD_BEFORE, GUARD_RUN = 1, 2
END_OF_TEXT = 0  # the class that is read behind the last character


class Tables(NamedTuple):
    """Automata of regexes.

    classes: uint8 [CODE_POINTS]. transitions: int32 [rows * classes]. starts: int64 [regexes], where the row of each
    regex's first state begins. covers: bool [regexes], whether its matches leave nothing over.

    A short cut for words of ASCII letters that one other ASCII character may precede: opened: int64 [regexes], the row
    that all of them lead to, 0 if there is no such row; opening: uint8 [regexes, 256], 0x80 for the characters that may
    precede; upper: bool [regexes], whether upper-case letters are among the letters; closing: bool [regexes, 256], the
    ASCII characters that are never part of the match behind such a word. Where there is one: alone: bool
    [regexes, 1 << 14], of ASCII characters a, b at a << 7 | b, whether a match of a alone ends before b.

    The guard of the only regex (`trex.counting.regex.Guard`): guard: uint8 [classes], GUARD_BEFORE of those that may
    come before a run, GUARD_RUN of those that may make one. guard_length: characters of a run; 0 without a guard.
    """

    classes: np.ndarray
    transitions: np.ndarray
    starts: np.ndarray
    covers: np.ndarray
    opened: np.ndarray
    opening: np.ndarray
    upper: np.ndarray
    closing: np.ndarray
    alone: np.ndarray
    guard: np.ndarray
    guard_length: int


@cache
def compiled(regexes: tuple[str, ...]) -> Tables:
    """The tables of regexes; OutsideFamily if one is not of the family."""
    partition = _Partition()
    guard, regexes = None, list(regexes)
    if len(regexes) == 1:
        guard, regexes[0] = guarded(regexes[0])
    guard_sets = [partition.number(members) for members in (guard.before, guard.members)] if guard else []
    programs = [_Program(parse(regex), partition) for regex in regexes]
    classes, sets_of = partition.classes()
    rows: list[list[tuple[int, bool]]] = [[(0, False)] * len(sets_of)]  # of no state
    starts = np.array([_add_rows(program, sets_of, rows) for program in programs], dtype=np.int64)
    targets, ends = np.moveaxis(np.array(rows, dtype=np.int32), 2, 0)
    width = len(sets_of)
    loops = np.array([_loop(row, targets, ends, classes) for row in range(len(rows))], dtype=np.int32)
    short_cuts = [_short_cut(start, targets, ends, loops, classes) for start in starts.tolist()]
    opened, opening, upper, closing, alone = zip(*short_cuts, strict=True) if short_cuts else ((),) * 5
    covers = _covers(starts, targets, ends.astype(bool))
    if guard and not covers[0]:
        raise OutsideFamily("beside a guard against runs, its alternatives leave some text over")
    tables = Tables(
        classes,
        ((targets * width) << ROW_BITS | loops[targets] | ends * ENDS).ravel(),
        starts * width,
        covers,
        np.array(opened, dtype=np.int64) * width,
        np.array(opening, dtype=np.uint8).reshape(-1, 256),
        np.array(upper, dtype=bool),
        np.array(closing, dtype=bool).reshape(-1, 256),
        np.array(alone, dtype=bool).reshape(-1, 1 << 14),
        np.array([_bits_of(sets, guard_sets) for sets in sets_of], dtype=np.uint8),
        guard.length if guard else 0,
    )
    for array in tables[:-1]:
        array.flags.writeable = False
    return tables


def _bits_of(sets: int, numbers: list[int]) -> int:
    """Bit k, if the set numbers[k] is in `sets`: GUARD_BEFORE and GUARD_RUN of a guard's sets."""
    return sum((sets >> number & 1) << k for k, number in enumerate(numbers))


class _Partition:
    """The sets of characters in regexes, by number, and the classes that they divide all characters into."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._sets: list[CharSet] = []

    def number(self, members: CharSet) -> int:
        number = self._numbers.setdefault(members.edges.tobytes(), len(self._sets))
        if number == len(self._sets):
            self._sets.append(members)
        return number

    def classes(self) -> tuple[np.ndarray, list[int]]:
        """(class of every code point, from 1 on; of every class, END_OF_TEXT first, the bits of the sets it is in)."""
        firsts = np.unique(np.concatenate([[0], *(members.edges for members in self._sets)]))
        firsts = firsts[firsts < CODE_POINTS]
        inside = np.stack([members.has(firsts) for members in (NONE, *self._sets)], axis=1)
        signatures, classes = np.unique(inside, axis=0, return_inverse=True)
        if len(signatures) > MOST_CLASSES:
            raise OutsideFamily(f"its sets divide characters into more than {MOST_CLASSES} classes")
        sets_of = [sum(1 << int(number) for number in np.flatnonzero(row[1:])) for row in signatures]
        return np.repeat(classes.ravel() + 1, np.diff(firsts, append=CODE_POINTS)).astype(np.uint8), [
            0,
            *sets_of,
        ]


# kinds of a program's instructions
_CHARS, _LOOK, _SPLIT, _MATCH = range(4)


class _Program:
    """A regex as instructions, each with what comes next.

    (_CHARS, bit of the set, next), (_LOOK, bit of the set, at the end of the text, next), (_SPLIT, nexts in order),
    (_MATCH,).
    """

    def __init__(self, tree: Node, partition: _Partition):
        self._partition = partition
        self.instructions: list[tuple] = [(_MATCH,)]
        self.start = self._add(tree, 0)

    def _append(self, *instruction) -> int:
        if len(self.instructions) == MOST_PLACES:
            raise OutsideFamily(f"its repeats, written out, are longer than {MOST_PLACES} places")
        self.instructions.append(instruction)
        return len(self.instructions) - 1

    def _add(self, node: Node, after: int) -> int:
        """The place where the node begins, if `after` comes after it."""
        match node:
            case Chars(members=members):
                return self._append(_CHARS, 1 << self._partition.number(members), after)
            case Next(members, at_end):
                return self._append(_LOOK, 1 << self._partition.number(members), at_end, after)
            case Concat(parts):
                for part in reversed(parts):
                    after = self._add(part, after)
                return after
            case Alternatives(parts):
                return self._append(_SPLIT, tuple(self._add(part, after) for part in parts))
            case Repeat(part, least, most, lazy):
                place = after
                if most is None:
                    place = self._append()  # known when the part is
                    self.instructions[place] = self._choice(self._add(part, place), after, lazy)
                else:
                    for _ in range(most - least):
                        place = self._append(*self._choice(self._add(part, place), after, lazy))
                for _ in range(least):
                    place = self._add(part, place)
                return place

    @staticmethod
    def _choice(once_more: int, after: int, lazy: bool) -> tuple:
        return (_SPLIT, (after, once_more) if lazy else (once_more, after))


def _step(program: _Program, state: tuple[int, ...], sets: int, at_end: bool) -> tuple[tuple[int, ...], bool]:
    """(next state, whether a match ends before) of the class that is in `sets`, or of the end of the text."""
    after: dict[int, None] = {}
    waiting = list(reversed(state))
    seen = set()
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        kind, *what = program.instructions[place]
        if kind == _MATCH:
            return tuple(after), True
        if kind == _CHARS:
            if what[0] & sets:
                after[what[1]] = None
        elif kind == _SPLIT:
            waiting += reversed(what[0])
        elif what[1] if at_end else what[0] & sets:
            waiting.append(what[2])
    return tuple(after), False


def _add_rows(program: _Program, sets_of: list[int], rows: list[list[tuple[int, bool]]]) -> int:
    """Append the rows of a program's states, (row, whether a match ends) by class. Returns the first state's."""
    first = len(rows)
    states = {(): 0, (program.start,): first}
    waiting = [(program.start,)]
    for state in waiting:
        row = []
        for number, sets in enumerate(sets_of):
            after, ends = _step(program, state, sets, number == END_OF_TEXT)
            if after not in states:
                states[after] = first + len(waiting)
                waiting.append(after)
            row.append((states[after], ends))
        rows.append(row)
        if len(states) > MOST_STATES:
            raise OutsideFamily(f"its automaton has more than {MOST_STATES} states")
    if any(ends for _, ends in rows[first]):
        raise OutsideFamily("it may match nothing")
    return first


def _classes_of(letters: str, classes: np.ndarray) -> np.ndarray:
    return np.unique(classes[[ord(letter) for letter in letters]])


def _loop(row: int, targets: np.ndarray, ends: np.ndarray, classes: np.ndarray) -> int:
    """LOOPS_LOWER, LOOPS_UPPER and LOOP_ENDS of a state."""
    loops = 0
    for letters, bits in ((ascii_lowercase, LOOPS_LOWER), (ascii_letters, LOOPS_LOWER | LOOPS_UPPER)):
        among = _classes_of(letters, classes)
        ended = np.unique(ends[row, among])
        if row and (targets[row, among] == row).all() and ended.size == 1:
            loops = bits | LOOP_ENDS * int(ended[0])
    return loops


def _short_cut(
    start: int, targets: np.ndarray, ends: np.ndarray, loops: np.ndarray, classes: np.ndarray
) -> tuple[int, np.ndarray, bool, np.ndarray, np.ndarray]:
    """(opened, opening, upper, closing, alone) of a regex, see `Tables`; here opened counts rows."""
    opening, closing, alone = np.zeros(256, np.uint8), np.zeros(256, bool), np.zeros(1 << 14, bool)
    opened = int(targets[start, classes[ord("a")]])
    upper = bool(loops[opened] & LOOPS_UPPER)
    letters = ascii_letters if upper else ascii_lowercase
    among = _classes_of(letters, classes)
    # Whatever follows such a word, a match ends before: what was met earlier does not matter.
    if not loops[opened] or not ends[opened].all() or (targets[start, among] != opened).any():
        return 0, opening, False, closing, alone
    for byte in range(0x80):
        after = targets[start, classes[byte]]
        if chr(byte) not in ascii_letters and after and (targets[after, among] == opened).all():
            opening[byte] = 0x80
    ascii_classes = classes[:0x80]
    closing[:0x80] = targets[opened, ascii_classes] == 0
    pairs = np.ix_(targets[start, ascii_classes], ascii_classes)
    alone[:] = ((targets[pairs] == 0) & (ends[pairs] > 0)).ravel()
    return opened, opening, upper, closing, alone


def _covers(starts: np.ndarray, targets: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """bool: whether from each first state, whatever comes, a match ends sooner or later."""
    sure = np.ones(len(targets), dtype=bool)
    while True:
        sure[0] = False
        still = (ends | sure[targets]).all(axis=1)
        if (still == sure).all():
            break
        sure = still
    return sure[targets[starts, END_OF_TEXT + 1 :]].all(axis=1)
