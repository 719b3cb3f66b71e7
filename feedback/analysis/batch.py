"""Messages of a JSON lines file, read strictly, analysed in batches, one answer a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from feedback.analysis.decide import analyse_many
from feedback.analysis.signals import Analysis
from jarvish_regen.content.taxonomy import taxonomy

BATCH: Final = 32
MAX_TEXT_CHARS: Final = 20_000
_SHOWN_CHARS: Final = 60


class BadLineError(ValueError):
    """A line that cannot be analysed: its number, the field, what was given, what is allowed."""

    def __init__(self, line: int, field: str, given: Any, allowed: str) -> None:
        shown = repr(given)
        self.line, self.field, self.allowed = line, field, allowed
        self.given = shown if len(shown) <= _SHOWN_CHARS else f"{shown[:_SHOWN_CHARS]}…"
        super().__init__(f"line {line}: {field}: given {self.given}; allowed: {allowed}")


@dataclass(frozen=True)
class Request:
    """One message to analyse, with what the person picked."""

    id: str | int
    text: str
    category: str | None


@dataclass(frozen=True)
class Summary:
    """How many messages were analysed, of how many the answer is sure, and the lines that could not be read."""

    analysed: int
    confident: int
    bad_lines: tuple[BadLineError, ...]


def analyse_lines(
    lines: Iterable[str], write: Callable[[str], object], progress: Callable[[int], None] | None = None
) -> Summary:
    """Analyse the messages of JSON lines in order and write one JSON line each; bad lines are left out and listed."""
    bad: list[BadLineError] = []
    waiting: list[Request] = []
    analysed = confident = 0

    def answer() -> None:
        nonlocal analysed, confident
        found = analyse_many([each.text for each in waiting], categories=[each.category for each in waiting])
        for request, analysis in zip(waiting, found, strict=True):
            write(json.dumps(result_of(request.id, analysis), ensure_ascii=False) + "\n")
            confident += analysis.confident
        analysed += len(waiting)
        waiting.clear()
        if progress:
            progress(analysed)

    for request in requests_of(lines):
        if isinstance(request, BadLineError):
            bad.append(request)
            continue
        waiting.append(request)
        if len(waiting) == BATCH:
            answer()
    if waiting:
        answer()
    return Summary(analysed, confident, tuple(bad))


def requests_of(lines: Iterable[str]) -> Iterator[Request | BadLineError]:
    """Return the message of every line that is not blank, or what is wrong with the line."""
    seen: set[str | int] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            request = _request(number, line.lstrip("\ufeff"))
        except BadLineError as error:
            yield error
            continue
        if request.id in seen:
            yield BadLineError(number, "id", request.id, "an id that no line before has")
            continue
        seen.add(request.id)
        yield request


def result_of(identifier: str | int, analysis: Analysis) -> dict[str, Any]:
    """Shape an analysis as one line of output."""
    return {
        "id": identifier,
        "primary_category": analysis.primary_category,
        "categories": [{"code": each.code, "probability": round(each.probability, 4)} for each in analysis.categories],
        "issues": [
            {"code": each.code, "span": each.span, "probability": round(each.probability, 4)}
            for each in analysis.issues
        ],
        "sentiment": analysis.sentiment,
        "sentiment_score": round(analysis.sentiment_score, 4),
        "emotion": analysis.emotion,
        "urgency": analysis.urgency,
        "language": analysis.language,
        "confident": analysis.confident,
    }


def _request(number: int, line: str) -> Request:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLineError(number, "line", line.strip(), "a JSON object") from error
    if not isinstance(row, dict):
        raise BadLineError(number, "line", row, "a JSON object")
    identifier, text, category = row.get("id"), row.get("text"), row.get("category")
    if isinstance(identifier, bool) or not isinstance(identifier, str | int):
        raise BadLineError(number, "id", identifier, "a text or a whole number")
    if not isinstance(text, str):
        raise BadLineError(number, "text", text, "a text")
    if len(text) > MAX_TEXT_CHARS:
        raise BadLineError(number, "text", f"{len(text):,} characters", f"at most {MAX_TEXT_CHARS:,} characters")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadLineError(number, "text", "half of a surrogate pair", "whole characters")
    if category in (None, ""):
        return Request(identifier, text, None)
    if not isinstance(category, str) or category not in taxonomy().categories:
        raise BadLineError(number, "category", category, f"{', '.join(taxonomy().categories)}, or null")
    return Request(identifier, text, category)
