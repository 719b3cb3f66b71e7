"""Carry what somebody is saying: from the checked form to a brief, to plain JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from feedback.services import CheckedRejection
from jarvish_regen.language.anchors import Anchor
from jarvish_regen.language.masking import mask
from regeneration.job import FeedbackBrief, NamedIssue

# As feedback.services stores them: only then has the rejection the fingerprint of what was prepared.
_ISSUE_NOTE_MAX_CHARS: Final = 500


def brief_of(checked: CheckedRejection) -> FeedbackBrief:
    """Return what a checked rejection asks for, as it will be read back once it is stored: personal data masked."""
    said = checked.said
    issues = tuple(
        NamedIssue(issue.said.code, issue.anchor, mask(issue.said.note).text[:_ISSUE_NOTE_MAX_CHARS])
        for issue in checked.issues
    )
    return FeedbackBrief(
        said.category, said.severity, checked.note_text, checked.suggestions, said.suggested_action, issues
    )


def as_plain(brief: FeedbackBrief) -> dict[str, Any]:
    """Return a brief as JSON takes it."""
    return asdict(brief)


def from_plain(kept: Mapping[str, Any]) -> FeedbackBrief:
    """Return the brief that ``as_plain`` wrote."""
    issues = tuple(
        NamedIssue(issue["code"], Anchor(**issue["anchor"]) if issue["anchor"] else None, issue["note"])
        for issue in kept["issues"]
    )
    return FeedbackBrief(**{**kept, "issues": issues})


def differs_beyond_words(one: FeedbackBrief, other: FeedbackBrief) -> bool:
    """Say whether two briefs differ in more than what was said in own words: in category, faults or marked words."""

    def marked(brief: FeedbackBrief) -> tuple[object, ...]:
        places = sorted((issue.code, issue.anchor.start if issue.anchor else -1) for issue in brief.issues)
        return brief.category, brief.suggested_action, tuple(places)

    return marked(one) != marked(other)
