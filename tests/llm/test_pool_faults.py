"""What a pool does when targets break: answers go on, nobody waits past the deadline, and the target comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jarvish_regen.llm.base import LLMError, StreamCutError, TargetFailedError, TargetThrottledError
from jarvish_regen.llm.openai_target import OpenAITarget
from jarvish_regen.llm.pool import Pool
from jarvish_regen.llm.race import RaceResult, first_valid
from tests.llm.scripted import TARGET, ScriptedTransport, after, clock
from tests.llm.test_deadlines import TICK, scripts, seconds
from tests.llm.test_pool import REQUEST, ScriptedClient, ask, client, pool_of
from tests.virtual_clock import VirtualClockLoop, run_virtual

OUTAGES: dict[str, Callable[[], LLMError]] = {
    "http_5xx": lambda: TargetFailedError("HTTP 503"),
    "cut": lambda: StreamCutError("The stream ended."),
    "http_429": lambda: TargetThrottledError("HTTP 429", retry_after_seconds=2.0),
}

clients = st.builds(
    lambda seconds, first_token, text, breaks, hangs, vendor: {
        "seconds": seconds,
        "first_token_seconds": min(seconds, first_token),
        "text": text,
        "failure": OUTAGES[breaks] if breaks else None,
        "hangs": hangs,
        "vendor": vendor,
    },
    seconds,
    seconds,
    st.sampled_from(["good", "bad"]),
    st.sampled_from([None, None, *OUTAGES]),
    st.booleans(),
    st.sampled_from(["a", "b"]),
)


@settings(max_examples=80)
@given(
    behaviours=st.lists(clients, max_size=4),
    allowed=st.sampled_from([0.0, 0.004, 0.3, 1.4]),
    judging_seconds=st.sampled_from([0.0, 0.0, 0.01, 0.2]),
)
def test_no_race_from_a_pool_outlives_its_deadline_by_more_than_one_judging(
    behaviours: list[dict[str, object]], allowed: float, judging_seconds: float
) -> None:
    targets = [client(f"t{place}", **one) for place, one in enumerate(behaviours)]  # type: ignore[arg-type]  # as drawn

    def judge(text: str, _number: int) -> bool:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualClockLoop)
        loop._jump(judging_seconds)  # the judge keeps the loop busy: nothing else runs meanwhile
        return text == "good"

    async def story() -> list[tuple[float, RaceResult[bool]]]:
        pool = pool_of(*targets)
        ended = []
        for _ in range(3):
            began_at = clock()
            result = await first_valid(
                pool.picker(lambda _number: REQUEST), accept=judge, deadline=after(allowed), max_legs=3
            )
            ended.append((clock() - began_at, result))
        return ended

    for took, result in run_virtual(story):
        assert took <= allowed + judging_seconds + TICK
        assert len(result.records) <= 3
        assert result.winner is None or result.winner.text == "good"


@settings(max_examples=40)
@given(st.lists(scripts, min_size=1, max_size=3))
def test_no_race_of_a_pool_of_real_clients_outlives_its_deadline(written: list[object]) -> None:
    async def story() -> float:
        pool = Pool(
            [OpenAITarget(TARGET, transport=ScriptedTransport(script)) for script in written],  # type: ignore[arg-type]  # as drawn
            clock=asyncio.get_running_loop().time,
        )
        await first_valid(
            pool.picker(lambda _number: REQUEST),
            accept=lambda text, _number: text == "all well",
            deadline=after(1.4),
            max_legs=3,
        )
        return clock()

    assert run_virtual(story) <= 1.4 + TICK


async def _ask_every(seconds_between: float, pool: Pool, *, until: float) -> list[RaceResult[bool]]:
    running = []
    while clock() < until:
        running.append(asyncio.create_task(ask(pool)))
        await asyncio.sleep(seconds_between)
    return await asyncio.gather(*running)


def _break(one: ScriptedClient, how: str) -> None:
    if how == "hang":
        one.hangs = True
    else:
        one.failure = OUTAGES[how]


def _mend(one: ScriptedClient) -> None:
    one.hangs, one.failure = False, None


@pytest.mark.parametrize("how", ["hang", *OUTAGES])
def test_one_of_two_targets_breaks_and_everybody_is_answered_by_the_other(how: str) -> None:
    one, two = (client(name, vendor=name, seconds=0.2, first_token_seconds=0.08) for name in ("one", "two"))

    async def story() -> list[RaceResult[bool]]:
        pool = pool_of(one, two)
        await _ask_every(0.06, pool, until=5.0)
        _break(one, how)
        return await _ask_every(0.06, pool, until=15.0)

    results = run_virtual(story)

    assert sum(result.winner is not None for result in results) / len(results) >= 0.96
    assert sum(len(result.records) for result in results) <= len(results) * 1.6 + 30


@pytest.mark.parametrize("how", ["hang", "http_5xx", "cut"])
def test_the_breaker_opens_within_ten_calls_and_closes_within_five_seconds_of_recovery(how: str) -> None:
    one, two = (
        client(name, vendor=name, seconds=0.2, first_token_seconds=0.08, max_concurrency=6) for name in ("one", "two")
    )

    async def story() -> tuple[int, float, float]:
        pool = pool_of(one, two)
        await _ask_every(0.06, pool, until=5.0)
        slot = pool.slots[0]
        calls_before = slot.gauge.calls
        _break(one, how)
        asking = asyncio.create_task(_ask_every(0.06, pool, until=20.0))
        while slot.breaker.state == "closed" and not asking.done():
            await asyncio.sleep(0.01)
        calls_to_open = slot.gauge.calls - calls_before
        await asking
        _mend(one)
        mended_at = clock()
        asking = asyncio.create_task(_ask_every(0.06, pool, until=mended_at + 6.0))
        while slot.breaker.state != "closed" and not asking.done():
            await asyncio.sleep(0.01)
        closing_seconds, share = clock() - mended_at, slot.share
        await asking
        return calls_to_open, closing_seconds, share

    calls_to_open, closing_seconds, share = run_virtual(story)

    assert calls_to_open <= 10
    assert closing_seconds <= 5.0
    assert 0.0 < share < 1.0


def test_a_recovered_target_gets_its_share_back_bit_by_bit() -> None:
    one, two = (client(name, vendor=name, seconds=0.05, first_token_seconds=0.02) for name in ("one", "two"))

    async def story() -> list[int]:
        pool = pool_of(one, two)
        await _ask_every(0.01, pool, until=1.0)
        pool.slots[0].breaker.open_for(1.0, "for the test")
        pool.slots[0].breaker.close("for the test")
        asked = []
        for second in range(8):
            before = len(one.asked_at)
            await _ask_every(0.01, pool, until=2.0 + second)
            asked.append(len(one.asked_at) - before)
        return asked

    asked = run_virtual(story)

    assert asked[0] < asked[-1] / 2
    assert sum(asked[:2]) < sum(asked[2:4]) <= sum(asked[6:])


def test_when_one_vendor_is_out_its_two_targets_do_not_use_up_the_calls() -> None:
    down = OUTAGES["http_5xx"]
    broken = [client(f"a{place}", vendor="a", seconds=0.02, failure=down) for place in range(2)]
    well = client("b", vendor="b", seconds=0.3, first_token_seconds=0.1)

    async def story() -> list[RaceResult[bool]]:
        return await _ask_every(0.06, pool_of(*broken, well), until=6.0)

    results = run_virtual(story)

    assert all(result.winner is not None for result in results)


def test_all_targets_out_is_said_at_once_and_not_after_the_deadline() -> None:
    down = OUTAGES["http_5xx"]
    broken = [client(name, vendor=name, seconds=0.01, failure=down) for name in ("one", "two")]

    async def story() -> list[float]:
        pool = pool_of(*broken)
        took = []
        for _ in range(20):
            began_at = clock()
            await ask(pool)
            took.append(clock() - began_at)
        return took

    took = run_virtual(story)

    assert took[0] <= 0.05
    assert max(took) <= 1.4
