"""Understand stored rejections: one row a model, and what a note names when nobody ticked an issue."""

import logging
import uuid
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from feedback.events import FeedbackAnalysed
from feedback.models import Analysis, Feedback, FeedbackIssue
from feedback.models_in_use import InUse, models_in_use
from feedback.understanding import Understood, known, understand, understand_within
from jarvish_regen.journal import services as journal
from jarvish_regen.language.anchors import AnchorError, anchor_at

logger = logging.getLogger(__name__)

ANALYSE_TASK: Final = "feedback.analyse"
SWEEP_TASK: Final = "feedback.sweep_analyses"
QUEUE: Final = "learn"

# A note takes some 40 ms; somebody waits for the answer, and a worker that is this busy has better to do.
BEFORE_THE_ANSWER_SECONDS: Final = 0.15
# More than a person writes down at once; the rest of a long note is its repetition.
ISSUES_UNDERSTOOD_MAX: Final = 5
SWEPT_FOR: Final = timedelta(hours=24)
SWEPT_AFTER: Final = timedelta(seconds=60)
SWEPT_AT_A_TIME_MAX: Final = 100
DROPPED: Final = "dropped_proposals"
CONFIRMED: Final = "confirmed_proposals"

__all__ = ["analyse_feedback", "found_in_note", "is_pressing", "known", "ring_for", "sweep", "understand"]


def ring_for(feedback_id: uuid.UUID) -> journal.Ring:
    """Return the ring that has a rejection's note understood."""
    return journal.Ring(ANALYSE_TASK, {"feedback_id": str(feedback_id)}, QUEUE)


def analyse_feedback(feedback_id: uuid.UUID) -> Analysis | None:
    """Store what the model in use, and the one on trial, make of a rejection's note; None without a note.

    Safe to call as often as it likes: a model's word is stored once. Leaves FeedbackAnalysed when the word that counts
    is new; what a model on trial says is stored beside it and told to nobody.
    """
    feedback = Feedback.objects.select_related("version", "item").get(id=feedback_id)
    if not feedback.note_text.strip():
        return None
    there = Analysis.objects.filter(feedback=feedback, role=Analysis.Role.CHAMPION).first()
    rows = [] if there is not None else [_row(feedback, Analysis.Role.CHAMPION, _understood(feedback))]
    challenger = models_in_use.challenger()
    if challenger is not None:
        rows.append(_row(feedback, Analysis.Role.CHALLENGER, _understood(feedback, challenger)))
    with transaction.atomic():
        Analysis.objects.bulk_create(rows, ignore_conflicts=True)
        stored = Analysis.objects.filter(id__in=[row.id for row in rows], role=Analysis.Role.CHAMPION).first()
        if stored is not None:
            journal.publish(
                FeedbackAnalysed(
                    firm_id=feedback.item.firm_id,
                    item_id=feedback.item_id,
                    feedback_id=feedback.id,
                    primary_category=stored.primary_category,
                    is_confident=stored.is_confident,
                    role=str(stored.role),
                )
            )
    return stored or there or Analysis.objects.filter(feedback=feedback, role=Analysis.Role.CHAMPION).first()


def _understood(feedback: Feedback, model: InUse | None = None) -> Understood:
    return understand(feedback.note_text, category=feedback.category, draft=feedback.version.text, model=model)


def _row(feedback: Feedback, role: Analysis.Role, understood: Understood) -> Analysis:
    found = understood.analysis
    return Analysis(
        feedback=feedback,
        model_version_id=understood.model_version_id,
        role=role,
        primary_category=found.primary_category,
        probability=found.categories[0].probability,
        categories=[
            {
                "code": one.code,
                "probability": one.probability,
                "evidence": [[words.start, words.end] for words in one.evidence],
            }
            for one in found.categories
        ],
        issues=[_plain_issue(asdict(issue)) for issue in found.issues],
        sentiment=found.sentiment,
        sentiment_score=max(-1.0, min(1.0, found.sentiment_score)),
        emotion=found.emotion,
        urgency=found.urgency,
        actionability=max(0.0, min(1.0, found.actionability)),
        language=found.language,
        is_confident=found.confident,
        took_ms=understood.took_ms,
    )


def _plain_issue(issue: dict[str, Any]) -> dict[str, Any]:
    return {**issue, "points_to": list(issue["points_to"]) if issue["points_to"] else None}


def found_in_note(feedback: Feedback, *, draft: str) -> tuple[FeedbackIssue, ...]:
    """Return the issues that a note names, not stored yet; empty where it names none the model is sure of.

    For a rejection that names no issue itself, while somebody waits for its answer: what was understood as it was typed
    costs nothing, anything else 150 ms at most. What the person dropped in the form stays dropped. Raises nothing.
    """
    note = feedback.note_text
    if not note.strip():
        return ()
    try:
        understood = understand_within(BEFORE_THE_ANSWER_SECONDS, note, category=feedback.category, draft=draft)
        if understood is None:
            return ()
        dropped = feedback.metadata.get(DROPPED) or ()
        kept = [issue for issue in understood.issues if issue.code not in dropped][:ISSUES_UNDERSTOOD_MAX]
        return tuple(_issue_row(feedback, issue.code, issue.points_to, draft) for issue in kept)
    except Exception:  # an answer with less understood is better than none, whatever the reason
        logger.exception("note not understood before its answer", extra={"feedback_id": feedback.id})
        return ()


def _issue_row(feedback: Feedback, code: str, place: tuple[int, int] | None, draft: str) -> FeedbackIssue:
    row = FeedbackIssue(feedback=feedback, code=code, source="analysis")
    if place is None:
        return row
    try:
        anchor = anchor_at(draft, *place)
    except AnchorError:
        return row
    row.start, row.end, row.quote, row.prefix, row.suffix = (
        anchor.start,
        anchor.end,
        anchor.quote,
        anchor.prefix,
        anchor.suffix,
    )
    return row


def is_pressing(note: str, *, category: str, draft: str) -> bool:
    """Say whether a note was understood, as it was typed, to be an urgent complaint. Reads nothing, never raises."""
    if not note.strip():
        return False
    try:
        understood = known(note, category=category, draft=draft)
    except Exception:  # how soon it is answered is then decided without it
        logger.exception("as-typed reading not looked up")
        return False
    return understood is not None and understood.is_pressing


def sweep() -> int:
    """Ring again for notes of the last day that nobody has understood; return how many were rung for.

    A broker that lost what it was told loses no analysis. Safe to run twice at once.
    """
    done = Analysis.objects.filter(feedback=OuterRef("id"), role=Analysis.Role.CHAMPION)
    waiting = (
        Feedback.objects.filter(
            ~Exists(done),
            created_at__gt=Now() - SWEPT_FOR,
            created_at__lt=Now() - SWEPT_AFTER,
        )
        .exclude(note_text="")
        .order_by("-created_at")
        .values_list("id", flat=True)[:SWEPT_AT_A_TIME_MAX]
    )
    rung = 0
    for feedback_id in waiting:
        if not journal.ring_again(ring_for(feedback_id)):
            break  # the broker is away; the next sweep comes soon
        rung += 1
    return rung
