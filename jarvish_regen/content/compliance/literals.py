"""Find, for a pattern, a few strings of which any match must contain one.

Most rules do not concern most texts. Looking for a literal is a hundred times cheaper than trying a pattern, so a
pattern is tried only
when one of its literals is in the text. The reading of the pattern is deliberately humble: whatever it does not
understand counts as
"could be anything", which makes the answer empty (always try) and never wrong.

A literal also says where a word has to begin or end: ``EDGE`` before or after it stands for "no letter, mark or number
is next to it here". Few texts that hold "can" in "candidate" hold the word "can".
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

# No view holds this character: plain takes out control characters.
EDGE: Final = "\x00"
# Stands for any digit where a match begins.
DIGIT: Final = "\x01"
_EDGES: Final = (r"(?<![\p{L}\p{M}\p{N}])", r"(?![\p{L}\p{M}\p{N}])")
# What a set may hold to be a set of signs between words.
_BETWEEN_WORDS: Final = frozenset(" ,.;:!?/%'\"()+=*#")

_MAX_EXACT = 24
_MAX_SET = 400
_MAX_CONJUNCTS = 3


@dataclass(frozen=True)
class _Info:
    """What is known of a piece of a pattern.

    ``exact``: all strings the piece can match, if few. ``needed``: strings of which one is in any match. ``opens`` and
    ``closes``: a match that is not empty begins, or ends, with no letter, mark or number. ``nullable``: a match may be
    empty. ``begins``: a match that is not empty begins with one of these strings.
    """

    exact: frozenset[str] | None
    needed: frozenset[str] | None
    opens: bool = False
    closes: bool = False
    nullable: bool = True
    begins: frozenset[str] | None = None


def bare_literal(literal: str) -> str:
    """Give the literal without its marks for the edges of words."""
    return literal.replace(EDGE, "")


def _exactly(strings: frozenset[str]) -> _Info:
    bare = {bare_literal(string) for string in strings}
    return _Info(
        strings,
        None,
        opens=not any(string and _is_of_words(string[0]) for string in bare),
        closes=not any(string and _is_of_words(string[-1]) for string in bare),
        nullable="" in bare,
        begins=frozenset(string for string in strings if bare_literal(string)),
    )


def _is_of_words(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


_ANYTHING = _Info(None, None)
_EMPTY = _exactly(frozenset({""}))
_EDGE = _exactly(frozenset({EDGE}))
_ANY_DIGIT = _Info(None, None, nullable=False, begins=frozenset({DIGIT}))
_BETWEEN = _Info(None, None, opens=True, closes=True, nullable=False)


@dataclass(frozen=True)
class Required:
    """What every match of a pattern holds.

    ``literals`` are sets of strings, of each of which it contains one, the most telling set first. ``openings`` are
    strings of which one stands at its beginning, none when that is not known. ``EDGE`` at either end of a string is
    meant, inside it means nothing; ``DIGIT`` in an opening stands for any digit.
    """

    literals: tuple[tuple[str, ...], ...] = ()
    openings: tuple[str, ...] = ()


def required(pattern: str) -> Required:
    """Say what every match of ``pattern`` holds."""
    reader = _Reader(pattern)
    info = reader.alternation()
    if reader.at < len(pattern):
        return Required()
    sets = [*reader.parts, info.needed, info.exact] if reader.branches == 1 else [info.needed, info.exact]
    telling = {literals for literals in sets if literals is not None and _quality(literals)[0] > 0}
    ranked = sorted(telling, key=lambda literals: (_quality(literals), sorted(literals)), reverse=True)
    openings = () if info.nullable or info.begins is None else sorted(info.begins)
    return Required(tuple(tuple(sorted(literals)) for literals in ranked[:_MAX_CONJUNCTS]), tuple(openings))


def _quality(literals: frozenset[str] | None) -> tuple[int, int]:
    if not literals or len(literals) > _MAX_SET:
        return (0, 0)
    shortest = min(len(bare_literal(literal)) for literal in literals)
    return (min(3, shortest), -len(literals)) if shortest else (0, 0)


def _best(*candidates: frozenset[str] | None) -> frozenset[str] | None:
    found = max(candidates, key=_quality, default=None)
    return found if _quality(found)[0] > 0 else None


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.depth = 0
        self.branches = 0
        # Whether no letter, mark or number can stand left of the piece that is read next.
        self.is_edge = False
        # What the pieces of the outermost sequence need, each for itself.
        self.parts: list[frozenset[str] | None] = []

    def alternation(self) -> _Info:
        self.depth += 1
        info = self._branches()
        self.depth -= 1
        return info

    def _branches(self) -> _Info:
        is_edge = self.is_edge
        branches = [self.sequence()]
        while self.at < len(self.pattern) and self.pattern[self.at] == "|":
            self.at += 1
            self.is_edge = is_edge
            branches.append(self.sequence())
        if self.depth == 1:
            self.branches = len(branches)
        if len(branches) == 1:
            return branches[0]
        exact: frozenset[str] | None = frozenset()
        needed: frozenset[str] | None = frozenset()
        for branch in branches:
            exact = exact | branch.exact if exact is not None and branch.exact is not None else None
            literals = _best(branch.needed, branch.exact)
            needed = needed | literals if needed is not None and literals is not None else None
        return _Info(
            exact if exact is not None and len(exact) <= _MAX_EXACT else None,
            needed,
            opens=all(branch.opens for branch in branches),
            closes=all(branch.closes for branch in branches),
            nullable=any(branch.nullable for branch in branches),
            begins=_any_of(branch.begins for branch in branches),
        )

    def sequence(self) -> _Info:
        # Read all of it first: whether a word ends here depends on what follows.
        outermost = self.depth == 1
        at_edge = self.is_edge
        pieces: list[_Info] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            self.is_edge = _closes(pieces, at_end=at_edge)
            pieces.append(self._quantified(self.atom()))
        run: frozenset[str] = frozenset({EDGE if at_edge else ""})
        whole = True
        needed: frozenset[str] | None = None
        for index, piece in enumerate(pieces):
            if piece.exact is not None and len(run) * len(piece.exact) <= _MAX_EXACT:
                run = frozenset(left + right for left in run for right in piece.exact)
                continue
            if _opens(pieces[index:]):
                run = frozenset(string + EDGE for string in run)
            if outermost:
                self.parts += [run, piece.needed]
            needed = _best(needed, run, piece.needed, piece.exact)
            if piece.exact is not None:
                run = piece.exact
            else:
                run = frozenset({EDGE if _closes(pieces[: index + 1], at_end=at_edge) else ""})
            whole = False
        if outermost:
            self.parts.append(run)
        return _Info(
            run if whole else None,
            _best(needed, run),
            opens=_opens(pieces, at_end=True),
            closes=_closes(pieces, at_end=True),
            nullable=all(piece.nullable for piece in pieces),
            begins=_beginnings(pieces, EDGE if at_edge else ""),
        )

    def _quantified(self, piece: _Info) -> _Info:
        if self.at >= len(self.pattern):
            return piece
        sign = self.pattern[self.at]
        least: int
        most: int | None
        if sign in "?*+":
            self.at += 1
            least, most = {"?": (0, 1), "*": (0, None), "+": (1, None)}[sign]
        elif sign == "{" and self.at + 1 < len(self.pattern) and self.pattern[self.at + 1].isdigit():
            close = self.pattern.index("}", self.at)
            low, comma, high = self.pattern[self.at + 1 : close].partition(",")
            self.at = close + 1
            least = int(low or 0)
            most = (int(high) if high else None) if comma else least
        else:
            return piece
        if self.at < len(self.pattern) and self.pattern[self.at] in "?+":
            self.at += 1
        if least == 0:
            if most == 1 and piece.exact is not None:
                return _exactly(piece.exact | {""})
            return replace(piece, exact=None, needed=None, nullable=True)
        if least == most == 1:
            return piece
        return replace(piece, exact=None, needed=_best(piece.needed, piece.exact))

    def atom(self) -> _Info:
        character = self.pattern[self.at]
        if character == "(":
            return self._group()
        if character == "[":
            return self._set()
        if character == "\\":
            return self._escape()
        self.at += 1
        if character == ".":
            return _ANYTHING
        if character in "^$":
            return _EMPTY
        return _exactly(frozenset({character}))

    def _group(self) -> _Info:
        for edge in _EDGES:
            if self.pattern.startswith(edge, self.at):
                self.at += len(edge)
                return _EDGE
        around = False
        self.at += 1
        if self.pattern.startswith("?", self.at):
            for opening, zero_width in (("?:", False), ("?=", True), ("?!", True), ("?<=", True), ("?<!", True)):
                if self.pattern.startswith(opening, self.at):
                    self.at += len(opening)
                    around = zero_width
                    break
            else:
                self.at = len(self.pattern) + 1  # an unknown kind of group: give up, the caller sees the overrun
                raise UnreadablePatternError
        inner = self.alternation()
        if not self.pattern.startswith(")", self.at):
            raise UnreadablePatternError
        self.at += 1
        return _EMPTY if around else inner

    def _set(self) -> _Info:
        start = self.at + 1
        at = start + 1 if self.pattern.startswith("^", start) else start
        if self.pattern.startswith("]", at):
            at += 1
        while at < len(self.pattern) and self.pattern[at] != "]":
            at += 2 if self.pattern[at] == "\\" else 1
        body = self.pattern[start:at]
        self.at = at + 1
        if body and _BETWEEN_WORDS.issuperset(body.replace("\\s", "").replace("\\-", "")):
            return _BETWEEN if "\\" in body or len(body) > 8 else _exactly(frozenset(body))
        if body.startswith("^") or "\\" in body or "-" in body or "[" in body or len(body) > 8:
            return _ANYTHING
        return _exactly(frozenset(body))

    def _escape(self) -> _Info:
        letter = self.pattern[self.at + 1]
        self.at += 2
        if letter in "pP" and self.pattern.startswith("{", self.at):
            self.at = self.pattern.index("}", self.at) + 1
            return _ANYTHING
        if letter == "s":
            return _BETWEEN
        if letter == "d":
            return _ANY_DIGIT
        if letter.isalnum():
            return _ANYTHING
        return _exactly(frozenset({letter}))


def _opens(pieces: Sequence[_Info], *, at_end: bool = False) -> bool:
    """Say whether whatever the pieces match begins with no letter, mark or number, nor what follows an empty match.

    ``at_end`` is the answer when all of it may be empty.
    """
    for piece in pieces:
        if piece is _EDGE:
            return True
        if not piece.opens:
            return False
        if not piece.nullable:
            return True
    return at_end


def _closes(pieces: Sequence[_Info], *, at_end: bool = False) -> bool:
    """Say the same of the last character, and of what stands before an empty match."""
    for piece in reversed(pieces):
        if piece is _EDGE:
            return True
        if not piece.closes:
            return False
        if not piece.nullable:
            return True
    return at_end


class UnreadablePatternError(ValueError):
    """The pattern uses a construct this reader does not know; the caller tries the pattern always."""


def _any_of(sets: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    found: set[str] = set()
    for strings in sets:
        if strings is None:
            return None
        found |= strings
    return frozenset(found) if len(found) <= _MAX_SET else None


def _beginnings(pieces: Sequence[_Info], before: str) -> frozenset[str] | None:
    """Give the strings of which one begins whatever the pieces match, unless that is empty, where they are known."""
    found: set[str] = set()
    # What the pieces so far can have matched, as long as it is known exactly.
    run = {before}
    for piece in pieces:
        if piece.exact is not None and len(run) * len(piece.exact) <= _MAX_SET:
            run = {left + right for left in run for right in piece.exact}
            continue
        found |= {string for string in run if bare_literal(string)}
        run = {string for string in run if not bare_literal(string)}
        if run and piece.begins is None:
            return None
        found |= {left + right for left in run for right in piece.begins or ()}
        if not piece.nullable:
            run = set()
        if not run:
            break
    found |= {string for string in run if bare_literal(string)}
    return frozenset(found) if len(found) <= _MAX_SET else None
