"""Words, graphemes and the normal form in which texts are compared.

Positions are code points. Words are script-aware: a Devanagari matra, a virama and the joiners belong to their word,
which neither ``str.isalnum`` nor the word boundary of regular expressions knows.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

import regex

# Zero-width joiner, non-joiner and the variation selectors change how a text looks, not what it says.
INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff") | {chr(c) for c in range(0xFE00, 0xFE10)}
_INVISIBLE = regex.compile("[\u200b\u200c\u200d\u2060\ufeff\ufe00-\ufe0f]+")

# A word holds letters, marks and digits of any script, and an apostrophe or hyphen only between two of them.
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}_\u200c\u200d]+(?:['’\-][\p{L}\p{M}\p{N}_\u200c\u200d]+)*")
# Nearly every text holds only these: ASCII, Devanagari, typographic signs, emoji. There the few letters, marks and
# digits can be listed, and the standard library finds them three times as fast as a property.
_UNFAMILIAR = re.compile(
    "[^\x00-\x7f\u0900-\u097f\u200c\u200d\u2010-\u2027\u20b9\u20e3\u2600-\u2775\u2794-\u27bf\ufe0f"
    "\U0001f1e6-\U0001f1ff\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f900-\U0001f9ff\U0001fa70-\U0001faff]"
)
_FAMILIAR_LETTERS = r"A-Za-z\u0900-\u0963\u0971-\u097f\u20e3\ufe0f"
_FAMILIAR_SIGNS = rf"{_FAMILIAR_LETTERS}0-9\u0966-\u096f"
_FAMILIAR_WORD = re.compile(rf"[{_FAMILIAR_SIGNS}_\u200c\u200d]+(?:['’\-][{_FAMILIAR_SIGNS}_\u200c\u200d]+)*")
_LETTER_RUN = regex.compile(r"[\p{L}\p{M}]+")
_FAMILIAR_LETTER_RUN = re.compile(rf"[{_FAMILIAR_LETTERS}]+")
_NAME_WORD = regex.compile(r"[\p{L}\p{M}\p{N}&\u200c\u200d]+")
_FAMILIAR_NAME_WORD = re.compile(rf"[{_FAMILIAR_SIGNS}&\u200c\u200d]+")
_GRAPHEME = regex.compile(r"\X", regex.DOTALL)
# Two code points are one cluster only with one of these among them (UAX 29: every rule that forbids a break).
_JOINING = regex.compile(
    r"\r\n|[\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}\p{GCB=Prepend}\p{GCB=Regional_Indicator}"
    r"\p{GCB=L}\p{GCB=V}\p{GCB=T}\p{GCB=LV}\p{GCB=LVT}]"
)
_WHITESPACE = regex.compile(r"\s+")
# Whitespace to ``str`` but not to Unicode: these stay inside a text and go from its ends.
_SEPARATORS = re.compile(r"[\x1c-\x1f]")
# Every decimal digit but the ASCII ones.
_OTHER_DIGIT = regex.compile(r"[^\P{Nd}0-9]")
# Those of the basic plane.
OTHER_DIGITS: tuple[str, ...] = tuple(_OTHER_DIGIT.findall("".join(map(chr, range(0x80, 0x10000)))))


def words(text: str) -> list[str]:
    """Return the words of a text in order, in any script, with their matras and joiners.

    An apostrophe or hyphen between two letters stays inside ("don't", "long-term"); a keycap emoji counts as its
    digit.
    """
    return _pattern(text, _FAMILIAR_WORD, _WORD).findall(text)


def letter_runs(text: str) -> list[str]:
    """Return the runs of letters and marks of a text in order."""
    return _pattern(text, _FAMILIAR_LETTER_RUN, _LETTER_RUN).findall(text)


def name_words(text: str) -> list[tuple[int, int]]:
    """Return where the words of names stand (start, end): letters, marks, digits, joiners and the ampersand."""
    return [match.span() for match in _pattern(text, _FAMILIAR_NAME_WORD, _NAME_WORD).finditer(text)]


def _pattern(text: str, familiar: re.Pattern[str], whole: regex.Pattern[str]) -> re.Pattern[str] | regex.Pattern[str]:
    """Choose of two patterns that find the same in a text of familiar characters."""
    return whole if _UNFAMILIAR.search(text) else familiar


def places(text: str, part: str) -> Iterator[int]:
    """Yield every position of a part in a text, overlapping ones too."""
    at = text.find(part)
    while at != -1:
        yield at
        at = text.find(part, at + 1)


def normalise_for_comparison(text: str) -> str:
    """Return the form in which two texts are compared: what reads the same becomes the same.

    NFC, zero-width joiners and variation selectors removed, every run of whitespace one space, casefolded, stripped.
    Idempotent. A lone surrogate or NUL passes through unchanged.
    """
    if len(text) > _TEXT_CHARS:
        return _normal(text)
    return _normal_word(text) if len(text) <= _WORD_CHARS else _normal_text(text)


# Longer than this it is a sentence or a text, of which only the last few come again.
_WORD_CHARS = 32
# Longer than this it is too big to be remembered.
_TEXT_CHARS = 4_000


@lru_cache(maxsize=8_192)
def _normal_word(text: str) -> str:
    return _normal(text)


@lru_cache(maxsize=512)
def _normal_text(text: str) -> str:
    return _normal(text)


def _normal(text: str) -> str:
    if text.isascii():
        return _single_spaced(text.lower())
    # Removing a joiner may bring a base and its mark together, and casefolding may take letters apart: hence NFC last.
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", visible).casefold())
    return _single_spaced(folded)


def _single_spaced(text: str) -> str:
    if _SEPARATORS.search(text):
        return _WHITESPACE.sub(" ", text).strip()
    return " ".join(text.split())


def normal_words(found: Sequence[str]) -> list[str]:
    """Return each word as :func:`normalise_for_comparison` does, all of them at the cost of one text.

    The words hold no whitespace, as those of :func:`words`.
    """
    normal = _normal(" ".join(found)).split(" ")
    # A word of joiners alone leaves nothing between two spaces.
    return normal if len(normal) == len(found) else [normalise_for_comparison(word) for word in found]


def with_ascii_digits(text: str) -> str:
    """Return the text with every decimal digit of any script in ASCII; same length."""
    return text if text.isascii() else _OTHER_DIGIT.sub(lambda match: ascii_digit(match.group()), text)


@lru_cache(maxsize=1_024)
def ascii_digit(character: str) -> str:
    """Return a decimal digit of any script in ASCII, and any other character as it is."""
    if character.isdecimal():
        return str(int(character))
    if not _OTHER_DIGIT.match(character):
        return character
    # Newer than Python's tables. The digits of a script stand together from zero to nine (Unicode, section 4.6).
    zero = code = ord(character)
    while _OTHER_DIGIT.match(chr(zero - 1)):
        zero -= 1
    return str((code - zero) % 10)


def graphemes(text: str) -> list[str]:
    """Split a text into what a reader sees as characters; the parts joined are the text.

    Unicode extended grapheme clusters (UAX 29): emoji joined by ZWJ, flags, keycaps, Devanagari conjuncts with their
    matras.
    """
    if text.isascii() and "\r\n" not in text:
        return list(text)
    return _GRAPHEME.findall(text)


# A text is cut many times on its way through the engine; a long one has some 20,000 positions, hence few texts.
@lru_cache(maxsize=16)
def positions_inside_graphemes(text: str) -> frozenset[int]:
    """Return the code point positions that lie inside a grapheme cluster, where no text may be cut."""
    if (text.isascii() and "\r\n" not in text) or _JOINING.search(text) is None:
        return frozenset()
    inside: list[int] = []
    at = 0
    for cluster in _GRAPHEME.findall(text):
        length = len(cluster)
        if length > 1:
            inside.extend(range(at + 1, at + length))
        at += length
    return frozenset(inside)


def is_inside_grapheme(text: str, position: int) -> bool:
    """Tell whether a position lies inside a grapheme cluster; for a few positions cheaper than all of them."""
    if not 0 < position < len(text):
        return False
    # Two characters are one cluster only where one of them joins.
    return _JOINING.search(text, position - 1, position + 1) is not None and position in positions_inside_graphemes(
        text
    )


def word_set(listed: str) -> frozenset[str]:
    """Return the words of a list written in running lines, as the lexicons of this package are, in NFC."""
    return frozenset(unicodedata.normalize("NFC", listed).split())


def problem_in(text: str) -> str | None:
    """Name what makes a text unfit to store: ``"NUL"``, ``"lone surrogate"``, or ``None``.

    PostgreSQL refuses U+0000 and UTF-8 cannot carry a surrogate, so such a text must be turned away at the door.
    """
    if "\x00" in text:
        return "NUL"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "lone surrogate"
    return None
