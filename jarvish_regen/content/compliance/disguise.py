"""Undo disguises: the shadow view, in which look-alikes, leet, spelled-out and mixed words read as what they say."""

import unicodedata
from bisect import bisect_left
from collections.abc import Mapping

import regex

from jarvish_regen.language.romanise import romanised

from .normalise import DEVANAGARI_LETTER, PICTURES, Folding, View


def shadow_view(plain: View, folding: Folding) -> View:
    """Build the shadow view from the plain one; the same object comes back when nothing is disguised.

    Where shadow and plain agree, a second search would find what the first one found, so the view holds only the
    surroundings of what was
    unmasked, on lines of their own.
    """
    if not folding.trigger.search(plain.text):
        return plain
    return _unmasked(plain, folding)


class _Draft:
    """A view under construction: edits are collected against the present text and applied together."""

    def __init__(self, view: View) -> None:
        self.touched: set[int] = set()
        self.text = view.text
        self.starts = list(view.starts)
        self.ends = list(view.ends)

    def splice(self, edits: list[tuple[int, int, str]]) -> None:
        """Replace spans by texts; a replacement of equal length keeps positions one to one, others share the span."""
        if not edits:
            return
        text: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        for start, end, new in edits:
            self.touched.add(self.starts[min(start, len(self.starts) - 1)])
            text.append(self.text[at:start])
            starts.extend(self.starts[at:start])
            ends.extend(self.ends[at:start])
            text.append(new)
            if len(new) == end - start:
                starts.extend(self.starts[start:end])
                ends.extend(self.ends[start:end])
            elif start < end:
                starts.extend([self.starts[start]] * len(new))
                ends.extend([self.ends[end - 1]] * len(new))
            else:
                starts.extend([self.starts[max(start - 1, 0)]] * len(new))
                ends.extend([self.ends[max(start - 1, 0)]] * len(new))
            at = end
        text.append(self.text[at:])
        starts.extend(self.starts[at:])
        ends.extend(self.ends[at:])
        self.text, self.starts, self.ends = "".join(text), starts, ends


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


def _unmasked(plain: View, folding: Folding) -> View:
    draft = _Draft(plain)
    draft.splice([(m.start(), m.end(), "\u00b7") for m in _LONE_PICTURE.finditer(draft.text)])
    draft.splice([(m.start(), m.end(), "") for m in _INNER_PICTURE.finditer(draft.text)])
    # A word of two scripts is read aloud in one.
    draft.splice([(m.start(), m.end(), romanised(m[0])) for m in _MIXED_WORD.finditer(draft.text)])
    draft.splice(_homoglyph_edits(draft.text, folding))
    draft.splice([(m.start(), m.end(), _strip_accents(m[0])) for m in _ACCENTED.finditer(draft.text)])
    for _ in range(2):
        draft.splice(_table_edits(folding.leet_middle_run, folding.leet, draft.text))
    draft.splice(_table_edits(folding.leet_initial_run, folding.leet_initial, draft.text))
    draft.splice(_table_edits(folding.leet_final_run, folding.leet_final, draft.text))
    # Syllables in a row may be short Devanagari words; Latin letters in a row are a word spelled out.
    _join(draft, folding.joined_latin, folding, needs_stem=False)
    _join(draft, folding.joined_deva, folding, needs_stem=True)
    draft.splice([(m.start(), m.end(), "") for m in _INNER_MARK.finditer(draft.text)])
    draft.splice([(m.start() + 1, m.end(), "") for m in _REPEATED.finditer(draft.text)])
    return _surroundings(draft, plain)


# A pattern reaches less far than this from the word that was unmasked.
_SURROUNDINGS = 200


def _surroundings(draft: _Draft, plain: View) -> View:
    if not draft.touched or draft.text == plain.text:
        return plain
    windows: list[tuple[int, int]] = []
    for position in sorted(draft.touched):
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
    return View("".join(text), starts, ends)


def _homoglyph_edits(text: str, folding: Folding) -> list[tuple[int, int, str]]:
    edits = []
    table = folding.homoglyphs
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
