"""Open, finish and reopen attempts. The row is the truth: whoever holds its fence may finish it, once."""

import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from feedback.models import Feedback
from jarvish_regen.content import services as content
from jarvish_regen.content.compliance.gate import ReadyText, release
from jarvish_regen.content.models import ContentItem, ContentVersion, text_context
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError
from jarvish_regen.ids import new_id, to_short
from jarvish_regen.journal import services as journal
from jarvish_regen.journal.live import hint, item_group
from jarvish_regen.llm.base import CallRecord
from jarvish_regen.roundtrips import insert
from regeneration.board import Board
from regeneration.claims import Claim
from regeneration.events import RegenerationFinished, RegenerationImproved, RegenerationOpened
from regeneration.job import SHELF_RUNGS, CandidateText, JudgedCandidate, Outcome
from regeneration.jobs import Zero, job_of, zero_of
from regeneration.models import OPEN_STATES, Candidate, PreparedAnswer, Regeneration, RegenerationState, Stage
from regeneration.quality import Quality, grade

logger = logging.getLogger(__name__)

SOLO_QUEUE: Final = "solo"  # one slot: what may kill its worker has no neighbours there


@dataclass(frozen=True)
class Finished:
    """An attempt that has its outcome; `version` is None when nothing admissible was found."""

    regeneration: Regeneration
    outcome: Outcome
    version: ContentVersion | None


def open_attempt(
    *,
    item: ContentItem,
    feedback: Feedback,
    zero: Zero,
    urgency: str,
    actor_id: uuid.UUID | None,
    constraints: Mapping[str, Any] | None = None,
    deadline_ms: int | None = None,
) -> Regeneration:
    """Store an attempt with its candidate 0, in the caller's transaction.

    `constraints` are what the caller demanded, as `constraints_of` reads them. Leaves RegenerationOpened, which owes a
    ring. In a pipeline `stored_at` is known at its end.
    """
    regeneration = Regeneration(
        id=new_id(),
        feedback=feedback,
        item=item,
        version_id=feedback.version_id,
        attempt=zero.job.attempt,
        tactic=zero.job.tactic,
        urgency=urgency,
        constraints=dict(constraints or {}),
        deadline_ms=deadline_ms,
    )
    insert([regeneration], reads_back=["stored_at"])
    insert([Candidate(**candidate_fields(regeneration, 0, JudgedCandidate(zero.candidate, zero.verdict)))])
    journal.publish(
        RegenerationOpened(
            firm_id=item.firm_id,
            item_id=item.id,
            actor_id=actor_id,
            regeneration_id=regeneration.id,
            attempt=regeneration.attempt,
            queue=urgency,
        )
    )
    return regeneration


def open_next_attempt(*, regeneration: Regeneration) -> Regeneration:
    """Store the attempt after one that found nothing, with the next tactic, in the caller's transaction."""
    job = job_of(regeneration, following=True)
    return open_attempt(
        item=regeneration.item,
        feedback=regeneration.feedback,
        zero=zero_of(job),
        urgency=regeneration.urgency,
        actor_id=None,
        constraints=regeneration.constraints,
        deadline_ms=regeneration.deadline_ms,
    )


def candidate_fields(
    regeneration: Regeneration, number: int, judged: JudgedCandidate, quality: Quality | None = None
) -> dict[str, Any]:
    """Return a judged text as it is stored, with its grade if it has one."""
    candidate, verdict = judged.candidate, judged.verdict
    return {
        "regeneration": regeneration,
        "number": number,
        "rung": candidate.rung,
        "text": candidate.text,
        "explanation": candidate.explanation[:500],
        "is_admissible": verdict.is_admissible,
        "is_valid": verdict.is_valid,
        "score": verdict.score,
        "resolutions": [asdict(resolution) for resolution in verdict.resolutions],
        "objections": list(verdict.objections),
        "why_lost": judged.why_lost[:200],
        "quality": quality.score if quality else None,
        "goals": quality.goals_as_json() if quality else [],
        "ready_ms": round(judged.ready_ms) if judged.ready_ms else None,
    }


def finish(taken: Claim, outcome: Outcome) -> Finished | None:
    """Store an outcome under the fence, in the caller's transaction; None when somebody else has settled the attempt.

    Leaves the candidates, the answer as the item's next version (through the publish gate), the ledger and
    RegenerationFinished. In a pipeline it waits once, for its hold on the row.
    """
    regeneration = taken.regeneration
    item = regeneration.item
    released = (
        release(outcome.winner.text, text_context(item), rejected_text=regeneration.version.text)
        if outcome.winner
        else None
    )
    is_answer = isinstance(released, ReadyText) and outcome.winner is not None and outcome.verdict is not None
    state = RegenerationState.ANSWERED if is_answer else RegenerationState.NO_ANSWER
    grades = _grades(taken, outcome)
    found: dict[str, Any] = {
        "state": state,
        "stage": Stage.READY,
        "lease_until": None,
        # Named before it is written: its foreign key is checked at the commit.
        "answer_id": new_id() if is_answer else None,
        "answer_ms": round((taken.waited_seconds + time.monotonic() - taken.taken_at) * 1000),
        "rung": outcome.winner.rung if is_answer and outcome.winner else "",
        "is_valid": outcome.verdict.is_valid if is_answer and outcome.verdict else None,
        "reason": outcome.reason[:500],
        "failure_reason": outcome.failure,
        "cache_kind": _cache_kind(outcome.winner) if is_answer and outcome.winner else "",
        "quality": _score_of(outcome.winner, outcome, grades) if is_answer else None,
        **_figures(outcome.calls),
        "resolutions": [asdict(one) for one in outcome.verdict.resolutions] if is_answer and outcome.verdict else [],
        "ledger": _ledger(taken, outcome),
    }
    held = Regeneration.objects.filter(id=regeneration.id, fence=taken.fence, state__in=OPEN_STATES)
    # Held before it is written: in a pipeline the count of an update comes too late to stop here.
    if not held.select_for_update().values_list("id").first():
        logger.info("late answer thrown away", extra={"regeneration_id": regeneration.id, "fence": taken.fence})
        return None
    held.update(**found, finished_at=Now())
    # Candidate 0 is stored since the rejection; what became of it is written with the others, in one statement.
    insert(
        [
            Candidate(**candidate_fields(regeneration, number, judged, grades[number]))
            for number, judged in enumerate(outcome.candidates)
        ],
        unique=["regeneration", "number"],
        overwrites=["why_lost", "quality", "goals", "ready_ms", "is_admissible", "is_valid", "objections"],
    )
    if is_answer and outcome.winner and outcome.winner.rung == "prepared":
        PreparedAnswer.objects.filter(id=outcome.winner.source, state=PreparedAnswer.State.READY).update(
            state=PreparedAnswer.State.ADOPTED, adopted_by=regeneration
        )
    version = None
    if is_answer and isinstance(released, ReadyText) and outcome.winner:
        origin = origin_of(outcome.winner.rung)
        version = content.add_version(
            item=item,
            text=released,
            origin=origin,
            origin_key=f"{regeneration.id}:{regeneration.attempt}",
            version_id=found["answer_id"],
        )
    # Brought up to date here and not read again: what was loaded with it is needed by whoever concludes.
    for name, value in {**found, "answer": version}.items():
        setattr(regeneration, name, value)
    journal.publish(
        RegenerationFinished(
            firm_id=item.firm_id,
            item_id=item.id,
            regeneration_id=regeneration.id,
            state=state,
            rung=regeneration.rung,
            answer_ms=found["answer_ms"],
        )
    )
    group, short_id, answer_ms = item_group(item.id), regeneration.short_id, found["answer_ms"]
    transaction.on_commit(
        lambda: hint(group, seq=None, kind="regeneration.stage", id=short_id, stage="ready", elapsed_ms=answer_ms)
    )
    return Finished(regeneration, outcome, version)


def _grades(taken: Claim, outcome: Outcome) -> list[Quality | None]:
    """Grade the candidates that may be shown, in the order of the outcome: about 2 ms each."""
    job = job_of(taken.regeneration, issues=taken.issues, recent_codes=taken.recent_codes)
    return [
        grade(job, judged.candidate, judged.verdict) if judged.verdict.is_admissible else None
        for judged in outcome.candidates
    ]


def _score_of(winner: CandidateText | None, outcome: Outcome, grades: Sequence[Quality | None]) -> int | None:
    return next(
        (
            quality.score
            for judged, quality in zip(outcome.candidates, grades, strict=True)
            if quality and judged.candidate is winner
        ),
        None,
    )


def improve(*, taken: Claim, board: Board, calls: Sequence[CallRecord]) -> ContentVersion | None:
    """Close the ledger of an attempt whose calls ran on past its answer, and show the better text if they brought one.

    The better text supersedes the answer only while nobody has acted on it: the item is in review and the answer is
    its current version. Returns the new version, or None. Leaves RegenerationImproved with it.
    """
    outcome = board.outcome()
    regeneration = (
        Regeneration.objects.select_related("item__advisor", "item__firm", "item__current", "version", "answer")
        .filter(id=taken.regeneration.id, fence=taken.fence, state=RegenerationState.ANSWERED)
        .first()
    )
    if regeneration is None:
        return None
    regeneration.ledger = {**regeneration.ledger, **_costs(calls)}
    Regeneration.objects.filter(id=regeneration.id).update(ledger=regeneration.ledger, **_figures(calls))
    item = regeneration.item
    winner, verdict = outcome.winner, outcome.verdict
    # A valid repair may be a removal where the late text is a rewriting; a proven one is never waited past.
    is_good_already = regeneration.is_valid and regeneration.rung != "repair"
    if winner is None or verdict is None or winner.rung == "repair" or not verdict.is_valid or is_good_already:
        return None
    if item.state != ItemState.IN_REVIEW or item.current_id != regeneration.answer_id:
        return None
    released = release(winner.text, text_context(item), rejected_text=regeneration.version.text)
    if not isinstance(released, ReadyText):
        return None
    number = next(number for number, judged in enumerate(outcome.candidates) if judged.candidate is winner)
    quality = grade(board.job, winner, verdict)
    with transaction.atomic(), journal.together():
        try:
            version = content.replace_current(
                item=item,
                text=released,
                origin=origin_of(winner.rung),
                origin_key=f"{regeneration.id}:{regeneration.attempt}:late",
                act="improve",
                actor_id=None,
            )
        except ConflictError:
            return None  # somebody acted meanwhile: what they saw stands
        improved_ms = round((taken.waited_seconds + time.monotonic() - taken.taken_at) * 1000)
        Regeneration.objects.filter(id=regeneration.id).update(
            upgrade=version,
            upgrade_ms=improved_ms,
            rung=winner.rung,
            is_valid=True,
            reason=outcome.reason[:500],
            failure_reason="",
            quality=quality.score,
            resolutions=[asdict(one) for one in verdict.resolutions],
        )
        Candidate.objects.update_or_create(
            regeneration=regeneration,
            number=number,
            defaults=candidate_fields(regeneration, number, outcome.candidates[number], quality),
        )
        journal.publish(
            RegenerationImproved(
                firm_id=item.firm_id,
                item_id=item.id,
                regeneration_id=regeneration.id,
                version_id=version.id,
                improved_ms=improved_ms,
            )
        )
    return version


def _cache_kind(winner: CandidateText) -> str:
    if winner.rung == "prepared":
        return "prepared"
    return winner.source if winner.rung == "cache" else ""


def origin_of(rung: str) -> str:
    """Return what a version that comes from a rung says of its origin."""
    if rung == "repair":
        return ContentVersion.Origin.REPAIR
    return ContentVersion.Origin.SHELF if rung in SHELF_RUNGS else ContentVersion.Origin.MODEL


def _ledger(taken: Claim, outcome: Outcome) -> dict[str, Any]:
    return {
        "waited_ms": round(taken.waited_seconds * 1000),
        "stages": [{"name": stage.name, "ms": round(stage.ms, 1)} for stage in outcome.stages],
        **_costs(outcome.calls),
    }


def _costs(calls: Sequence[CallRecord]) -> dict[str, Any]:
    return {
        "calls": [asdict(call) for call in calls],
        "prompt_tokens": sum(call.prompt_tokens for call in calls),
        "completion_tokens": sum(call.completion_tokens for call in calls),
        "cost_usd": round(sum(call.cost_usd for call in calls), 6),
    }


def _figures(calls: Sequence[CallRecord]) -> dict[str, Any]:
    return {
        "calls_count": len(calls),
        "hedges_count": sum(call.is_hedge for call in calls),
        "cost_inr": round(Decimal(sum(call.cost_usd for call in calls) * settings.MODEL_RUPEES_A_DOLLAR), 4),
    }


def require_open_to_rejection(item: ContentItem) -> None:
    """Raise ConflictError, with the running attempt, when the item is being rewritten already."""
    if item.state == ItemState.REGENERATING:
        running = item.regenerations.filter(state__in=OPEN_STATES).first()
        raise ConflictError(
            _("This draft is being rewritten at the moment."),
            code="regenerating",
            field="state",
            given=item.state,
            allowed=to_short("regeneration", running.id) if running else ItemState.IN_REVIEW.value,
        )


def reopen(regeneration: Regeneration) -> bool:
    """Make an attempt that found nothing claimable again, in the caller's transaction; False when it is not to be had.

    Its answer clock starts anew. One claim is left to it, so it runs alone and, if it kills its worker once more, is
    set aside again. The caller has made sure that the item waits for it. Leaves RegenerationOpened, which owes a ring.
    """
    reopened = Regeneration.objects.filter(
        id=regeneration.id, state__in=(RegenerationState.NO_ANSWER, RegenerationState.DEAD), answer__isnull=True
    ).update(
        state=RegenerationState.QUEUED,
        stage=Stage.QUEUED,
        stored_at=Now(),
        claims=settings.REGENERATION_CLAIMS_MAX - 1,
        fence=F("fence") + 1,
        claimed_at=None,
        lease_until=None,
        finished_at=None,
        answer_ms=None,
        reason="",
    )
    if not reopened:
        return False
    item = regeneration.item
    journal.publish(
        RegenerationOpened(
            firm_id=item.firm_id,
            item_id=item.id,
            actor_id=None,
            regeneration_id=regeneration.id,
            attempt=regeneration.attempt,
            queue=SOLO_QUEUE,
        )
    )
    return True
