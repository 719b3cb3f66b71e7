"""Read what an advisor and their firm have named before, for a channel and a language."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from feedback.models import FeedbackIssue
from jarvish_regen.content.models import ContentItem
from regeneration.prepare.likely import Counted, History

# Habits change; a firm's drafts of half a year are enough to know them by.
HISTORY_DAYS: Final = 180


def history_of(item: ContentItem) -> History:
    """Return what was named in drafts of the item's channel and language, by its advisor and in its firm. 4 queries."""
    alike = ContentItem.objects.filter(
        firm_id=item.firm_id,
        channel=item.channel,
        language=item.language,
        created_at__gte=timezone.now() - timedelta(days=HISTORY_DAYS),
    ).exclude(id=item.id)
    return History(own=_counted(alike.filter(advisor_id=item.advisor_id)), firm=_counted(alike))


def _counted(items: QuerySet[ContentItem]) -> Counted:
    rows = (
        FeedbackIssue.objects.filter(Q(feedback__item__in=items))
        .values("code")
        .annotate(named=Count("feedback__item", distinct=True))
    )
    return Counted(items.count(), {row["code"]: row["named"] for row in rows})
