"""The relay's own work: rings that are owed, the sealing of what was committed."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from jarvish_regen.journal.models import Outbox
from jarvish_regen.journal.services import ring_now


def ring_owed(*, batch: int = 100) -> int:
    """Ring what was stored a second ago and not rung: its process died, or the broker was away. Returns how many went
    out.

    Several relays share the work by skipping each other's rows.
    """
    with transaction.atomic():
        old_enough = Now() - timedelta(seconds=settings.OUTBOX_RERING_SECONDS)
        rows = list(
            Outbox.objects.select_for_update(skip_locked=True)
            .filter(rung_at__isnull=True, created_at__lt=old_enough)
            .order_by("id")[:batch]
        )
        sent = 0
        for row in rows:
            if not ring_now(row):
                break  # the broker is away; the rest would fail as well
            sent += 1
    return sent
