"""Whom a pool asks: the less loaded and quicker, never who is full, throttled or broken, and not one vendor twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

import pytest

from jarvish_regen.llm.base import (
    CallRecord,
    Completion,
    DeadlinePassedError,
    KeyRefusedError,
    LLMError,
    Request,
    Target,
    TargetFailedError,
    TargetThrottledError,
    TargetUnreachableError,
)
from jarvish_regen.llm.budget import TokenBucket
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.pool import Pool
from jarvish_regen.llm.race import RaceResult, first_valid
from tests.llm.scripted import after, clock
from tests.virtual_clock import run_virtual

REQUEST = Request(messages=({"role": "user", "content": "hello"},))


@dataclass
class ScriptedClient:
    """A target that answers after a while, hangs, or fails as it is told at that moment."""

    target: Target
    seconds: float = 0.1
    first_token_seconds: float | None = None
    text: str = "good"
    failure: Callable[[], LLMError] | None = None
    hangs: bool = False
    asked_at: list[float] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    async def stream(
        self,
        request: Request,
        deadline: Deadline,
        *,
        on_first_token: Callable[[], None] | None = None,
        on_end: Callable[[CallRecord], None] | None = None,
    ) -> Completion:
        began_at = clock()
        self.asked_at.append(began_at)
        self.asked.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

        def record(outcome: str) -> CallRecord:
            made = CallRecord(
                target=self.target.name,
                started_ms=0.0,
                first_token_ms=None,
                ended_ms=(clock() - began_at) * 1000,
                outcome=outcome,  # type: ignore[arg-type]  # one of the outcomes, given below
                cost_usd=0.01,
                error=None if outcome == "ok" else f"It was {outcome}.",
            )
            if on_end is not None:
                on_end(made)
            return made

        try:
            if self.hangs:
                await asyncio.sleep(deadline.left())
                late = DeadlinePassedError("The answer was not whole in time.")
                late.record = record(late.outcome)
                raise late
            if self.failure is not None:
                failure = self.failure()
                await asyncio.sleep(self.seconds)
                failure.record = record(failure.outcome)
                raise failure
            token_after = self.seconds if self.first_token_seconds is None else self.first_token_seconds
            await asyncio.sleep(token_after)
            if on_first_token is not None:
                on_first_token()
            await asyncio.sleep(self.seconds - token_after)
        except asyncio.CancelledError:
            record("cancelled")
            raise
        finally:
            self.in_flight -= 1
        return Completion(text=self.text, record=record("ok"))


def client(
    name: str, *, vendor: str = "", max_concurrency: int = 8, tier: str = "fast", **behaviour: object
) -> ScriptedClient:
    target = Target(
        name=name,
        base_url="https://api.example.com/v1",
        model="m",
        api_key="k",
        tier=tier,
        vendor=vendor,
        max_concurrency=max_concurrency,
    )
    return ScriptedClient(target, **behaviour)  # type: ignore[arg-type]  # named as the fields are


def pool_of(*clients: ScriptedClient, **settings: object) -> Pool:
    """Return a pool on the virtual clock; to be made inside ``run_virtual``."""
    return Pool(clients, clock=asyncio.get_running_loop().time, random=Random(7), **settings)  # type: ignore[arg-type]


async def ask(pool: Pool, *, allowed: float = 1.4, max_legs: int = 3) -> RaceResult[bool]:
    return await first_valid(
        pool.picker(lambda _number: REQUEST),
        accept=lambda text, _number: text == "good",
        deadline=after(allowed),
        max_legs=max_legs,
    )


def called(result: RaceResult[bool]) -> list[tuple[str, str, str]]:
    return [(record.target, record.outcome, record.why) for record in result.records]


def test_the_quicker_of_two_idle_targets_is_asked() -> None:
    slow, quick = client("slow", seconds=0.3), client("quick", seconds=0.1)

    async def story() -> None:
        pool = pool_of(slow, quick)
        for _ in range(20):
            await ask(pool)

    run_virtual(story)

    assert len(quick.asked_at) >= 18


def test_a_crowd_spreads_over_the_targets_and_none_has_more_calls_than_it_may() -> None:
    clients = [client(name, seconds=0.2, max_concurrency=4) for name in ("one", "two", "three")]

    async def story() -> list[RaceResult[bool]]:
        pool = pool_of(*clients)
        return await asyncio.gather(*(ask(pool, max_legs=1) for _ in range(12)))

    results = run_virtual(story)

    assert all(result.winner for result in results)
    assert [one.most_in_flight for one in clients] == [4, 4, 4]


def test_a_crowd_larger_than_the_pool_waits_for_a_free_place() -> None:
    one = client("one", seconds=0.2, max_concurrency=2)

    async def story() -> tuple[float, list[RaceResult[bool]]]:
        pool = pool_of(one)
        results = await asyncio.gather(*(ask(pool) for _ in range(6)))
        return clock(), results

    ended_at, results = run_virtual(story)

    assert all(result.winner for result in results)
    assert one.most_in_flight == 2
    assert ended_at == pytest.approx(0.6, abs=0.05)


def test_the_second_call_asks_another_target_and_the_second_request() -> None:
    one, two = client("one", seconds=1.0), client("two", seconds=1.0)
    other = replace(REQUEST, temperature=0.7)

    async def story() -> None:
        picker = pool_of(one, two).picker(lambda number: REQUEST if number == 0 else other)
        await first_valid(picker, accept=lambda _text, _number: True, deadline=after(1.4), max_legs=3)

    run_virtual(story)

    assert (len(one.asked), len(two.asked)) in ((1, 1), (2, 1), (1, 2))
    asked = sorted(
        (at, request.temperature)
        for one_of in (one, two)
        for at, request in zip(one_of.asked_at, one_of.asked, strict=True)
    )
    assert [temperature for _at, temperature in asked] == [0.2] + [0.7] * (len(asked) - 1)


def test_the_judge_learns_which_call_an_answer_is_of() -> None:
    one, two = client("one", text="bad"), client("two")
    heard: list[tuple[str, int]] = []

    async def story() -> None:
        def accept(text: str, call_number: int) -> bool:
            heard.append((text, call_number))
            return text == "good"

        await first_valid(
            pool_of(one, two).picker(lambda _number: REQUEST), accept=accept, deadline=after(1.4), max_legs=3
        )

    run_virtual(story)

    assert heard in ([("good", 0)], [("bad", 0), ("good", 1)])


def test_when_two_targets_of_a_vendor_fail_alike_the_next_call_goes_to_another_vendor() -> None:
    def down() -> LLMError:
        return TargetFailedError("HTTP 503")

    first = [client(f"a{number}", vendor="a", seconds=0.01, failure=down) for number in range(3)]
    other = client("b1", vendor="b", seconds=0.4)

    async def story() -> RaceResult[bool]:
        return await ask(pool_of(*first, other))

    result = run_virtual(story)

    assert result.winner is not None
    assert result.winner.record.target == "b1"
    assert sum(len(one.asked_at) for one in first) <= 1


def test_hedges_wait_for_another_vendor_rather_than_be_spent_on_the_one_that_failed_twice() -> None:
    def down() -> LLMError:
        return TargetFailedError("HTTP 503")

    first = [client(f"a{number}", vendor="a", seconds=0.01, failure=down) for number in range(4)]
    other = client("b1", vendor="b", seconds=0.2)

    async def story() -> RaceResult[bool]:
        pool = pool_of(*first, other)
        pool.slots[-1].throttle(0.3)
        return await ask(pool)

    result = run_virtual(story)

    assert [record.target[0] for record in result.records] == ["a", "a", "b"]
    assert other.asked_at == [pytest.approx(0.3)]
    assert result.winner is not None


def test_a_vendor_in_trouble_is_left_by_the_next_races_too() -> None:
    def down() -> LLMError:
        return TargetUnreachableError("No connection to the target.")

    first = [client(f"a{number}", vendor="a", seconds=0.0, failure=down) for number in range(2)]
    other = client("b1", vendor="b", seconds=0.2)

    async def story() -> list[str]:
        pool = pool_of(*first, other)
        for number in range(2):
            pool.trouble.add("a", f"a{number}", "refused")
        return [(await ask(pool)).records[0].target for _ in range(5)]

    assert run_virtual(story) == ["b1"] * 5


@pytest.mark.parametrize("patience", [0.5, 3.0, None])
def test_a_throttled_target_is_not_asked_before_its_time(patience: float | None) -> None:
    told_at: list[float] = []

    def throttle() -> LLMError:
        told_at.append(clock() + 0.01)
        return TargetThrottledError("HTTP 429", retry_after_seconds=patience)

    throttled, other = client("one", seconds=0.01, failure=throttle), client("two", seconds=0.1)

    async def story() -> None:
        pool = pool_of(throttled, other)
        pool.slots[1].gauge.ewma_ms = 1e6
        while clock() < 4.0:
            await ask(pool)

    run_virtual(story)

    quiet_seconds = 0.5 if patience is None else patience
    too_early = [at for at in throttled.asked_at for told in told_at if told < at < told + quiet_seconds - 1e-9]
    assert told_at
    assert too_early == []


def test_a_target_that_refuses_the_key_is_not_asked_again_in_that_race() -> None:
    one = client("one", seconds=0.01, failure=lambda: KeyRefusedError("HTTP 401"))

    async def story() -> RaceResult[bool]:
        return await ask(pool_of(one))

    assert called(run_virtual(story)) == [("one", "auth", "first")]


def test_records_say_why_each_call_was_made() -> None:
    one = client("one", seconds=1.2, first_token_seconds=0.1)
    two = client("two", seconds=1.2, first_token_seconds=1.0)

    async def story() -> RaceResult[bool]:
        return await ask(pool_of(one, two))

    records = run_virtual(story).records

    assert records[0].why == "first"
    assert {record.why for record in records[1:]} <= {"hedge", "late_token"}
    assert [record.is_hedge for record in records] == [False] + [True] * (len(records) - 1)


def test_a_failed_call_is_replaced_when_no_hedge_is_paid_any_more() -> None:
    clients = [client(name, seconds=0.05, failure=lambda: TargetFailedError("HTTP 500")) for name in ("one", "two")]

    async def story() -> RaceResult[bool]:
        return await ask(pool_of(*clients, bucket=TokenBucket(rate=0.0, capacity=1.5)), max_legs=4)

    assert [why for _name, _outcome, why in called(run_virtual(story))] == ["first", "failed"]


def test_calls_a_request_stay_within_the_budget() -> None:
    clients = [client(name, vendor=name, seconds=0.9) for name in ("one", "two")]

    async def story() -> int:
        pool = pool_of(*clients, bucket=TokenBucket(rate=0.6, capacity=5.0))
        return sum([len((await ask(pool)).records) for _ in range(200)])

    assert run_virtual(story) <= 200 * 1.6 + 5


def test_only_targets_of_the_named_tiers_are_asked() -> None:
    strong, local = client("strong", tier="strong"), client("local", tier="local")

    async def story() -> RaceResult[bool]:
        picker = pool_of(strong, local).picker(lambda _number: REQUEST, tiers=("local",))
        return await first_valid(picker, accept=lambda _text, _number: True, deadline=after(1.4), max_legs=1)

    assert [record.target for record in run_virtual(story).records] == ["local"]


def test_an_empty_pool_has_no_answer_and_takes_no_time() -> None:
    async def story() -> tuple[float, RaceResult[bool]]:
        result = await ask(pool_of())
        return clock(), result

    ended_at, result = run_virtual(story)

    assert (ended_at, result.winner, result.records) == (0.0, None, ())


def test_a_swap_keeps_what_is_known_of_targets_that_stay() -> None:
    one, two = client("one"), client("two")

    async def story() -> list[tuple[str, int]]:
        pool = pool_of(one)
        await ask(pool)
        pool.use([two, client("one")])
        return [(figures.name, figures.calls) for figures in pool.figures()]

    assert run_virtual(story) == [("two", 0), ("one", 1)]


def test_after_races_a_pool_counts_as_under_way_what_is_under_way_whatever_happened_in_them() -> None:
    clients = [
        client("hangs", hangs=True),
        client("fails", seconds=0.05, failure=lambda: TargetFailedError("HTTP 500")),
        client("slow", seconds=0.5),
    ]

    async def story() -> tuple[list[int], list[int]]:
        pool = pool_of(*clients)
        await asyncio.gather(*(ask(pool) for _ in range(10)))
        await asyncio.sleep(0.2)  # checks may be under way, races are not
        return [slot.in_flight for slot in pool.slots], [one.in_flight for one in clients]

    counted, real = run_virtual(story)

    assert counted == real
    assert max(counted) <= 1
