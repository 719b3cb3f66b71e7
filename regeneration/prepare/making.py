"""Make what is to be prepared: take the row, see what costs nothing, ask a model if it pays, keep valid texts."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from feedback.models import FeedbackIssue
from jarvish_regen.content.compliance.pack import current_pack
from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.content.states import ItemState
from jarvish_regen.ids import new_id
from jarvish_regen.llm.deadline import Deadline
from regeneration.adoption import said_in, still_answers
from regeneration.cache import CacheScope, answer_cache, fingerprint
from regeneration.claims import PREPARED_MAX, RECENT_CODES_MAX
from regeneration.job import CandidateText, Constraints, Job, Outcome
from regeneration.jobs import Zero, new_job, zero_of
from regeneration.models import PreparedAnswer
from regeneration.prepare.ahead import answer_ahead
from regeneration.prepare.asking import UNFINISHED, store_once
from regeneration.prepare.briefs import as_plain, from_plain
from regeneration.prepare.budget import calls_allowed, is_worth_it
from regeneration.prepare.history import history_of
from regeneration.prepare.likely import Likely, completed, likely_rejections
from regeneration.prompts import prompt_version
from regeneration.resolution.comparison import edits_between
from regeneration.validate import validate

# A model that has not answered by then will not before the person sends.
MAKING_SECONDS: Final = 6.0
ARRIVAL_ANSWERS_MAX: Final = 1

State = PreparedAnswer.State


def make_typed(*, prepared_id: uuid.UUID) -> str:
    """Make one queued preparation and return the state it ended in; does nothing with one that is taken or settled."""
    if not PreparedAnswer.objects.filter(id=prepared_id, state=State.QUEUED).update(state=State.RUNNING):
        return ""
    row = PreparedAnswer.objects.select_related("version", "item__advisor", "item__firm").get(id=prepared_id)
    if _is_overtaken(row):
        return _settle(row, State.CANCELLED)
    likely = completed(from_plain(row.brief), row.version.text, row.version.findings, history_of(row.item))
    if not likely.brief.issues and not said_in(likely.brief):
        return _settle(row, State.EMPTY)  # a category alone says nothing that could be mended
    return _make(row, likely)


def make_at_arrival(*, version_id: uuid.UUID) -> list[str]:
    """Prepare answers to the likeliest rejections of a draft that has come in; return the states they ended in."""
    version = ContentVersion.objects.select_related("item__advisor", "item__firm").get(id=version_id)
    item = version.item
    if item.state != ItemState.IN_REVIEW or item.current_id != version.id:
        return []
    ended = []
    for likely in likely_rejections(version.text, version.findings, history_of(item))[:ARRIVAL_ANSWERS_MAX]:
        row = PreparedAnswer(
            id=new_id(),
            firm_id=item.firm_id,
            item=item,
            version=version,
            occasion=PreparedAnswer.Occasion.ARRIVAL,
            fingerprint=fingerprint(likely.brief, Constraints()),
            brief=as_plain(likely.brief),
            state=State.RUNNING,
        )
        if is_worth_it(likely.chance) and store_once(row):
            ended.append(_make(row, likely))
    return ended


def _make(row: PreparedAnswer, likely: Likely) -> str:
    wanted = fingerprint(likely.brief, Constraints())
    try:
        with transaction.atomic():
            PreparedAnswer.objects.filter(id=row.id).update(
                fingerprint=wanted, brief=as_plain(likely.brief), expected_value=likely.chance
            )
    except IntegrityError:
        return _settle(row, State.EXPIRED)  # what this form comes to is being made, or ready
    job = new_job(row.item, row.version, likely.brief, recent_codes=_recent_codes(row.item))
    zero = zero_of(job)
    if not zero.verdict.is_proven and _is_answered_already(row, job):
        return _settle(row, State.EXPIRED)
    outcome = _answer(row, zero, calls_max=calls_allowed(row) if is_worth_it(likely.chance) else 0)
    return _keep(row, job, outcome)


def _answer(row: PreparedAnswer, zero: Zero, *, calls_max: int) -> Outcome:
    if calls_max and not zero.verdict.is_proven:
        # Reserved before they are made, so that no crash and no second worker spends more than is allowed.
        PreparedAnswer.objects.filter(id=row.id).update(calls_count=calls_max)
        _of_the_form(row).filter(sequence__lt=row.sequence).update(state=State.CANCELLED)
    return answer_ahead(
        zero,
        scope=_scope_of(row, zero.job),
        deadline=Deadline.after(MAKING_SECONDS),
        calls_max=calls_max,
        goes_on=lambda: _is_wanted(row),
    )


def _keep(row: PreparedAnswer, job: Job, outcome: Outcome) -> str:
    """Store what came of it; a text that is not valid is not kept. What it cost is stored in any case."""
    winner, verdict = outcome.winner, outcome.verdict
    PreparedAnswer.objects.filter(id=row.id).update(
        calls_count=len(outcome.calls),
        cost_inr=round(Decimal(sum(call.cost_usd for call in outcome.calls) * settings.MODEL_RUPEES_A_DOLLAR), 4),
        pack_sha256=current_pack().sha256,
        prompt_version=prompt_version(),
    )
    if winner is None or verdict is None or not verdict.is_valid:
        return _settle(row, State.EMPTY)
    kept = PreparedAnswer.objects.filter(id=row.id, state=State.RUNNING).update(
        state=State.READY,
        rung=winner.rung,
        text=winner.text,
        edits=[asdict(edit) for edit in winner.edits],
        is_valid=True,
        ready_at=Now(),
    )
    if kept and winner.rung in ("model", "simple"):
        answer_cache().keep(_scope_of(row, job), job, winner, verdict)
    return State.READY if kept else State.CANCELLED


def _is_answered_already(row: PreparedAnswer, job: Job) -> bool:
    """Say whether a text that is ready for this version would be adopted as things stand: then none is needed."""
    ready = (
        PreparedAnswer.objects.filter(version_id=row.version_id, state=State.READY)
        .exclude(rung="repair")
        .order_by("-ready_at")[:PREPARED_MAX]
    )
    for one in ready:
        candidate = CandidateText("prepared", one.text, edits_between(job.rejected_text, one.text))
        if still_answers(job.feedback, validate(job, candidate), known=said_in(from_plain(one.brief))):
            return True
    return False


def _of_the_form(row: PreparedAnswer) -> QuerySet[PreparedAnswer]:
    if row.user_id is None:
        return PreparedAnswer.objects.none()
    return PreparedAnswer.objects.filter(version_id=row.version_id, user_id=row.user_id, state__in=UNFINISHED)


def _is_overtaken(row: PreparedAnswer) -> bool:
    if row.item.state != ItemState.IN_REVIEW or row.item.current_id != row.version_id:
        return True
    return bool(_of_the_form(row).filter(sequence__gt=row.sequence).exists())


def _is_wanted(row: PreparedAnswer) -> bool:
    """Say whether nobody has overtaken a preparation and its draft still waits with the version it is for."""
    return PreparedAnswer.objects.filter(
        id=row.id, state=State.RUNNING, item__state=ItemState.IN_REVIEW, item__current_id=F("version_id")
    ).exists()


def _settle(row: PreparedAnswer, state: State) -> str:
    PreparedAnswer.objects.filter(id=row.id, state=State.RUNNING).update(state=state)
    return state


def _recent_codes(item: ContentItem) -> Sequence[str]:
    rows = FeedbackIssue.objects.filter(feedback__item__advisor_id=item.advisor_id).order_by("-id")
    return list(rows.values_list("code", flat=True)[:RECENT_CODES_MAX])


def _scope_of(row: PreparedAnswer, job: Job) -> CacheScope:
    return CacheScope(
        firm_id=row.firm_id,
        registrant_type=job.context.registrant_type,
        content_class=row.version.content_class,
        channel=job.context.channel,
        language=job.context.language,
        prompt_version=prompt_version(),
        pack_sha256=current_pack().sha256,
        tier="fast",
    )
