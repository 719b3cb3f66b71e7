"""Store how the targets do and the alarms of their breakers; called beside the calls, from a thread of its own."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import DatabaseError, close_old_connections, transaction

from jarvish_regen.llm.gauge import TargetFigures
from jarvish_regen.llm.models import BreakerState, TargetAlarm, TargetState
from jarvish_regen.llm.tending import Change

logger = logging.getLogger(__name__)

# Three missed heartbeats: the process has gone, or its figures are no longer worth showing.
FRESH_SECONDS: Final = 45.0
_KEPT_SECONDS: Final = 3600.0
_WORDS_MAX_CHARS: Final = 300
# A process that has just heard of an opening by another may still have its own figures from before it.
_SETTLED_SECONDS: Final = 10.0
_OVERWRITTEN: Final = [
    field.name for field in TargetState._meta.concrete_fields if field.name not in ("id", "target", "process", "since")
]


def process_name() -> str:
    """Return what names this process to people: its machine and number."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


def publish(figures: Sequence[TargetFigures], changes: Sequence[Change]) -> None:
    """Store this process's view and what has changed; a database that is away is logged and no more."""
    try:
        write_states(figures, changes, process=process_name(), now=datetime.now(UTC))
    except DatabaseError as error:
        logger.warning("target states not stored", extra={"error": type(error).__name__})
    finally:
        close_old_connections()


def write_states(figures: Sequence[TargetFigures], changes: Sequence[Change], *, process: str, now: datetime) -> None:
    """Store figures and changes as one process sees them at ``now``: a row a target, an alarm an opening."""
    with transaction.atomic():
        for change in changes:
            _write_change(change, process)
        known = {
            row.target: row for row in TargetState.objects.filter(process=process, target__in=[f.name for f in figures])
        }
        rows = [_row(one, known.get(one.name), process, now) for one in figures]
        TargetState.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["target", "process"], update_fields=[*_OVERWRITTEN, "since"]
        )
        _close_forgotten_alarms(figures, now)
        TargetState.objects.filter(updated_at__lt=now - timedelta(seconds=_KEPT_SECONDS)).delete()


def _write_change(change: Change, process: str) -> None:
    if change.state == "open":
        alarm = TargetAlarm(
            target=change.target, process=process, reason=change.reason[:_WORDS_MAX_CHARS], opened_at=change.at
        )
        # Every process that notices would raise it; the constraint keeps the first.
        TargetAlarm.objects.bulk_create([alarm], ignore_conflicts=True)
    else:
        TargetAlarm.objects.filter(target=change.target, closed_at=None).update(closed_at=change.at)


def _row(one: TargetFigures, before: TargetState | None, process: str, now: datetime) -> TargetState:
    is_same = before is not None and before.state == one.state
    throttled = one.throttled_for_seconds
    return TargetState(
        target=one.name,
        process=process,
        model=one.model[:100],
        vendor=one.vendor[:200],
        region=one.region[:60],
        tier=one.tier,
        state=one.state,
        since=before.since if before is not None and is_same else now,
        reason=one.reason[:_WORDS_MAX_CHARS],
        in_flight=one.in_flight,
        max_concurrency=one.max_concurrency,
        share=one.share,
        ewma_ms=one.ewma_ms,
        first_token_ms=one.first_token_ms,
        p50_ms=one.p50_ms,
        calls=one.calls,
        failures=one.failures,
        cost_usd=one.cost_usd,
        throttled_until=now + timedelta(seconds=throttled) if throttled > 0.0 else None,
        last_error=one.last_error[:_WORDS_MAX_CHARS],
        checked_at=one.checked_at,
        updated_at=now,
    )


def _close_forgotten_alarms(figures: Sequence[TargetFigures], now: datetime) -> None:
    """Close alarms of targets that are asked again everywhere: who raised one may have died before its closing."""
    asked = [one.name for one in figures if one.state == "closed"]
    old = TargetAlarm.objects.filter(
        target__in=asked, closed_at=None, opened_at__lt=now - timedelta(seconds=_SETTLED_SECONDS)
    )
    failing = TargetState.objects.filter(
        target__in=asked, updated_at__gte=now - timedelta(seconds=FRESH_SECONDS)
    ).exclude(state=BreakerState.CLOSED)
    old.exclude(target__in=failing.values("target")).update(closed_at=now)
