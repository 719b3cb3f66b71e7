"""Reads of attempts that doors and the conductor share."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models import Count, JSONField, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.models import Feedback
from jarvish_regen.access.policy import READ_ITEM, Viewer
from jarvish_regen.content.models import ContentItem
from jarvish_regen.errors import NotFoundError
from jarvish_regen.ids import to_short
from regeneration.models import OPEN_STATES, Regeneration, RegenerationState, Urgency
from regeneration.quality import Quality, quality_of


def get_regeneration(*, viewer: Viewer, regeneration_id: uuid.UUID) -> Regeneration:
    """Return an attempt at one of the viewer's drafts, with item, rejected version and answer. Raises NotFoundError."""
    viewer.require(READ_ITEM)
    mine = ContentItem.objects.visible_to(viewer)
    found = (
        Regeneration.objects.select_related("item", "version", "answer", "upgrade")
        .filter(id=regeneration_id, item__in=mine)
        .first()
    )
    if found is None:
        raise NotFoundError(
            _("There is no such regeneration."), field="id", given=to_short("regeneration", regeneration_id)
        )
    return found


def deadline_seconds(regeneration: Regeneration) -> float:
    """Return how long an attempt's answer clock runs: the usual time, or the caller's own shorter one."""
    if regeneration.deadline_ms is None:
        return float(settings.REGENERATION_DEADLINE_SECONDS)
    return min(float(settings.REGENERATION_DEADLINE_SECONDS), regeneration.deadline_ms / 1000)


def shown_grade(regeneration: Regeneration) -> Quality | None:
    """Return the grade of an attempt's answer with its goals; None when it was not graded. One query."""
    version = regeneration.upgrade or regeneration.answer
    if version is None:
        return None
    goals = regeneration.candidates.filter(text=version.text).exclude(goals=[]).order_by("number")
    return quality_of(goals.values_list("goals", flat=True).first() or [])


def elapsed_ms(regeneration: Regeneration) -> int:
    """Return how long an attempt has been under way, for people; deadlines are decided on PostgreSQL's clock."""
    return max(0, round((timezone.now() - regeneration.stored_at).total_seconds() * 1000))


@dataclass(frozen=True)
class Owed:
    """Open attempts that nobody works on, by what they need next."""

    to_ring: Sequence[Regeneration]
    to_settle: Sequence[Regeneration]
    to_bury: Sequence[Regeneration]


def owed_attempts() -> Owed:
    """Return open attempts without a living worker: to ring again, to settle from the store, or to give up on."""
    unclaimed = Q(claims=0, stored_at__lt=Now() - timedelta(seconds=settings.REGENERATION_UNCLAIMED_SECONDS))
    dropped = Q(claims__gt=0) & (Q(lease_until__isnull=True) | Q(lease_until__lt=Now()))
    rows = list(
        Regeneration.objects.filter(state__in=OPEN_STATES).filter(unclaimed | dropped).order_by("stored_at")[:100]
    )
    return Owed(
        to_ring=[row for row in rows if 0 < row.claims < settings.REGENERATION_CLAIMS_MAX],
        to_settle=[row for row in rows if row.claims == 0],
        to_bury=[row for row in rows if row.claims >= settings.REGENERATION_CLAIMS_MAX],
    )


# Reads along with any row; the rows of open attempts have an index of their own.
QUEUED_BY_URGENCY: Final = RawSQL(
    "(SELECT jsonb_object_agg(urgency, attempts) FROM"
    " (SELECT urgency, count(*) AS attempts FROM regeneration_regeneration WHERE state = 'queued' GROUP BY urgency) q)",
    (),
    output_field=JSONField(),
)


def ahead_of(urgency: str, queued: Mapping[str, int] | None) -> int:
    """Return how many of the attempts that wait in each queue stand before a new one of this urgency. Pure."""
    order = list(Urgency.values)
    return sum((queued or {}).get(one, 0) for one in order[: order.index(urgency) + 1])


def queue_position(regeneration: Regeneration) -> int:
    """Return how many open attempts stand before this one: more urgent ones, and older ones as urgent as it.

    Brings `stored_at` up to date, which an attempt written in a pipeline does not know.
    """
    order = list(Urgency.values)
    ahead = order[: order.index(regeneration.urgency)]
    waiting = (
        Regeneration.objects.filter(state=RegenerationState.QUEUED)
        .exclude(id=OuterRef("id"))
        .filter(Q(urgency__in=ahead) | Q(urgency=regeneration.urgency, stored_at__lt=OuterRef("stored_at")))
        .order_by()
        .values("state")
        .annotate(count=Count("*"))
        .values("count")
    )
    row = Regeneration.objects.filter(id=regeneration.id).values_list("stored_at", Coalesce(Subquery(waiting), 0))
    regeneration.stored_at, position = row.get()
    return int(position)


def rejections_of(item: ContentItem) -> QuerySet[Feedback]:
    """Return an item's rejections, newest first, with version, issues and analyses."""
    return (
        Feedback.objects.filter(item=item)
        .select_related("version")
        .prefetch_related("issues", "analyses")
        .order_by("-created_at", "-id")
    )
