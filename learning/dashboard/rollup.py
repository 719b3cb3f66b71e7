"""Roll the facts up into minutes, the minutes into hours, old hours into one row of all time.

Idempotent: what is rolled up again is made anew from the facts. One at a time, by an advisory lock; several beats or
workers do no harm.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Min

from learning.dashboard.sql import CELL_COLUMNS, MINUTE_CELLS, added_up, stored_cells
from learning.models import Grain, RollUpMark, Snapshot
from regeneration.models import Regeneration

_LOCK_KEY: Final = 0x6A72_0004  # any constant; shared by every roll-up
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
# A transaction that began in one minute may commit minutes later (statement_timeout is 15 s, a finish is one
# statement after another): so much of what was rolled up is made again each time, and readers take the youngest
# minutes from the rows themselves.
MADE_AGAIN: Final = timedelta(minutes=10)
FRESH: Final = timedelta(minutes=2)
_CHUNK: Final = timedelta(days=1)  # of a backlog, so that no transaction is long
# Hours are cut as the clock on the wall shows them: India is half an hour off UTC.
ORIGIN: Final = datetime(2000, 1, 1, tzinfo=ZoneInfo(settings.TIME_ZONE))


def floor_to(moment: datetime, step: timedelta) -> datetime:
    """Return the start of the step that a moment lies in, on the grid of ORIGIN."""
    return moment - (moment - ORIGIN) % step


def late_ms() -> int:
    """Return the milliseconds past which an answer is late: the answer clock and the 25 ms PERFORMANCE.md allows."""
    return round(settings.REGENERATION_DEADLINE_SECONDS * 1000) + 25


def facts_between(since: datetime, until: datetime) -> dict[str, Any]:
    """Return the values of MINUTE_CELLS for a stretch of time."""
    margin = MINUTE  # an event's id comes from its writer's clock, its time from PostgreSQL's
    return {
        "origin": ORIGIN,
        "late_ms": late_ms(),
        "facts_since": since,
        "facts_until": until,
        "events_from": first_id_of(since - margin),
        "events_to": first_id_of(until + margin),
    }


def first_id_of(moment: datetime) -> uuid.UUID:
    """Return the least UUID of version 7 that was made at a moment: its first 48 bits are milliseconds."""
    return uuid.UUID(int=max(0, round(moment.timestamp() * 1000)) << 80)


def roll_up() -> int:
    """Bring the roll-ups up to the last whole minute. Returns the minutes made; 0 while somebody else is at it.

    Leaves Snapshot rows and the mark; takes out minutes and hours past their keep.
    """
    made = 0
    while (minutes := _roll_up_some()) > 0:
        made += minutes
        if minutes * MINUTE < _CHUNK:
            break
    if made:
        _take_out_old()
    return made


def _roll_up_some() -> int:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s), clock_timestamp()", [_LOCK_KEY])
            has_lock, now = cursor.fetchone()
        if not has_lock:
            return 0
        mark = RollUpMark.objects.first() or _first_mark(now)
        since = floor_to(mark.minutes_until - MADE_AGAIN, MINUTE)
        until = min(floor_to(now, MINUTE), since + _CHUNK + MADE_AGAIN)
        if until <= since:
            return 0
        _make_minutes(since, until)
        _make_hours(floor_to(since, HOUR), floor_to(until - MINUTE, HOUR) + HOUR)
        ever_until = _fold_hours(mark.ever_until, floor_to(until - HOUR, HOUR))
        RollUpMark.objects.update_or_create(
            id=1, defaults={"minutes_until": max(until, mark.minutes_until), "ever_until": ever_until}
        )
    return round((until - mark.minutes_until) / MINUTE) if until > mark.minutes_until else 0


def _first_mark(now: datetime) -> RollUpMark:
    first = Regeneration.objects.aggregate(at=Min("finished_at"))["at"] or now
    return RollUpMark(minutes_until=floor_to(first, MINUTE), ever_until=floor_to(first - MADE_AGAIN, HOUR))


def _insert(grain: Grain, cells: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO learning_snapshot (grain, {CELL_COLUMNS}) SELECT {int(grain)}, {CELL_COLUMNS} "  # noqa: S608
            f"FROM ({cells}) AS made",
            values,
        )


def _make_minutes(since: datetime, until: datetime) -> None:
    Snapshot.objects.filter(grain=Grain.MINUTE, starts_at__gte=since, starts_at__lt=until).delete()
    _insert(Grain.MINUTE, MINUTE_CELLS, facts_between(since, until))


def _make_hours(since: datetime, until: datetime) -> None:
    Snapshot.objects.filter(grain=Grain.HOUR, starts_at__gte=since, starts_at__lt=until).delete()
    cells = added_up(stored_cells(0), "date_bin('1 hour', starts_at, %(origin)s)")
    _insert(Grain.HOUR, cells, {"origin": ORIGIN, "grain_0": Grain.MINUTE.value, "since_0": since, "until_0": until})


def _fold_hours(since: datetime, until: datetime) -> datetime:
    """Add whole hours that will not change any more to the rows of all time; return how far those reach now.

    The rows of all time are dated by where they end, so the new ones stand beside the old until those are taken out.
    """
    if until <= since:
        return since
    cells = added_up(f"{stored_cells(0)} UNION ALL {stored_cells(1)}", "%(ends_at)s::timestamptz")
    ever = {"grain_0": Grain.EVER.value, "since_0": ORIGIN, "until_0": until}
    hours = {"grain_1": Grain.HOUR.value, "since_1": since, "until_1": until}
    _insert(Grain.EVER, cells, {**ever, **hours, "ends_at": until})
    Snapshot.objects.filter(grain=Grain.EVER, starts_at__lt=until).delete()
    return until


def _take_out_old() -> None:
    # Counted from what is rolled up: of a backlog, no minute goes before its hour is whole.
    reached = RollUpMark.objects.get().minutes_until
    for grain, days in (
        (Grain.MINUTE, settings.SNAPSHOT_MINUTES_KEEP_DAYS),
        (Grain.HOUR, settings.SNAPSHOT_HOURS_KEEP_DAYS),
    ):
        Snapshot.objects.filter(grain=grain, starts_at__lt=floor_to(reached, HOUR) - timedelta(days=days)).delete()
