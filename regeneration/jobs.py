"""Make the frozen job of an attempt from rows, and candidate 0 from a job."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from feedback.models import Feedback, FeedbackIssue
from feedback.services import CheckedRejection
from jarvish_regen.content.models import ContentItem, ContentVersion, text_context
from jarvish_regen.language.anchors import Anchor
from regeneration.job import (
    TACTICS,
    CandidateText,
    Constraints,
    FeedbackBrief,
    Job,
    NamedIssue,
    Situation,
    Verdict,
    Voice,
)
from regeneration.local_repair import candidate_zero
from regeneration.models import Regeneration
from regeneration.validate import validate

ATTEMPTS_MAX: Final = len(TACTICS)


@dataclass(frozen=True)
class Zero:
    """Candidate 0 with its verdict: the repair by rules, made before anything is stored."""

    job: Job
    candidate: CandidateText
    verdict: Verdict


def prepare_zero(*, item: ContentItem, version: ContentVersion, checked: CheckedRejection) -> Zero:
    """Make candidate 0 for a rejection that is not stored yet. Pure, about as long as one check and one repair."""
    said = checked.said
    issues = tuple(NamedIssue(issue.said.code, issue.anchor, issue.said.note) for issue in checked.issues)
    brief = FeedbackBrief(
        said.category, said.severity, checked.note_text, checked.suggestions, said.suggested_action, issues
    )
    return zero_of(new_job(item, version, brief))


def new_job(
    item: ContentItem,
    version: ContentVersion,
    brief: FeedbackBrief,
    *,
    attempt: int = 1,
    tactic: str = TACTICS[0],
    constraints: Constraints | None = None,
    recent_codes: Sequence[str] = (),
) -> Job:
    """Return the job of rewriting a version of an item; expects its advisor and firm to be loaded."""
    advisor = item.advisor
    return Job(
        rejected_text=version.text,
        context=text_context(item),
        feedback=brief,
        voice=Voice(advisor.registered_name, advisor.signature, advisor.voice, advisor.audience, advisor.phone),
        approved_facts=tuple(item.approved_facts),
        attempt=attempt,
        tactic=tactic,
        constraints=constraints or Constraints(),
        situation=Situation(topic=item.topic, recent_codes=tuple(recent_codes)),
    )


def zero_of(job: Job) -> Zero:
    """Return candidate 0 of a job with its verdict. Pure."""
    candidate = candidate_zero(job)
    return Zero(job, candidate, validate(job, candidate))


def tactic_of(attempt: int) -> str:
    """Return what the attempt of this number tries: each another way (FEATURES E1)."""
    return TACTICS[min(attempt, ATTEMPTS_MAX) - 1]


def job_of(
    regeneration: Regeneration,
    *,
    following: bool = False,
    issues: Sequence[FeedbackIssue] | None = None,
    recent_codes: Sequence[str] = (),
) -> Job:
    """Return the frozen job of a loaded attempt, or of the one ``following`` it with the next tactic.

    Asks one query for its issues unless they are given. ``recent_codes`` are what this advisor objected to lately.
    """
    brief = brief_of(regeneration.feedback, issues)
    attempt = regeneration.attempt + following
    return new_job(
        regeneration.item,
        regeneration.version,
        brief,
        attempt=attempt,
        tactic=tactic_of(attempt) if following else regeneration.tactic,
        constraints=constraints_of(regeneration),
        recent_codes=recent_codes,
    )


def brief_of(feedback: Feedback, issues: Sequence[FeedbackIssue] | None = None) -> FeedbackBrief:
    """Return what a stored rejection says. Asks one query for its issues unless they are given."""
    rows = FeedbackIssue.objects.filter(feedback=feedback).order_by("id") if issues is None else issues
    return FeedbackBrief(
        feedback.category,
        feedback.severity,
        feedback.note_text,
        feedback.suggestions,
        feedback.suggested_action,
        tuple(NamedIssue(row.code, anchor_of(row), row.note) for row in rows),
    )


def constraints_of(regeneration: Regeneration) -> Constraints:
    """Return what the caller of an attempt demanded beside the feedback."""
    stored = regeneration.constraints
    return Constraints(
        max_length=stored.get("max_length"),
        tone=stored.get("tone", ""),
        include_elements=tuple(stored.get("include_elements", ())),
        exclude_terms=tuple(stored.get("exclude_terms", ())),
    )


def anchor_of(issue: FeedbackIssue) -> Anchor | None:
    """Return where an issue shows in the rejected version, or None for something that is missing from it."""
    if issue.start is None or issue.end is None:
        return None
    return Anchor(issue.start, issue.end, issue.quote, issue.prefix, issue.suffix)
