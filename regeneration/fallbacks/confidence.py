"""Learn from history how far each rung is to be trusted: how often its answers were approved as they stood."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from jarvish_regen.content.states import ItemState
from regeneration.board import SHELF_RUNGS
from regeneration.fallbacks.beta import beta_interval
from regeneration.fallbacks.values import Confidence, Shelf
from regeneration.models import FailureReason, Regeneration, RegenerationState, RungRecord

# Half a year: rules, prompts and models change, and what was approved before says little about today.
HISTORY_DAYS: Final = 180
# The prior weighs as much as ten answers, centred on the share of all rungs together: with fewer than ten verdicts of
# its own a rung is known better by what answers are worth in general, and two approvals do not make it 100 % sure.
PRIOR_WEIGHT: Final = 10.0
# Before anybody has judged anything, half: Jeffreys' (1/2, 1/2), the prior that favours neither.
JEFFREYS: Final = 0.5
# The record of a rung whatever the category.
ALL: Final = "all"


def judged_answers(since: datetime) -> QuerySet[Regeneration]:
    """Return the answers on which there is a verdict: approved, rejected again, edited or given up.

    One that still waits for its reader says nothing yet, nor does one that a better text replaced unseen.
    """
    return Regeneration.objects.filter(
        state=RegenerationState.ANSWERED, answer__isnull=False, upgrade__isnull=True, finished_at__gte=since
    ).exclude(item__state=ItemState.IN_REVIEW, item__current=F("answer"))


def count_rungs(*, now: datetime | None = None) -> int:
    """Count again how often each rung was approved, per category of feedback; return how many records there are.

    Two statements; leaves RungRecord rows, those without history removed. Idempotent.
    """
    since = (now or timezone.now()) - timedelta(days=HISTORY_DAYS)
    counted = (
        judged_answers(since)
        .values("rung", "feedback__category")
        .annotate(
            shown=Count("id"),
            approved=Count("id", filter=Q(item__state=ItemState.APPROVED, item__current=F("answer"))),
        )
        .order_by("rung", "feedback__category")
    )
    shown: Counter[tuple[str, str]] = Counter()
    approved: Counter[tuple[str, str]] = Counter()
    for row in counted:
        for category in (row["feedback__category"], ALL):
            shown[row["rung"], category] += row["shown"]
            approved[row["rung"], category] += row["approved"]
    total = sum(count for (_rung, category), count in shown.items() if category == ALL)
    good = sum(count for (_rung, category), count in approved.items() if category == ALL)
    records = [
        _record(rung, category, count, approved[rung, category], prior_mean(good, total))
        for (rung, category), count in shown.items()
    ]
    with transaction.atomic():
        RungRecord.objects.bulk_create(
            records,
            update_conflicts=True,
            unique_fields=["rung", "category"],
            update_fields=["shown_count", "approved_count", "confidence", "low", "high", "counted_at"],
        )
        kept = {(record.rung, record.category) for record in records}
        gone = [row.pk for row in RungRecord.objects.all() if (row.rung, row.category) not in kept]
        RungRecord.objects.filter(pk__in=gone).delete()
    return len(records)


def prior_mean(approved: int, shown: int) -> float:
    """Return where the prior is centred: the share of all answers, a half while there are none."""
    return (approved + JEFFREYS) / (shown + 2 * JEFFREYS)


def confidence_from(approved: int, shown: int, *, mean: float = 0.5) -> Confidence:
    """Return the posterior of a share after ``approved`` of ``shown``, with the prior centred on ``mean``."""
    a = PRIOR_WEIGHT * mean + approved
    b = PRIOR_WEIGHT * (1 - mean) + shown - approved
    low, high = beta_interval(a, b)
    return Confidence(mean=a / (a + b), low=low, high=high, shown_count=shown)


def _record(rung: str, category: str, shown: int, approved: int, mean: float) -> RungRecord:
    known = confidence_from(approved, shown, mean=mean)
    return RungRecord(
        rung=rung,
        category=category,
        shown_count=shown,
        approved_count=approved,
        confidence=known.mean,
        low=known.low,
        high=known.high,
    )


def confidence_of(rung: str, category: str, shelf: Shelf) -> Confidence:
    """Return how far a rung is to be trusted for a category of feedback: its own record, else that of the rung for all
    categories, else the prior alone (``shown_count`` 0).
    """
    return shelf.records.get((rung, category)) or shelf.records.get((rung, ALL)) or confidence_from(0, 0)


@dataclass(frozen=True, slots=True)
class FallbackShare:
    """Tell how many answers were fallbacks where a model was connected; the goal is below 0.05 (FEATURES F7, F10)."""

    answered: int
    fallbacks: int
    by_rung: dict[str, int]
    by_reason: dict[str, int]

    @property
    def share(self) -> float:
        """Return the share of fallbacks, 0.0 when nothing was answered."""
        return self.fallbacks / self.answered if self.answered else 0.0


def fallback_share(since: datetime) -> FallbackShare:
    """Return how many answers since then came from the shelf or left an issue open though a model could be asked.

    Answers given while no model was connected are left out: there the ladder is the product. One query.
    """
    answered = (
        Regeneration.objects.filter(state=RegenerationState.ANSWERED, finished_at__gte=since)
        .exclude(failure_reason=FailureReason.NO_MODEL)
        .values("rung", "is_valid", "failure_reason")
        .annotate(count=Count("id"))
        .order_by()
    )
    total = 0
    by_rung: Counter[str] = Counter()
    by_reason: Counter[str] = Counter()
    for row in answered:
        total += row["count"]
        if row["rung"] in SHELF_RUNGS or not row["is_valid"]:
            by_rung[row["rung"]] += row["count"]
            by_reason[row["failure_reason"]] += row["count"]
    return FallbackShare(total, sum(by_rung.values()), dict(by_rung), dict(by_reason))
