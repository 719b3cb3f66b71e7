"""Undo disguises: the shadow view, in which look-alikes, leet, spelled-out and mixed words read as what they say."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import regex

from jarvish_regen.language.romanise import romanised

from .normalise import DEVANAGARI_LETTER, PICTURE, PICTURES, THREE_ALIKE, Folding, View


def shadow_view(plain: View, folding: Folding) -> View:
    """Build the shadow view from the plain one; the same object comes back when nothing is disguised.

    Where shadow and plain agree, a second search would find what the first one found, so the view holds only the
    surroundings of what was
    unmasked, on lines of their own.
    """
    text = plain.text
    if any(sign.search(text) and (exact is None or exact.search(text)) for sign, exact in folding.triggers):
        return _unmasked(plain, folding)
    return plain


@dataclass(frozen=True, eq=False)
class _Selected(Sequence[int]):
    """Some of a sequence of places, by their indices, one for each character of a view made from another."""

    places: Sequence[int]
    chosen: Sequence[int]

    def __len__(self) -> int:
        return len(self.chosen)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            return [self.places[place] for place in self.chosen[index]]
        return self.places[self.chosen[index]]


class _Draft:
    """A view under construction: edits are collected against the present text and applied together.

    ``starts`` and ``ends`` lead to the characters of the plain view at which each character begins and ends;
    ``touched`` are those at which something was changed.
    """

    def __init__(self, view: View) -> None:
        self.touched: set[int] = set()
        self.text = view.text
        self.starts = list(range(len(view.text)))
        self.ends = self.starts

    def splice(self, edits: list[tuple[int, int, str]]) -> None:
        """Replace spans by texts; a replacement of equal length keeps positions one to one, others share the span."""
        if not edits:
            return
        text: list[str] = []
        at = 0
        for start, end, new in edits:
            self.touched.add(self.starts[min(start, len(self.starts) - 1)])
            text.append(self.text[at:start])
            text.append(new)
            at = end
        text.append(self.text[at:])
        if any(len(new) != end - start for start, end, new in edits):
            self._move(edits)
        self.text = "".join(text)

    def _move(self, edits: list[tuple[int, int, str]]) -> None:
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        for start, end, new in edits:
            if len(new) == end - start:
                continue
            starts += self.starts[at:start]
            ends += self.ends[at:start]
            # What is put in has the place of what it replaces, or of what stands before it.
            first, last = (start, end - 1) if start < end else (max(start - 1, 0), max(start - 1, 0))
            starts += [self.starts[first]] * len(new)
            ends += [self.ends[last]] * len(new)
            at = end
        self.starts, self.ends = starts + self.starts[at:], ends + self.ends[at:]


_WORD = regex.compile(r"[\p{L}\p{M}]+")
_INNER_MARK = regex.compile(
    rf"(?<=[a-z])[-.'\u00b7](?=[a-z])|(?<={DEVANAGARI_LETTER})[.\u00b7\u2022|](?=[\u0904-\u0939\u0958-\u0961])",
    regex.V1,
)
# A picture inside a word goes; between letters that stand alone it is a separator like any other.
_INNER_PICTURE = regex.compile(rf"(?<=[\p{{L}}\p{{M}}])[{PICTURES}]+(?=\p{{L}})", regex.V1)
_LONE_PICTURE = regex.compile(
    r"(?<=(?<![\p{L}\p{M}\p{N}])\p{L}\p{M}{0,3})"
    rf" ?[{PICTURES}]+ ?"
    r"(?=\p{L}\p{M}{0,3}(?![\p{L}\p{M}\p{N}]))",
    regex.V1,
)
_MIXED_WORD = regex.compile(
    rf"(?:[a-z]+{DEVANAGARI_LETTER}|{DEVANAGARI_LETTER}+[a-z])[a-z\u0900-\u0963\u0970-\u097f]*", regex.V1
)
_REPEATED = regex.compile(r"(\p{L})\1{2,}")
_ACCENTED = regex.compile(r"[\u00df-\u024f\u1e00-\u1eff]\p{M}*|[a-z]\p{M}+")
# In every text that a mixed word or an accented letter is in, and found sooner.
_MAYBE_MIXED = re.compile(f"[a-z]{DEVANAGARI_LETTER}|{DEVANAGARI_LETTER}[a-z]")
_MAYBE_ACCENTED = re.compile("[\u00df-\u024f\u1e00-\u1eff]|[a-z][^\x00-\x7f]")


def _unmasked(plain: View, folding: Folding) -> View:
    draft = _Draft(plain)
    if PICTURE.search(draft.text):
        draft.splice([(m.start(), m.end(), "\u00b7") for m in _LONE_PICTURE.finditer(draft.text)])
        draft.splice([(m.start(), m.end(), "") for m in _INNER_PICTURE.finditer(draft.text)])
    if _MAYBE_MIXED.search(draft.text):
        # A word of two scripts is read aloud in one.
        draft.splice([(m.start(), m.end(), romanised(m[0])) for m in _MIXED_WORD.finditer(draft.text)])
    draft.splice(_homoglyph_edits(draft.text, folding))
    if _MAYBE_ACCENTED.search(draft.text):
        draft.splice([(m.start(), m.end(), _strip_accents(m[0])) for m in _ACCENTED.finditer(draft.text)])
    for _ in range(2):
        draft.splice(_table_edits(folding.leet_middle_run, folding.leet, draft.text))
    draft.splice(_table_edits(folding.leet_initial_run, folding.leet_initial, draft.text))
    draft.splice(_table_edits(folding.leet_final_run, folding.leet_final, draft.text))
    # Syllables in a row may be short Devanagari words; Latin letters in a row are a word spelled out.
    if folding.maybe_joined_latin.search(draft.text):
        _join(draft, folding.joined_latin, folding, needs_stem=False)
    if not draft.text.isascii():
        _join(draft, folding.joined_deva, folding, needs_stem=True)
    draft.splice([(m.start(), m.end(), "") for m in _INNER_MARK.finditer(draft.text)])
    if THREE_ALIKE.search(draft.text):
        draft.splice([(m.start() + 1, m.end(), "") for m in _REPEATED.finditer(draft.text)])
    return _surroundings(draft, plain)


# A pattern reaches less far than this from the word that was unmasked.
_SURROUNDINGS = 200


def _surroundings(draft: _Draft, plain: View) -> View:
    if not draft.touched or draft.text == plain.text:
        return plain
    windows: list[tuple[int, int]] = []
    for position in sorted({_first_at(plain.starts, place) for place in draft.touched}):
        centre = bisect_left(draft.starts, position)
        start = draft.text.rfind(" ", 0, max(0, centre - _SURROUNDINGS)) + 1
        end = draft.text.find(" ", min(len(draft.text), centre + _SURROUNDINGS))
        end = len(draft.text) if end < 0 else end
        if windows and start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], end)
        else:
            windows.append((start, end))
    text: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in windows:
        text.append(draft.text[start:end] + "\n.\n")
        starts += draft.starts[start:end] + [draft.starts[end - 1]] * 3
        ends += draft.ends[start:end] + [draft.ends[end - 1]] * 3
    return View("".join(text), _Selected(plain.starts, starts), _Selected(plain.ends, ends))


def _first_at(starts: Sequence[int], index: int) -> int:
    """Give the first character that begins where this one does; a letter and its marks begin together."""
    raw = starts[index]
    while index > 0 and starts[index - 1] == raw:
        index -= 1
    return index


def _homoglyph_edits(text: str, folding: Folding) -> list[tuple[int, int, str]]:
    edits = []
    table = folding.homoglyphs
    if text.isascii() or table.keys().isdisjoint(text):
        return []
    for match in _WORD.finditer(text):
        word = match[0]
        if word.isascii() or not any(c in table for c in word):
            continue
        if any("a" <= c <= "z" for c in word) or all(c in table for c in word):
            edits.append((match.start(), match.end(), "".join(table.get(c, c) for c in word)))
    return edits


def _strip_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")


def _table_edits(pattern: regex.Pattern[str], table: Mapping[str, str], text: str) -> list[tuple[int, int, str]]:
    return [(m.start(), m.end(), "".join(table[c] for c in m[0])) for m in pattern.finditer(text)]


def _join(draft: _Draft, pattern: regex.Pattern[str], folding: Folding, *, needs_stem: bool) -> None:
    edits: list[tuple[int, int, str]] = []
    for match in pattern.finditer(draft.text):
        separator = next(group for group in (*match.groups(), " ") if group)
        word = match[0].replace(separator, "")
        if needs_stem and not folding.stems.search(word):
            continue
        # A space on both sides of each stem; the ends of the word already have their own.
        cut = " ".join(folding.stems.sub(r" \g<0> ", word).split())
        # One edit a character keeps each letter on its own raw position.
        position = match.start()
        source = [index for index in range(match.start(), match.end()) if draft.text[index] != separator]
        kept = iter(source)
        for character in cut:
            if character == " ":
                edits.append((position, position, " "))
                continue
            index = next(kept)
            if position < index:
                edits.append((position, index, ""))
            position = index + 1
    draft.splice(edits)
