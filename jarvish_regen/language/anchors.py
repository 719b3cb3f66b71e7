"""Where a marked span lies in a text, and where it went when the text changed.

An anchor is a W3C TextPositionSelector and TextQuoteSelector in one (Web Annotation Data Model, sections 4.2.4 and
4.2.5): positions are code points into the raw text, the quote carries up to 32 characters of context on each side.
Browsers count UTF-16 units; convert at the edge with :func:`utf16_to_code_points`.

A span that cannot be found again with certainty is orphaned (``None``): a wrong place is worse than none.
"""

import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate

from diff_match_patch import diff_match_patch

from jarvish_regen.language.words import INVISIBLE, graphemes, places, positions_inside_graphemes

CONTEXT = 32  # characters on each side, the length Hypothesis and the W3C examples use
# A quote that changed by more than a quarter is another statement; what was said of the old one need not hold.
LARGEST_CHANGE = 0.25
_TYPOGRAPHY = str.maketrans("“”„«»‘’‚–—‑", '"""""\'\'\'---')


class AnchorError(ValueError):
    """A span that cannot be marked in this text.

    ``reason`` says why in a word (``outside``, ``reversed``, ``empty``, ``cuts_surrogate``, ``cuts_character``),
    ``given`` is the span as received, ``allowed`` what would have been right: the limits of the text, or the span
    widened to whole characters.
    """

    def __init__(self, reason: str, given: tuple[int, int], allowed: tuple[int, int]) -> None:
        super().__init__(f"{reason}: given {given[0]}-{given[1]}, allowed {allowed[0]}-{allowed[1]}")
        self.reason = reason
        self.given = given
        self.allowed = allowed


@dataclass(frozen=True)
class Anchor:
    """A span by position (code points, end exclusive) and by quote with its context."""

    start: int
    end: int
    quote: str
    prefix: str = ""
    suffix: str = ""


def anchor_at(text: str, start: int, end: int) -> Anchor:
    """Mark the span ``text[start:end]``.

    Raises AnchorError for a span that is outside the text, reversed, empty, or that cuts a surrogate pair or a
    grapheme cluster.
    """
    if start < 0 or end < 0 or start > len(text) or end > len(text):
        raise AnchorError("outside", (start, end), (0, len(text)))
    if start > end:
        raise AnchorError("reversed", (start, end), (end, start))
    if start == end:
        raise AnchorError("empty", (start, end), (0, len(text)))
    for position in (start, end):
        if (
            0 < position < len(text)
            and "\ud800" <= text[position - 1] <= "\udbff"
            and "\udc00" <= text[position] <= "\udfff"
        ):
            raise AnchorError("cuts_surrogate", (start, end), (start - (position == start), end + (position == end)))
    whole = snap_to_graphemes(text, start, end)
    if whole != (start, end):
        raise AnchorError("cuts_character", (start, end), whole)
    return _anchor(text, start, end)


def resolve(anchor: Anchor, text: str) -> Anchor | None:
    """Find an anchor again in a text that may have changed; ``None`` when it is orphaned.

    Tried in turn: the quote at its position with its context, the quote where it occurs once, the one occurrence whose
    context fits best, and a slightly changed quote (at most a quarter of it) between its known neighbours.
    """
    quote = anchor.quote
    if not quote:
        return None
    places = _occurrences(text, quote)
    if len(places) == 1:
        return _anchor(text, places[0], places[0] + len(quote))
    if places:
        best = _best_by_context(anchor, text, places)
        return None if best is None else _anchor(text, best, best + len(quote))
    span = _span_between_neighbours(anchor, text) or _span_by_fuzzy_context(anchor, text)
    return None if span is None else _anchor(text, *span)


def locate_quote(text: str, quote: str) -> Anchor | None:
    """Find a quote that came without a position; ``None`` unless it occurs exactly once.

    Where it does not occur as it stands, both are compared in NFC, without joiners, with whitespace folded and
    typographic quotation marks and dashes made plain. The anchor covers the text's own characters.
    """
    if not quote.strip():
        return None
    places = _occurrences(text, quote)
    if places:
        return _anchor(text, places[0], places[0] + len(quote)) if len(places) == 1 else None
    wanted = _folded(quote)[0].strip()
    folded, starts, ends = _folded(text)
    first = folded.find(wanted) if wanted else -1
    inside = positions_inside_graphemes(text)
    found: list[tuple[int, int]] = []
    while first != -1 and len(found) < 2:
        last = first + len(wanted) - 1
        span = (starts[first], ends[last])
        # Part of a cluster is a different character ("क" in "कि"): both edges must be edges of clusters in both forms.
        whole_start = first == 0 or starts[first - 1] != starts[first]
        whole_end = last + 1 == len(folded) or starts[last + 1] != starts[last]
        if whole_start and whole_end and span[0] not in inside and span[1] not in inside:
            found.append(span)
        first = folded.find(wanted, first + 1)
    return _anchor(text, *found[0]) if len(found) == 1 else None


def utf16_to_code_points(text: str, offset: int) -> int:
    """Turn a browser's offset (UTF-16 units) into code points.

    Raises ValueError when the offset is outside the text or between the two halves of a surrogate pair.
    """
    units = _utf16_ends(text)
    at = bisect_left(units, offset)
    if offset < 0 or at >= len(units):
        raise ValueError(f"offset {offset} is outside the text, allowed 0-{units[-1]}")
    if units[at] != offset:
        raise ValueError(f"offset {offset} is inside a surrogate pair, allowed {units[at] - 2} or {units[at]}")
    return at


def code_points_to_utf16(text: str, offset: int) -> int:
    """Turn a position in code points into a browser's offset (UTF-16 units); ValueError when it is outside the text."""
    if not 0 <= offset <= len(text):
        raise ValueError(f"offset {offset} is outside the text, allowed 0-{len(text)}")
    return offset + sum(ch > "\uffff" for ch in text[:offset])


def snap_to_graphemes(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a span so that it cuts no emoji sequence, flag, keycap, conjunct or matra. Limits outside the text are
    drawn in.
    """
    start, end = max(0, min(start, len(text))), max(0, min(end, len(text)))
    inside = positions_inside_graphemes(text)
    while start in inside:
        start -= 1
    while end in inside:
        end += 1
    return start, end


def _anchor(text: str, start: int, end: int) -> Anchor:
    return Anchor(start, end, text[start:end], text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT])


def _utf16_ends(text: str) -> list[int]:
    return list(accumulate((1 + (ch > "\uffff") for ch in text), initial=0))


def _occurrences(text: str, quote: str) -> list[int]:
    """Return where the quote stands on whole characters; overlapping ones count, they make it ambiguous."""
    inside = positions_inside_graphemes(text)
    return [at for at in places(text, quote) if at not in inside and at + len(quote) not in inside]


def _best_by_context(anchor: Anchor, text: str, places: list[int]) -> int | None:
    """Return the occurrence whose context agrees most, if it agrees by half and no other agrees as much."""
    available = len(anchor.prefix) + len(anchor.suffix)
    scores = [_agreement(anchor, text, at) for at in places]
    top = max(scores)
    if not available or 2 * top < available:
        return None
    best = [at for at, score in zip(places, scores, strict=True) if score == top]
    if len(best) == 1:
        return best[0]
    # Equal neighbours everywhere (a line repeated): only the unmoved position still tells them apart.
    return anchor.start if anchor.start in best else None


def _agreement(anchor: Anchor, text: str, at: int) -> int:
    end = at + len(anchor.quote)
    before, after = text[max(0, at - CONTEXT) : at], text[end : end + CONTEXT]
    return _common_start(before[::-1], anchor.prefix[::-1]) + _common_start(after, anchor.suffix)


def _common_start(left: str, right: str) -> int:
    length = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        length += 1
    return length


def _span_between_neighbours(anchor: Anchor, text: str) -> tuple[int, int] | None:
    """Return the one span between the known prefix and suffix that is nearly the quote."""
    if not anchor.prefix and not anchor.suffix:
        return None
    reach = len(anchor.quote) + max(1, int(len(anchor.quote) * LARGEST_CHANGE))
    starts = [at + len(anchor.prefix) for at in places(text, anchor.prefix)] if anchor.prefix else [0]
    ends = list(places(text, anchor.suffix)) if anchor.suffix else [len(text)]
    spans = {
        (start, end)
        for start in starts
        for end in ends[bisect_right(ends, start) : bisect_right(ends, start + reach)][:1]
    }
    if len(spans) != 1:
        return None
    return _if_nearly_the_quote(anchor, text, *spans.pop())


def _span_by_fuzzy_context(anchor: Anchor, text: str) -> tuple[int, int] | None:
    """Return the span near the old position where prefix and suffix, each a little changed, are found by Bitap."""
    # Short context matches anywhere; and only half the context need survive, so a quarter of errors is the tolerance.
    if len(anchor.prefix) < CONTEXT // 2 or len(anchor.suffix) < CONTEXT // 2:
        return None
    matcher = _matcher()
    before = matcher.match_main(text, anchor.prefix, max(0, anchor.start - len(anchor.prefix)))
    after = matcher.match_main(text, anchor.suffix, anchor.end)
    if before == -1 or after <= before:
        return None
    start, end = snap_to_graphemes(text, min(before + len(anchor.prefix), after), after)
    return _if_nearly_the_quote(anchor, text, start, end)


def _if_nearly_the_quote(anchor: Anchor, text: str, start: int, end: int) -> tuple[int, int] | None:
    found = text[start:end]
    # Spaces at the rim belong to the context; a quote that had them keeps them.
    if found.strip() and anchor.quote == anchor.quote.strip():
        start, end = start + len(found) - len(found.lstrip()), end - (len(found) - len(found.rstrip()))
    if start >= end or snap_to_graphemes(text, start, end) != (start, end):
        return None
    matcher = _matcher()
    changed = matcher.diff_levenshtein(matcher.diff_main(anchor.quote, text[start:end]))
    return (start, end) if changed <= len(anchor.quote) * LARGEST_CHANGE else None


def _matcher() -> diff_match_patch:
    matcher = diff_match_patch()
    matcher.Diff_Timeout = 0.2
    matcher.Match_Threshold = LARGEST_CHANGE
    matcher.Match_Distance = 1000  # a shift of 250 characters uses up the tolerance: further away is a guess
    return matcher


def _folded(text: str) -> tuple[str, list[int], list[int]]:
    """Return the text for tolerant comparison and, for each of its characters, the span of its cluster in the text."""
    folded: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for cluster in graphemes(text):
        end = at + len(cluster)
        visible = cluster
        if not cluster.isascii():
            visible = "".join(ch for ch in unicodedata.normalize("NFC", cluster) if ch not in INVISIBLE)
        if visible and visible.isspace():
            visible = " "
            if folded and folded[-1] == " ":
                visible, ends[-1] = "", end
        if not visible.isascii():
            visible = unicodedata.normalize("NFC", visible).translate(_TYPOGRAPHY)
        for ch in visible:
            folded.append(ch)
            starts.append(at)
            ends.append(end)
        at = end
    return "".join(folded), starts, ends
