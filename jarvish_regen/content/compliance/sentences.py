"""Find sentences, lines and the signature in a message, and take sentences out neatly."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

from .measures import EMOJI

Span = tuple[int, int]

_ABBREVIATION = regex.compile(
    r"(?:(?<![\p{L}\p{M}])(?:mr|mrs|ms|dr|rs|no|nos|reg|approx|vs|eg|ie|e\.g|i\.e|pvt|ltd|co|st|sh|smt|shri|inc|viz|etc|p\.a|a\.m|p\.m|\p{L})"
    r"|रु|क्र|नं|डॉ|प्रा|श्री)\.$",
    regex.V1 | regex.IGNORECASE,
)
_LIST_NUMBER = regex.compile(r"^[ \t]*(?:\(?\p{N}{1,2}|[a-zA-Z])[.)]$", regex.V1)
_CLOSING = r"[\"'\u2019\u201d)\]*_~]*"
_STOP = regex.compile(
    rf"(?:[.!?\u0964\u0965\u2026]+{_CLOSING})(?=\s|$|(?:{EMOJI.pattern}))(?:[ \t]*(?:{EMOJI.pattern}))*", regex.V1
)
_LINE = regex.compile(r"[^\n]*\n|[^\n]+$")
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}'\u2019]*", regex.V1)


@dataclass(frozen=True)
class Line:
    """A line with its sentences; ``end`` includes the newline."""

    start: int
    end: int
    sentences: tuple[Span, ...]


def lines_of(raw: str, atoms: Sequence[Span] = ()) -> list[Line]:
    """Split into lines and sentences.

    ``atoms`` are spans, such as mandated texts, that are sentences of their own.
    """
    found: list[Line] = []
    for match in _LINE.finditer(raw):
        start, end = match.span()
        inside = [(max(a, start), min(b, end)) for a, b in atoms if a < end and start < b]
        pieces: list[Span] = []
        at = start
        for a, b in sorted(inside):
            pieces += _sentences(raw, at, a)
            after = b
            while after < end and raw[after] in ".!\u0964":
                after += 1
            pieces.append((a, after))
            at = max(at, after)
        pieces += _sentences(raw, at, end)
        found.append(Line(start, end, tuple(pieces)))
    return found


def _sentences(raw: str, start: int, end: int) -> list[Span]:
    spans: list[Span] = []
    at = start
    for stop in _STOP.finditer(raw, start, end):
        head = raw[at : stop.end()]
        if stop[0] == "." and (_ABBREVIATION.search(head) or _LIST_NUMBER.match(head)):
            continue
        spans.append((at, stop.end()))
        at = stop.end()
    spans.append((at, end))
    trimmed = []
    for a, b in spans:
        while a < b and raw[a].isspace():
            a += 1
        while a < b and raw[b - 1].isspace():
            b -= 1
        if a < b:
            trimmed.append((a, b))
    return trimmed


def words_in(raw: str) -> int:
    return sum(1 for _ in _WORD.finditer(raw))


def removals(raw: str, lines: Sequence[Line], doomed: Iterable[Span]) -> list[Span]:
    """Give the spans to delete so that the ``doomed`` sentences go with their bullets, blanks and line breaks."""
    gone = set(doomed)
    spans: list[Span] = []
    for line in lines:
        taken = [sentence for sentence in line.sentences if sentence in gone]
        if not taken:
            continue
        kept = [sentence for sentence in line.sentences if sentence not in gone]
        if not any(words_in(raw[a:b]) for a, b in kept if not _LIST_NUMBER.match(raw[a:b])):
            spans.append(_with_break(raw, line.start, line.end, spans[-1] if spans else None))
            continue
        cuts = []
        for start, end in taken:
            while end < line.end and raw[end] in " \t":
                end += 1
            cuts.append((start, end))
        for start, end in merge_touching(cuts):
            if not raw[end : line.end].strip():
                while start > line.start and raw[start - 1] in " \t":
                    start -= 1
            spans.append((start, end))
    return merge_touching(spans)


def _with_break(raw: str, start: int, end: int, before: Span | None) -> Span:
    """Widen a line that goes so that no double blank line and no trailing blank line stays behind."""
    head = before[0] if before and before[1] == start else start
    above_blank = raw[:head].endswith("\n\n") or not raw[:head].strip()
    if above_blank:
        while end < len(raw) and raw[end] == "\n":
            end += 1
    if not raw[end:].strip():
        while head > 0 and raw[head - 1].isspace():
            head -= 1
        return min(head, start), len(raw.rstrip()) if len(raw.rstrip()) >= start else end
    return start, end


def merge_touching(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


_SIGN_OFF = regex.compile(
    r"(?i)^\W*(?:(?:warm|best|kind)?\s*(?:regards|wishes)|thanks(?:\s+and\s+regards)?|yours\s+\w+|सादर|धन्यवाद|आपका|आपला|आपली|शुभेच्छु)\W*$",
    regex.V1,
)
_IDENTITY = regex.compile(
    r"(?i)(?<![\p{L}\p{M}\p{N}])(?:arn|ina)[\s:#.-]*(?:no\.?\s*)?(?:arn-?)?[\dx]{3,}|amfi[\s-]*(?:registered|पंजीकृत|नोंदणीकृत)|sebi[\s-]+(?:registered|ria|reg)",
    regex.V1,
)


def signature_span(raw: str, lines: Sequence[Line], protected: Sequence[Span], name: str | None) -> Span | None:
    """Find the closing lines that say who speaks (name, number), or ``None``.

    Only the last eight lines are looked at; the span begins with a sign-off such as "Regards," and never holds a
    mandated text.
    """
    last = [line for line in lines if line.sentences][-8:]
    found: list[Line] = []
    for line in last:
        text = raw[line.start : line.end]
        if any(a < line.end and line.start < b for a, b in protected):
            continue
        if words_in(text) <= 16 and (_IDENTITY.search(text) or (name and name.casefold() in text.casefold())):
            found.append(line)
    if not found:
        return None
    first = found[0]
    position = last.index(first)
    while position > 0 and (
        _SIGN_OFF.match(raw[last[position - 1].start : last[position - 1].end].strip())
        or _is_name_line(raw, last[position - 1], first, name)
    ):
        position -= 1
        first = last[position]
    return first.start, found[-1].end


def _is_name_line(raw: str, line: Line, below: Line, name: str | None) -> bool:
    text = raw[line.start : line.end].strip()
    return (
        bool(name)
        and line.end == below.start
        and bool(name and name.casefold() in text.casefold())
        and words_in(text) <= 8
    )
