"""Tell which of many patterns can match a text at all, and in which of its paragraphs.

Every pattern needs a string out of each of a few sets (``literals``). All patterns are looked at together: one whole
number holds a bit for each set of each pattern, and what a paragraph holds sets bits. A pattern is worth trying where
all its bits are set.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .literals import EDGE, bare_literal
from .patterns import Pattern

# Words as the look-up knows them: nothing but letters, marks and numbers, though not all of them. A word of these
# signs that stands free in a text is therefore found free.
_WORD = re.compile("[a-z0-9\u0900-\u0963\u0966-\u096f\u0971-\u097f]+")
# Two line breaks with nothing between them end a paragraph.
_BREAK = re.compile(r"\n(?=[^\S\n]*\n)")
_HEAD_CHARS = 3
# Three characters are hashed to this many buckets: with some nine hundred in use, few are hit by chance.
_BUCKETS = 1 << 15
# A text of very many paragraphs is looked at in this many pieces at most, so that work grows with the text alone.
_MOST_PIECES = 8


@dataclass(frozen=True, eq=False)
class Candidates:
    """The patterns worth trying on a text, as bits by their index.

    ``anywhere``: what they need is somewhere in the text. ``pieces``: half-open spans with the bits of the patterns
    that have all they need inside; every stretch of text within one paragraph lies inside one piece. ``inside`` are the
    bits of all pieces together.
    """

    anywhere: int
    inside: int
    pieces: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, eq=False)
class Prefilter:
    """The index of a pack's patterns.

    ``words`` stand free in a text, ``heads`` begin a word (by their first three characters), ``parts`` are anywhere;
    each comes with the bits of the sets that hold it. Set ``n`` of pattern ``i`` is bit ``n * count + i``; ``given``
    are the sets that a pattern does not have. ``short`` are the parts of less than three characters; the others are
    found by a hash of their first three: ``buckets``, (32768,) indices into ``longer``, whose first entry is empty.
    """

    count: int
    sets: int
    given: int
    words: dict[str, int]
    heads: dict[str, tuple[tuple[str, int], ...]]
    short: tuple[tuple[str, int], ...]
    longer: tuple[tuple[tuple[str, int], ...], ...]
    buckets: NDArray[np.uint16]

    def candidates(self, text: str) -> Candidates:
        """Say which patterns are worth trying on ``text``, a view."""
        parts = self._parts_in(text)
        anywhere = self.given
        inside = 0
        pieces: list[tuple[int, int, int]] = []
        spans = _pieces(text)
        for start, end in spans:
            piece = text if len(spans) == 1 else text[start:end]
            held = self._held(piece, parts)
            anywhere |= held
            found = self._complete(held)
            inside |= found
            if found:
                pieces.append((start, end, found))
        return Candidates(self._complete(anywhere), inside, tuple(pieces))

    def _parts_in(self, text: str) -> list[tuple[str, int]]:
        found = [part for part in self.short if part[0] in text]
        if len(text) >= _HEAD_CHARS:
            hit = self.buckets[_hashes(text)]
            for bucket in set(hit[hit > 0].tolist()):
                found += [part for part in self.longer[bucket] if part[0] in text]
        return found

    def _held(self, piece: str, parts: Iterable[tuple[str, int]]) -> int:
        held = self.given
        found = set(_WORD.findall(piece))
        for word in self.words.keys() & found:
            held |= self.words[word]
        heads = self.heads
        for word in found:
            begun = heads.get(word[:_HEAD_CHARS])
            if begun is not None:
                for head, bits in begun:
                    if word.startswith(head):
                        held |= bits
        for part, bits in parts:
            if part in piece:
                held |= bits
        return held

    def _complete(self, held: int) -> int:
        found = held
        for _ in range(1, self.sets):
            held >>= self.count
            found &= held
        return found & ((1 << self.count) - 1)


def _hashes(text: str) -> NDArray[np.uint32]:
    """Hash every three characters in a row; one number for each place where three begin."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    mixed = codes[:-2] * np.uint32(0x9E3779B1) + codes[1:-1] * np.uint32(0x85EBCA6B) + codes[2:] * np.uint32(0xC2B2AE35)
    hashed: NDArray[np.uint32] = mixed >> np.uint32(17)
    return hashed


def _pieces(text: str) -> list[tuple[int, int]]:
    """Give overlapping spans such that whatever holds no two line breaks in a row lies inside one of them."""
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
    given = 0
    words: dict[str, int] = {}
    heads: dict[str, int] = {}
    parts: dict[str, int] = {}
    for index, pattern in enumerate(patterns):
        for number in range(sets):
            bit = 1 << (number * count + index)
            # A literal that could reach over a line break might lie in no single piece.
            if number >= len(pattern.needs) or any("\n" in literal for literal in pattern.needs[number]):
                given |= bit
                continue
            for literal in pattern.needs[number]:
                bare = bare_literal(literal)
                is_word = _WORD.fullmatch(bare) is not None
                if is_word and literal.startswith(EDGE) and literal.endswith(EDGE):
                    words[bare] = words.get(bare, 0) | bit
                elif is_word and literal.startswith(EDGE) and len(bare) >= _HEAD_CHARS:
                    heads[bare] = heads.get(bare, 0) | bit
                else:
                    parts[bare] = parts.get(bare, 0) | bit
    by_head: dict[str, list[tuple[str, int]]] = {}
    for head, bits in heads.items():
        by_head.setdefault(head[:_HEAD_CHARS], []).append((head, bits))
    longer: list[list[tuple[str, int]]] = [[]]
    buckets = np.zeros(_BUCKETS, dtype=np.uint16)
    for part, bits in parts.items():
        if len(part) < _HEAD_CHARS:
            continue
        bucket = int(_hashes(part[:_HEAD_CHARS])[0])
        if not buckets[bucket]:
            buckets[bucket] = len(longer)
            longer.append([])
        longer[int(buckets[bucket])].append((part, bits))
    return Prefilter(
        count=count,
        sets=sets,
        given=given,
        words=words,
        heads={start: tuple(found) for start, found in by_head.items()},
        short=tuple((part, bits) for part, bits in parts.items() if len(part) < _HEAD_CHARS),
        longer=tuple(map(tuple, longer)),
        buckets=buckets,
    )
