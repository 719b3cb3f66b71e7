"""Open, claim, answer and finish attempts. The row is the truth: whoever holds its fence may finish it, once."""

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import close_old_connections, connection, transaction
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import JSONObject, Now
from django.utils.translation import gettext as _

from feedback.models import Feedback, FeedbackIssue
from feedback.services import CheckedRejection
from jarvish_regen.content import services as content
from jarvish_regen.content.compliance.gate import ReadyText, release
from jarvish_regen.content.models import ContentItem, ContentVersion, text_context
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError
from jarvish_regen.ids import new_id, to_short
from jarvish_regen.journal import services as journal
from jarvish_regen.journal.live import hint, item_group
from jarvish_regen.language.anchors import Anchor
from jarvish_regen.llm.base import DeadlinePassedError
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.loop import EngineLoop
from regeneration import pipeline
from regeneration.events import RegenerationFinished, RegenerationOpened
from regeneration.job import (
    TACTICS,
    CandidateText,
    FeedbackBrief,
    Job,
    JudgedCandidate,
    NamedIssue,
    Outcome,
    Verdict,
    Voice,
)
from regeneration.local_repair import candidate_zero
from regeneration.models import OPEN_STATES, Candidate, Regeneration, RegenerationState, Stage
from regeneration.targets import active_targets
from regeneration.validate import validate

logger = logging.getLogger(__name__)

ATTEMPTS_MAX: Final = len(TACTICS)
SOLO_QUEUE: Final = "solo"  # one slot: what may kill its worker has no neighbours there
# What is left for writing the answer once the engine has it; measured by `./jarvish bench answer` as the finish stage.
FINISH_SECONDS: Final = 0.06

_engine = EngineLoop()
_notes = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stage notes")


@dataclass(frozen=True)
class Zero:
    """Candidate 0 with its verdict: the repair by rules, made before anything is stored."""

    job: Job
    candidate: CandidateText
    verdict: Verdict


@dataclass(frozen=True)
class Claim:
    """A row taken by this worker: only writes that carry the fence count."""

    regeneration: Regeneration
    fence: int
    waited_seconds: float  # on PostgreSQL's clock, up to the claim
    taken_at: float  # on the monotonic clock, which counts from there
    issues: tuple[FeedbackIssue, ...]
    zero: CandidateText


@dataclass(frozen=True)
class Finished:
    """An attempt that has its outcome; `version` is None when nothing admissible was found."""

    regeneration: Regeneration
    outcome: Outcome
    version: ContentVersion | None


def prepare_zero(*, item: ContentItem, version: ContentVersion, checked: CheckedRejection) -> Zero:
    """Make candidate 0 for a rejection that is not stored yet. Pure, about as long as one check and one repair."""
    said = checked.said
    issues = tuple(NamedIssue(issue.said.code, issue.anchor, issue.said.note) for issue in checked.issues)
    brief = FeedbackBrief(
        said.category, said.severity, checked.note_text, checked.suggestions, said.suggested_action, issues
    )
    return zero_of(_job(item, version, brief, attempt=1))


def _job(item: ContentItem, version: ContentVersion, brief: FeedbackBrief, *, attempt: int) -> Job:
    advisor = item.advisor
    return Job(
        rejected_text=version.text,
        context=text_context(item),
        feedback=brief,
        voice=Voice(advisor.registered_name, advisor.signature, advisor.voice, advisor.audience, advisor.phone),
        approved_facts=tuple(item.approved_facts),
        attempt=attempt,
        tactic=TACTICS[min(attempt, ATTEMPTS_MAX) - 1],
    )


def zero_of(job: Job) -> Zero:
    """Return candidate 0 of a job with its verdict. Pure."""
    candidate = candidate_zero(job)
    return Zero(job, candidate, validate(job, candidate))


def open_attempt(
    *, item: ContentItem, feedback: Feedback, zero: Zero, urgency: str, actor_id: uuid.UUID | None
) -> Regeneration:
    """Store an attempt with its candidate 0, in the caller's transaction.

    Leaves RegenerationOpened, which owes a ring.
    """
    regeneration = Regeneration.objects.create(
        id=new_id(),
        feedback=feedback,
        item=item,
        version_id=feedback.version_id,
        attempt=zero.job.attempt,
        tactic=zero.job.tactic,
        urgency=urgency,
    )
    Candidate.objects.create(**_candidate_fields(regeneration, 0, JudgedCandidate(zero.candidate, zero.verdict)))
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
    job = job_of(regeneration, attempt=regeneration.attempt + 1)
    return open_attempt(
        item=regeneration.item,
        feedback=regeneration.feedback,
        zero=zero_of(job),
        urgency=regeneration.urgency,
        actor_id=None,
    )


def _candidate_fields(regeneration: Regeneration, number: int, judged: JudgedCandidate) -> dict[str, Any]:
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
    }


def job_of(
    regeneration: Regeneration, *, attempt: int | None = None, issues: Sequence[FeedbackIssue] | None = None
) -> Job:
    """Return the frozen job of a loaded attempt; one query for its issues unless they are given."""
    feedback = regeneration.feedback
    rows = FeedbackIssue.objects.filter(feedback=feedback).order_by("id") if issues is None else issues
    named = tuple(NamedIssue(row.code, anchor_of(row), row.note) for row in rows)
    brief = FeedbackBrief(
        feedback.category,
        feedback.severity,
        feedback.note_text,
        feedback.suggestions,
        feedback.suggested_action,
        named,
    )
    return _job(regeneration.item, regeneration.version, brief, attempt=attempt or regeneration.attempt)


def anchor_of(issue: FeedbackIssue) -> Anchor | None:
    """Return where an issue shows in the rejected version, or None for something that is missing from it."""
    if issue.start is None or issue.end is None:
        return None
    return Anchor(issue.start, issue.end, issue.quote, issue.prefix, issue.suffix)


_CLAIM_SQL: Final = """
    UPDATE regeneration_regeneration
       SET state = 'running', stage = 'repairing', claimed_at = clock_timestamp(),
           fence = fence + 1, claims = claims + 1,
           lease_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
     WHERE id = %(id)s AND state IN ('queued', 'running') AND claims < %(claims_max)s
       AND (lease_until IS NULL OR lease_until < clock_timestamp())
 RETURNING fence, extract(epoch FROM clock_timestamp() - stored_at)
"""

_TAKE_OVER_SQL: Final = """
    UPDATE regeneration_regeneration
       SET state = 'running', fence = fence + 1, lease_until = clock_timestamp() + make_interval(secs =>
       %(lease_seconds)s)
     WHERE id = %(id)s AND state IN ('queued', 'running')
       AND extract(epoch FROM clock_timestamp() - stored_at)
           > CASE WHEN lease_until >= clock_timestamp() THEN %(late_seconds)s ELSE %(due_seconds)s END
 RETURNING fence, extract(epoch FROM clock_timestamp() - stored_at)
"""
# A worker that holds the lease writes its answer by itself within this much of the answer clock's end.
_WRITING_SECONDS: Final = 0.25


def claim(regeneration_id: uuid.UUID, *, claims_max: int = settings.REGENERATION_CLAIMS_MAX) -> Claim | None:
    """Take an attempt for this worker by compare-and-swap on PostgreSQL's clock; None when it is not to be had.

    The claim is counted before the work, so that work which kills its worker shows.
    """
    return _take(
        _CLAIM_SQL,
        {"id": regeneration_id, "lease_seconds": settings.REGENERATION_LEASE_SECONDS, "claims_max": claims_max},
    )


def take_over(regeneration_id: uuid.UUID) -> Claim | None:
    """Take an attempt whose answer clock has run out away from whoever has it; None when it is settled or has time
    left.

    In the caller's transaction: a crash before its end leaves the attempt as it was.
    """
    return _take(
        _TAKE_OVER_SQL,
        {
            "id": regeneration_id,
            "lease_seconds": settings.REGENERATION_LEASE_SECONDS,
            "due_seconds": settings.REGENERATION_DEADLINE_SECONDS,
            "late_seconds": settings.REGENERATION_DEADLINE_SECONDS + _WRITING_SECONDS,
        },
    )


_ISSUE_ROWS: Final = ArraySubquery(
    FeedbackIssue.objects.filter(feedback=OuterRef("feedback"))
    .order_by("id")
    .values(fields=JSONObject(**{name: name for name in ("code", "start", "end", "quote", "prefix", "suffix", "note")}))
)
_ZERO_ROW: Final = Subquery(
    Candidate.objects.filter(regeneration=OuterRef("id"), number=0).values(
        fields=JSONObject(**{name: name for name in ("rung", "text", "explanation")})
    )
)


def _take(sql: str, arguments: dict[str, Any]) -> Claim | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        row = cursor.fetchone()
    taken_at = time.monotonic()
    if row is None:
        return None
    # One statement for all that an answer needs: each further one is a round trip of the answer clock.
    regeneration = (
        Regeneration.objects.select_related("feedback", "version", "item__advisor", "item__firm", "item__current")
        .annotate(issue_rows=_ISSUE_ROWS, zero_row=_ZERO_ROW)
        .get(id=arguments["id"])
    )
    issues = tuple(FeedbackIssue(**fields) for fields in regeneration.issue_rows)
    stored = regeneration.zero_row
    zero = CandidateText(stored["rung"], stored["text"], (), stored["explanation"])
    return Claim(regeneration, row[0], float(row[1]), taken_at, issues, zero)


def regenerate(taken: Claim) -> Outcome:
    """Answer a claimed attempt within what is left of the answer clock. Asks no database."""
    regeneration = taken.regeneration
    # Counted from the claim, so that loading the job is part of it.
    left_seconds = settings.REGENERATION_DEADLINE_SECONDS - taken.waited_seconds - FINISH_SECONDS
    deadline = Deadline(at=taken.taken_at + left_seconds)
    job = job_of(regeneration, issues=taken.issues)
    zero = Zero(job, taken.zero, validate(job, taken.zero))
    announce = _stage_announcer(regeneration, taken.fence, taken.waited_seconds, deadline.clock)
    return answer(zero, deadline=deadline, on_stage=announce)


def answer(zero: Zero, *, deadline: Deadline, on_stage: Callable[[str], None]) -> Outcome:
    """Ask the configured models for something better than candidate 0 and return the best by the deadline."""
    coroutine = pipeline.answer(
        zero.job,
        candidate_zero=zero.candidate,
        zero_verdict=zero.verdict,
        targets=[_engine.client(target) for target in active_targets()],
        deadline=deadline,
        on_stage=on_stage,
        hedge_after_seconds=settings.MODEL_HEDGE_AFTER_SECONDS,
    )
    try:
        return _engine.run(coroutine, deadline)
    except DeadlinePassedError:
        logger.warning("engine overran its deadline", extra={"attempt": zero.job.attempt})
        reason = _("The engine was not done in time; the repair by rules stands.")
        return outcome_of_zero(zero.candidate, zero.verdict, reason=reason)


def outcome_of_zero(zero: CandidateText, verdict: Verdict, *, reason: str) -> Outcome:
    """Return the outcome that candidate 0 alone makes."""
    judged = (JudgedCandidate(zero, verdict, "" if verdict.is_admissible else "not admissible"),)
    if verdict.is_admissible:
        return Outcome("answered", zero, verdict, judged, (), (), reason)
    return Outcome("no_answer", None, None, judged, (), (), reason)


def outcome_from_store(taken: Claim, *, reason: str) -> Outcome:
    """Return what the stored candidate 0 gives today, when nobody computed anything better in time."""
    job = job_of(taken.regeneration, issues=taken.issues)
    return outcome_of_zero(taken.zero, validate(job, taken.zero), reason=reason)


def _stage_announcer(
    regeneration: Regeneration, fence: int, waited_seconds: float, clock: Callable[[], float]
) -> Callable[[str], None]:
    began_at = clock() - waited_seconds
    group = item_group(regeneration.item_id)
    short_id = regeneration.short_id

    def announce(stage: str) -> None:
        if stage == Stage.READY:
            return  # said by `finish`, after the commit: before that a reader would find nothing
        hint(
            group,
            seq=None,
            kind="regeneration.stage",
            id=short_id,
            stage=stage,
            elapsed_ms=round((clock() - began_at) * 1000),
        )
        _notes.submit(_note_stage, regeneration.id, fence, stage)

    return announce


def _note_stage(regeneration_id: uuid.UUID, fence: int, stage: str) -> None:
    # For pages that poll; a stage that comes too late changes nothing.
    try:
        Regeneration.objects.filter(id=regeneration_id, fence=fence, state=RegenerationState.RUNNING).update(
            stage=stage
        )
    finally:
        close_old_connections()


def finish(taken: Claim, outcome: Outcome) -> Finished | None:
    """Store an outcome under the fence, in the caller's transaction; None when somebody else has settled the attempt.

    Leaves the candidates, the answer as the item's next version (through the publish gate), the ledger and
    RegenerationFinished.
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
        "resolutions": [asdict(one) for one in outcome.verdict.resolutions] if is_answer and outcome.verdict else [],
        "ledger": _ledger(taken, outcome),
    }
    updated = Regeneration.objects.filter(id=regeneration.id, fence=taken.fence, state__in=OPEN_STATES).update(
        **found, finished_at=Now()
    )
    if not updated:
        logger.info("late answer thrown away", extra={"regeneration_id": regeneration.id, "fence": taken.fence})
        return None
    Candidate.objects.bulk_create(
        Candidate(**_candidate_fields(regeneration, number, judged))
        for number, judged in enumerate(outcome.candidates)
        if number > 0
    )
    version = None
    if is_answer and isinstance(released, ReadyText) and outcome.winner:
        origin = ContentVersion.Origin.REPAIR if outcome.winner.rung == "repair" else ContentVersion.Origin.MODEL
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


def _ledger(taken: Claim, outcome: Outcome) -> dict[str, Any]:
    return {
        "waited_ms": round(taken.waited_seconds * 1000),
        "stages": [{"name": stage.name, "ms": round(stage.ms, 1)} for stage in outcome.stages],
        "calls": [asdict(call) for call in outcome.calls],
        "prompt_tokens": sum(call.prompt_tokens for call in outcome.calls),
        "completion_tokens": sum(call.completion_tokens for call in outcome.calls),
        "cost_usd": round(sum(call.cost_usd for call in outcome.calls), 6),
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
