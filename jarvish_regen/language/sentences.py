"""Sentences, as a reader would tap them: the buttons of the rejection form and the unit of many checks."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

import regex

from jarvish_regen.language.words import is_inside_grapheme, word_set

# Line breaks as browsers, editors and str.splitlines know them.
_LINE = regex.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_BULLETS = "•‣◦▪●"
_INLINE_BULLET = regex.compile(rf"(?<=\s)[{_BULLETS}]")
_URL = regex.compile(r"(?:https?://|www\.)\S+|[\w.+-]{1,64}@[\w.-]{1,255}", regex.IGNORECASE)
_END = regex.compile(r"(?P<mark>[.!?…।॥]+)(?P<closers>[\p{M}\u200d\"'”’»)\]}*_]*)")
_QUOTES = frozenset("\"'”’»")
_OPENING = frozenset("\"'“‘«([*_")

# Before these a full stop never ends a sentence: something always follows.
_TITLES = word_set(
    """
    rs re mr mrs ms dr shri smt sri prof sr jr st vs viz eg e.g ie i.e cf adv capt col gen hon m/s approx रु डॉ
    श्री श्रीमती सौ प्रो कु क्र उदा ता कृ प्रा ॲड अॅड
    """
)
# Before these only when a number follows ("No. 1", but "I said no.").
_BEFORE_NUMBERS = word_set(
    """
    no nos cl sec para fig p pp ch art reg क्र नं सं पृ
    """
)
# These may end a sentence; they do not where the text runs on in lower case.
_MAY_END = word_set(
    """
    etc ltd pvt co inc corp cr dept govt est p.a a.m p.m u.s u.k min max avg qty jan feb mar apr jun jul aug sep
    sept oct nov dec लि इ कं
    """
)


@dataclass(frozen=True)
class Sentence:
    """A sentence by its position in the text (code points, end exclusive)."""

    start: int
    end: int
    text: str


# One answer asks for the sentences of the same two texts about ten times.
@lru_cache(maxsize=32)
def sentences(text: str) -> tuple[Sentence, ...]:
    """Split a text on . ! ? … and danda, line breaks and bullets.

    Not inside 4.5%, Rs. 500, No. 1, e.g., initials, web addresses or the number of a list point. Every character that
    is not whitespace lies in exactly one sentence, no grapheme cluster is cut, and a mark or emoji alone joins its
    neighbour in the line.
    """
    has_address = _may_hold_address(text)
    has_bullet = any(bullet in text for bullet in _BULLETS)
    found: list[Sentence] = []
    for line in _LINE.finditer(text):
        start, stop = line.span()
        ends = _ends(text, start, stop, has_address=has_address)
        candidates = sorted(ends | _bullets(text, start, stop)) if has_bullet else sorted(ends)
        cuts = [cut for cut in _cuts(text, start, stop, candidates) if not is_inside_grapheme(text, cut)]
        for first, last in zip([start, *cuts], [*cuts, stop], strict=True):
            first, last = _trimmed(text, first, last)
            # A mark on a space is one cluster with it: the space then belongs to the sentence.
            while is_inside_grapheme(text, first):
                first -= 1
            if first < last:
                found.append(Sentence(first, last, text[first:last]))
    return tuple(found)


def _may_hold_address(text: str) -> bool:
    """Tell whether _URL may match: it looks at every letter, and few texts hold an address."""
    return "@" in text or "://" in text or "www." in text.lower()


def _ends(text: str, start: int, stop: int, *, has_address: bool) -> set[int]:
    """Return where a mark ends a sentence of the line from ``start`` to ``stop``."""
    ends = {
        end
        for match in _END.finditer(text, start, stop)
        if (end := match.end()) < stop and _ends_sentence(text, start, stop, match)
    }
    if not ends or not has_address:
        return ends
    addresses = [address.span() for address in _URL.finditer(text, start, stop)]
    address_starts = [first for first, _ in addresses]

    def in_address(position: int) -> bool:
        at = bisect_right(address_starts, position) - 1
        return at >= 0 and position < addresses[at][1]

    return {end for end in ends if not in_address(end)}


def _cuts(text: str, start: int, stop: int, candidates: list[int]) -> list[int]:
    """Return where the line from ``start`` to ``stop`` is to be cut, each time before the next sentence."""
    if not candidates:
        return []
    cuts: list[int] = []
    sentence_start = start
    first_word = _first_word(text, start, stop)
    for cut in candidates:
        if first_word >= cut or _is_list_number(text, sentence_start, cut):
            continue
        cuts.append(cut)
        sentence_start, first_word = cut, _first_word(text, cut, stop)
    # What is left may be only an emoji or a quotation mark: it belongs to the sentence before it.
    if cuts and first_word == stop:
        cuts.pop()
    return cuts


_WORD_CHARACTER = regex.compile(r"[\p{L}\p{N}]")
_LIST_NUMBER = regex.compile(r"[(\[]?(?:\p{N}{1,3}|[A-Za-zivx])[.)]+")


def _first_word(text: str, start: int, stop: int) -> int:
    """Return where the first letter or digit stands, or ``stop``. Once a sentence, or "! ! !" would be quadratic."""
    found = _WORD_CHARACTER.search(text, start, stop)
    return found.start() if found else stop


def _is_list_number(text: str, start: int, stop: int) -> bool:
    while start < stop and text[start].isspace():
        start += 1
    return stop - start < 8 and _LIST_NUMBER.fullmatch(text[start:stop].rstrip()) is not None


def _bullets(text: str, start: int, stop: int) -> set[int]:
    return {bullet.start() for bullet in _INLINE_BULLET.finditer(text, start, stop)}


# From its end backwards.
_BEFORE = regex.compile(r"(?r)[\p{L}\p{M}\p{N}./\u200c\u200d]*")
_INITIALS = regex.compile(r"(?:\p{Lu}\.)*\p{Lu}")


def _ends_sentence(text: str, start: int, stop: int, match: regex.Match[str]) -> bool:
    mark, closers, end = match["mark"], match["closers"], match.end()
    if "।" in mark or "॥" in mark:
        return not (closers and _runs_on(text, end, stop))
    following = text[end]
    if not following.isspace():
        # "क्या?हाँ" without a space is two sentences; "4.5", "a.b" and "?x=1" are not.
        return mark[0] in "!?" and not closers and following.isalpha() and not following.isascii()
    if closers and _QUOTES & set(closers) and _runs_on(text, end, stop):
        return False
    if mark in {"...", "…"} or mark.endswith(("..", "…")):
        return not _next_character(text, end, stop).islower()
    if mark != ".":
        return not (closers and _next_character(text, end, stop).islower())
    return closers != "" or _full_stop_ends(text, start, stop, match.start(), end)


def _full_stop_ends(text: str, start: int, stop: int, at: int, end: int) -> bool:
    # 24 characters hold every abbreviation; a longer look back would make a line of dots quadratic.
    found = _BEFORE.match(text, max(start, at - 24), at)
    before = found.group() if found else ""
    word = before.lower()
    following = _next_character(text, end, stop)
    if word in _TITLES:
        return False
    if word in _BEFORE_NUMBERS and following.isnumeric():
        return False
    if word in _MAY_END:
        return not (following.islower() or following.isnumeric())
    return not (_INITIALS.fullmatch(before) and following.isupper())


def _next_character(text: str, position: int, stop: int) -> str:
    """Return the first character after whitespace and opening marks, or a space at the end of the line."""
    while position < stop and (text[position].isspace() or text[position] in _OPENING):
        position += 1
    return text[position] if position < stop else " "


def _runs_on(text: str, position: int, stop: int) -> bool:
    """Tell whether a sentence goes on after a quotation that ended in its own mark ('"…!" असं लिहिलं')."""
    while position < stop and text[position].isspace():
        position += 1
    if position == stop or text[position] in _OPENING:
        return False
    return text[position].islower() or (text[position].isalpha() and not text[position].isupper())


def _trimmed(text: str, first: int, last: int) -> tuple[int, int]:
    piece = text[first:last]
    return first + len(piece) - len(piece.lstrip()), last - (len(piece) - len(piece.rstrip()))
