"""What is stored of the targets, and what processes tell each other; on a real database and a real Valkey."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.conf import settings

from jarvish_regen.llm.base import KeyRefusedError, TargetFailedError
from jarvish_regen.llm.gauge import TargetFigures
from jarvish_regen.llm.models import TargetAlarm, TargetState
from jarvish_regen.llm.pool import Pool
from jarvish_regen.llm.queries import target_board
from jarvish_regen.llm.shared import SharedHealth
from jarvish_regen.llm.slot import Slot
from jarvish_regen.llm.states import FRESH_SECONDS, write_states
from jarvish_regen.llm.tending import CHECK_SECONDS, Change
from tests.llm.test_pool import ScriptedClient, client
from tests.virtual_clock import run_virtual

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def figures(name: str = "one", **changed: object) -> TargetFigures:
    slot = Slot(client(name, vendor="v"), clock=time.monotonic, random=Random(1))
    return replace(slot.figures(), **changed)  # type: ignore[arg-type]  # named as the fields are


def slot_of(name: str = "one") -> Slot:
    return Slot(client(name), clock=time.monotonic, random=Random(1))


@pytest.mark.django_db
def test_a_row_a_target_and_process_keeps_since_when_its_state_lasts() -> None:
    write_states([figures(calls=1)], [], process="p:1", now=NOW)
    write_states([figures(calls=2)], [], process="p:1", now=NOW + timedelta(seconds=2))
    write_states([figures(state="open", reason="HTTP 503")], [], process="p:1", now=NOW + timedelta(seconds=4))

    (row,) = TargetState.objects.all()
    assert (row.state, row.reason, row.since, row.updated_at) == (
        "open",
        "HTTP 503",
        NOW + timedelta(seconds=4),
        NOW + timedelta(seconds=4),
    )


@pytest.mark.django_db
def test_an_opening_is_one_alarm_however_many_notice_and_a_closing_ends_it() -> None:
    opening = Change("one", "open", "HTTP 503", NOW)
    for process in ("p:1", "p:2"):
        write_states([figures(state="open")], [opening], process=process, now=NOW)
    assert [(alarm.reason, alarm.closed_at) for alarm in TargetAlarm.objects.all()] == [("HTTP 503", None)]

    closing = Change("one", "closed", "The probe was answered.", NOW + timedelta(seconds=3))
    write_states([figures()], [closing], process="p:1", now=NOW + timedelta(seconds=3))

    assert [alarm.closed_at for alarm in TargetAlarm.objects.all()] == [NOW + timedelta(seconds=3)]


@pytest.mark.django_db
def test_an_alarm_whose_process_died_is_closed_when_nobody_finds_the_target_failing() -> None:
    write_states([figures(state="open")], [Change("one", "open", "HTTP 503", NOW)], process="dead:1", now=NOW)
    soon, later = NOW + timedelta(seconds=20), NOW + timedelta(seconds=FRESH_SECONDS + 1)

    write_states([figures()], [], process="p:2", now=soon)
    assert TargetAlarm.objects.get().closed_at is None
    write_states([figures()], [], process="p:2", now=later)

    assert TargetAlarm.objects.get().closed_at == later


@pytest.mark.django_db
def test_the_board_sums_the_processes_up_and_leaves_the_gone_ones_out() -> None:
    write_states([figures(calls=30, ewma_ms=100.0, in_flight=2)], [], process="p:1", now=NOW)
    write_states([figures(calls=10, ewma_ms=300.0, in_flight=1, state="open")], [], process="p:2", now=NOW)
    write_states([figures(calls=99)], [], process="gone:1", now=NOW - timedelta(seconds=FRESH_SECONDS + 1))

    (row,) = target_board(now=NOW)

    assert (row.target, row.state, row.calls, row.in_flight, row.processes, row.ewma_ms) == (
        "one", "open", 40, 3, 2, 150.0,
    )  # fmt: skip


def test_processes_tell_each_other_of_openings_closings_and_patience() -> None:
    async def story() -> list[tuple[str, bool]]:
        prefix = f"test-{time.monotonic_ns()}"
        here, there = (SharedHealth(settings.LLM_SHARED_URL, process=name, prefix=prefix) for name in ("here", "there"))
        own, other = slot_of(), slot_of()
        seen = []
        transition = own.breaker.open_for(2.0, "HTTP 503")
        own.throttle(5.0)
        assert transition is not None
        here.note("one", transition)
        await here.exchange([own])
        caused = await there.exchange([other])
        seen.append((other.breaker.state, other.throttled_for_seconds > 4.0))
        assert [(slot is other, change.reason) for slot, change in caused] == [(True, "HTTP 503")]
        closing = own.breaker.close("well again")
        assert closing is not None
        here.note("one", closing)
        await here.exchange([own])
        await there.exchange([other])
        seen.append((other.breaker.state, await there.exchange([other]) == []))
        assert await here.may_do("check:one", 5.0)
        assert not await there.may_do("check:one", 5.0)
        await here.close()
        await there.close()
        return seen

    assert asyncio.run(story()) == [("open", True), ("closed", True)]


def test_without_valkey_each_process_goes_by_itself_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> tuple[list[object], bool]:
        alone = SharedHealth("redis://127.0.0.1:1/0", process="alone")
        caused = [*await alone.exchange([slot_of()]), *await alone.exchange([slot_of()])]
        return list(caused), await alone.may_do("check:one", 5.0)

    assert asyncio.run(story()) == ([], True)
    assert [record.getMessage() for record in caplog.records] == ["target states are not shared"]


def _watched(*clients: ScriptedClient, seconds: float) -> tuple[list[tuple[TargetFigures, ...]], list[Change]]:
    published: list[tuple[TargetFigures, ...]] = []
    changes: list[Change] = []

    async def story() -> None:
        pool = Pool(clients, clock=asyncio.get_running_loop().time, random=Random(3))
        while asyncio.get_running_loop().time() < seconds:
            await pool.tender.tick()
            published.append(pool.figures())
            await asyncio.sleep(0.5)
        changes.extend(pool.tender.changes)

    run_virtual(story)
    return published, changes


@pytest.mark.parametrize("seconds", [2 * CHECK_SECONDS, 4 * CHECK_SECONDS])
def test_a_target_nobody_asks_is_checked_each_thirty_seconds_at_its_price(seconds: float) -> None:
    one = client("one", seconds=0.1)

    published, _ = _watched(one, seconds=seconds)

    assert len(one.asked_at) in (int(seconds / CHECK_SECONDS), int(seconds / CHECK_SECONDS) - 1)
    assert published[-1][0].cost_usd == pytest.approx(0.01 * len(one.asked_at))
    assert published[-1][0].checked_at is not None
    assert published[-1][0].ewma_ms is None


@pytest.mark.parametrize("failure", [lambda: TargetFailedError("HTTP 500"), lambda: KeyRefusedError("HTTP 401")])
def test_a_target_nobody_asks_is_found_out_by_checks_alone(
    failure: Callable[[], TargetFailedError | KeyRefusedError],
) -> None:
    one = client("one", seconds=0.01, failure=failure)

    _, changes = _watched(one, seconds=3 * CHECK_SECONDS)

    assert changes[0].state == "open"
    assert {change.target for change in changes} == {"one"}
