"""Turn a raw text into the views that rules are matched in, keeping the way back to raw positions.

``plain`` undoes differences of encoding (compatibility forms, invisible characters, nukta, digits, dashes, case);
``shadow`` undoes
disguises (look-alike letters, leet, spelled-out words). The steps are those of section 1 of rules.yaml. A view
remembers for each of
its characters the code points of the raw text it came from, so a hit in any view has an exact raw span.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import overload

import regex

# Invisible characters that Unicode does not put into category Cf.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u3164\uffa0")
_QUOTES = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u02b9\u2032\u2035", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb", '"'),
}
_MARKUP = frozenset("*~`")
_NEWLINES = frozenset("\n\u0085\u2028\u2029\x0b\x0c\r")

# Signs of a run, whose plain form is one character each: ASCII, Devanagari but what composes, and typography. The
# look-aheads keep a combining mark with its base; single blanks and line breaks inside a run are kept, others are left
# to the slow path.
_ASCII_SIGNS = r"A-Za-z0-9,.;:!?'\"()/%&+=<>#$@\[\]{}|\\^-"
_OTHER_SIGNS = "\u2018\u2019\u201c\u201d\u2013\u2014\u2022\u20b9\u2192\u2705\U0001f300-\U0001f5ff\U0001f600-\U0001f64f"
# Marks of Devanagari that never move or compose; nukta and the accents do.
_FIRM_MARKS = "\u0900-\u0903\u093e-\u094d"
_DEVANAGARI = "\u0904-\u0928\u092a-\u0930\u0932\u0933\u0935-\u0939\u0964\u0966-\u096f"
_RUN = rf"[{_OTHER_SIGNS}{_DEVANAGARI}{_FIRM_MARKS}{_ASCII_SIGNS}]"
_SEGMENT = regex.compile(
    rf"({_RUN}+(?:(?: |\n+)(?!\p{{M}}){_RUN}+)*)(?!\p{{M}})|\r\n|\P{{M}}\p{{M}}*|\p{{M}}+", regex.V1
)
# What becomes another sign in a run, besides capitals.
_SIGNS_OF_RUNS = {
    "\u0901": "\u0902",
    "\u0964": ".",
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u2013": "-",
    "\u2014": "-",
    **{chr(0x0966 + digit): str(digit) for digit in range(10)},
}


class View:
    """A normalised text with, for each character, its half-open span of code points in the raw text.

    The spans are kept by pieces: a run, whose characters stand one to one in the raw text with the marks of each
    letter, or a single character with its span. Few of them are ever asked for.
    """

    def __init__(self, text: str, starts: Sequence[int], ends: Sequence[int]) -> None:
        self.text = text
        self.starts = starts
        self.ends = ends

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """Give the raw span of the characters ``[start, end)`` of this view (``start < end``)."""
        return self.starts[start], self.ends[end - 1]


@dataclass(frozen=True, eq=False)
class _Places(Sequence[int]):
    """Where the characters of a plain view begin, or end, in the raw text, worked out when it is asked for.

    ``pieces`` are the places in the view where a run or a single character begins; ``raw`` holds for a single one its
    raw place, for a run the place of its first sign in ``visible``, as ``-1 - place``. ``positions`` leads from
    ``visible`` to the raw text, where they differ.
    """

    length: int
    is_end: bool
    pieces: list[int]
    raw: list[int]
    visible: str
    positions: list[int] | None

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            return self._all()[index]
        if index < 0:
            index += self.length
        if not 0 <= index < self.length:
            raise IndexError(index)
        piece = bisect_right(self.pieces, index) - 1
        raw = self.raw[piece]
        if raw >= 0:
            return raw
        return self._in_run(-1 - raw, -1 - raw + index - self.pieces[piece])

    def _in_run(self, first: int, place: int) -> int:
        visible = self.visible
        if self.is_end:
            while place + 1 < len(visible) and visible[place + 1] in _FIRM:
                place += 1
        else:
            while place > first and visible[place] in _FIRM:
                place -= 1
        return (place if self.positions is None else self.positions[place]) + self.is_end

    def __iter__(self) -> Iterator[int]:
        return iter(self._all())

    def _all(self) -> list[int]:
        visible, positions, length = self.visible, self.positions, len(self.pieces)
        found: list[int] = []
        for number, begin in enumerate(self.pieces):
            raw = self.raw[number]
            if raw >= 0:
                found.append(raw)
                continue
            end = self.pieces[number + 1] if number + 1 < length else self.length
            first = -1 - raw
            last = first + end - begin
            piece = visible[first:last]
            if not piece.isascii() and _FIRM_MARK.search(piece):
                found += self._all_in_run(first, last)
            elif positions is None:
                found += range(first + self.is_end, last + self.is_end)
            elif self.is_end:
                found += [place + 1 for place in positions[first:last]]
            else:
                found += positions[first:last]
        return found

    def _all_in_run(self, first: int, last: int) -> list[int]:
        found: list[int] = []
        order = range(last - 1, first - 1, -1) if self.is_end else range(first, last)
        edge = order[0]
        for place in order:
            # A letter begins where it stands and ends with its last mark.
            if self.is_end:
                if place + 1 == last or self.visible[place + 1] not in _FIRM:
                    edge = place
            elif self.visible[place] not in _FIRM:
                edge = place
            found.append((edge if self.positions is None else self.positions[edge]) + self.is_end)
        return found[::-1] if self.is_end else found


_FIRM = frozenset(map(chr, (*range(0x0900, 0x0904), *range(0x093E, 0x094E))))
_FIRM_MARK = re.compile(f"[{_FIRM_MARKS}]")


@dataclass(frozen=True, eq=False)
class Folding:
    """The tables of ``normalisation`` in the pack, ready for use.

    ``maybe_joined_latin`` is in every text that ``joined_latin`` is in, and found sooner. ``triggers`` are cheap signs
    of a disguise: a text is disguised if one of them is in it, and with it the second pattern where there is one.
    """

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
    maybe_joined_latin: re.Pattern[str]
    triggers: tuple[tuple[re.Pattern[str], regex.Pattern[str] | None], ...]


# Pictures and arrows put between letters; the rupee sign and bullets are none.
PICTURES = "\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff"
PICTURE = re.compile(f"[{PICTURES}]")
DEVANAGARI_LETTER = "[\u0900-\u0963\u0970-\u097f]"
# In every text in which a letter stands three times in a row, and found sooner.
THREE_ALIKE = re.compile(r"(.)\1\1")


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
    plain_separators = re.escape(joined_separators)
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
            rf"|(?<![{word}]){syllable}(?: {syllable}){{2,}}(?![{word}])",
            regex.V1,
        ),
        leet_middle_run=regex.compile(rf"(?<=[a-z]){signs(leet)}{{1,3}}(?=[a-z])", regex.V1),
        leet_initial_run=regex.compile(rf"(?<![{word}@$]){signs(leet_initial)}{{1,3}}(?=[a-z][a-z0-9@$])", regex.V1),
        leet_final_run=regex.compile(rf"(?<=[a-z]{{2}}){signs(leet_final)}{{1,3}}(?![{word}@$])", regex.V1),
        maybe_joined_latin=re.compile(rf"[a-z]([{plain_separators}])[a-z]\1[a-z]\1[a-z]"),
        triggers=(
            # A look-alike or accented letter, a sign touching a letter, a mark inside a word.
            (
                re.compile(
                    rf"[{re.escape(''.join(homoglyphs))}\u00df-\u024f\u1e00-\u1eff]|[a-z][{re.escape(''.join(leet))}]"
                    rf"|[{re.escape(''.join(leet_initial))}][a-z]|[a-z][-.'\u00b7][a-z]"
                ),
                None,
            ),
            # A letter with an accent of its own, a letter three times, single letters in a row.
            (re.compile(r"[a-z][^\x00-\x7f]"), regex.compile(r"[a-z]\p{M}", regex.V1)),
            (THREE_ALIKE, regex.compile(r"(\p{L})\1\1", regex.V1)),
            (
                re.compile(rf"(?<![a-z0-9])[a-z][{plain_separators}][a-z](?![a-z0-9])"),
                regex.compile(rf"(?<![{word}])[a-z][{separators}][a-z](?![{word}])", regex.V1),
            ),
            # Pictures between letters, syllables in a row, two scripts in a word.
            (
                PICTURE,
                regex.compile(
                    rf"[\p{{L}}\p{{M}}][{PICTURES}]\p{{L}}"
                    rf"|(?<![{word}])\p{{L}}\p{{M}}{{0,3}} ?[{PICTURES}]+ ?\p{{L}}\p{{M}}*(?![{word}])",
                    regex.V1,
                ),
            ),
            (
                re.compile(DEVANAGARI_LETTER),
                regex.compile(
                    rf"{DEVANAGARI_LETTER}[.\u00b7\u2022|]{DEVANAGARI_LETTER}"
                    rf"|[a-z]{DEVANAGARI_LETTER}|{DEVANAGARI_LETTER}[a-z]"
                    rf"|(?<![{word}]){syllable}[{separators}]{syllable}(?![{word}])",
                    regex.V1,
                ),
            ),
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
def plain_segment(segment: str) -> str:
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


# The pattern library may know another version of Unicode: what it holds for unassigned is looked at as well.
_MAYBE_INVISIBLE = regex.compile(
    rf"[\p{{Cf}}\p{{Cn}}\ufe00-\ufe0f{''.join(sorted(_INVISIBLE))}](?<![\x00-\x7f])", regex.V1
)


def is_invisible(character: str) -> bool:
    """Say whether a sign is left out before letters and marks are put together."""
    return character in _INVISIBLE or "\ufe00" <= character <= "\ufe0f" or unicodedata.category(character) == "Cf"


def plain_view(raw: str, masks: frozenset[str] = frozenset()) -> View:
    """Build the plain view. ``masks`` (such as ``{{advisor_name}}``) are read as names: only their letters remain."""
    parts: list[str] = []
    pieces: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    is_blank = False
    length = 0
    visible, positions = _drop_invisible(raw, masks)
    for match in _SEGMENT.finditer(visible):
        segment = match[0]
        first, last = match.span()
        if match.lastindex:
            parts.append(segment.lower())
            pieces.append(length)
            starts.append(-1 - first)
            ends.append(-1 - first)
            length += last - first
            is_blank = False
            continue
        begin = first if positions is None else positions[first]
        end = last if positions is None else positions[last - 1] + 1
        for character in plain_segment(segment):
            if character == " " and is_blank:
                ends[-1] = end
                continue
            is_blank = character == " "
            parts.append(character)
            pieces.append(length)
            starts.append(begin)
            ends.append(end)
            length += 1
    text = "".join(parts)
    if not text.isascii():
        for sign, plain in _SIGNS_OF_RUNS.items():
            if sign in text:
                text = text.replace(sign, plain)
    return View(
        text,
        _Places(length, False, pieces, starts, visible, positions),
        _Places(length, True, pieces, ends, visible, positions),
    )


def _drop_invisible(raw: str, masks: frozenset[str]) -> tuple[str, list[int] | None]:
    """Take out invisible characters before composing, so that they cannot keep a mark from its letter."""
    hidden: set[int] = set()
    if not raw.isascii():
        hidden.update(match.start() for match in _MAYBE_INVISIBLE.finditer(raw) if is_invisible(match[0]))
    for mask in masks:
        at = raw.find(mask)
        while mask and at >= 0:
            hidden.update(index for index in range(at, at + len(mask)) if not raw[index].isalpha())
            at = raw.find(mask, at + len(mask))
    if not hidden:
        return raw, None
    kept: list[int] = []
    shown: list[str] = []
    at = 0
    for index in (*sorted(hidden), len(raw)):
        if at < index:
            kept.extend(range(at, index))
            shown.append(raw[at:index])
        at = index + 1
    return "".join(shown), kept


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
