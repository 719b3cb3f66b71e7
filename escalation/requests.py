"""A further attempt at a stored rejection, because somebody asked for one. The conductor decides whether it may be."""

import uuid
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from escalation.ladder import MACHINE_LEVEL
from escalation.models import Case, CaseState
from escalation.services import URGENCY_OF_SEVERITY, Receipt, move_case, write_entry
from feedback.models import Feedback
from jarvish_regen.access.policy import REJECT, Viewer
from jarvish_regen.content import services as content
from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError, NotFoundError
from jarvish_regen.ids import to_short
from jarvish_regen.journal import services as journal
from regeneration import jobs
from regeneration import services as regeneration_services
from regeneration.job import Constraints
from regeneration.models import Regeneration

AUTO: Final = "auto"
# A person who has asked so often needs another person.
ATTEMPTS_A_REJECTION_MAX: Final = 10


@dataclass(frozen=True, kw_only=True)
class FurtherAttempt:
    """What somebody asks for.

    `strategy` is a tactic, or AUTO for the next one. `urgency` None takes that of the last attempt. `fallback_rungs`
    None allows every kind of answer, an empty tuple none but a model's. `deadline_ms` is an answer clock shorter than
    the usual one.
    """

    feedback_id: uuid.UUID
    strategy: str = AUTO
    urgency: str | None = None
    constraints: Constraints = field(default_factory=Constraints)
    fallback_rungs: tuple[str, ...] | None = None
    deadline_ms: int | None = None


def request_attempt(*, viewer: Viewer, asked: FurtherAttempt) -> Receipt:
    """Open a further attempt at a rejection whose answer is in review: case, attempt, audit and ring in one
    transaction.

    The version in review stands until something better is found; if nothing is, it stays.

    Raises:
        NotFoundError: the rejection is not there, or not the viewer's.
        ConflictError: its draft is not in review with an answer of the machine, there is a newer rejection, or it has
            been tried too often.
    """
    viewer.require(REJECT)
    feedback = (
        Feedback.objects.select_related("version")
        .filter(id=asked.feedback_id, item__in=ContentItem.objects.visible_to(viewer))
        .first()
    )
    if feedback is None:
        raise NotFoundError(
            _("There is no such rejection."), field="rejection_id", given=to_short("feedback", asked.feedback_id)
        )
    item = content.get_item(viewer=viewer, item_id=feedback.item_id)
    last = Regeneration.objects.filter(feedback=feedback).order_by("-attempt").first()
    _require_answer_in_review(item, feedback, last)
    attempt = last.attempt + 1 if last else 1
    tactic = jobs.tactic_of(attempt) if asked.strategy == AUTO else asked.strategy
    job = jobs.new_job(
        item,
        feedback.version,
        jobs.brief_of(feedback),
        attempt=attempt,
        tactic=tactic,
        constraints=asked.constraints,
    )
    zero = jobs.zero_of(job)
    urgency = asked.urgency or (last.urgency if last else URGENCY_OF_SEVERITY[feedback.severity])
    why = _("A further attempt was asked for.")
    with transaction.atomic(), journal.together():
        # The swap comes first: of two requests at once, the second stops here and leaves nothing behind.
        content.move(item, ItemState.REGENERATING, act="regenerate", actor_id=viewer.user_id)
        case = Case.objects.exclude(state=CaseState.CLOSED).get(item=item)
        case.item = item
        move_case(case, level=MACHINE_LEVEL, state=CaseState.MACHINE, why=why)
        write_entry(case, "regenerate", why, feedback=feedback, actor_id=viewer.user_id)
        regeneration = regeneration_services.open_attempt(
            item=item,
            feedback=feedback,
            zero=zero,
            urgency=urgency,
            actor_id=viewer.user_id,
            constraints=_stored(asked),
            deadline_ms=asked.deadline_ms,
        )
    return Receipt(feedback, case, regeneration, item)


def _stored(asked: FurtherAttempt) -> dict[str, Any]:
    demanded = {name: value for name, value in asdict(asked.constraints).items() if value}
    if asked.fallback_rungs is not None:
        demanded["fallback_rungs"] = list(asked.fallback_rungs)
    return demanded


def _require_answer_in_review(item: ContentItem, feedback: Feedback, last: Regeneration | None) -> None:
    regeneration_services.require_open_to_rejection(item)
    if item.state != ItemState.IN_REVIEW:
        raise ConflictError(
            _("A further attempt needs an answer in review; this draft is “%(state)s”.")
            % {"state": ItemState(item.state).label},
            field="state",
            given=item.state,
            allowed=ItemState.IN_REVIEW.value,
        )
    current = item.current
    if current is None or current.id == feedback.version_id or current.origin == ContentVersion.Origin.PERSON:
        raise ConflictError(
            _("The version in review is not an answer to this rejection; reject it to have it rewritten."),
            code="not_an_answer",
            field="rejection_id",
            given=feedback.short_id,
            allowed=ItemState.IN_REVIEW.value,
        )
    newest = Feedback.objects.filter(item=item).order_by("-created_at", "-id").values_list("id", flat=True).first()
    if newest is not None and newest != feedback.id:
        raise ConflictError(
            _("There is a newer rejection of this draft."),
            code="stale_rejection",
            field="rejection_id",
            given=feedback.short_id,
            allowed=to_short("feedback", newest),
        )
    if last is not None and last.attempt >= ATTEMPTS_A_REJECTION_MAX:
        raise ConflictError(
            _("It has been tried %(count)d times; ask a person.") % {"count": last.attempt},
            code="tried_too_often",
            field="rejection_id",
            given=last.attempt,
            allowed=ATTEMPTS_A_REJECTION_MAX,
        )
