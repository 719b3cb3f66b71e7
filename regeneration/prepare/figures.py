"""Tell what preparing brings and costs; let go of what nobody asked for."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from jarvish_regen.content.states import ItemState
from regeneration.models import PreparedAnswer, Regeneration, RegenerationState
from regeneration.prepare.asking import UNFINISHED

KEEP_HOURS: Final = 24
# What is said on the way to a rejection is nobody's record: it goes when it can be of no use.
FORGET_DAYS: Final = 30
# Longer than any preparation takes: who is unfinished after that has lost its worker or its ring.
_LOST_SECONDS: Final = 60

State = PreparedAnswer.State


@dataclass(frozen=True)
class PreparedFigures:
    """What preparing came to since an instant. Rupees and calls are those of preparing alone.

    ``asked``: preparations begun; ``ready``: that gave a model's valid text (kept, not repaired by rules); ``adopted``:
    that became an answer; ``answers``: all answers of the time.
    """

    asked: int
    ready: int
    adopted: int
    cancelled: int
    answers: int
    calls: int
    wasted_calls: int
    spent_inr: Decimal
    wasted_inr: Decimal

    @property
    def hit_rate(self) -> float:
        """The share of all answers that had been prepared, 0 to 1; 0 of none."""
        return self.adopted / self.answers if self.answers else 0.0

    @property
    def waste_ratio(self) -> float:
        """The share of calls whose texts were never used, 0 to 1; 0 of none."""
        return self.wasted_calls / self.calls if self.calls else 0.0


def prepared_figures(since: datetime, *, firm_id: uuid.UUID | None = None) -> PreparedFigures:
    """Return what preparing came to since an instant, of one firm or of all. Two queries."""
    rows = PreparedAnswer.objects.filter(created_at__gte=since)
    answers = Regeneration.objects.filter(finished_at__gte=since, state=RegenerationState.ANSWERED)
    if firm_id is not None:
        rows, answers = rows.filter(firm_id=firm_id), answers.filter(item__firm_id=firm_id)
    was_adopted = Q(state=State.ADOPTED)
    found = rows.aggregate(
        asked=Count("id"),
        ready=Count("id", filter=Q(is_valid=True) & ~Q(rung="repair")),
        adopted=Count("id", filter=was_adopted),
        cancelled=Count("id", filter=Q(state=State.CANCELLED)),
        calls=Sum("calls_count", default=0),
        wasted_calls=Sum("calls_count", filter=~was_adopted, default=0),
        spent_inr=Sum("cost_inr", default=Decimal(0)),
        wasted_inr=Sum("cost_inr", filter=~was_adopted, default=Decimal(0)),
    )
    return PreparedFigures(**found, answers=answers.count())


def sweep_prepared(now: datetime | None = None) -> int:
    """Let go of preparations that can be of no use any more and return how many changed; safe to run twice at once.

    Unfinished ones whose worker is gone are cancelled, ready ones whose draft has moved on expire, old ones go.
    """
    now = now or timezone.now()
    lost = PreparedAnswer.objects.filter(
        state__in=UNFINISHED, created_at__lt=now - timedelta(seconds=_LOST_SECONDS)
    ).update(state=State.CANCELLED)
    useless = ~Q(item__state=ItemState.IN_REVIEW) | ~Q(item__current_id=F("version_id"))
    outlived = PreparedAnswer.objects.filter(state=State.READY).filter(
        useless | Q(created_at__lt=now - timedelta(hours=KEEP_HOURS))
    )
    # By id: an update may not join.
    ids = list(outlived.exclude(item__state=ItemState.REGENERATING).values_list("id", flat=True))
    expired = PreparedAnswer.objects.filter(id__in=ids, state=State.READY).update(state=State.EXPIRED)
    forgotten, _each = PreparedAnswer.objects.filter(created_at__lt=now - timedelta(days=FORGET_DAYS)).delete()
    return lost + expired + forgotten
