"""Which answer wins a race, who is asked when, and what becomes of the losers; on a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from jarvish_regen.llm.base import KeyRefusedError, TargetFailedError, TargetThrottledError
from jarvish_regen.llm.race import RaceResult, first_valid
from tests.llm.scripted import ScriptedLeg, after, clock
from tests.virtual_clock import run_virtual


def race(
    *legs: ScriptedLeg,
    allowed: float = 1.4,
    hedge_after: float = 0.3,
    late_first_token: float | None = None,
    max_legs: int = 3,
    accept: Callable[[str, int], str | None] = lambda text, _number: f"verdict on {text}" if text == "good" else None,
    may_ask_again: Callable[[], bool] | None = None,
) -> tuple[float, RaceResult[str | None]]:
    async def story() -> tuple[float, RaceResult[str | None]]:
        result = await first_valid(
            legs,
            accept=accept,
            deadline=after(allowed),
            hedge_after_seconds=hedge_after,
            late_first_token_seconds=late_first_token,
            max_legs=max_legs,
            may_ask_again=may_ask_again,
        )
        return clock(), result

    return run_virtual(story)


def outcomes(result: RaceResult[str | None]) -> list[tuple[str, str]]:
    return [(record.target, record.outcome) for record in result.records]


def instants(asked_at: Sequence[float]) -> list[float]:
    return [round(instant, 3) for instant in asked_at]


def test_a_quick_answer_is_the_only_call() -> None:
    ended_at, result = race(ScriptedLeg("one", seconds=0.2), ScriptedLeg("two"))

    assert ended_at == pytest.approx(0.2)
    assert result.winner is not None
    assert (result.winner.text, result.winner.verdict, result.winner.call_number) == ("good", "verdict on good", 0)
    assert outcomes(result) == [("one", "ok")]


def test_the_first_valid_answer_wins_not_the_first() -> None:
    one, two = ScriptedLeg("one", seconds=0.6), ScriptedLeg("two", text="bad", seconds=0.1)

    ended_at, result = race(one, two, max_legs=2)

    assert ended_at == pytest.approx(0.6)
    assert result.winner is not None
    assert result.winner.record.target == "one"
    assert [(judged.text, judged.record.target) for judged in result.rejected] == [("bad", "two")]


def test_a_failed_leg_is_replaced_at_once() -> None:
    one, two = ScriptedLeg("one", text=None, seconds=0.1), ScriptedLeg("two", seconds=0.2)

    ended_at, result = race(one, two)

    assert instants(two.asked_at) == [0.1]
    assert ended_at == pytest.approx(0.3)
    assert outcomes(result) == [("one", "http_5xx"), ("two", "ok")]
    assert [round(record.started_ms) for record in result.records] == [0, 100]
    assert [round(record.ended_ms) for record in result.records] == [100, 300]


def test_an_answer_that_is_not_accepted_is_replaced_at_once() -> None:
    one, two = ScriptedLeg("one", text="bad", seconds=0.1), ScriptedLeg("two", seconds=0.2)

    _, result = race(one, two)

    assert instants(two.asked_at) == [0.1]
    assert result.winner is not None


def test_a_slow_leg_is_hedged_and_the_loser_cancelled_awaited_and_counted() -> None:
    one, two = ScriptedLeg("one", seconds=1.2), ScriptedLeg("two", seconds=0.2)

    ended_at, result = race(one, two)

    assert instants(two.asked_at) == [0.3]
    assert ended_at == pytest.approx(0.5)
    assert one.ended == ["cancelled"]
    assert outcomes(result) == [("one", "cancelled"), ("two", "ok")]
    assert result.records[0].ended_ms == pytest.approx(500.0)
    assert result.cost_usd == 2.0


def test_a_late_first_token_hedges_sooner() -> None:
    one, two = ScriptedLeg("one", seconds=1.2), ScriptedLeg("two", seconds=0.2)

    race(one, two, hedge_after=0.6, late_first_token=0.25)

    assert instants(two.asked_at) == [0.25]


def test_a_first_token_in_time_puts_the_hedge_off() -> None:
    one = ScriptedLeg("one", seconds=1.2, first_token_seconds=0.2)
    two = ScriptedLeg("two", seconds=0.2)

    race(one, two, hedge_after=0.6, late_first_token=0.25)

    assert instants(two.asked_at) == [0.6]


def test_one_target_may_be_asked_again() -> None:
    one = ScriptedLeg("one", seconds=5.0)

    ended_at, result = race(one, max_legs=3)

    assert instants(one.asked_at) == [0.0, 0.3, 0.6]
    assert ended_at <= 1.4
    assert outcomes(result) == [("one", "cancelled")] * 3
    assert result.winner is None


def test_a_refused_key_is_not_tried_twice() -> None:
    one = ScriptedLeg("one", text=None, seconds=0.1, failure=lambda: KeyRefusedError("HTTP 401"))

    ended_at, result = race(one)

    assert len(one.asked_at) == 1
    assert ended_at == pytest.approx(0.1)
    assert result.winner is None


def test_a_throttled_target_is_left_in_peace_for_as_long_as_it_said() -> None:
    one = ScriptedLeg("one", text=None, seconds=0.1)
    one.failure = lambda: TargetThrottledError("HTTP 429", retry_after_seconds=0.5)

    race(one, max_legs=2)

    assert instants(one.asked_at) == [0.0, 0.6]


@pytest.mark.parametrize("patience", [None, 2.0])
def test_a_target_throttled_past_the_deadline_ends_the_race_at_once(patience: float | None) -> None:
    one = ScriptedLeg("one", text=None, seconds=0.1)
    one.failure = lambda: TargetThrottledError("HTTP 429", retry_after_seconds=patience)

    ended_at, _ = race(one)

    assert len(one.asked_at) == 1
    assert ended_at == pytest.approx(0.1)


def test_a_throttled_target_does_not_keep_the_other_from_being_asked() -> None:
    one = ScriptedLeg("one", text=None, seconds=0.1)
    one.failure = lambda: TargetThrottledError("HTTP 429", retry_after_seconds=None)
    two = ScriptedLeg("two", text="bad", seconds=0.1)

    _, result = race(one, two, max_legs=3)

    assert outcomes(result) == [("one", "http_429"), ("two", "ok"), ("two", "ok")]


def test_targets_that_refuse_at_once_end_the_race_long_before_the_deadline() -> None:
    legs = [ScriptedLeg(name, text=None, seconds=0.0) for name in ("one", "two")]

    ended_at, result = race(*legs)

    assert ended_at == 0.0
    assert [record.target for record in result.records] == ["one", "two", "one"]


def test_an_empty_bucket_allows_no_second_call() -> None:
    one, two = ScriptedLeg("one", seconds=1.0), ScriptedLeg("two", seconds=0.1)

    ended_at, result = race(one, two, may_ask_again=lambda: False)

    assert outcomes(result) == [("one", "ok")]
    assert ended_at == pytest.approx(1.0)


def test_a_bug_in_one_leg_does_not_take_the_answer_of_another() -> None:
    one = ScriptedLeg("one", text=None, seconds=0.1, failure=lambda: ZeroDivisionError(), reports=False)
    two = ScriptedLeg("two", seconds=0.1)

    _, result = race(one, two)

    assert result.winner is not None
    assert [record.target for record in result.records] == ["one", "two"]


def test_a_loser_that_will_not_end_does_not_hold_the_winner_up() -> None:
    one, two = ScriptedLeg("one", seconds=1e5, ignores_cancelling=3), ScriptedLeg("two", seconds=0.1)

    ended_at, result = race(one, two)

    assert ended_at == pytest.approx(0.4, abs=0.006)
    assert outcomes(result) == [("one", "cancelled"), ("two", "ok")]


def test_an_error_of_the_judge_ends_the_race_and_its_legs() -> None:
    one, two = ScriptedLeg("one", seconds=0.1), ScriptedLeg("two", seconds=1.0)

    def fail(text: str, call_number: int) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        race(one, two, hedge_after=0.0, accept=fail)

    assert two.ended == ["cancelled"]


def test_cancelling_a_race_cancels_its_legs() -> None:
    one = ScriptedLeg("one", seconds=1.0)

    async def story() -> None:
        running = asyncio.create_task(
            first_valid(
                [one], accept=lambda text, _number: bool(text), deadline=after(1.4), hedge_after_seconds=0.3, max_legs=1
            )
        )
        await asyncio.sleep(0.2)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run_virtual(story)

    assert one.ended == ["cancelled"]


def test_a_race_without_legs_has_no_winner() -> None:
    ended_at, result = race()

    assert (ended_at, result.winner, result.records) == (0.0, None, ())


def test_the_reason_of_a_failure_reaches_the_record() -> None:
    failure = TargetFailedError("HTTP 500")

    assert (failure.outcome, failure.retryable, str(failure)) == ("http_5xx", True, "HTTP 500")
