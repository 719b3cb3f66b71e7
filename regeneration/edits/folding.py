"""Fold a text to what it says, keeping for each character the place it has in the raw text."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

Span = tuple[int, int]

_PLAIN = {
    "\u2018": "'",
    "\u2019": "'",
    "\u201a": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u201e": '"',
    "\u2010": "-",
    "\u2011": "-",
    "\u2012": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2212": "-",
    "\u2026": "...",
}
# What a model adds to or drops from the ends of a quotation. Signs of numbers are not among it.
EDGE = frozenset(" .,;:!?|\"'()[]{}*_~`«»।॥")
_CLOSING = frozenset(".,;:!?…।॥")
_JOINERS = frozenset("\u200c\u200d")


@dataclass(frozen=True, slots=True)
class Folded:
    """Hold a folded text; ``places[i]`` is the span of the raw text that ``text[i]`` stands for.

    ``lowered`` is ``text`` without case, character for character.
    """

    text: str
    lowered: str
    places: tuple[Span, ...]

    def raw(self, span: Span) -> Span:
        """Return the raw span of a folded one that is not empty."""
        return self.places[span[0]][0], self.places[span[1] - 1][1]


def fold(text: str) -> Folded:
    """Fold blanks, quotes, dashes, invisible signs and composition (NFC); one step a character of ``text``."""
    folded: list[str] = []
    places: list[Span] = []
    at = 0
    while at < len(text):
        end = at + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        letters = _letters(text[at:end])
        if letters == " ":
            if folded and folded[-1] == " ":
                places[-1] = (places[-1][0], end)
            else:
                folded.append(" ")
                places.append((at, end))
        elif letters:
            folded += letters
            places += [(at, end)] * len(letters)
        at = end
    return Folded("".join(folded), "".join(map(_lowered, folded)), tuple(places))


@lru_cache(maxsize=4096)
def _letters(cluster: str) -> str:
    """Return what a letter with its marks is folded to: a blank for any blank, nothing for an invisible sign."""
    if cluster.isspace():
        return " "
    if unicodedata.category(cluster[0]) == "Cf":
        return ""
    # NFC leaves Devanagari nukta letters apart, so both spellings meet in the same form.
    return "".join(_PLAIN.get(c, c) for c in unicodedata.normalize("NFC", cluster))


def core_of(find: str) -> str:
    """Return folded, lowered words without the punctuation at their ends; a sign that belongs to a number stays."""
    start, end = 0, len(find)
    while start < end and find[start] in EDGE and not (find[start] == "." and find[start + 1 : start + 2].isdigit()):
        start += 1
    while end > start and find[end - 1] in EDGE:
        end -= 1
    return find[start:end]


def with_closing_mark(text: str, span: Span) -> Span:
    """Widen a raw span by the marks that close its last sentence in ``text``."""
    end = span[1]
    while end < len(text) and text[end] in _CLOSING and not cuts_number(text, end):
        end += 1
    return span[0], end


def is_word_border(text: str, at: int) -> bool:
    """Say whether no word of any script runs on over ``at``."""
    return not (0 < at < len(text) and _is_in_word(text[at - 1]) and _is_in_word(text[at]))


def cuts_number(text: str, at: int) -> bool:
    """Say whether ``at`` lies inside a number: between two digits, or beside the point or comma between them."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if before.isdecimal():
        return after.isdecimal() or (after in ".," and text[at + 1 : at + 2].isdecimal())
    return before in ".," and after.isdecimal() and at > 1 and text[at - 2].isdecimal()


def cuts_letter(text: str, at: int) -> bool:
    """Say whether ``at`` would part a letter or emoji from its sign or joiner."""
    if not 0 < at < len(text):
        return False
    return (
        unicodedata.category(text[at]) in {"Mn", "Mc", "Me"} or text[at] in "\u200d\ufe0f" or text[at - 1] == "\u200d"
    )


def _is_in_word(character: str) -> bool:
    return character.isalnum() or character in _JOINERS or unicodedata.category(character)[0] == "M"


@lru_cache(maxsize=4096)
def _lowered(character: str) -> str:
    lowered = character.lower()
    return lowered if len(lowered) == 1 else character
