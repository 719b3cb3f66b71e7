"""Say whether two texts ask for the same thing, in words, numbers, polarity and order: what a cosine cannot see.

"The market will rise" and "the market will fall" have a cosine above 0.9. So vectors only propose; here each text
becomes the row of its meanings, and two texts are the same only when the rows are. A word that no list knows must stand
in both.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import regex

from jarvish_regen.language.figures import figures
from jarvish_regen.language.identify import identify
from jarvish_regen.language.words import normalise_for_comparison, word_set, words
from regeneration.cache.meanings import LONGEST, MEANINGS, SEQUENCE

_MINUS: Final = regex.compile(r"(?:(?<![\d\p{L}])[-−–]|minus|ऋण|वजा)\s?[₹$]?\s?\Z")
# Signs that carry a meaning of their own in a note.
_SIGNS: Final = regex.compile(r"[?%₹$=<>≥≤+×→]")
_CLAUSE: Final = regex.compile(r"[,;।]|[.!](?=\s|\Z)|(?<=[?])|\s[-–—]\s")
_PLAIN_ASCII: Final = regex.compile(r"[a-z]+")
_DOUBLE: Final = regex.compile(r"([b-df-hj-np-tv-z])\1\Z")
_SHORTEST_STEM: Final = 3
# Endings whose removal would make another word of these.
_NEVER_STEMMED: Final = word_set("less unless news does goes his always process business address boss loss")


@dataclass(frozen=True, slots=True)
class Meanings:
    """Hold a text's meanings, clause by clause, in order; numbers start with ``#``."""

    clauses: tuple[tuple[str, ...], ...]

    @property
    def row(self) -> tuple[str, ...]:
        """All meanings in order, whatever the commas say."""
        return tuple(meaning for clause in self.clauses for meaning in clause)


def meanings_of(text: str) -> Meanings:
    """Return the meanings of a text: numbers by value, listed words by their meaning, other words by their stem."""
    clauses: list[list[str]] = [[]]
    at = 0
    flat = normalise_for_comparison(text)
    for figure in sorted(figures(flat), key=lambda figure: figure.start):
        if figure.start < at:
            continue
        _add_words(clauses, flat[at : figure.start])
        sign = "-" if _MINUS.search(flat[: figure.start]) else ""
        clauses[-1].append(f"#{sign}{figure.value.normalize():f} {figure.unit}")
        at = figure.end
    _add_words(clauses, flat[at:])
    return Meanings(tuple(tuple(clause) for clause in clauses if clause))


def say_the_same(one: str, other: str) -> bool:
    """Say whether two texts ask for the same thing; in doubt they do not."""
    return same_meanings(meanings_of(one), meanings_of(other))


def same_meanings(one: Meanings, other: Meanings) -> bool:
    """Compare meanings: the same in the same order, or the same clauses in another order that says nothing.

    Inside a clause the order always counts: "the bank paid the client" has the words of its opposite.
    """
    if one.row == other.row:
        return True
    is_free = not any(meaning in SEQUENCE for meaning in one.row)
    return is_free and Counter(one.clauses) == Counter(other.clauses)


def is_same_subject(one: str, other: str, *, least_shared: float) -> bool:
    """Say whether two texts are about the same matter: the share of the shorter one's own words that both have.

    ``least_shared`` is that share, 0.0 to 1.0. Both must be of one language; their numbers may differ.
    """
    if identify(one) != identify(other):
        return False
    rows = [{word for word in meanings_of(text).row if not word.startswith("#")} for text in (one, other)]
    fewest = min(map(len, rows))
    return fewest > 0 and len(rows[0] & rows[1]) / fewest >= least_shared


def _add_words(clauses: list[list[str]], flat: str) -> None:
    """Add the meanings of words to the last clause, and open a new one at each mark between clauses."""
    for number, clause in enumerate(_CLAUSE.split(flat)):
        if number:
            clauses.append([])
        for piece in _SIGNS.split(clause.replace("'", "").replace("’", "")):
            tokens = [part for word in words(piece) for part in word.split("-")]
            at = 0
            while at < len(tokens):
                meaning, length = _longest_at(tokens, at)
                if meaning:
                    clauses[-1].append(meaning)
                at += length
        # A question, a percent or a rupee sign without its number: present or not is part of what is said.
        clauses[-1] += [f"sign {sign}" for sign in _SIGNS.findall(clause)]


def _longest_at(tokens: list[str], at: int) -> tuple[str, int]:
    """Return the meaning of the longest listed phrase at a place and its length; else the word's own stem."""
    for length in range(min(LONGEST, len(tokens) - at), 0, -1):
        phrase = tuple(tokens[at : at + length])
        if phrase in MEANINGS:
            return MEANINGS[phrase], length
    root = stem(tokens[at])
    return MEANINGS.get((root,)) or root, 1


def stem(word: str) -> str:
    """Return an English word without plural, -ed and -ing; any other word as it is. Equal stems are inflections."""
    if not _PLAIN_ASCII.fullmatch(word) or word in _NEVER_STEMMED:
        return word
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", "")):
        root = word.removesuffix(ending) + instead
        if (
            word.endswith(ending)
            and len(root) >= _SHORTEST_STEM
            and not (ending == "s" and word.endswith(("ss", "us", "is")))
        ):
            return _DOUBLE.sub(r"\1", root).removesuffix("e") if ending != "ies" else root
    return word.removesuffix("e") if len(word) > _SHORTEST_STEM + 1 else word
