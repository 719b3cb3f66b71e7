"""Which part of the draft a note speaks of: "the figure in line 2", "दूसरी लाइन", "शेवटची ओळ", a quotation, a figure.

Sure or silent: a quotation or figure that stands twice, or a line that is not there, points nowhere, for a person
corrects a wrong place less gladly than they mark one. Positions are code points into the raw texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import regex

from jarvish_regen.language.anchors import locate_quote
from jarvish_regen.language.figures import Figure, figures
from jarvish_regen.language.romanise import folded, romanised
from jarvish_regen.language.sentences import sentences
from jarvish_regen.language.words import normalise_for_comparison

Place = tuple[int, int]

_WORD: Final = regex.compile(r"[\p{L}\p{M}\p{N}\u200c\u200d]+")
_LINE: Final = regex.compile(r"[^\n\r\u2028\u2029]+")
_PARAGRAPH: Final = regex.compile(r"\S(?:(?!\r?\n[^\S\n]*\r?\n)[\s\S])*")
_POINT: Final = regex.compile(r"\s*(?:[-*•‣◦▪●–]|\p{N}{1,2}[.)])\s*\S")
_QUOTED: Final = regex.compile(
    r"[\"“„]([^\"“”„\n]{2,300})[\"”]|«([^«»\n]{2,300})»|‘([^‘’\n]{2,300})’|(?<![\p{L}\p{N}])'([^'\n]{2,300})'(?![\p{L}\p{N}])"
)
# Beginnings of romanised, folded words, so that लाइन, लाईन and "line", ओळ, ओळीत and "olit" are one entry each.
_UNITS: Final = {
    "line": "line lain lainen lainmadhye layin pankti panktimadhye ol oli olit olitil olicha olichi olimadhye"
    " olinmadhye",
    "paragraph": "para paragraph pera peragraph paira parichched parichchedat parichhed anuchched anuchhed anuchhedat",
    "sentence": "sentence vakya vaky vakyat vakyatil sentans",
    "point": "bullet bulet point poit mudda mudda muddyat bindu",
}
_UNIT_OF: Final = {folded(word): unit for unit, listed in _UNITS.items() for word in listed.split()}
_ORDINAL_STEMS: Final = (
    (1, ("first", "pehl", "pahl", "pahal", "pahil", "pratham")),
    (2, ("second", "dusr", "dusar", "dvitiy")),
    (3, ("third", "tisr", "tisar", "tritiy")),
    (4, ("fourth", "chauth", "chouth", "choth")),
    (5, ("fifth", "panchv", "panchav", "pachv", "pachav")),
    (6, ("sixth", "chath", "sahav")),
    (7, ("seventh", "satv", "satav")),
    (8, ("eighth", "athv", "athav")),
    (-1, ("last", "final", "akhri", "akhir", "antim", "shevat", "shevt")),
)
# The longest ending of a stem: शेवट-च्या is "shevat-achya", of five letters.
_ENDING_LETTERS: Final = 5
_CARDINALS: Final = {
    folded(word): number
    for number, listed in enumerate(("one ek", "two do don", "three tin teen", "four char", "five panch pach"), start=1)
    for word in listed.split()
}
_NUMBER_SIGNS: Final = frozenset({"no", "number", "nambar", "namber", "nanbar", "nmbar", "kramank"})
_FIGURE_STEMS: Final = (
    *("figure", "number", "nambar", "nanbar", "akda", "akada", "ankda", "ankada", "rate", "percent", "pratishat"),
    *("take", "amount", "rakam", "date", "tarikh"),
)
_TITLES: Final = frozenset({"headline", "heading", "title", "subject", "shirshak", "mathala", "hedlain", "heding"})
# What a note shares with a draft by chance is shorter.
_SHARED_WORDS: Final = 4
_SHARED_LETTERS: Final = 14


def point_into(note: str, draft: str, span: Place | None = None) -> Place | None:
    """Return where in the draft the note points, or None when it names no place or leaves it in doubt.

    With ``span``, the words of the note that name one fault, the clause around them is read first, the whole note
    where that clause names no place. Quoted or repeated words win over figures, figures over lines; a line named as
    well tells which of two equal quotations or figures is meant.
    """
    if not draft.strip() or not note.strip():
        return None
    around = _around(note, span) if span else None
    for part in (around, note):
        if part is None:
            continue
        found = _place(part, draft)
        if found is not None:
            return found
    return None


def _around(note: str, span: Place) -> str:
    touched = [one for one in sentences(note) if one.start < span[1] and span[0] < one.end]
    return note[touched[0].start : touched[-1].end] if touched else note[slice(*span)]


def _place(note: str, draft: str) -> Place | None:
    named = _named_part(note, draft)
    within = named or (0, len(draft))
    for found in (_quoted(note, draft, within), _by_figure(note, draft, within)):
        if found is not None:
            return found
    if named is not None:
        return _only_figure(note, draft, named) or named
    return _quoted(note, draft, (0, len(draft))) or _repeated(note, draft)


def _quoted(note: str, draft: str, within: Place) -> Place | None:
    start, end = within
    for match in _QUOTED.finditer(note):
        quote = next(group for group in match.groups() if group).strip(" .,!?।…")
        if len(quote) < 2:
            continue
        anchor = locate_quote(draft[start:end], quote)
        if anchor is not None:
            return start + anchor.start, start + anchor.end
    return None


def _by_figure(note: str, draft: str, within: Place) -> Place | None:
    said = {(one.unit, one.value) for one in figures(note) if _tells(one)}
    if not said:
        return None
    start, end = within
    held = [one for one in figures(draft) if (one.unit, one.value) in said and start <= one.start and one.end <= end]
    return (held[0].start, held[0].end) if len(held) == 1 else None


def _tells(figure: Figure) -> bool:
    """Tell whether a figure is one of the draft's own, not a count of lines or emoji."""
    return figure.unit not in ("ordinal", "count") or figure.value >= 100 or figure.value % 1 != 0


def _only_figure(note: str, draft: str, part: Place) -> Place | None:
    if not any(word.startswith(_FIGURE_STEMS) for word, _, _ in _words(note)):
        return None
    start, end = part
    held = [one for one in figures(draft) if start <= one.start and one.end <= end and one.unit != "ordinal"]
    return (held[0].start, held[0].end) if len(held) == 1 else None


def _named_part(note: str, draft: str) -> Place | None:
    said = _words(note)
    spellings = [word for word, _, _ in said]
    for at, word in enumerate(spellings):
        if word in _TITLES:
            return _parts(draft, "line")[0]
        unit = _UNIT_OF.get(word) or _UNIT_OF.get(word.removesuffix("s"))
        if unit is None:
            continue
        run = _run(spellings, at)
        parts = _parts(draft, unit)
        if run is None or not parts:
            continue
        first, last = (index - 1 if index > 0 else len(parts) + index for index in run)
        if 0 <= first <= last < len(parts):
            return parts[first][0], parts[last][1]
    return None


def _run(spellings: list[str], at: int) -> tuple[int, int] | None:
    """Return the first and last number of what is counted at ``spellings[at]``, from the end when negative."""
    before = spellings[at - 1] if at else ""
    further = spellings[at - 2] if at > 1 else ""
    after = spellings[at + 1 : at + 3]
    if (count := _CARDINALS.get(before)) and (end := _ordinal(further)) in (1, -1):
        return (1, count) if end == 1 else (-count, -1)
    if (number := _ordinal(before)) is not None:
        second = _ordinal(further)
        return (-second, -second) if number == -1 and second is not None and second > 0 else (number, number)
    if (number := _ordinal(further)) is not None and before in {"vali", "vala", "vale", "ki", "ka", "chi", "cha"}:
        return number, number
    if after and after[0] in _NUMBER_SIGNS:
        after = after[1:]
    if after and (number := _number(after[0])) is not None:
        return number, number
    return None


def _ordinal(word: str) -> int | None:
    if (plain := regex.fullmatch(r"(\p{N}{1,2})(?:st|nd|rd|th|ri|ra|re|va|vi|ve|vya|li|la|chi|cha)", word)) is not None:
        return int(plain[1]) or None
    for number, stems in _ORDINAL_STEMS:
        if any(word.startswith(stem) and len(word) - len(stem) <= _ENDING_LETTERS for stem in stems):
            return number
    return None


def _number(word: str) -> int | None:
    if word.isdecimal() and len(word) <= 2:
        return int(word) or None
    # "line do" asks for a line, "line two" names one.
    return None if word == "do" else _CARDINALS.get(word)


def _words(text: str) -> list[tuple[str, int, int]]:
    return [(_spelling(match.group()), match.start(), match.end()) for match in _WORD.finditer(text)]


def _spelling(word: str) -> str:
    return folded(romanised(word))


def _parts(draft: str, unit: str) -> list[Place]:
    """Return the parts of a draft a reader would count; where it has one line, lines are its sentences."""
    lines = [_trimmed(draft, *match.span()) for match in _LINE.finditer(draft) if match.group().strip()]
    if unit == "sentence":
        return [(one.start, one.end) for one in sentences(draft)]
    if unit == "point":
        return [place for place in lines if _POINT.match(draft, *place)] or lines
    if unit == "paragraph":
        paragraphs = [_trimmed(draft, *match.span()) for match in _PARAGRAPH.finditer(draft)]
        return paragraphs if len(paragraphs) > 1 else lines
    return lines if len(lines) > 1 else [(one.start, one.end) for one in sentences(draft)]


def _repeated(note: str, draft: str) -> Place | None:
    """Find the longest run of words that note and draft share, if it stands once in the draft."""
    said = _words(note)
    held = _words(draft)
    places: dict[tuple[str, ...], list[int]] = {}
    for at in range(len(held) - _SHARED_WORDS + 1):
        places.setdefault(tuple(word for word, _, _ in held[at : at + _SHARED_WORDS]), []).append(at)
    longest: Place | None = None
    for start, end in _runs(said, held, places):
        if longest is None or end - start > longest[1] - longest[0]:
            longest = (start, end)
    if longest is None:
        return None
    shared = normalise_for_comparison(draft[slice(*longest)])
    enough = len(shared) >= _SHARED_LETTERS and normalise_for_comparison(draft).count(shared) == 1
    return longest if enough else None


def _runs(
    said: list[tuple[str, int, int]], held: list[tuple[str, int, int]], places: dict[tuple[str, ...], list[int]]
) -> Iterator[Place]:
    for at in range(len(said) - _SHARED_WORDS + 1):
        for there in places.get(tuple(word for word, _, _ in said[at : at + _SHARED_WORDS]), [])[:4]:
            length = _SHARED_WORDS
            while (
                at + length < len(said)
                and there + length < len(held)
                and said[at + length][0] == held[there + length][0]
            ):
                length += 1
            yield held[there][1], held[there + length - 1][2]


def _trimmed(text: str, start: int, end: int) -> Place:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))
