"""Find, for a pattern, a few strings of which any match must contain one.

Most rules do not concern most texts. Looking for a literal is a hundred times cheaper than trying a pattern, so a
pattern is tried only
when one of its literals is in the text. The reading of the pattern is deliberately humble: whatever it does not
understand counts as
"could be anything", which makes the answer empty (always try) and never wrong.
"""

from dataclasses import dataclass

_MAX_EXACT = 24
_MAX_SET = 400
_MAX_CONJUNCTS = 3


@dataclass(frozen=True)
class _Info:
    """``exact``: all strings the piece can match, if few. ``needed``: strings of which one is in any match."""

    exact: frozenset[str] | None
    needed: frozenset[str] | None


_ANYTHING = _Info(None, None)
_EMPTY = _Info(frozenset({""}), None)


def required_literals(pattern: str) -> tuple[tuple[str, ...], ...]:
    """Give sets of strings: every match of ``pattern`` contains at least one string of each set.

    The most telling set comes first.
    """
    reader = _Reader(pattern)
    info = reader.alternation()
    if reader.at < len(pattern):
        return ()
    sets = [*reader.parts, info.needed, info.exact] if reader.branches == 1 else [info.needed, info.exact]
    telling = {literals for literals in sets if literals is not None and _quality(literals)[0] > 0}
    ranked = sorted(telling, key=lambda literals: (_quality(literals), sorted(literals)), reverse=True)
    return tuple(tuple(sorted(literals)) for literals in ranked[:_MAX_CONJUNCTS])


def _quality(literals: frozenset[str] | None) -> tuple[int, int]:
    if not literals or "" in literals or len(literals) > _MAX_SET:
        return (0, 0)
    return (min(3, min(map(len, literals))), -len(literals))


def _best(*candidates: frozenset[str] | None) -> frozenset[str] | None:
    found = max(candidates, key=_quality, default=None)
    return found if _quality(found)[0] > 0 else None


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.depth = 0
        self.branches = 0
        # What the pieces of the outermost sequence need, each for itself.
        self.parts: list[frozenset[str] | None] = []

    def alternation(self) -> _Info:
        self.depth += 1
        info = self._branches()
        self.depth -= 1
        return info

    def _branches(self) -> _Info:
        branches = [self.sequence()]
        while self.at < len(self.pattern) and self.pattern[self.at] == "|":
            self.at += 1
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
        return _Info(exact if exact is not None and len(exact) <= _MAX_EXACT else None, needed)

    def sequence(self) -> _Info:
        run: frozenset[str] = frozenset({""})
        whole = True
        needed: frozenset[str] | None = None
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            piece = self._quantified(self.atom())
            if piece.exact is not None and len(run) * len(piece.exact) <= _MAX_EXACT:
                run = frozenset(left + right for left in run for right in piece.exact)
                continue
            if self.depth == 1:
                self.parts += [run, piece.needed]
            needed = _best(needed, run, piece.needed, piece.exact)
            run = piece.exact if piece.exact is not None else frozenset({""})
            whole = False
        if self.depth == 1:
            self.parts.append(run)
        return _Info(run if whole else None, _best(needed, run))

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
                return _Info(piece.exact | {""}, None)
            return _ANYTHING
        if least == most == 1:
            return piece
        return _Info(None, _best(piece.needed, piece.exact))

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
        return _Info(frozenset({character}), None)

    def _group(self) -> _Info:
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
        if body.startswith("^") or "\\" in body or "-" in body or "[" in body or len(body) > 8:
            return _ANYTHING
        return _Info(frozenset(body), None)

    def _escape(self) -> _Info:
        letter = self.pattern[self.at + 1]
        self.at += 2
        if letter in "pP" and self.pattern.startswith("{", self.at):
            self.at = self.pattern.index("}", self.at) + 1
            return _ANYTHING
        if letter.isalnum():
            return _ANYTHING
        return _Info(frozenset({letter}), None)


class UnreadablePatternError(ValueError):
    """The pattern uses a construct this reader does not know; the caller tries the pattern always."""
