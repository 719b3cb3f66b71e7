"""Find the place of each proposed edit in the rejected text, or refuse it with a reason: never a wrong place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import regex

from regeneration.edits.folding import (
    Folded,
    Span,
    core_of,
    cuts_letter,
    cuts_number,
    fold,
    is_word_border,
    with_closing_mark,
)
from regeneration.edits.reply import ProposedEdit
from regeneration.edits.typos import TooManyPlacesError, nearly
from regeneration.job import Edit

RefusalReason = Literal[
    "not_found", "ambiguous", "empty_find", "no_change", "overlaps", "cuts_a_letter", "cuts_a_number"
]

_ELLIPSIS = regex.compile(r" ?[\[(]?\.{3,}[\])]? ?")
_CUT_OFF = regex.compile(r"^\W*\.{3}|\.{3}\W*$")
_OPEN_ENDED = regex.compile(r"\.{3}|…")
# What a model leaves out with an ellipsis is the middle of a sentence or two, not of a page.
_LONGEST_ELLIPSIS_SPAN = 600
_MOST_ENDS = 8
# A model that misquotes more of its edits than this is not quoting; it also bounds what a hostile reply costs.
_MOST_TYPO_SEARCHES = 8
_ENDS = frozenset(".,;:!?…।॥")


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


def anchor_edits(text: str, proposed: Sequence[ProposedEdit], *, marked: Sequence[Span] = ()) -> AnchoredEdits:
    """Find each edit's place in ``text``.

    Tried in turn: as it stands; with blanks, quotes, dashes and NFC folded; without case and without punctuation at
    the ends; the first and last words around an ellipsis; with a slip in ten letters, numbers exact. Whole words go
    before parts of words. Of several places the one nearest to a marked span is taken if it is nearer than every other;
    otherwise the edit is refused as ambiguous. Where two edits overlap the one named first stays. A place that would
    part a letter from its vowel sign or joiner, or cut a number, is refused.
    """
    searched = _Text(text)
    edits: list[Edit] = []
    refused: list[RefusedEdit] = []
    for one in proposed:
        placed = _place(searched, one, marked)
        if isinstance(placed, str):
            refused.append(RefusedEdit(one, placed))
        elif any(placed.start < other.end and other.start < placed.end for other in edits):
            if placed not in edits:
                refused.append(RefusedEdit(one, "overlaps"))
        else:
            edits.append(placed)
    return AnchoredEdits(tuple(sorted(edits, key=lambda edit: (edit.start, edit.end))), tuple(refused))


@dataclass
class _Text:
    """Hold the text that is searched; folded once, and only if an edit needs it."""

    raw: str
    searches_left: int = _MOST_TYPO_SEARCHES

    @cached_property
    def folded(self) -> Folded:
        return fold(self.raw)


def _place(text: _Text, proposed: ProposedEdit, marked: Sequence[Span]) -> Edit | RefusalReason:
    if not proposed.find.strip():
        return "empty_find"
    if proposed.find == proposed.replace:
        return "no_change"
    # Longer than the text by more than blanks and composition explain: nowhere in it.
    if len(proposed.find) > 2 * len(text.raw) + 100:
        return "not_found"
    try:
        spans = _spans(text, proposed)
    except TooManyPlacesError:
        return "ambiguous"
    if not spans:
        return "not_found"
    span = spans[0] if len(spans) == 1 else _nearest(spans, marked)
    if span is None:
        return "ambiguous"
    start, end = span
    if cuts_letter(text.raw, start) or cuts_letter(text.raw, end):
        return "cuts_a_letter"
    if cuts_number(text.raw, start) or cuts_number(text.raw, end):
        return "cuts_a_number"
    if text.raw[start:end] == proposed.replace:
        return "no_change"
    return Edit(start, end, text.raw[start:end], proposed.replace, proposed.fixes)


def _spans(text: _Text, proposed: ProposedEdit) -> list[Span]:
    """Return the places of the first way of looking that finds any."""
    spans = _whole_words_first(text.raw, _occurrences(text.raw, proposed.find))
    if spans:
        return spans
    find = fold(proposed.find.strip())
    if not find.text.strip():
        return []
    folded = text.folded
    spans = [folded.raw(span) for span in _occurrences(folded.text, find.text)]
    if spans:
        return _whole_words_first(text.raw, spans)
    core = core_of(find.lowered)
    # Words cut off with an ellipsis name a place of unknown end.
    if len(core) < 2 or _CUT_OFF.search(find.text):
        return []
    spans = _whole(folded.lowered, core)
    if not spans and _ELLIPSIS.search(core):
        spans = [
            _with_edges(folded.lowered, span, find.lowered, core) for span in _around_ellipsis(text, proposed, core)
        ]
    elif not spans and text.searches_left:
        text.searches_left -= 1
        spans = nearly(folded.lowered, core)
    raw = [folded.raw(span) for span in spans]
    # A closing mark that was quoted is replaced with the words, whichever mark the text has there.
    return [with_closing_mark(text.raw, span) for span in raw] if proposed.find.rstrip()[-1] in _ENDS else raw


def _occurrences(text: str, find: str) -> list[Span]:
    spans: list[Span] = []
    at = text.find(find)
    while at >= 0:
        spans.append((at, at + len(find)))
        at = text.find(find, at + 1)
    return spans


def _whole(text: str, find: str) -> list[Span]:
    return [
        span for span in _occurrences(text, find) if is_word_border(text, span[0]) and is_word_border(text, span[1])
    ]


def _whole_words_first(text: str, spans: list[Span]) -> list[Span]:
    return [span for span in spans if _is_whole(text, span)] or spans


def _is_whole(text: str, span: Span) -> bool:
    return is_word_border(text, span[0]) and is_word_border(text, span[1])


def _around_ellipsis(text: _Text, proposed: ProposedEdit, core: str) -> list[Span]:
    """Return the spans from the words before an ellipsis to those after it, in one paragraph."""
    parts = [core_of(part) for part in _ELLIPSIS.split(core)]
    # An ellipsis in the new words too means that the middle stays, and nobody said which words it is.
    if len(parts) != 2 or any(" " not in part for part in parts) or _OPEN_ENDED.search(proposed.replace):
        return []
    lowered = text.folded.lowered
    heads, tails = _whole(lowered, parts[0]), _whole(lowered, parts[1])
    if max(len(heads), len(tails)) > _MOST_ENDS:
        raise TooManyPlacesError
    spans = [(start, end) for start, head_end in heads for tail_start, end in tails if head_end <= tail_start]
    return [
        (start, end)
        for start, end in spans
        if end - start <= _LONGEST_ELLIPSIS_SPAN and "\n\n" not in text.raw[slice(*text.folded.raw((start, end)))]
    ]


def _with_edges(text: str, span: Span, find: str, core: str) -> Span:
    """Widen a span by the punctuation that ``find`` has around its core, where the text has the same."""
    before, _, after = find.partition(core)
    start, end = span
    before, after = before.lstrip(), after.rstrip()
    return (
        start - len(before) if text.endswith(before, 0, start) else start,
        end + len(after) if text.startswith(after, end) else end,
    )


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
