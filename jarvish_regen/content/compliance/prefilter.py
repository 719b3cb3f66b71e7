"""Tell which of many patterns can match a text at all, in which of its paragraphs, and at which words.

Every pattern needs a string out of each of a few sets (``literals``). All patterns are looked at together: one whole
number holds a bit for each set of each pattern, and what a paragraph holds sets bits. A pattern is worth trying where
all its bits are set. Nearly all of these strings lie within one word, and the same words come again and again, so what
a word means for the patterns is worked out once.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .literals import EDGE, bare_literal
from .patterns import Pattern

# Words as the look-up knows them: nothing but letters, marks and numbers, though not all of them. A word of these
# signs that stands free in a text is therefore found free, and one within a longer word is found there.
_WORD = re.compile("[a-z0-9\u0900-\u0963\u0966-\u096f\u0971-\u097f]+")
# Two line breaks with nothing between them end a paragraph.
_BREAK = re.compile(r"\n(?=[^\S\n]*\n)")
# Strings are looked up by this many characters.
_KEY_CHARS = 3
# A text of very many paragraphs is looked at in this many pieces at most, so that work grows with the text alone.
_MOST_PIECES = 8
# Of some two hundred bytes each; longer ones are no words and do not come again.
_WORDS_REMEMBERED = 16_384
_LONGEST_REMEMBERED = 40


@dataclass(frozen=True, eq=False)
class Candidates:
    """The patterns worth trying on a text, as bits by their index.

    ``anywhere``: what they need is somewhere in the text. ``pieces``: half-open spans with the bits of the patterns
    that have all they need inside; every stretch of text within one paragraph lies inside one piece. ``inside`` are the
    bits of all pieces together. ``starts``: for a pattern of ``inside`` whose openings are known, the only places, in
    order, at which a match within one paragraph can begin.
    """

    anywhere: int
    inside: int
    pieces: tuple[tuple[int, int, int], ...]
    starts: Mapping[int, Sequence[int]]


@dataclass(frozen=True, eq=False)
class _Index:
    """Strings with their bits: those that are a whole word, that begin one, that are anywhere in one.

    ``heads`` and ``parts`` are kept by their first three characters, or all when they are shorter.
    """

    words: dict[str, int] = field(default_factory=dict)
    heads: dict[str, dict[str, int]] = field(default_factory=dict)
    parts: dict[str, dict[str, int]] = field(default_factory=dict)

    def bits_of(self, word: str) -> int:
        """Give the bits of all strings that ``word`` holds."""
        found = self.words.get(word, 0)
        for length in range(1, min(_KEY_CHARS, len(word)) + 1):
            for head, bits in self.heads.get(word[:length], {}).items():
                if word.startswith(head):
                    found |= bits
        if self.parts:
            for at in range(len(word)):
                for length in range(1, min(_KEY_CHARS, len(word) - at) + 1):
                    for part, bits in self.parts.get(word[at : at + length], {}).items():
                        if word.startswith(part, at):
                            found |= bits
        return found

    def add_word(self, word: str, bit: int) -> None:
        self.words[word] = self.words.get(word, 0) | bit

    def add_head(self, head: str, bit: int) -> None:
        _add(self.heads.setdefault(head[:_KEY_CHARS], {}), head, bit)

    def add_part(self, part: str, bit: int) -> None:
        _add(self.parts.setdefault(part[:_KEY_CHARS], {}), part, bit)


def _add(bits: dict[str, int], string: str, bit: int) -> None:
    bits[string] = bits.get(string, 0) | bit


@dataclass(frozen=True, eq=False)
class Prefilter:
    """The index of a pack's patterns.

    Set ``n`` of pattern ``i`` is bit ``n * count + i``; ``given`` are the sets that a pattern does not have.
    ``literals`` are found in words, ``signs`` with the bits of their sets are those that are not. ``openings`` begin
    the matches of a pattern, whose bit is ``i``; ``unopened`` are the patterns that may begin with anything.
    """

    count: int
    sets: int
    given: int
    literals: _Index
    signs: tuple[tuple[str, int], ...]
    openings: _Index
    unopened: int
    _remembered: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False)

    def candidates(self, text: str) -> Candidates:
        """Say which patterns are worth trying on ``text``, a view."""
        signs = [sign for sign in self.signs if sign[0] in text]
        remembered = self._remembered
        anywhere, opened, inside = self.given, self.unopened, 0
        pieces: list[tuple[int, int, int]] = []
        starts: dict[int, list[int]] = {}
        for start, end in _pieces(text):
            held, begun = self.given, self.unopened
            places: list[tuple[int, int]] = []
            for match in _WORD.finditer(text, start, end):
                word = match[0]
                found, begins = remembered.get(word) or self._learn(word)
                held |= found
                if begins:
                    begun |= begins
                    places.append((match.start(), begins))
            for sign, bits in signs:
                if text.find(sign, start, end) >= 0:
                    held |= bits
            anywhere |= held
            opened |= begun
            complete = self._complete(held) & begun
            if not complete:
                continue
            inside |= complete
            pieces.append((start, end, complete))
            for place, begins in places:
                for index in indices(begins & complete):
                    starts.setdefault(index, []).append(place)
        return Candidates(self._complete(anywhere) & opened, inside, tuple(pieces), starts)

    def _learn(self, word: str) -> tuple[int, int]:
        """Give the sets that the word holds a string of, and the patterns whose matches can begin with it."""
        found = self.literals.bits_of(word), self.openings.bits_of(word)
        if len(word) <= _LONGEST_REMEMBERED:
            if len(self._remembered) >= _WORDS_REMEMBERED:
                self._remembered.clear()
            self._remembered[word] = found
        return found

    def _complete(self, held: int) -> int:
        found = held
        for _ in range(1, self.sets):
            held >>= self.count
            found &= held
        return found & ((1 << self.count) - 1)


def _pieces(text: str) -> list[tuple[int, int]]:
    """Give overlapping spans such that whatever holds no two line breaks in a row lies inside one of them.

    No word is in two of them or cut by their ends.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _BREAK.finditer(text):
        first = match.start()
        spans.append((start, text.index("\n", first + 1)))
        start = first + 1
    spans.append((start, len(text)))
    if len(spans) > _MOST_PIECES:
        step = -(-len(spans) // _MOST_PIECES)
        spans = [(spans[at][0], spans[at : at + step][-1][1]) for at in range(0, len(spans), step)]
    return spans


def indices(bits: int) -> list[int]:
    """Give the places of the bits that are set, in order."""
    found = []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return found


def build_prefilter(patterns: Sequence[Pattern]) -> Prefilter:
    """Index ``patterns`` by the literals that their matches need."""
    count, sets = len(patterns), max((len(pattern.needs) for pattern in patterns), default=0) or 1
    given = unopened = 0
    literals, openings = _Index(), _Index()
    signs: dict[str, int] = {}
    for index, pattern in enumerate(patterns):
        for number in range(sets):
            bit = 1 << (number * count + index)
            # A literal that could reach over a line break might lie in no single piece.
            if number >= len(pattern.needs) or any("\n" in literal for literal in pattern.needs[number]):
                given |= bit
                continue
            for literal in pattern.needs[number]:
                _add_literal(literal, bit, literals, signs)
        if not _add_openings(pattern.openings, 1 << index, openings):
            unopened |= 1 << index
    return Prefilter(count, sets, given, literals, tuple(signs.items()), openings, unopened)


def _add_literal(literal: str, bit: int, literals: _Index, signs: dict[str, int]) -> None:
    bare = bare_literal(literal)
    if not _WORD.fullmatch(bare):
        _add(signs, bare, bit)
    elif not literal.startswith(EDGE):
        literals.add_part(bare, bit)
    elif literal.endswith(EDGE):
        literals.add_word(bare, bit)
    else:
        literals.add_head(bare, bit)


def _add_openings(strings: Iterable[str], bit: int, openings: _Index) -> bool:
    """Index the openings of a pattern and say whether that was possible: each has to begin where a word begins."""
    found = [(string, _WORD.match(bare_literal(string))) for string in strings]
    if not found or any(match is None or not string.startswith(EDGE) for string, match in found):
        return False
    for string, match in found:
        if match is None:
            continue
        is_whole = match.end() < len(match.string) or string.endswith(EDGE)
        (openings.add_word if is_whole else openings.add_head)(match[0], bit)
    return True
