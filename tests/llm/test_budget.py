"""What extra calls may cost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jarvish_regen.llm.budget import HEDGES_LEAVE_SHARE, TokenBucket


@given(st.lists(st.integers(0, 5), max_size=300), st.floats(0.0, 2.0), st.floats(0.0, 20.0))
def test_extra_calls_never_pass_the_capacity_and_the_rate(wishes: list[int], rate: float, capacity: float) -> None:
    bucket = TokenBucket(rate=rate, capacity=capacity)
    extra = 0
    for wish in wishes:
        bucket.add_request()
        extra += sum(bucket.take() for _ in range(wish))

    assert extra <= capacity + rate * len(wishes) + 1e-6


def test_hedges_leave_some_for_failed_calls() -> None:
    bucket = TokenBucket(rate=0.0, capacity=10.0)

    hedges = sum(bucket.take(is_hedge=True) for _ in range(20))
    replacements = sum(bucket.take() for _ in range(20))

    assert (hedges, replacements) == (round(10 * (1 - HEDGES_LEAVE_SHARE)), round(10 * HEDGES_LEAVE_SHARE))


def test_a_quiet_time_fills_it_up_and_no_further() -> None:
    bucket = TokenBucket(rate=0.6, capacity=3.0)
    for _ in range(100):
        bucket.add_request()

    assert bucket.tokens == 3.0
