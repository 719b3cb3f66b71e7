"""Reads of feedback that dashboards and doors share."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q

from feedback.models import Feedback, FeedbackIssue


@dataclass(frozen=True)
class DetailRate:
    """How many rejections there were, and how many of them name at least one issue in a person's own word."""

    rejections: int
    detailed: int

    @property
    def share(self) -> float | None:
        """The share with detail, 0 to 1; None without a rejection. The aim is four of five (FEATURES C12)."""
        return self.detailed / self.rejections if self.rejections else None


def detail_rate(since: datetime, *, firm_id: uuid.UUID | None = None) -> DetailRate:
    """Return how many rejections since then carry detail, of one firm or of all.

    What a person ticked, marked or confirmed counts; what was only understood from a note does not.
    """
    named = FeedbackIssue.objects.filter(feedback=OuterRef("id"), source="person")
    rows = Feedback.objects.filter(created_at__gte=since)
    if firm_id is not None:
        rows = rows.filter(item__firm_id=firm_id)
    counted = rows.annotate(is_detailed=Exists(named)).aggregate(
        rejections=Count("id"), detailed=Count("id", filter=Q(is_detailed=True))
    )
    return DetailRate(**counted)
