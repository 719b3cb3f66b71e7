"""Words, graphemes and the normal form in which texts are compared.

Positions are code points. Words are script-aware: a Devanagari matra, a virama and the joiners belong to their word,
which neither ``str.isalnum`` nor the word boundary of regular expressions knows.
"""

import unicodedata
from functools import lru_cache

import regex

# Zero-width joiner, non-joiner and the variation selectors change how a text looks, not what it says.
INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff") | {chr(c) for c in range(0xFE00, 0xFE10)}
_WITHOUT_INVISIBLE = dict.fromkeys(map(ord, INVISIBLE))

# A word holds letters, marks and digits of any script, and an apostrophe or hyphen only between two of them.
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}_\u200c\u200d]+(?:['’\-][\p{L}\p{M}\p{N}_\u200c\u200d]+)*")
_GRAPHEME = regex.compile(r"\X", regex.DOTALL)
# Two code points are one cluster only with one of these among them (UAX 29: every rule that forbids a break).
_JOINING = regex.compile(
    r"\r\n|[\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}\p{GCB=Prepend}\p{GCB=Regional_Indicator}"
    r"\p{GCB=L}\p{GCB=V}\p{GCB=T}\p{GCB=LV}\p{GCB=LVT}]"
)
_WHITESPACE = regex.compile(r"\s+")


def words(text: str) -> list[str]:
    """Return the words of a text in order, in any script, with their matras and joiners.

    An apostrophe or hyphen between two letters stays inside ("don't", "long-term"); a keycap emoji counts as its
    digit.
    """
    return _WORD.findall(text)


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
        return _WHITESPACE.sub(" ", text.lower()).strip()
    # Removing a joiner may bring a base and its mark together, and casefolding may take letters apart: hence NFC last.
    visible = unicodedata.normalize("NFC", text).translate(_WITHOUT_INVISIBLE)
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", visible).casefold())
    return _WHITESPACE.sub(" ", folded).strip()


def graphemes(text: str) -> list[str]:
    """Split a text into what a reader sees as characters; the parts joined are the text.

    Unicode extended grapheme clusters (UAX 29): emoji joined by ZWJ, flags, keycaps, Devanagari conjuncts with their
    matras.
    """
    return _GRAPHEME.findall(text)


# A text is cut many times on its way through the engine; a long one has some 20,000 positions, hence few texts.
@lru_cache(maxsize=16)
def positions_inside_graphemes(text: str) -> frozenset[int]:
    """Return the code point positions that lie inside a grapheme cluster, where no text may be cut."""
    if _JOINING.search(text) is None:
        return frozenset()
    return frozenset(
        inner
        for cluster in _GRAPHEME.finditer(text)
        if cluster.end() - cluster.start() > 1
        for inner in range(cluster.start() + 1, cluster.end())
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
