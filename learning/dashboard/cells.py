"""Cells of a stretch of time: hours and minutes from the roll-ups, the youngest minutes straight from the facts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.db import connection

from learning.dashboard.ranges import Span
from learning.dashboard.rollup import FRESH, HOUR, MINUTE, ORIGIN, facts_between, floor_to
from learning.dashboard.sql import CELL_COLUMNS, MINUTE_CELLS, added_up, stored_cells
from learning.models import Grain, RollUpMark


@dataclass(frozen=True)
class Cell:
    """Counts, sums and the histogram of one step and one combination of kinds. histogram: bucket to how many."""

    starts_at: datetime
    subject: str
    stage: str
    state: str
    rung: str
    cache_kind: str
    failure_reason: str
    count: int
    valid_count: int = 0
    late_count: int = 0
    calls_count: int = 0
    hedges_count: int = 0
    cost_inr: Decimal = Decimal(0)
    total_ms: float = 0.0
    max_ms: float = 0.0
    histogram: Mapping[int, int] = field(default_factory=dict)


_Parts = list[tuple[Grain, datetime, datetime]]
_COLUMNS: Final = CELL_COLUMNS.split(", ")


def now_of_database() -> datetime:
    """Return the time on PostgreSQL's clock, which every fact is dated by."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def read_cells(span: Span) -> list[Cell]:
    """Return the cells of a stretch, a row for each step and combination. One short statement and one for the mark."""
    sql, values = statement(span, RollUpMark.objects.first())
    return _fetch(sql, values)


def statement(span: Span, mark: RollUpMark | None) -> tuple[str, dict[str, Any]]:
    """Return the statement that reads a stretch, and its values. Pure but for the settings."""
    parts, facts_since, until = _parts_of(span, mark)
    sql, values = _statement(parts, facts_since, until, "date_bin(%(step)s, starts_at, %(step_origin)s)")
    return sql, {**values, "step": span.step, "step_origin": span.since}


def read_totals(now: datetime) -> list[Cell]:
    """Return the cells of all time, which only grow: what a counter shows."""
    mark = RollUpMark.objects.first()
    since = mark.ever_until if mark else ORIGIN
    parts, facts_since, until = _parts_of(Span(since, now, HOUR), mark)
    parts.append((Grain.EVER, ORIGIN, now))
    return _fetch(*_statement(parts, facts_since, until, "%(origin)s::timestamptz"))


def _parts_of(span: Span, mark: RollUpMark | None) -> tuple[_Parts, datetime, datetime]:
    """Return which grains cover which parts of a stretch, where the facts themselves begin, and its end.

    Whole hours come from the hours, what is left at both ends from the minutes, and what is younger than FRESH, or not
    rolled up, from the facts.
    """
    now_at_most = span.until
    rolled_until = min(mark.minutes_until - FRESH, floor_to(now_at_most, MINUTE)) if mark else span.since
    oldest_minute = _oldest_minute(mark)
    if oldest_minute and now_at_most < oldest_minute:
        # Long ago only whole hours are left.
        now_at_most = rolled_until = floor_to(now_at_most, HOUR)
    rolled_until = max(rolled_until, span.since)
    first_hour = -((-(span.since - ORIGIN)) // HOUR) * HOUR + ORIGIN
    last_hour = floor_to(rolled_until, HOUR)
    if first_hour >= last_hour:
        return [(Grain.MINUTE, span.since, rolled_until)], rolled_until, now_at_most
    parts = [
        (Grain.MINUTE, span.since, first_hour),
        (Grain.HOUR, first_hour, last_hour),
        (Grain.MINUTE, last_hour, rolled_until),
    ]
    return [part for part in parts if part[1] < part[2]], rolled_until, now_at_most


def _oldest_minute(mark: RollUpMark | None) -> datetime | None:
    return mark.minutes_until - timedelta(days=settings.SNAPSHOT_MINUTES_KEEP_DAYS) if mark else None


def _statement(parts: _Parts, facts_since: datetime, until: datetime, step: str) -> tuple[str, dict[str, Any]]:
    values = facts_between(facts_since, until)
    cells = [f"SELECT {CELL_COLUMNS} FROM ({MINUTE_CELLS}) AS fresh"]  # noqa: S608  # names of our own columns
    for number, (grain, since, before) in enumerate(parts):
        cells.append(stored_cells(number))
        values |= {f"grain_{number}": int(grain), f"since_{number}": since, f"until_{number}": before}
    return added_up(" UNION ALL ".join(cells), step), values


def _fetch(sql: str, values: dict[str, Any]) -> list[Cell]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = [dict(zip(_COLUMNS, row, strict=True)) for row in cursor.fetchall()]
    return [Cell(histogram=dict(zip(row.pop("buckets"), row.pop("counts"), strict=True)), **row) for row in rows]


def histogram_of(cells: Iterable[Cell]) -> Counter[int]:
    """Return the histograms of cells added up."""
    total: Counter[int] = Counter()
    for cell in cells:
        total.update(cell.histogram)
    return total
