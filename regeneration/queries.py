"""Reads of attempts that several doors share."""

import uuid

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.models import Feedback
from jarvish_regen.access.policy import READ_ITEM, Viewer
from jarvish_regen.content.models import ContentItem
from jarvish_regen.errors import NotFoundError
from jarvish_regen.ids import to_short
from regeneration.models import Regeneration


def get_regeneration(*, viewer: Viewer, regeneration_id: uuid.UUID) -> Regeneration:
    """Return an attempt at one of the viewer's drafts, with item, rejected version and answer. Raises NotFoundError."""
    viewer.require(READ_ITEM)
    mine = ContentItem.objects.visible_to(viewer)
    found = (
        Regeneration.objects.select_related("item", "version", "answer")
        .filter(id=regeneration_id, item__in=mine)
        .first()
    )
    if found is None:
        raise NotFoundError(
            _("There is no such regeneration."), field="id", given=to_short("regeneration", regeneration_id)
        )
    return found


def elapsed_ms(regeneration: Regeneration) -> int:
    """Return how long an attempt has been under way, for people; deadlines are decided on PostgreSQL's clock."""
    return max(0, round((timezone.now() - regeneration.stored_at).total_seconds() * 1000))


def rejections_of(item: ContentItem) -> QuerySet[Feedback]:
    """Return an item's rejections, newest first, with version and issues."""
    return (
        Feedback.objects.filter(item=item)
        .select_related("version")
        .prefetch_related("issues")
        .order_by("-created_at", "-id")
    )
