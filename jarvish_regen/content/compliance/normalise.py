"""Turn a raw text into the views that rules are matched in, keeping the way back to raw positions.

``plain`` undoes differences of encoding (compatibility forms, invisible characters, nukta, digits, dashes, case);
``shadow`` undoes
disguises (look-alike letters, leet, spelled-out words). The steps are those of section 1 of rules.yaml. A view
remembers for each of
its characters the code points of the raw text it came from, so a hit in any view has an exact raw span.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

# Invisible characters that Unicode does not put into category Cf.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u3164\uffa0")
_QUOTES = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u02b9\u2032\u2035", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb", '"'),
}
_MARKUP = frozenset("*~`")
_NEWLINES = frozenset("\n\u0085\u2028\u2029\x0b\x0c\r")

# A run of plain ASCII that needs only lower case, or a base character with its marks. The look-ahead keeps a
# combining mark with its base; single blanks inside a run are kept, others are left to the slow path.
_RUN = r"[A-Za-z0-9,.;:!?'\"()/%&+=<>#$@\[\]{}|\\^-]"
_SEGMENT = regex.compile(rf"{_RUN}+(?: {_RUN}+)*(?!\p{{M}})|\r\n|\P{{M}}\p{{M}}*|\p{{M}}+", regex.V1)


@dataclass(frozen=True, eq=False)
class View:
    """A normalised text with, for each character, its half-open span of code points in the raw text."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """Give the raw span of the characters ``[start, end)`` of this view (``start < end``)."""
        return self.starts[start], self.ends[end - 1]


@dataclass(frozen=True, eq=False)
class Folding:
    """The tables of ``normalisation`` in the pack, ready for use."""

    homoglyphs: Mapping[str, str]
    leet: Mapping[str, str]
    leet_initial: Mapping[str, str]
    leet_final: Mapping[str, str]
    stems: regex.Pattern[str]
    joined_latin: regex.Pattern[str]
    joined_deva: regex.Pattern[str]
    leet_middle_run: regex.Pattern[str]
    leet_initial_run: regex.Pattern[str]
    leet_final_run: regex.Pattern[str]
    trigger: regex.Pattern[str]


def build_folding(
    *,
    homoglyphs: Mapping[str, str],
    leet: Mapping[str, str],
    leet_initial: Mapping[str, str],
    leet_final: Mapping[str, str],
    joined_separators: str,
    stems: Sequence[str],
) -> Folding:
    """Compile the folding tables of a pack."""

    def signs(table: Mapping[str, str]) -> str:
        return "[" + "".join(regex.escape(sign) for sign in table) + "]"

    separators = regex.escape(joined_separators, special_only=False)
    visible = regex.escape(joined_separators.replace(" ", ""), special_only=False)
    longest_first = sorted((fold_devanagari(stem) for stem in stems), key=len, reverse=True)
    syllable = r"[\u0904-\u0939\u0958-\u0961]\p{M}*(?:\u094d[\u0904-\u0939]\p{M}*)?"
    word = r"\p{L}\p{M}\p{N}"
    return Folding(
        homoglyphs=homoglyphs,
        leet=leet,
        leet_initial=leet_initial,
        leet_final=leet_final,
        stems=regex.compile("|".join(map(regex.escape, longest_first)), regex.V1),
        joined_latin=regex.compile(
            rf"(?<![{word}])[a-z](?:([{separators}])[a-z])(?:\1[a-z]){{2,}}(?![{word}])", regex.V1
        ),
        joined_deva=regex.compile(
            rf"(?<![{word}]){syllable}(?:([{visible}]){syllable})(?:\1{syllable})+(?![{word}])"
            rf"|(?<![{word}]){syllable}(?: {syllable}){{3,}}(?![{word}])",
            regex.V1,
        ),
        leet_middle_run=regex.compile(rf"(?<=[a-z]){signs(leet)}{{1,2}}(?=[a-z])", regex.V1),
        leet_initial_run=regex.compile(rf"(?<![{word}@$]){signs(leet_initial)}{{1,3}}(?=[a-z]{{2}})", regex.V1),
        leet_final_run=regex.compile(rf"(?<=[a-z]{{2}}){signs(leet_final)}{{1,2}}(?![{word}@$])", regex.V1),
        # Cheap test that tells the many undisguised texts apart: a look-alike or accented letter, a sign touching a
        # letter, single letters in a
        # row, a mark inside a word, a letter three times.
        trigger=regex.compile(
            rf"[{''.join(map(regex.escape, homoglyphs))}]|[a-z\u00df-\u024f]\p{{M}}|[\u00df-\u024f\u1e00-\u1eff]"
            rf"|[a-z]{signs(leet)}+|{signs(leet_initial)}+[a-z]|[a-z][-.'\u00b7][a-z]|(\p{{L}})\1\1"
            rf"|(?<![{word}])[a-z][{separators}][a-z](?![{word}])|(?<![{word}]){syllable}[{separators}]{syllable}(?![{word}])",
            regex.V1,
        ),
    )


def fold_devanagari(text: str) -> str:
    """Drop nukta and turn candrabindu to anusvara, so that either spelling compares equal."""
    return text if text.isascii() else text.translate(_FOLDED_DEVANAGARI)


_FOLDED_DEVANAGARI = {
    code: unicodedata.normalize("NFD", chr(code)).replace("\u093c", "").replace("\u0901", "\u0902")
    for code in range(0x0900, 0x0980)
}


@lru_cache(maxsize=16_384)
def _plain_segment(segment: str) -> str:
    """Normalise a base character with its marks; blanks come out as one space, newlines as ``\\n``."""
    if segment == "\r\n" or segment in _NEWLINES:
        return "\n"
    visible = "".join(c for c in segment if unicodedata.category(c) not in ("Cf", "Cc", "Cs") or c in "\t\n")
    # Twice, because casefolding may undo a composition and compatibility forms may hold capitals.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold()).casefold()
    out: list[str] = []
    for character in fold_devanagari(folded):
        category = unicodedata.category(character)
        if (
            category == "Cf"
            or character in _INVISIBLE
            or "\ufe00" <= character <= "\ufe0f"
            or "\U000e0100" <= character <= "\U000e01ef"
        ):
            continue
        if category == "Nd":
            out.append(str(unicodedata.decimal(character)))
        elif character in "\u0964\u0965":
            out.append(".")
        elif character in _QUOTES:
            out.append(_QUOTES[character])
        elif category == "Pd" or character == "\u2212":
            out.append("-")
        elif character in _MARKUP:
            continue
        elif character == "_" or category in ("Zs", "Cc"):
            out.append(" ")
        else:
            out.append(character)
    return "".join(out)


def _is_invisible(character: str) -> bool:
    return character in _INVISIBLE or "\ufe00" <= character <= "\ufe0f" or unicodedata.category(character) == "Cf"


def plain_view(raw: str, masks: frozenset[str] = frozenset()) -> View:
    """Build the plain view. ``masks`` (such as ``{{advisor_name}}``) are read as names: only their letters remain."""
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    is_blank = False
    visible, positions = _drop_invisible(raw, masks)
    for match in _SEGMENT.finditer(visible):
        segment = match[0]
        first, last = match.span()
        if last - first > 1 and segment.isascii() and segment != "\r\n":
            parts.append(segment.lower())
            if positions is None:
                starts.extend(range(first, last))
                ends.extend(range(first + 1, last + 1))
            else:
                starts.extend(positions[first:last])
                ends.extend(position + 1 for position in positions[first:last])
            is_blank = False
            continue
        begin = first if positions is None else positions[first]
        end = last if positions is None else positions[last - 1] + 1
        for character in _plain_segment(segment):
            if character == " " and is_blank:
                ends[-1] = end
                continue
            is_blank = character == " "
            parts.append(character)
            starts.append(begin)
            ends.append(end)
    return View("".join(parts), starts, ends)


def _drop_invisible(raw: str, masks: frozenset[str]) -> tuple[str, list[int] | None]:
    """Take out invisible characters before composing, so that they cannot keep a mark from its letter."""
    hidden = (
        {index for index, character in enumerate(raw) if character > "\x7f" and _is_invisible(character)}
        if not raw.isascii()
        else set()
    )
    for mask in masks:
        at = raw.find(mask)
        while mask and at >= 0:
            hidden.update(index for index in range(at, at + len(mask)) if not raw[index].isalpha())
            at = raw.find(mask, at + len(mask))
    if not hidden:
        return raw, None
    kept = [index for index in range(len(raw)) if index not in hidden]
    return "".join(raw[index] for index in kept), kept


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
_INNER_MARK = regex.compile(r"(?<=[a-z])[-.'\u00b7](?=[a-z])")
_REPEATED = regex.compile(r"(\p{L})\1{2,}")
_ACCENTED = regex.compile(r"[\u00df-\u024f\u1e00-\u1eff]\p{M}*|[a-z]\p{M}+")


def _unmasked(plain: View, folding: Folding) -> View:
    draft = _Draft(plain)
    draft.splice(_homoglyph_edits(draft.text, folding))
    draft.splice([(m.start(), m.end(), _strip_accents(m[0])) for m in _ACCENTED.finditer(draft.text)])
    for _ in range(2):
        draft.splice(_table_edits(folding.leet_middle_run, folding.leet, draft.text))
    draft.splice(_table_edits(folding.leet_initial_run, folding.leet_initial, draft.text))
    draft.splice(_table_edits(folding.leet_final_run, folding.leet_final, draft.text))
    for joined in (folding.joined_latin, folding.joined_deva):
        _join(draft, joined, folding)
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


def _join(draft: _Draft, pattern: regex.Pattern[str], folding: Folding) -> None:
    edits: list[tuple[int, int, str]] = []
    for match in pattern.finditer(draft.text):
        separator = next(group for group in (*match.groups(), " ") if group)
        word = match[0].replace(separator, "")
        if not folding.stems.search(word):
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


_JOINERS = "\u200d\u200c"


def grapheme_span(raw: str, start: int, end: int) -> tuple[int, int]:
    """Widen ``[start, end)`` so that it cuts no combining mark, joined emoji, flag or conjunct."""
    while 0 < start < len(raw) and _continues(raw, start):
        start -= 1
    while 0 < end < len(raw) and _continues(raw, end):
        end += 1
    return start, end


def _continues(raw: str, index: int) -> bool:
    """Say whether the character at ``index`` belongs to the one before it."""
    character, before = raw[index], raw[index - 1]
    if (
        character in _JOINERS
        or unicodedata.category(character) in ("Mn", "Mc", "Me")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    ):
        return True
    if before == "\u200d":
        return True
    if before == "\u094d" or (before == "\u200c" and index > 1 and raw[index - 2] == "\u094d"):
        return unicodedata.category(character) == "Lo"
    if "\U0001f1e6" <= character <= "\U0001f1ff" and "\U0001f1e6" <= before <= "\U0001f1ff":
        run = index
        while run > 0 and "\U0001f1e6" <= raw[run - 1] <= "\U0001f1ff":
            run -= 1
        return (index - run) % 2 == 1
    return False
