"""A firm's own figures of its attempts: how many, how fast, from where, at what cost. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.db.models import Aggregate, Avg, Count, FloatField, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from jarvish_regen.access.policy import READ_REJECTIONS, Viewer
from jarvish_regen.content.models import ContentItem
from jarvish_regen.content.states import ItemState
from regeneration.models import OPEN_STATES, PreparedAnswer, Regeneration, RegenerationState

# Rungs on which a model wrote the text for this very request.
FROM_MODEL: Final = ("model", "simple")


class _Percentile(Aggregate):
    function = "PERCENTILE_CONT"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True, slots=True)
class CostPerApproved:
    """Tell what the approved texts cost: every call of every attempt, lost hedges and answers never asked for included.

    ``per_text_inr`` is None while nothing is approved.
    """

    cost_inr: Decimal
    approved_count: int

    @property
    def per_text_inr(self) -> Decimal | None:
        """Return rupees a text that was approved."""
        return self.cost_inr / self.approved_count if self.approved_count else None


@dataclass(frozen=True, slots=True)
class FirmFigures:
    """Tell what a firm's attempts since a time came to; milliseconds are None while nothing was answered."""

    since: datetime
    attempts: int
    open: int
    answered: int
    no_answer: int
    valid: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    quality_mean: float | None
    by_rung: dict[str, int]
    by_cache: dict[str, int]
    calls: int
    hedges: int
    cost: CostPerApproved

    @property
    def from_model_share(self) -> float | None:
        """Return the share of answers that a model wrote for the very request."""
        return sum(self.by_rung.get(rung, 0) for rung in FROM_MODEL) / self.answered if self.answered else None


def firm_figures(*, viewer: Viewer, since: datetime) -> FirmFigures:
    """Return the figures of what the viewer may see: the firm's attempts, or an advisor's own. Five queries.

    Raises ForbiddenError.
    """
    viewer.require(READ_REJECTIONS)
    items = ContentItem.objects.visible_to(viewer)
    attempts = Regeneration.objects.filter(item__in=items, stored_at__gte=since)
    answered = Q(state=RegenerationState.ANSWERED)
    totals = attempts.aggregate(
        attempts=Count("id"),
        open=Count("id", filter=Q(state__in=OPEN_STATES)),
        answered=Count("id", filter=answered),
        valid=Count("id", filter=answered & Q(is_valid=True)),
        no_answer=Count("id", filter=Q(state__in=(RegenerationState.NO_ANSWER, RegenerationState.DEAD))),
        p50_ms=_Percentile("answer_ms", share="0.5", filter=answered),
        p95_ms=_Percentile("answer_ms", share="0.95", filter=answered),
        p99_ms=_Percentile("answer_ms", share="0.99", filter=answered),
        quality_mean=Avg("quality", filter=answered),
        calls=Coalesce(Sum("calls_count"), 0),
        hedges=Coalesce(Sum("hedges_count"), 0),
    )
    settled = attempts.filter(answered)
    return FirmFigures(
        since=since,
        by_rung=_counts(settled, "rung"),
        by_cache=_counts(settled.exclude(cache_kind=""), "cache_kind"),
        cost=cost_per_approved(items=items, since=since),
        **totals,
    )


def cost_per_approved(*, items: QuerySet[ContentItem], since: datetime) -> CostPerApproved:
    """Return what the drafts of `items` that were rewritten and then approved since a time cost each. Three queries."""
    attempts = Regeneration.objects.filter(item__in=items, stored_at__gte=since)
    cost = attempts.aggregate(cost=Sum("cost_inr"))["cost"] or Decimal(0)
    ahead = PreparedAnswer.objects.filter(item__in=items, created_at__gte=since).aggregate(cost=Sum("cost_inr"))
    approved = attempts.filter(item__state=ItemState.APPROVED).aggregate(items=Count("item", distinct=True))["items"]
    return CostPerApproved(cost + (ahead["cost"] or Decimal(0)), approved)


def _counts(attempts: QuerySet[Regeneration], field: str) -> dict[str, int]:
    rows = attempts.values_list(field).annotate(count=Count("id")).order_by("-count", field)
    return {str(name): count for name, count in rows}
