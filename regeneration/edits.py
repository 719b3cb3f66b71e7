"""Read a model's reply, anchor its edits in the rejected text, splice them in and prove that nothing else moved.

The reply is one JSON object, ``{"edits": [{"find", "replace", "fixes"}], "full_text": null | str}`` (docs/engine.md).
Positions are code points into the rejected text.

    ReplyError
    ├── ReplyNotJSONError       no JSON object in it
    └── ReplyWrongShapeError    an object, but not of the shape above
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from regeneration.job import Edit, FeedbackBrief

Span = tuple[int, int]
RefusalReason = Literal["not_found", "ambiguous", "empty_find", "no_change", "overlaps", "cuts_a_letter"]

# A reply with more edits than this rewrites the text under the name of edits.
MAX_EDITS = 40

# Codes whose complaint, with no words marked, is about the text as a whole.
WHOLE_TEXT_CODES = frozenset(
    {
        "too_salesy",
        "too_casual",
        "too_formal",
        "fear_mongering",
        "insensitive",
        "too_long",
        "too_short",
        "off_topic",
        "stale_or_badly_timed",
        "repetitive_content",
        "missing_key_point",
        "grammar_spelling",
        "unclear_or_jargon",
        "poor_translation",
        "wrong_language",
        "wrong_audience",
        "wrong_risk_profile",
        "wrong_level",
        "poor_structure",
        "off_brand_voice",
        "garbled_text",
    }
)
# Feedback that names only an area concerns the whole text in these categories.
WHOLE_TEXT_CATEGORIES = frozenset(
    {"tone_inappropriate", "length_issue", "relevance_low", "language_quality", "target_mismatch"}
)

_FOLDED = {
    "\u2018": "'",
    "\u2019": "'",
    "\u201a": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u201e": '"',
    "\u2010": "-",
    "\u2011": "-",
    "\u2012": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2212": "-",
    "\u2026": "...",
}


class ReplyError(ValueError):
    """A reply that cannot be used; the message says why without quoting it."""


class ReplyNotJSONError(ReplyError):
    """There is no JSON object in the reply."""


class ReplyWrongShapeError(ReplyError):
    """The object is not of the documented shape."""


@dataclass(frozen=True, slots=True)
class ProposedEdit:
    """Hold one edit as the model wrote it, not yet anchored."""

    find: str
    replace: str
    fixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """Hold a reply of the right shape."""

    edits: tuple[ProposedEdit, ...]
    full_text: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedEdit:
    """Keep an edit that was left out, and why."""

    proposed: ProposedEdit
    reason: RefusalReason


@dataclass(frozen=True, slots=True)
class AnchoredEdits:
    """Hold the edits that found their place, in text order, and those that did not."""

    edits: tuple[Edit, ...]
    refused: tuple[RefusedEdit, ...]


def parse_reply(raw: str) -> Reply:
    """Return the reply in ``raw``; code fences and words around the object are passed over.

    An empty list of edits is a reply: all there is to do may be what we put in. Raises
    ``ReplyNotJSONError`` or ``ReplyWrongShapeError``. JSON itself is read strictly: no trailing commas, no comments.
    """
    found = _first_object(raw)
    unknown = set(found) - {"edits", "full_text"}
    if unknown:
        raise ReplyWrongShapeError("the reply has fields that were not asked for")
    full_text = found.get("full_text")
    if full_text is not None and not isinstance(full_text, str):
        raise ReplyWrongShapeError("full_text must be a text or null")
    if full_text is not None and _is_no_text(full_text):
        raise ReplyWrongShapeError("full_text holds characters that are no text")
    if not found:
        raise ReplyWrongShapeError("the reply proposes nothing")
    listed = found.get("edits", [])
    if not isinstance(listed, list):
        raise ReplyWrongShapeError("edits must be a list")
    if len(listed) > MAX_EDITS:
        raise ReplyWrongShapeError(f"more than {MAX_EDITS} edits")
    edits = tuple(_proposed(entry) for entry in listed)
    return Reply(edits=edits, full_text=full_text if full_text and full_text.strip() else None)


def is_complete_reply(text: str) -> bool:
    """Say whether a streamed reply already holds its whole JSON object."""
    start = text.find("{")
    if start < 0 or not text.rstrip().endswith(("}", "`")):
        return False
    try:
        _first_object(text)
    except ReplyError:
        return False
    return True


def anchor_edits(text: str, proposed: Sequence[ProposedEdit], *, marked: Sequence[Span] = ()) -> AnchoredEdits:
    """Find each edit's place in ``text``: exact first, then with blanks, quotes, dashes and NFC folded.

    Of several places the one nearest to a marked span is taken if it is nearer than every other; otherwise the edit is
    refused as ambiguous. Where two edits overlap the one named first stays. A place that would part a letter from its
    vowel sign or joiner is refused.
    """
    edits: list[Edit] = []
    refused: list[RefusedEdit] = []
    for one in proposed:
        placed = _place(text, one, marked)
        if isinstance(placed, str):
            refused.append(RefusedEdit(one, placed))
        elif any(placed.start < other.end and other.start < placed.end for other in edits):
            if placed not in edits:
                refused.append(RefusedEdit(one, "overlaps"))
        else:
            edits.append(placed)
    return AnchoredEdits(tuple(sorted(edits, key=lambda edit: (edit.start, edit.end))), tuple(refused))


def splice(text: str, edits: Sequence[Edit]) -> str:
    """Return ``text`` with the edits put in; raises ``ValueError`` when they overlap or do not fit the text."""
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at or text[edit.start : edit.end] != edit.old:
            raise ValueError("the edits do not fit the text")
        pieces += [text[at : edit.start], edit.new]
        at = edit.end
    return "".join([*pieces, text[at:]])


def rest_is_untouched(before: str, edits: Sequence[Edit], after: str) -> bool:
    """Prove by SHA-256 that every segment outside the edits is the same bytes in ``before`` and ``after``."""
    at_before = at_after = 0
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    for edit in [*ordered, Edit(len(before), len(before), "", "")]:
        segment = before[at_before : edit.start]
        if _sha256(segment) != _sha256(after[at_after : at_after + len(segment)]):
            return False
        at_after += len(segment)
        if after[at_after : at_after + len(edit.new)] != edit.new:
            return False
        at_after += len(edit.new)
        at_before = edit.end
    return at_after == len(after)


def concerns_whole_text(feedback: FeedbackBrief) -> bool:
    """Say whether the feedback is about the text as a whole, so that a full rewrite may be accepted."""
    if any(issue.code == "wrong_language" for issue in feedback.issues):
        return True
    if not feedback.issues:
        return feedback.category in WHOLE_TEXT_CATEGORIES
    return any(issue.anchor is None and issue.code in WHOLE_TEXT_CODES for issue in feedback.issues)


def _first_object(raw: str) -> dict[str, object]:
    decoder = json.JSONDecoder()
    start = raw.find("{")
    if start < 0:
        raise ReplyNotJSONError("there is no JSON object in the reply")
    try:
        found, _ = decoder.raw_decode(raw, start)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ReplyNotJSONError("the JSON of the reply is broken") from error
    if not isinstance(found, dict):  # raw_decode at "{" gives nothing else; the check is for the type
        raise ReplyNotJSONError("there is no JSON object in the reply")
    return found


def _proposed(entry: object) -> ProposedEdit:
    if not isinstance(entry, dict):
        raise ReplyWrongShapeError("an edit must be an object")
    find, replace, fixes = entry.get("find"), entry.get("replace"), entry.get("fixes", [])
    if not isinstance(find, str) or not isinstance(replace, str):
        raise ReplyWrongShapeError("an edit needs the texts find and replace")
    if isinstance(fixes, str):
        fixes = [fixes]
    if not isinstance(fixes, list) or not all(isinstance(code, str) for code in fixes):
        raise ReplyWrongShapeError("fixes must be a list of issue codes")
    if _is_no_text(find + replace):
        raise ReplyWrongShapeError("an edit holds characters that are no text")
    return ProposedEdit(find=find, replace=replace, fixes=tuple(fixes))


def _is_no_text(text: str) -> bool:
    # PostgreSQL refuses NUL, UTF-8 a lone surrogate.
    return any("\ud800" <= character <= "\udfff" or character == "\x00" for character in text)


def _place(text: str, proposed: ProposedEdit, marked: Sequence[Span]) -> Edit | RefusalReason:
    if not proposed.find.strip():
        return "empty_find"
    if proposed.find == proposed.replace:
        return "no_change"
    spans = _occurrences(text, proposed.find) or _folded_occurrences(text, proposed.find)
    if not spans:
        return "not_found"
    span = spans[0] if len(spans) == 1 else _nearest(spans, marked)
    if span is None:
        return "ambiguous"
    start, end = span
    if _is_inside_letter(text, start) or _is_inside_letter(text, end):
        return "cuts_a_letter"
    if text[start:end] == proposed.replace:
        return "no_change"
    return Edit(start, end, text[start:end], proposed.replace, proposed.fixes)


def _occurrences(text: str, find: str) -> list[Span]:
    spans: list[Span] = []
    at = text.find(find)
    while at >= 0:
        spans.append((at, at + len(find)))
        at = text.find(find, at + 1)
    return spans


def _folded_occurrences(text: str, find: str) -> list[Span]:
    folded_text, places = _folded(text)
    folded_find, _ = _folded(find.strip())
    if not folded_find:
        return []
    return [(places[start][0], places[end - 1][1]) for start, end in _occurrences(folded_text, folded_find)]


def _folded(text: str) -> tuple[str, list[Span]]:
    """Fold ``text``; beside it, for each folded character, the span of the raw text it stands for."""
    folded: list[str] = []
    places: list[Span] = []
    at = 0
    while at < len(text):
        end = at + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        cluster = text[at:end]
        if cluster.isspace():
            if folded and folded[-1] == " ":
                places[-1] = (places[-1][0], end)
            else:
                folded.append(" ")
                places.append((at, end))
        elif unicodedata.category(cluster[0]) != "Cf":
            # NFC leaves Devanagari nukta letters apart, so both spellings meet in the same form.
            for character in "".join(_FOLDED.get(c, c) for c in unicodedata.normalize("NFC", cluster)):
                folded.append(character)
                places.append((at, end))
        at = end
    return "".join(folded), places


def _nearest(spans: Sequence[Span], marked: Sequence[Span]) -> Span | None:
    if not marked:
        return None
    by_distance = sorted((min(_distance(span, mark) for mark in marked), span) for span in spans)
    if by_distance[0][0] == by_distance[1][0]:
        return None
    return by_distance[0][1]


def _distance(span: Span, mark: Span) -> int:
    if span[0] < mark[1] and mark[0] < span[1]:
        return 0
    return mark[0] - span[1] + 1 if span[1] <= mark[0] else span[0] - mark[1] + 1


def _is_inside_letter(text: str, at: int) -> bool:
    if not 0 < at < len(text):
        return False
    return (
        unicodedata.category(text[at]) in {"Mn", "Mc", "Me"} or text[at] in "\u200d\ufe0f" or text[at - 1] == "\u200d"
    )


def _sha256(segment: str) -> bytes:
    return hashlib.sha256(segment.encode("utf-8", "surrogatepass")).digest()
