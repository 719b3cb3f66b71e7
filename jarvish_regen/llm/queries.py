"""Read how the model targets do, over all processes, for the dashboard and the desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.utils import timezone

from jarvish_regen.llm.models import BreakerState, TargetAlarm, TargetState
from jarvish_regen.llm.states import FRESH_SECONDS


@dataclass(frozen=True, slots=True)
class BoardRow:
    """Tell how one target does over all processes that have asked it of late.

    ``state`` is the worst of theirs, ``since`` its beginning. Times are means over the processes, weighted by their
    calls, in milliseconds; ``calls``, ``failures`` and ``cost_usd`` are sums since those processes began.
    """

    target: str
    model: str
    vendor: str
    region: str
    tier: str
    state: str
    since: datetime
    reason: str
    in_flight: int
    max_concurrency: int
    share: float
    ewma_ms: float | None
    first_token_ms: float | None
    p50_ms: float | None
    calls: int
    failures: int
    cost_usd: float
    throttled_until: datetime | None
    last_error: str
    checked_at: datetime | None
    updated_at: datetime
    processes: int
    alarm_opened_at: datetime | None

    @property
    def failure_share(self) -> float:
        """Return which part of the calls failed; 0.0 without calls."""
        return self.failures / self.calls if self.calls else 0.0


_WORST_FIRST = (BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED)


def target_board(*, now: datetime | None = None) -> list[BoardRow]:
    """Return a row a target by name, from the states written in the last 45 seconds; two queries."""
    now = now or timezone.now()
    fresh = TargetState.objects.filter(updated_at__gte=now - timedelta(seconds=FRESH_SECONDS)).order_by(
        "target", "-updated_at"
    )
    alarms = dict(TargetAlarm.objects.filter(closed_at=None).values_list("target", "opened_at"))
    return [
        _board_row(list(rows), alarms.get(target), now) for target, rows in groupby(fresh, key=lambda row: row.target)
    ]


def _board_row(rows: Sequence[TargetState], alarm_opened_at: datetime | None, now: datetime) -> BoardRow:
    newest = rows[0]
    worst = min(rows, key=lambda row: (_WORST_FIRST.index(BreakerState(row.state)), row.since))
    patience = [row.throttled_until for row in rows if row.throttled_until is not None and row.throttled_until > now]
    checks = [row.checked_at for row in rows if row.checked_at is not None]
    return BoardRow(
        target=newest.target,
        model=newest.model,
        vendor=newest.vendor,
        region=newest.region,
        tier=newest.tier,
        state=worst.state,
        since=worst.since,
        reason=worst.reason,
        in_flight=sum(row.in_flight for row in rows),
        max_concurrency=sum(row.max_concurrency for row in rows),
        share=min(row.share for row in rows),
        ewma_ms=_mean([(row.ewma_ms, row.calls) for row in rows]),
        first_token_ms=_mean([(row.first_token_ms, row.calls) for row in rows]),
        p50_ms=_mean([(row.p50_ms, row.calls) for row in rows]),
        calls=sum(row.calls for row in rows),
        failures=sum(row.failures for row in rows),
        cost_usd=sum(row.cost_usd for row in rows),
        throttled_until=max(patience, default=None),
        last_error=next((row.last_error for row in rows if row.last_error), ""),
        checked_at=max(checks, default=None),
        updated_at=newest.updated_at,
        processes=len(rows),
        alarm_opened_at=alarm_opened_at,
    )


def _mean(figures: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(figure, max(1, calls)) for figure, calls in figures if figure is not None]
    return sum(figure * calls for figure, calls in known) / sum(calls for _, calls in known) if known else None
