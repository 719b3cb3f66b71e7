"""Whose word a model learns from: what people picked, corrected and labelled blind, and what a strong model said.

Of several labels of one rejection the second, blind one goes before a reviewer's, a reviewer's before the author's, a
person's before a strong model's. A pick that the model in use contradicts with confidence teaches nothing until a
second person, who sees neither, has labelled the note.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Case, Exists, IntegerField, OuterRef, Value, When
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from feedback.models import Analysis, Feedback
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.errors import ConflictError, ForbiddenError, InputError, NotFoundError
from jarvish_regen.journal import services as journal
from jarvish_regen.language.identify import identify
from jarvish_regen.language.masking import mask
from learning.models import LabelTask, TrainingRow

_SOURCE = TrainingRow.Source
RANK: Final = (_SOURCE.SECOND, _SOURCE.REVIEWER, _SOURCE.AUTHOR, _SOURCE.CASCADE)
BY_PEOPLE: Final = RANK[:3]
SWEPT_AT_A_TIME_MAX: Final = 500


@dataclass(frozen=True)
class Revealed:
    """What a second labeller sees after giving a label: what was said before."""

    first_category: str
    first_issues: tuple[str, ...]
    model_category: str | None
    model_probability: float | None
    agrees: bool


def training_rows() -> list[TrainingRow]:
    """Return one row a labelled rejection, the best label of each, oldest first."""
    rank = Case(*(When(source=source, then=Value(at)) for at, source in enumerate(RANK)), output_field=IntegerField())
    best = TrainingRow.objects.annotate(rank=rank).order_by("feedback_id", "rank").distinct("feedback_id")
    return list(TrainingRow.objects.filter(id__in=best.values("id")).order_by("id"))


def take_analysed(feedback_id: uuid.UUID) -> None:
    """Learn from a rejection that the model in use has read: keep its author's label, draw it for a second one.

    Leaves at most one TrainingRow and one LabelTask; safe to repeat. A note without words teaches nothing.
    """
    feedback = Feedback.objects.prefetch_related("issues").filter(id=feedback_id).exclude(note_text="").first()
    analysis = champions_say(feedback_id)
    if feedback is None or analysis is None or not feedback.note_text.strip():
        return
    is_contradicted = contradicts(analysis, feedback.category)
    reason = _reason_to_draw(feedback_id, analysis, is_contradicted=is_contradicted)
    with transaction.atomic():
        if not is_contradicted:
            codes = [issue.code for issue in feedback.issues.all() if issue.source == "person"]
            row = _row(feedback, analysis, _SOURCE.AUTHOR, feedback.category, codes)
            row.labelled_by_id = feedback.author_id
            TrainingRow.objects.bulk_create([row], ignore_conflicts=True)
        if reason is not None:
            LabelTask.objects.bulk_create([LabelTask(feedback=feedback, reason=reason)], ignore_conflicts=True)


def take_strong_models() -> int:
    """Keep what strong models were sure of as labels of last resort; return how many are new."""
    known = TrainingRow.objects.filter(feedback_id=OuterRef("feedback_id"), source=_SOURCE.CASCADE)
    said = Analysis.objects.filter(~Exists(known), role=Analysis.Role.CASCADE, is_confident=True)
    rows = []
    for analysis in said.select_related("feedback").order_by("created_at")[:SWEPT_AT_A_TIME_MAX]:
        codes = [issue["code"] for issue in analysis.issues]
        rows.append(_row(analysis.feedback, analysis, _SOURCE.CASCADE, analysis.primary_category, codes))
    return len(TrainingRow.objects.bulk_create(rows, ignore_conflicts=True))


def champions_say(feedback_id: uuid.UUID) -> Analysis | None:
    """Return what the model in use first said of a rejection; None where it was not read."""
    said = Analysis.objects.filter(feedback_id=feedback_id, role=Analysis.Role.CHAMPION)
    return said.order_by("created_at", "id").first()


def contradicts(analysis: Analysis, category: str) -> bool:
    """Say whether a model is sure that a message means something else than was picked."""
    return analysis.is_confident and category not in {each["code"] for each in analysis.categories}


def _reason_to_draw(feedback_id: uuid.UUID, analysis: Analysis, *, is_contradicted: bool) -> LabelTask.Reason | None:
    # Chance first: a sample from which the others had been taken out would tell too good a tale.
    if _chance(feedback_id, "random") < settings.LABELS_RANDOM_SHARE:
        return LabelTask.Reason.RANDOM
    if is_contradicted:
        return LabelTask.Reason.DISAGREEMENT
    if analysis.is_confident or _chance(feedback_id, "unsure") >= settings.LABELS_UNSURE_SHARE:
        return None
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    drawn = LabelTask.objects.filter(reason=LabelTask.Reason.UNSURE, created_at__gte=today).count()
    return LabelTask.Reason.UNSURE if drawn < settings.LABELS_UNSURE_A_DAY_MAX else None


def _chance(feedback_id: uuid.UUID, draw: str) -> float:
    """Return a number in [0, 1) that only the id decides, and only who has our key can foretell."""
    digest = salted_hmac(f"learning.labels.{draw}", feedback_id.hex, algorithm="sha256").digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def claim(*, task_id: int, user_id: uuid.UUID) -> LabelTask:
    """Keep a note for one person for a quarter of an hour; claiming again keeps it longer. Raises as give_label does.

    The lease lies in the cache: losing it costs double work, never a label, for the first one given stands.
    """
    task = _task_for(task_id, user_id)
    if not cache.add(_lease(task_id), str(user_id), settings.LABELS_LEASE_SECONDS):
        if holder_of(task_id) not in (None, user_id):
            raise ConflictError(_("Somebody else is labelling this note."), field="task", given=task_id)
        cache.touch(_lease(task_id), settings.LABELS_LEASE_SECONDS)
    return task


def holder_of(task_id: int) -> uuid.UUID | None:
    """Return who has claimed a note; None while it is free."""
    held = cache.get(_lease(task_id))
    return uuid.UUID(held) if held else None


def give_label(*, task_id: int, user_id: uuid.UUID, category: str, issues: Sequence[str] = ()) -> Revealed:
    """Store a second, blind label and reveal the first one.

    Raises:
        NotFoundError: there is no such note to label.
        ForbiddenError: the person wrote the rejection, or has labelled it before.
        ConflictError: it has its label, or somebody else is at it.
        InputError: a category or code is not in the taxonomy.
    """
    _require_known(category, issues)
    claim(task_id=task_id, user_id=user_id)
    with transaction.atomic():
        task = LabelTask.objects.select_for_update(of=("self",)).select_related("feedback__item").get(id=task_id)
        if task.done_at is not None:
            raise ConflictError(_("This note has its second label."), field="task", given=task_id)
        feedback = task.feedback
        analysis = champions_say(feedback.id)
        row = _row(feedback, analysis, _SOURCE.SECOND, category, issues)
        row.labelled_by_id = user_id
        row.save()
        task.done_by_id, task.done_at, task.agrees = user_id, Now(), category == feedback.category
        task.save(update_fields=["done_by", "done_at", "agrees"])
        _audit(feedback, "label", user_id, category=category, agrees=task.agrees)
    cache.delete(_lease(task_id))
    return Revealed(
        first_category=feedback.category,
        first_issues=tuple(feedback.issues.filter(source="person").values_list("code", flat=True)),
        model_category=analysis.primary_category if analysis else None,
        model_probability=analysis.probability if analysis else None,
        agrees=task.agrees,
    )


def relabel(
    *, feedback_id: uuid.UUID, user_id: uuid.UUID, category: str, issues: Sequence[str] = (), reason: str
) -> TrainingRow:
    """Store what a reviewer says a rejection means; saying it again replaces it. Leaves an audit entry.

    Raises NotFoundError, ForbiddenError for one's own rejection, InputError for unknown codes.
    """
    _require_known(category, issues)
    with transaction.atomic():
        feedback = Feedback.objects.select_related("item").filter(id=feedback_id).first()
        if feedback is None:
            raise NotFoundError(_("There is no such rejection."), field="id", given=str(feedback_id))
        if feedback.author_id == user_id:
            raise ForbiddenError(_("Nobody labels their own rejection."), field="user", given=str(user_id))
        row = _row(feedback, champions_say(feedback_id), _SOURCE.REVIEWER, category, issues)
        stored, _created = TrainingRow.objects.update_or_create(
            feedback=feedback,
            source=_SOURCE.REVIEWER,
            defaults={
                "labelled_by_id": user_id,
                **{name: getattr(row, name) for name in ("text", "language", "categories", "issues")},
            },
        )
        _audit(feedback, "relabel", user_id, reason=reason, category=category)
    return stored


def _task_for(task_id: int, user_id: uuid.UUID) -> LabelTask:
    task = LabelTask.objects.select_related("feedback").filter(id=task_id).first()
    if task is None:
        raise NotFoundError(_("There is no such note to label."), field="task", given=task_id)
    if task.done_at is not None:
        raise ConflictError(_("This note has its second label."), field="task", given=task_id)
    earlier = TrainingRow.objects.filter(feedback_id=task.feedback_id, labelled_by_id=user_id)
    if task.feedback.author_id == user_id or earlier.exists():
        raise ForbiddenError(
            _("A second label comes from somebody who neither wrote nor labelled this rejection."),
            field="user",
            given=str(user_id),
        )
    return task


def _require_known(category: str, issues: Sequence[str]) -> None:
    words = taxonomy()
    for field, given, allowed in [
        ("category", category, words.categories),
        *(("issues", code, words.issues) for code in issues),
    ]:
        if given not in allowed:
            raise InputError(
                _("This value is not in the allowed list."), field=field, given=given, allowed=list(allowed)
            )


def _row(
    feedback: Feedback, analysis: Analysis | None, source: TrainingRow.Source, category: str, codes: Sequence[str]
) -> TrainingRow:
    """Return an unsaved row: the masked note, the picked category first, faults with their words in the note.

    Nobody is asked for the words of a fault: where the model found the same one they are its, else the whole note.
    """
    text = mask(feedback.note_text).text
    words = taxonomy()
    found: Mapping[str, str] = {each["code"]: each["span"] for each in (analysis.issues if analysis else [])}
    known = [code for code in dict.fromkeys(codes) if code in words.issues]
    issues: list[dict[str, Any]] = [
        {"code": code, "span": found[code] if found.get(code) and found[code] in text else text} for code in known
    ]
    categories = list(dict.fromkeys([category, *(words.issues[code].category for code in known)]))
    language = analysis.language if analysis else identify(text)
    return TrainingRow(
        feedback=feedback, source=source, text=text, language=language, categories=categories, issues=issues
    )


def _lease(task_id: int) -> str:
    return f"label-lease:{task_id}"


def _audit(feedback: Feedback, act: str, user_id: uuid.UUID, *, reason: str = "", **details: object) -> None:
    journal.audit(
        firm_id=feedback.item.firm_id,
        subject_kind="feedback",
        subject_id=feedback.id,
        act=act,
        actor_id=user_id,
        reason=reason,
        details=details,
    )
