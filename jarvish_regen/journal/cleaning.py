"""Take out what has served its time."""

from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now

from jarvish_regen.journal.models import IdempotencyKey, Outbox

OUTBOX_KEEP_HOURS = 24  # long enough to see what rang during yesterday's trouble


def clean() -> int:
    """Delete rung outbox rows and idempotency keys past their time. Returns how many went."""
    rung, _ = Outbox.objects.filter(rung_at__lt=Now() - timedelta(hours=OUTBOX_KEEP_HOURS)).delete()
    keys, _ = IdempotencyKey.objects.filter(
        created_at__lt=Now() - timedelta(hours=settings.IDEMPOTENCY_KEEP_HOURS)
    ).delete()
    return rung + keys
