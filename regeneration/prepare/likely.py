"""Predict what an advisor will object to in a draft, and say what an answer made beforehand is worth. Pure.

The chance of an issue code comes from how often it was named, smoothed twice: the advisor's own frequency leans on the
firm's, and the firm's is Laplace-smoothed over the codes. What the rules find in the draft is a stronger sign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.language.anchors import AnchorError, anchor_at
from regeneration.job import FeedbackBrief, NamedIssue

# How many of the advisor's own drafts weigh as much as the firm's habit.
OWN_WEIGHT: Final = 5.0
# Share of drafts with such a finding whose advisor named its code, Laplace-smoothed, in the 52 rejections of the demo
# drafts: critical 24 of 24, major 7 of 7, minor 4 of 5.
FINDING_CHANCE: Final[Mapping[str, float]] = {"critical": 25 / 26, "major": 8 / 9, "minor": 5 / 7}
# A brief without marked words fits a rejection only if the person marks none either: 11 % of the demo's issues.
UNMARKED_SHARE: Final = 0.11
# Codes that rest on history alone: beyond the first few, chances are too small to matter.
HISTORY_CODES_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Counted:
    """How many drafts somebody looked at, and in how many each issue code was named; one channel and language."""

    drafts: int = 0
    by_code: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class History:
    """What was named before, by the advisor and in the whole firm."""

    own: Counted = Counted()
    firm: Counted = Counted()


@dataclass(frozen=True, slots=True)
class Likely:
    """A rejection that may come, and the chance that it does, 0 to 1."""

    brief: FeedbackBrief
    chance: float


def chance_of(code: str, history: History) -> float:
    """Return the chance that the advisor names ``code`` in the next draft of this channel and language, 0 to 1."""
    firm = (history.firm.by_code.get(code, 0) + 1) / (history.firm.drafts + len(taxonomy().issues))
    return (history.own.by_code.get(code, 0) + OWN_WEIGHT * firm) / (history.own.drafts + OWN_WEIGHT)


def likely_rejections(text: str, findings: Sequence[Mapping[str, Any]], history: History) -> list[Likely]:
    """Return the rejections that may come of a draft, likeliest first.

    ``findings`` are a version's stored ones. Findings of one category make one rejection with their words marked; a
    code that rests on history alone makes one without marked words.
    """
    found = [_of_findings(category, text, findings, history) for category in taxonomy().categories]
    named = {issue.code for one in found if one for issue in one.brief.issues}
    habits = sorted(
        (code for code in history.firm.by_code if code in taxonomy().issues and code not in named),
        key=lambda code: (-chance_of(code, history), code),
    )
    by_habit = [
        Likely(_brief(taxonomy().issues[code].category, (NamedIssue(code),)), chance_of(code, history) * UNMARKED_SHARE)
        for code in habits[:HISTORY_CODES_MAX]
    ]
    return sorted([*(one for one in found if one), *by_habit], key=lambda one: -one.chance)


def completed(brief: FeedbackBrief, text: str, findings: Sequence[Mapping[str, Any]], history: History) -> Likely:
    """Return a brief with what its author will probably add; one that names a fault already is what it is."""
    if brief.issues:
        return Likely(brief, 1.0)
    guess = _of_findings(brief.category, text, findings, history)
    if guess is None:
        return Likely(brief, 0.0)
    issues = guess.brief.issues
    return Likely(
        FeedbackBrief(brief.category, brief.severity, brief.note, brief.suggestions, brief.suggested_action, issues),
        guess.chance,
    )


def expected_value_inr(chance: float, *, saved_seconds: float, second_worth_inr: float, cost_inr: float) -> float:
    """Return what preparing is worth in rupees: the chance that it is asked for × the time saved − the cost."""
    return chance * saved_seconds * second_worth_inr - cost_inr


def _of_findings(category: str, text: str, findings: Sequence[Mapping[str, Any]], history: History) -> Likely | None:
    known = taxonomy().issues
    mine = [one for one in findings if one["code"] in known and known[one["code"]].category == category]
    if not mine:
        return None
    issues: dict[tuple[str, int | None], NamedIssue] = {}
    for one in mine:
        issues.setdefault((one["code"], one["start"]), _issue(one, text))
    chance = max(max(FINDING_CHANCE.get(one["severity"], 0.0), chance_of(one["code"], history)) for one in mine)
    return Likely(_brief(category, tuple(issues.values())), chance)


def _issue(finding: Mapping[str, Any], text: str) -> NamedIssue:
    if finding["start"] is None or finding["end"] is None:
        return NamedIssue(finding["code"])
    try:
        return NamedIssue(finding["code"], anchor_at(text, finding["start"], finding["end"]))
    except AnchorError:  # a finding may end inside a grapheme; people's marks may not
        return NamedIssue(finding["code"])


def _brief(category: str, issues: tuple[NamedIssue, ...]) -> FeedbackBrief:
    return FeedbackBrief(category, "major", issues=issues)
