"""Clauses of a message: the pieces that each say one thing, so that two faults in one breath stay apart.

Cut at marks, line breaks and joining words of the four languages; a voice note has no marks, so what is still long is
read through windows that overlap. Positions are code points into the raw text.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import regex

from jarvish_regen.language.words import positions_inside_graphemes

# More words than this between two cuts is running speech (file 7 of the corpus: 32 words, no mark).
LONG_WORDS: Final = 14
WINDOW_WORDS: Final = 10
STEP_WORDS: Final = 5
# What is analysed while somebody types; the rest is read with the message as a whole (a clause takes half a
# millisecond, a pasted page has hundreds).
MOST: Final = 48

_JOINING: Final = (
    "and|but|also|plus|then|because|though|although|however|while|so|or"
    "|aur|par|lekin|magar|phir|fir|kyunki|kyonki|ki|ani|pan|pann|karan|mhanje|toh"
    "|और|पर|लेकिन|मगर|परंतु|फिर|क्योंकि|बल्कि|आणि|पण|परंतू|मात्र|कारण|म्हणून|तसेच|अन|नि"
)
# A mark inside a figure, an address or a word (4.5%, 10:30, a.b) ends nothing; a dash must stand alone.
_CUT: Final = regex.compile(
    r"[।॥!?;…\n\r\u2028\u2029]+|[.,:]+(?=\s|$|[\"'”’)\]])|\s[-–—]+(?=\s)|—"
    rf"|(?<=\s)(?=(?:{_JOINING})(?=\s))",
    regex.IGNORECASE,
)
_WORD: Final = regex.compile(r"\S+")
_SAYS_SOMETHING: Final = regex.compile(r"[\p{L}\p{N}\p{So}\p{Sc}]")
_CLOSING: Final = "\"'”’)]»"


def clauses(text: str, *, most: int = MOST) -> tuple[tuple[int, int], ...]:
    """Return the places of the clauses of a message as ``(start, end)``, in order, at most ``most`` of them.

    Without surrounding space, never empty, never cutting a grapheme cluster. They overlap only where a long clause is
    read through windows. A message without a letter, digit or symbol has none.
    """
    inside = positions_inside_graphemes(text)
    found: list[tuple[int, int]] = []
    for start, end in _pieces(text):
        found += [place for place in _windows(text, start, end) if not inside.intersection(place)]
        if len(found) >= most:
            break
    return tuple(found[:most])


def _pieces(text: str) -> list[tuple[int, int]]:
    edges = [0]
    for cut in _CUT.finditer(text):
        end = cut.end()
        # The quotation mark behind a full stop belongs to what it closes.
        while cut.start() < end < len(text) and text[end] in _CLOSING:
            end += 1
        if end > edges[-1]:
            edges.append(end)
    edges.append(len(text))
    return [_trimmed(text, start, end) for start, end in pairwise(edges) if _SAYS_SOMETHING.search(text, start, end)]


def _windows(text: str, start: int, end: int) -> list[tuple[int, int]]:
    words = [match.span() for match in _WORD.finditer(text, start, end)]
    if len(words) <= LONG_WORDS:
        return [(start, end)]
    starts = range(0, len(words) - STEP_WORDS, STEP_WORDS)
    return [(words[at][0], words[min(at + WINDOW_WORDS, len(words)) - 1][1]) for at in starts]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))
