"""When a breaker opens, who may probe, and when it closes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jarvish_regen.llm.breaker import COOLDOWN_MAX_SECONDS, PROBE_SECONDS, Breaker, Permit, Sign


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def told(breaker: Breaker, *signs: Sign) -> list[str]:
    """Make calls that tell these signs, as long as calls may be made; return the state after each."""
    states = []
    for sign in signs:
        permit = breaker.take()
        if permit is None:
            break
        breaker.report(permit, sign, "it failed")
        states.append(breaker.state)
    return states


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(clock=clock)
    told(breaker, *["failed"] * 5)  # type: ignore[arg-type]  # a list of one sign
    assert breaker.state == "open"
    return breaker


def test_five_failures_in_a_row_open_it_and_four_do_not() -> None:
    assert told(Breaker(clock=Clock()), *["failed"] * 5) == ["closed"] * 4 + ["open"]  # type: ignore[arg-type]  # as above


def test_half_of_the_last_ten_calls_failing_opens_it() -> None:
    states = told(
        Breaker(clock=Clock()), "ok", "failed", "ok", "failed", "ok", "failed", "ok", "failed", "ok", "failed"
    )

    assert states == ["closed"] * 9 + ["open"]


@given(st.integers(0, 4), st.integers(10, 60))
def test_up_to_four_failures_in_any_ten_calls_never_open_it(failures: int, calls: int) -> None:
    signs: list[Sign] = ["failed" if place % 10 < failures else "ok" for place in range(calls)]

    assert told(Breaker(clock=Clock()), *signs) == ["closed"] * calls


@given(st.lists(st.sampled_from(["failed", "silent"]), min_size=10, max_size=10))
def test_a_target_without_any_sign_of_life_is_left_within_ten_calls(signs: list[Sign]) -> None:
    assert told(Breaker(clock=Clock()), *signs)[-1] == "open"


def test_a_single_sign_of_life_ends_a_row_of_silence() -> None:
    signs: list[Sign] = ["silent"] * 7 + ["alive"] + ["silent"] * 7

    assert told(Breaker(clock=Clock()), *signs) == ["closed"] * 15


@given(crowd=st.integers(1, 200), waited=st.floats(0.0, 60.0))
def test_a_crowd_at_a_half_open_breaker_gets_exactly_one_probe(crowd: int, waited: float) -> None:
    clock = Clock()
    breaker = opened(clock)

    clock.now += waited
    permits = [permit for _ in range(crowd) if (permit := breaker.take()) is not None]

    is_due = breaker.state == "half_open"
    assert len(permits) == (1 if is_due else 0)
    assert all(permit.is_probe for permit in permits)


@given(
    st.lists(
        st.tuples(st.floats(0.0, 1.0), st.sampled_from(["take", "ok", "failed", "silent", "nothing"])), max_size=80
    )
)
def test_there_is_never_more_than_one_probe_out(steps: list[tuple[float, str]]) -> None:
    clock = Clock()
    breaker = opened(clock)
    out: list[tuple[Permit, float]] = []

    for seconds, act in steps:
        clock.now += seconds
        out = [(permit, at) for permit, at in out if clock.now - at < PROBE_SECONDS]
        if act == "take":
            permit = breaker.take()
            if permit is not None and permit.is_probe:
                out.append((permit, clock.now))
        elif out:
            breaker.report(out.pop()[0], act)  # type: ignore[arg-type]  # one of the signs
        assert len(out) <= 1


def test_an_answered_probe_closes_it_and_a_failed_one_makes_it_wait_longer() -> None:
    clock = Clock()
    breaker = opened(clock)
    waits = []
    for sign in ("failed", "failed", "failed", "failed", "ok"):
        waits.append(breaker.opens_in)
        clock.now += breaker.opens_in
        probe = breaker.take()
        assert probe is not None
        breaker.report(probe, sign)  # type: ignore[arg-type]  # one of the signs

    assert breaker.state == "closed"
    assert waits[0] <= 1.0 < waits[2]
    assert max(waits) <= COOLDOWN_MAX_SECONDS


@given(st.floats(0.0, 100.0))
def test_a_probe_is_due_within_the_longest_cooldown_of_a_recovery_at_any_time(recovers_after: float) -> None:
    clock = Clock()
    breaker = opened(clock)
    recovers_at = clock.now + recovers_after
    while breaker.state != "closed":
        clock.now += breaker.opens_in
        probe = breaker.take()
        assert probe is not None
        breaker.report(probe, "ok" if clock.now >= recovers_at else "failed")

    assert clock.now - recovers_at <= COOLDOWN_MAX_SECONDS


def test_a_probe_that_is_never_handed_back_does_not_lock_the_target_for_ever() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1.0
    lost = breaker.take()

    clock.now += PROBE_SECONDS
    second = breaker.take()

    assert lost is not None
    assert second is not None
    assert breaker.report(lost, "ok") is None
    assert breaker.state == "half_open"


def test_calls_from_before_it_opened_tell_nothing() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    early = breaker.take()
    told(breaker, *["failed"] * 5)  # type: ignore[arg-type]  # as above

    assert early is not None
    assert breaker.report(early, "ok") is None
    assert breaker.state == "open"


def test_what_another_process_found_out_opens_and_closes_it() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)

    assert breaker.open_for(2.0, "seen elsewhere") is not None
    assert breaker.opens_in == pytest.approx(2.0)
    assert breaker.open_for(3.0, "and again") is None
    assert breaker.opens_in == pytest.approx(3.0)
    assert breaker.close("well elsewhere") is not None
    assert breaker.state == "closed"
