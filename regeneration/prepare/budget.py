"""Say how many calls a preparation may still make: by form, by firm and day, in calls and in rupees."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from regeneration.models import PreparedAnswer
from regeneration.prepare.likely import expected_value_inr
from regeneration.targets import active_targets

# One call and, if it fails or its text is refused, one more.
CALLS_AT_A_TIME_MAX: Final = 2
# What a prepared answer saves of the wait: 316 ms with edits alone, 74 ms prepared (PERFORMANCE.md, heavy provider).
SAVED_SECONDS: Final = 0.24
# A prompt is at most 500 tokens of ours, 200 of context and the draft; replies are edits (./jarvish bench prompts).
_PROMPT_TOKENS: Final = 900
_REPLY_TOKENS: Final = 150


@dataclass(frozen=True)
class Spent:
    """What was spent on preparing: calls, and rupees."""

    calls: int
    inr: Decimal


def spent_on_form(version_id: uuid.UUID, user_id: uuid.UUID) -> int:
    """Return how many calls one person's filling-in of the form has cost for one version; reserved ones count."""
    rows = PreparedAnswer.objects.filter(version_id=version_id, user_id=user_id)
    return int(rows.aggregate(calls=Sum("calls_count"))["calls"] or 0)


def spent_today(firm_id: uuid.UUID) -> Spent:
    """Return what preparing has cost a firm since midnight."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    found = PreparedAnswer.objects.filter(firm_id=firm_id, created_at__gte=midnight).aggregate(
        calls=Sum("calls_count"), inr=Sum("cost_inr")
    )
    return Spent(found["calls"] or 0, found["inr"] or Decimal(0))


def calls_allowed(row: PreparedAnswer) -> int:
    """Return how many calls a preparation may make now, 0 to ``CALLS_AT_A_TIME_MAX``.

    The last call of a form is kept for what is said in words: marks and categories come first and often change.
    """
    today = spent_today(row.firm_id)
    left = settings.PREPARE_CALLS_A_DAY_MAX - today.calls
    if today.inr >= Decimal(str(settings.PREPARE_INR_A_DAY_MAX)):
        return 0
    if row.user_id is not None:
        kept = 1 if row.occasion == PreparedAnswer.Occasion.CATEGORY else 0
        left = min(left, settings.PREPARE_CALLS_A_FORM_MAX - spent_on_form(row.version_id, row.user_id) - kept)
    return max(0, min(int(left), CALLS_AT_A_TIME_MAX))


def is_worth_it(chance: float) -> bool:
    """Say whether preparing for a rejection of this chance is expected to be worth more than it costs."""
    return (
        expected_value_inr(
            chance,
            saved_seconds=SAVED_SECONDS,
            second_worth_inr=settings.PREPARE_SECOND_WORTH_INR,
            cost_inr=_call_cost_inr(),
        )
        > 0
    )


def _call_cost_inr() -> float:
    costs = [
        (_PROMPT_TOKENS * target.price_in_usd_per_mtok + _REPLY_TOKENS * target.price_out_usd_per_mtok) / 1e6
        for target in active_targets()
    ]
    return max(costs, default=0.0) * float(settings.MODEL_RUPEES_A_DOLLAR)
