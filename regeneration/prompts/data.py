"""The data of a request: what people wrote and what rules found, as one line of JSON within its budget of tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from regeneration.prompts.budget import estimated_tokens, shortened

# Beside the rejected text and the mandated ones (FEATURES R26 and R27).
MOST_CONTEXT_TOKENS = 200
MOST_ISSUES = 12
# A quotation of more tokens is given by its first and last words; an edit may quote it so too.
_QUOTE_TOKENS = 24


@dataclass(frozen=True, slots=True)
class IssueData:
    """Hold one issue: its code, the marked words, the sentence they stand in and what was said of it."""

    code: str
    words: str = ""
    sentence: str = ""
    note: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the fields that hold something; the sentence only where it is more than the words."""
        sentence = "" if self.sentence == self.words else self.sentence
        return _filled({"code": self.code, "words": self.words, "sentence": sentence, "note": self.note})


@dataclass(frozen=True, slots=True)
class Demands:
    """Hold what the caller demands beside the feedback."""

    max_length: int | None = None
    tone: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the fields that demand something."""
        return _filled(
            {
                "most_characters": self.max_length,
                "tone": self.tone,
                "include": list(self.include),
                "exclude": list(self.exclude),
            }
        )


@dataclass(frozen=True, slots=True)
class RequestData:
    """Hold all that belongs to one request, personal data already masked.

    ``remove`` are pairs of words that rule repair takes out and what it puts there; ``limits`` pairs of a name and a
    number.
    """

    text: str
    issues: tuple[IssueData, ...] = ()
    category: str = ""
    note: str = ""
    suggestions: str = ""
    remove: tuple[tuple[str, str], ...] = ()
    inserted_by_us: tuple[str, ...] = ()
    keep_exactly: tuple[str, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    demands: Demands = Demands()
    style: str = ""
    audience: str = ""
    topic: str = ""
    facts: tuple[str, ...] = ()

    def context(self) -> dict[str, object]:
        """Return the fields that count against the budget."""
        return _filled(
            {
                "issues": [issue.as_json() for issue in self.issues],
                "feedback": _filled({"category": self.category, "note": self.note, "suggestions": self.suggestions}),
                "remove": [_filled({"words": words, "instead": instead}) for words, instead in self.remove],
                "limits": dict(self.limits),
                "demands": self.demands.as_json(),
                "voice": _filled({"style": self.style, "audience": self.audience}),
                "topic": self.topic,
                "facts": list(self.facts),
            }
        )

    def line(self) -> str:
        """Return one line of JSON without "<", so that the data cannot be closed from inside."""
        fields = {
            "text": self.text,
            **self.context(),
            **_filled({"inserted_by_us": list(self.inserted_by_us), "keep_exactly": list(self.keep_exactly)}),
        }
        return _dumped(fields).replace("<", "\\u003c")

    def context_tokens(self) -> int:
        """Return the estimate of what counts against the budget."""
        return estimated_tokens(_dumped(self.context()))


def within_budget(data: RequestData, most_tokens: int = MOST_CONTEXT_TOKENS) -> RequestData:
    """Return ``data`` with as much dropped as the budget needs, in this order:

    1. facts that share no word with what was said, then facts from the last;
    2. topic, audience, style;
    3. sentences around marked words, and removals the issues quote already;
    4. suggestions and notes shortened from the middle, in three steps;
    5. long quotations given by their ends, then removals from the last;
    6. demands from the last, quotations and codes of the last issues.

    The text, mandated texts, limits and the first issue's code are never touched.
    """
    data = replace(data, issues=data.issues[:MOST_ISSUES])
    if data.context_tokens() <= most_tokens:
        return data
    for drop in _steps(data):
        smaller = drop(data)
        # Most steps find nothing to drop; then nothing is to be counted either.
        if smaller != data and (data := smaller).context_tokens() <= most_tokens:
            break
    return data


Step = Callable[[RequestData], RequestData]


def _steps(data: RequestData) -> Iterator[Step]:
    yield _only_facts_at_issue
    for _ in data.facts:
        yield lambda now: replace(now, facts=now.facts[:-1])
    yield lambda now: replace(now, topic="")
    yield lambda now: replace(now, audience="")
    yield lambda now: replace(now, style="")
    yield lambda now: _with_issues(now, lambda issue: replace(issue, sentence="" if issue.words else issue.sentence))
    yield _without_quoted_removals
    for tokens in (60, 36, 18):
        yield _notes_shortened_to(tokens)
    yield lambda now: _with_issues(
        now,
        lambda issue: replace(
            issue, words=shortened(issue.words, _QUOTE_TOKENS), sentence=shortened(issue.sentence, _QUOTE_TOKENS)
        ),
    )
    for _ in data.remove:
        yield lambda now: replace(now, remove=now.remove[:-1])
    yield lambda now: replace(now, demands=replace(now.demands, tone=shortened(now.demands.tone, 12)))
    for _ in data.demands.exclude:
        yield lambda now: replace(now, demands=replace(now.demands, exclude=now.demands.exclude[:-1]))
    for _ in data.demands.include:
        yield lambda now: replace(now, demands=replace(now.demands, include=now.demands.include[:-1]))
    for index in range(len(data.issues) - 1, 0, -1):
        yield partial(_bare_from, index=index)
    for _ in data.issues[1:]:
        yield lambda now: replace(now, issues=now.issues[:-1])


def _only_facts_at_issue(data: RequestData) -> RequestData:
    said = {word for part in (data.note, data.suggestions, *(one.note for one in data.issues)) for word in _words(part)}
    said |= {word for issue in data.issues for word in (*_words(issue.words), *_words(issue.sentence))}
    return replace(data, facts=tuple(fact for fact in data.facts if said & set(_words(fact))))


def _without_quoted_removals(data: RequestData) -> RequestData:
    quoted = [issue.words or issue.sentence for issue in data.issues]
    kept = tuple(pair for pair in data.remove if pair[1] or not any(pair[0].strip() in quote for quote in quoted))
    return replace(data, remove=kept)


def _notes_shortened_to(tokens: int) -> Step:
    def step(data: RequestData) -> RequestData:
        data = _with_issues(data, lambda issue: replace(issue, note=shortened(issue.note, tokens)))
        return replace(data, note=shortened(data.note, tokens), suggestions=shortened(data.suggestions, tokens))

    return step


def _bare_from(data: RequestData, index: int) -> RequestData:
    bare = tuple(IssueData(issue.code) for issue in data.issues[index:])
    return replace(data, issues=(*data.issues[:index], *bare))


def _with_issues(data: RequestData, change: Callable[[IssueData], IssueData]) -> RequestData:
    return replace(data, issues=tuple(change(issue) for issue in data.issues))


def _words(text: str) -> list[str]:
    # Short words are in every fact.
    return [word for word in text.casefold().split() if len(word) > 3]


def _filled(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value}


def _dumped(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(", ", ": "))
