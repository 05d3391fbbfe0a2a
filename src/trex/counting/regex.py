"""Pre-tokenization regexes as syntax trees, read as Oniguruma (`tokenizers`) reads them.

Only the family that tokenizers in use belong to is read, and what surely means the same there: characters, classes,
groups, alternatives, repeats, and looks at the one character that follows. Anything else is OutsideFamily; such a regex
is left to `tokenizers`.
"""

import re
from dataclasses import dataclass
from functools import reduce
from typing import NoReturn

import numpy as np

from trex.counting import unicode_tables
from trex.counting.charset import ALL, CODE_POINTS, NONE, CharSet

_NEWLINE = np.array([0x0A])
MOST_REPEATS = 1000  # of a counted repeat, written out in the automaton

# What (?i:...) takes for an ASCII letter beside its other case. A sequence of letters that one character folds to (the
# German sharp s, ligatures) also matches that character, which is left to Oniguruma.
_FOLDS_BEYOND_ASCII = {"k": 0x212A, "s": 0x017F}
_FOLDED_SEQUENCES = {"ff", "fi", "fl", "ss", "st"}

_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "a": 7, "e": 27}
_SHORTHANDS = "sSdDwWhH"


class OutsideFamily(ValueError):
    """The regex is none of the family that is compiled; says why."""


@dataclass(frozen=True)
class Chars:
    """One character of a set."""

    members: CharSet


@dataclass(frozen=True)
class Next:
    """Nothing, where the character that follows is of a set, or where the text ends and `at_end`."""

    members: CharSet
    at_end: bool


@dataclass(frozen=True)
class Concat:
    """The parts, one after the other."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Alternatives:
    """The first of the parts with which the rest matches too."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Repeat:
    """The part, `least` to `most` times (None: any number): as often as possible, or as seldom if lazy."""

    part: "Node"
    least: int
    most: int | None
    lazy: bool = False


Node = Chars | Next | Concat | Alternatives | Repeat


def parse(regex: str) -> Node:
    """The tree of a regex that Oniguruma compiles; OutsideFamily if it has what is not read here."""
    parser = _Parser(regex)
    node = parser.alternatives(fold=False, dot_all=False)
    if parser.at < len(regex):
        parser.refuse("a group that is closed but not opened")
    return node


@dataclass(frozen=True)
class Guard:
    """What matches before all else: a character of `members`, `length` times in a row, and one of `before` ahead of it
    if there is one."""

    before: CharSet
    members: CharSet
    length: int


# [ ']?(?<run>[^\\s\\p{N}])\\k<run>{7}|  with or without the first set, or with a group without a name and \\1
_GUARD = re.compile(r"([^()|]*)\((?:\?<(\w+)>)?([^()|]+)\)\\(?(2)k<\2>|1)\{([1-9][0-9]{0,2})\}\|")


def guarded(regex: str) -> tuple[Guard | None, str]:
    """(the guard against runs of one character that is a regex's first alternative, or None; the other alternatives)"""
    found = _GUARD.match(regex)
    if not found:
        return None, regex
    before, members = parse(found[1]) if found[1] else Repeat(Chars(NONE), 0, 1), parse(found[3])
    match before, members:
        case Repeat(Chars(first), 0, 1, False), Chars(repeated) if not (first | repeated).has(_NEWLINE).any():
            return Guard(first, repeated, 1 + int(found[4])), regex[found.end() :]
    return None, regex


def nullable(node: Node) -> bool:
    """Whether the node may match nothing."""
    match node:
        case Chars():
            return False
        case Next():
            return True
        case Concat(parts):
            return all(map(nullable, parts))
        case Alternatives(parts):
            return any(map(nullable, parts))
        case Repeat(part, least, _):
            return least == 0 or nullable(part)


class _Parser:
    """Reads a regex from left to right; `at` is the next character's place."""

    def __init__(self, regex: str):
        self.regex = regex
        self.at = 0
        # the ASCII letters that the character before may be, if it ignores case
        self._folded_before: set[str] = set()

    def refuse(self, what: str) -> NoReturn:
        raise OutsideFamily(f"it has {what} at character {self.at + 1}")

    def _take(self, what: str) -> bool:
        """Whether `what` comes next; then it is read."""
        found = self.regex.startswith(what, self.at)
        self.at += len(what) * found
        return found

    def _take_match(self, pattern: str) -> re.Match | None:
        found = re.compile(pattern).match(self.regex, self.at)
        if found:
            self.at = found.end()
        return found

    def _next(self) -> str:
        """The next character, which is read."""
        if self.at == len(self.regex):
            self.refuse("an end too early")
        self.at += 1
        return self.regex[self.at - 1]

    # --- structure

    def alternatives(self, fold: bool, dot_all: bool) -> Node:
        parts = [self._concat(fold, dot_all)]
        while self._take("|"):
            self._folded_before = set()
            parts.append(self._concat(fold, dot_all))
        return parts[0] if len(parts) == 1 else Alternatives(tuple(parts))

    def _concat(self, fold: bool, dot_all: bool) -> Node:
        parts = []
        while self.at < len(self.regex) and self.regex[self.at] not in "|)":
            parts.append(self._repeated(self._one(fold, dot_all)))
        return parts[0] if len(parts) == 1 else Concat(tuple(parts))

    def _repeated(self, node: Node) -> Node:
        """The node with the quantifiers that follow it."""
        while True:
            if counted := self._take_match(r"\{([0-9]*),([0-9]*)\}|\{([0-9]+)\}"):
                low, high, exact = counted.groups()
                least, most = (int(exact),) * 2 if exact else (int(low or 0), int(high) if high else None)
                if not (low or high or exact) or (most is not None and most < least):
                    self.refuse("an interval such as {,} or {2,1}")
            elif sign := self._take_match(r"[?*+]"):
                least, most = {"?": (0, 1), "*": (0, None), "+": (1, None)}[sign[0]]
            else:
                return node
            if isinstance(node, Next):
                self.refuse("a repeated look ahead")
            if max(least, most or 0) > MOST_REPEATS:
                self.refuse(f"more than {MOST_REPEATS} repeats")
            if most is None and nullable(node):
                self.refuse("an unlimited repeat of what may match nothing")
            lazy = possessive = False
            if self._take("?"):
                lazy = True
                if counted and counted[3]:
                    self.refuse("{n}?")
            elif not counted:  # {n,m}+ is a repeat of the repeat
                possessive = self._take("+")
            node = self._possessive(node, least, most) if possessive else Repeat(node, least, most, lazy)

    def _possessive(self, node: Node, least: int, most: int | None) -> Node:
        """?+, *+ and ++ never give back what they took: of a set, what they did not take does not follow."""
        if not isinstance(node, Chars):
            self.refuse("a possessive repeat of more than a set")
        none_left = Next(~node.members, at_end=True)
        if most == 1:
            return Alternatives((node, none_left))
        return Concat((Repeat(node, least, None), none_left))

    def _one(self, fold: bool, dot_all: bool) -> Node:
        start = self.at
        character = self._next()
        if character == "(":
            return self._group(fold, dot_all)
        if character == ".":
            self._folded_before = set()
            return Chars(ALL if dot_all else ~CharSet.of(0x0A))
        if character == "$":
            return Next(CharSet.of(0x0A), at_end=True)
        if character == "[":
            members = self._set(fold)
        elif character == "\\":
            if self._take("z"):
                return Next(NONE, at_end=True)
            members, _ = self._escaped(fold)
        elif character in "^?*+{":
            self.at = start
            self.refuse(f"the sign {character}")
        else:
            members = CharSet.of(ord(character))
        return Chars(self._folded(members) if fold else members)

    def _folded(self, members: CharSet) -> CharSet:
        """A set that ignores case."""
        if members.edges.size == 0 or members.edges[-1] > 0x80:
            self.refuse("(?i) before what is not ASCII")
        letters = {chr(point).lower() for point in members.points() if chr(point).isalpha()}
        if any(a + b in _FOLDED_SEQUENCES for a in self._folded_before for b in letters):
            self.refuse("(?i) before letters that one character folds to")
        self._folded_before = letters
        both_cases = [ord(case) for letter in letters for case in (letter, letter.upper())]
        beyond = [_FOLDS_BEYOND_ASCII[letter] for letter in letters & _FOLDS_BEYOND_ASCII.keys()]
        return members | CharSet.of(*both_cases, *beyond)

    def _group(self, fold: bool, dot_all: bool) -> Node:
        look = None
        if options := self._take_match(r"\?([im]*):"):
            fold, dot_all = fold or "i" in options[1], dot_all or "m" in options[1]
        elif signs := self._take_match(r"\?[=!]"):
            look = signs[0][1]
        elif self._take("?"):
            self.refuse(
                "a group of another kind than (...), (?:...), (?i:...), (?m:...), (?=...) and (?!...)"
            )
        start = self.at
        node = self.alternatives(fold, dot_all)
        if not self._take(")"):
            self.refuse("a group that is not closed")
        if not look:
            return node
        self._folded_before = set()
        ahead = _one_ahead(node)
        if ahead is None:
            self.at = start
            self.refuse("a look at more than the next character")
        return ahead if look == "=" else Next(~ahead.members, not ahead.at_end)

    # --- characters and sets

    def _escaped(self, fold: bool) -> tuple[CharSet, int | None]:
        """(set, its code point if it is one) of what follows a backslash."""
        start = self.at
        character = self._next()
        if character in _SHORTHANDS or character in "pP":
            if fold:
                self.refuse("(?i) before a class")
            name = "\\" + character
            if character in "pP":
                braces = self._take_match(r"\{\^?\w+\}")
                if not braces:
                    self.refuse("a property without braces")
                name += braces[0]
            return unicode_tables.members(name), None
        if character in _CONTROLS:
            point = _CONTROLS[character]
        elif character in "xu":
            digits = self._take_match(
                r"(?<=u)([0-9a-fA-F]{4})|(?<=x)\{([0-9a-fA-F]{1,6})\}|(?<=x)([0-7][0-9a-fA-F])"
            )
            if not digits:
                self.refuse("an escape other than \\uHHHH, \\x{H} and \\xHH below 80")
            point = int(digits[digits.lastindex], 16)
            if point >= CODE_POINTS or 0xD800 <= point < 0xE000:
                self.refuse("what is no code point")
        elif character.isascii() and not character.isalnum():
            point = ord(character)
        else:
            self.at = start
            self.refuse(f"\\{character}")
        return CharSet.of(point), point

    def _set(self, fold: bool) -> CharSet:
        """What is between brackets; the opening one is read."""
        negated = self._take("^")
        if self._take("]"):
            self.refuse("a set that begins with ]")
        intersected, members = ALL, NONE
        while not self._take("]"):
            if self._take("&&"):
                intersected &= members
                members = NONE
                continue
            if posix := self._take_match(r"\[:\^?\w+:\]"):
                members |= unicode_tables.members(f"[{posix[0]}]")
                continue
            more, point = self._set_item(fold)
            if self.regex.startswith("-", self.at) and not self.regex.startswith("-]", self.at):
                self.at += 1
                _, last = self._set_item(fold)
                if point is None or last is None or last < point:
                    self.refuse("a range of what is not two characters in order")
                members |= CharSet.from_runs([(point, last + 1)])
            else:
                members |= more
        members &= intersected
        return ~members if negated else members

    def _set_item(self, fold: bool) -> tuple[CharSet, int | None]:
        character = self._next()
        if character == "\\":
            return self._escaped(fold)
        if character == "[":
            if fold:
                self.refuse("(?i) before sets of sets")
            return self._set(fold), None
        if (
            character == "-"
            and self.regex[self.at - 2] not in "[^"
            and not self.regex.startswith("]", self.at)
        ):
            self.refuse("a - in the midst of a set")
        return CharSet.of(ord(character)), ord(character)


def _one_ahead(node: Node) -> Next | None:
    """What a look ahead at no more than the next character asks for; None of any other."""
    match node:
        case Chars(members=members):
            return Next(members, at_end=False)
        case Next():
            return node
        case Alternatives(parts):
            found = [_one_ahead(part) for part in parts]
            if None in found:
                return None
            members = reduce(CharSet.__or__, [part.members for part in found])
            return Next(members, any(part.at_end for part in found))
    return None
