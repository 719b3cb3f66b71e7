"""Roll-ups say what the facts say: minutes, hours and all time, made twice, made late, read in part from each."""

import math
import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import ANY

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from jarvish_regen.content.services import approve
from learning.dashboard.cells import Cell, now_of_database, read_cells, read_totals, statement
from learning.dashboard.figures import figures_of
from learning.dashboard.histogram import ERROR
from learning.dashboard.queries import get_worst
from learning.dashboard.ranges import RANGES, Span, range_of
from learning.dashboard.rollup import HOUR, MINUTE, floor_to, roll_up
from learning.models import Grain, RollUpMark, Snapshot
from regeneration.models import Regeneration
from tests.factories import FLAWLESS_TEXT, draft_item, viewer_for
from tests.learning.attempts import Attempts

pytestmark = pytest.mark.django_db

RUNGS = ("model", "repair", "prepared", "template")


@pytest.fixture
def now() -> datetime:
    return now_of_database()


def _history(now: datetime, *, days: float, count: int) -> list[Regeneration]:
    """Store attempts spread over the past, of every kind."""
    chance = random.Random(7)
    attempts = Attempts()
    rows = []
    for _ in range(count):
        finished_at = now - timedelta(seconds=chance.uniform(0, days * 86_400))
        state = chance.choices(("answered", "no_answer"), (9, 1))[0]
        rung = chance.choice(RUNGS) if state == "answered" else ""
        rows.append(
            attempts.row(
                finished_at,
                state=state,
                rung=rung,
                answer_ms=round(chance.lognormvariate(6, 0.8)) + 21,
                is_valid=chance.random() < 0.8 if rung else None,
                cache_kind="prepared" if rung == "prepared" else "",
                failure_reason="" if rung == "model" else "timeout",
                calls_count=chance.randint(0, 3),
                hedges_count=chance.randint(0, 1),
                cost_inr=f"{chance.uniform(0, 0.2):.4f}",
            )
        )
    return attempts.store(*rows)


def _plain(cells: list[Cell]) -> list[Cell]:
    # Sums of floats depend on their order in the last digits.
    rounded = [replace(cell, total_ms=round(cell.total_ms, 3), cost_inr=round(cell.cost_inr, 4)) for cell in cells]
    return sorted(rounded, key=lambda cell: (cell.starts_at, repr(cell)))


@pytest.mark.parametrize("key", [one.key for one in RANGES])
def test_a_range_says_the_same_before_and_after_rolling_up(key: str, now: datetime) -> None:
    _history(now, days=31, count=600)
    _history(now, days=0.05, count=200)
    span = range_of(key).span(now)
    from_facts = read_cells(span)

    roll_up()

    assert Snapshot.objects.filter(grain=Grain.MINUTE).exists()
    assert _plain(read_cells(span)) == _plain(from_facts)
    assert (
        sum(cell.count for cell in from_facts if cell.subject == "attempt")
        == Regeneration.objects.filter(finished_at__gte=span.since, finished_at__lt=span.until).count()
    )


def test_figures_agree_with_the_rows_within_the_error_that_is_told(now: datetime) -> None:
    rows = _history(now, days=6, count=500)
    roll_up()
    span = range_of("7d").span(now)
    answered = [row for row in rows if row.state == "answered"]
    ordered = sorted(row.answer_ms or 0 for row in answered)

    told = figures_of(read_cells(span), span)

    assert (told.attempts, told.answers) == (len(rows), len(answered))
    for ms, share in zip(
        (told.quantiles.p50_ms, told.quantiles.p95_ms, told.quantiles.p99_ms), (0.5, 0.95, 0.99), strict=True
    ):
        exact = ordered[math.ceil(share * len(ordered)) - 1]
        assert ms is not None
        assert abs(ms / exact - 1) <= ERROR + 1e-9
    assert Counter({rung.rung: rung.count for rung in told.rungs}) == Counter(row.rung for row in answered)
    assert told.late == sum((row.answer_ms or 0) > 1425 for row in answered)
    assert told.calls == sum(row.calls_count for row in rows)
    assert told.hedges == sum(row.hedges_count for row in rows)
    assert float(told.cost_inr) == pytest.approx(sum(float(row.cost_inr) for row in rows))
    assert told.model_share == pytest.approx(sum(row.rung == "model" for row in answered) / len(answered))
    assert told.error_share == pytest.approx(1 - len(answered) / len(rows))
    assert dict(told.hits) == {"prepared": sum(row.rung == "prepared" for row in answered)}
    assert {stage.stage: stage.count for stage in told.stages} == {"waiting": len(rows), "drafting": len(rows)}
    assert sum(step.answers for step in told.steps) == told.answers


def test_rolling_up_again_changes_nothing(now: datetime) -> None:
    _history(now, days=2, count=200)
    roll_up()
    before = list(
        Snapshot.objects.exclude(id=None).order_by("grain", "starts_at", "subject", "stage", "rung", "state").values()
    )

    roll_up()

    after = Snapshot.objects.order_by("grain", "starts_at", "subject", "stage", "rung", "state").values()
    assert [{**row, "id": ANY} for row in after] == before


def test_a_row_that_commits_late_is_counted_by_the_next_roll_up(now: datetime) -> None:
    attempts = Attempts()
    attempts.ended(now - timedelta(minutes=30))
    roll_up()
    span = range_of("1h").span(now)

    attempts.ended(now - timedelta(minutes=5))
    unseen = figures_of(read_cells(span), span).attempts
    roll_up()

    assert (unseen, figures_of(read_cells(span), span).attempts) == (1, 2)


def test_the_youngest_minutes_come_from_the_rows_themselves(now: datetime) -> None:
    attempts = Attempts()
    attempts.ended(now - timedelta(minutes=30))
    roll_up()

    attempts.ended(now - timedelta(seconds=1))

    span = range_of("15m").span(now_of_database())
    assert figures_of(read_cells(span), span).attempts == 1


def test_all_time_grows_by_what_happens_however_it_is_folded(now: datetime, settings: LazySettings) -> None:
    settings.SNAPSHOT_HOURS_KEEP_DAYS = 3
    _history(now, days=9, count=300)
    from_facts = read_totals(now)

    roll_up()

    assert Snapshot.objects.filter(grain=Grain.HOUR, starts_at__lt=floor_to(now, HOUR) - timedelta(days=3)).count() == 0
    assert RollUpMark.objects.get().ever_until > now - timedelta(hours=3)
    assert _plain(read_totals(now)) == _plain(from_facts)
    assert sum(cell.count for cell in read_totals(now) if cell.subject == "attempt") == 300


def test_minutes_past_their_keep_go_and_the_hours_stay(now: datetime) -> None:
    _history(now, days=20, count=200)
    roll_up()

    oldest = Snapshot.objects.filter(grain=Grain.MINUTE).earliest("starts_at").starts_at

    assert oldest >= floor_to(now, HOUR) - timedelta(days=8)
    span = range_of("30d").span(now)
    assert figures_of(read_cells(span), span).attempts == 200


def test_only_one_rolls_up_at_a_time(now: datetime) -> None:
    Attempts().ended(now - timedelta(minutes=30))
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [0x6A72_0004])

        made = roll_up()
    finally:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
        other.close()

    assert (made, Snapshot.objects.count()) == (0, 0)


def test_approvals_are_counted_where_they_happened(now: datetime) -> None:
    item = draft_item(text=FLAWLESS_TEXT)
    with transaction.atomic():
        approve(viewer=viewer_for(item.advisor.user), item=item)
    now = now_of_database()
    span = range_of("15m").span(now)

    assert figures_of(read_cells(span), span).approved == 1


def test_the_stretch_before_is_as_long_and_counts_its_own(now: datetime) -> None:
    attempts = Attempts()
    asked = range_of("24h")
    span, before = asked.span(now), asked.span_before(now)
    attempts.ended(span.since + MINUTE)
    attempts.ended(before.since + MINUTE)
    attempts.ended(before.until - timedelta(seconds=1))
    attempts.ended(before.until + timedelta(seconds=1))
    roll_up()

    assert span.until - span.since == before.until - before.since
    assert [figures_of(read_cells(one), one).attempts for one in (span, before)] == [1, 2]


@pytest.mark.parametrize("key", ["15m", "24h", "30d"])
def test_the_worst_ten_are_the_worst_ten(key: str, now: datetime) -> None:
    _history(now, days=29, count=300)
    _history(now, days=0.01, count=60)
    roll_up()
    span = range_of(key).span(now)
    exact = Regeneration.objects.filter(finished_at__gte=span.since, finished_at__lt=span.until, answer_ms__gt=0)

    told = get_worst(span)

    assert [worst.answer_ms for worst in told] == list(
        exact.order_by("-answer_ms").values_list("answer_ms", flat=True)[:10]
    )


def _plan(span: Span) -> str:
    sql, values = statement(span, RollUpMark.objects.first())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # small tables are read whole otherwise
        cursor.execute(f"EXPLAIN {sql}", values)
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.parametrize("key", [one.key for one in RANGES])
def test_a_range_is_read_by_its_indexes_alone(key: str, now: datetime) -> None:
    _history(now, days=20, count=100)
    roll_up()

    plan = _plan(range_of(key).span(now))

    assert "Seq Scan" not in plan
    assert "snapshot_once" in plan
    assert "regeneration_finished" in plan
    assert "journal_event_pkey" in plan


def test_reading_a_range_takes_two_statements(now: datetime) -> None:
    _history(now, days=2, count=50)
    roll_up()

    with CaptureQueriesContext(connection) as statements:
        read_cells(range_of("24h").span(now))

    assert len(statements) == 2


def test_ledgers_of_another_shape_do_not_stop_the_roll_up(now: datetime) -> None:
    attempts = Attempts()
    shapes: list[Any] = [{}, {"stages": None}, {"stages": "odd"}, {"stages": [{"name": "x"}], "waited_ms": 3}]
    for ledger in shapes:
        attempts.ended(now - timedelta(minutes=20), ledger=ledger)
    roll_up()
    span = range_of("1h").span(now)

    told = figures_of(read_cells(span), span)

    assert (told.attempts, [stage.stage for stage in told.stages]) == (4, ["waiting"])
