"""No call and no race outlives its deadline, whatever the other side does; on a clock that jumps, so to the instant."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jarvish_regen.llm.base import CLOSING_SECONDS, CallRecord, Completion, DeadlinePassedError, LLMError, Request
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.openai_target import OpenAITarget
from jarvish_regen.llm.race import ModelLeg, RaceResult, first_valid
from tests.llm.scripted import TARGET, Script, ScriptedLeg, ScriptedTransport, after, clock, event
from tests.virtual_clock import NothingLeftToWaitForError, run_virtual

REQUEST = Request(messages=({"role": "user", "content": "hello"},))
TICK = 1e-6
WHOLE = (event("all "), event("well"), event("", "stop"), b"data: [DONE]\n\n")

seconds = st.sampled_from([0.0, 0.001, 0.05, 0.29, 0.31, 0.5, 1.0, 1.39, 1.4, 5.0, 1e5])
pieces = st.lists(
    st.tuples(
        seconds,
        st.sampled_from([*WHOLE, b"d", b"data: {", b": ping\n\n", b"\n\n", b"data: []\n\n", b"data: 7\n\n", b"\xff\n"]),
    ),
    max_size=8,
).map(tuple)
scripts = st.builds(
    Script,
    pieces=st.one_of(pieces, st.just(tuple((0.0, piece) for piece in WHOLE))),
    headers_seconds=seconds,
    hangs_at_the_end=st.booleans(),
    close_seconds=seconds,
    ignores_cancelling=st.integers(0, 3),
    status=st.sampled_from([200, 200, 200, 429, 500]),
)
scripted_legs = st.builds(
    ScriptedLeg,
    name=st.just("leg"),
    text=st.sampled_from(["good", "bad", None]),
    seconds=seconds,
    first_token_seconds=st.one_of(st.none(), st.just(0.0), st.just(0.2)),
    ignores_cancelling=st.integers(0, 3),
    reports=st.booleans(),
)


async def ask(script: Script, deadline: Deadline) -> tuple[Completion | LLMError, list[CallRecord]]:
    client = OpenAITarget(TARGET, transport=ScriptedTransport(script))
    records: list[CallRecord] = []
    try:
        return await client.stream(REQUEST, deadline, on_end=records.append), records
    except LLMError as failure:
        return failure, records


def test_a_deadline_counts_down_to_nothing() -> None:
    now = [10.0]
    deadline = Deadline.after(1.4, clock=lambda: now[0])

    assert deadline.left() == pytest.approx(1.4)
    assert deadline.sooner(0.4).left() == pytest.approx(1.0)
    assert deadline.sooner(-5.0) == deadline
    now[0] = 12.0
    assert deadline.left() == 0.0
    assert deadline.passed


@settings(max_examples=150, deadline=None)
@given(script=scripts, allowed=st.sampled_from([0.0, 0.004, 0.3, 1.4]))
def test_no_call_outlives_its_deadline(script: Script, allowed: float) -> None:
    async def story() -> tuple[float, Completion | LLMError, list[CallRecord]]:
        result, records = await ask(script, after(allowed))
        return clock(), result, records

    ended_at, result, records = run_virtual(story)

    assert ended_at <= allowed + TICK
    assert len(records) == 1
    assert result.record == records[0]
    assert records[0].ended_ms <= (allowed + TICK) * 1000
    assert (records[0].outcome == "ok") == isinstance(result, Completion)


@settings(max_examples=150, deadline=None)
@given(
    legs=st.lists(scripted_legs, max_size=3),
    max_legs=st.integers(0, 4),
    hedge_after=seconds,
    late_first_token=st.one_of(st.none(), seconds),
    allowed=st.sampled_from([0.0, 0.004, 0.3, 1.4]),
)
def test_no_race_outlives_its_deadline(
    legs: list[ScriptedLeg], max_legs: int, hedge_after: float, late_first_token: float | None, allowed: float
) -> None:
    async def story() -> tuple[float, RaceResult[bool]]:
        result = await first_valid(
            legs,
            accept=lambda text, _number: text == "good",
            deadline=after(allowed),
            hedge_after_seconds=hedge_after,
            late_first_token_seconds=late_first_token,
            max_legs=max_legs,
        )
        return clock(), result

    ended_at, result = run_virtual(story)

    asked = sum(len(leg.asked_at) for leg in legs)
    assert ended_at <= allowed + TICK
    assert len(result.records) == asked <= max_legs
    assert all(judged.text == "bad" for judged in result.rejected)
    assert result.winner is None or result.winner.text == "good"


@settings(max_examples=60, deadline=None)
@given(first=scripts, second=scripts)
def test_no_race_of_real_clients_outlives_its_deadline(first: Script, second: Script) -> None:
    async def story() -> tuple[float, RaceResult[bool]]:
        legs = [
            ModelLeg(target=OpenAITarget(TARGET, transport=ScriptedTransport(script)), request=REQUEST)
            for script in (first, second)
        ]
        result = await first_valid(
            legs,
            accept=lambda text, _number: text == "all well",
            deadline=after(1.4),
            hedge_after_seconds=0.3,
            max_legs=3,
        )
        return clock(), result

    ended_at, result = run_virtual(story)

    assert ended_at <= 1.4 + TICK
    assert 1 <= len(result.records) <= 3


def test_a_stuck_socket_is_left_behind_at_the_deadline() -> None:
    async def story() -> tuple[float, Completion | LLMError]:
        result, _ = await ask(Script(pieces=(), headers_seconds=1e6, ignores_cancelling=3), after(1.4))
        return clock(), result

    ended_at, result = run_virtual(story)

    assert ended_at == pytest.approx(1.4)
    assert isinstance(result, DeadlinePassedError)


def test_one_byte_a_second_is_not_an_answer() -> None:
    drip = tuple((1.0, bytes([byte])) for byte in b"".join(WHOLE))

    async def story() -> tuple[float, Completion | LLMError]:
        result, _ = await ask(Script(pieces=drip), after(1.4))
        return clock(), result

    ended_at, result = run_virtual(story)

    assert ended_at == pytest.approx(1.4 - CLOSING_SECONDS)
    assert isinstance(result, DeadlinePassedError)


def test_silence_after_the_first_token_is_noticed_before_the_deadline() -> None:
    async def story() -> tuple[float, Completion | LLMError]:
        pings = tuple((0.1, b": ping\n\n") for _ in range(20))
        result, _ = await ask(Script(pieces=((0.1, event("all ")), *pings)), after(1.4))
        return clock(), result

    ended_at, result = run_virtual(story)

    assert ended_at == pytest.approx(0.1 + TARGET.stall_seconds)
    assert isinstance(result, LLMError)
    assert result.outcome == "stalled"


def test_a_whole_answer_does_not_wait_for_its_connection_to_close() -> None:
    async def story() -> tuple[float, Completion | LLMError]:
        whole = tuple((0.1, piece) for piece in WHOLE[:3])
        result, _ = await ask(Script(pieces=whole, hangs_at_the_end=True, close_seconds=1e5), after(1.4))
        return clock(), result

    ended_at, result = run_virtual(story)

    assert isinstance(result, Completion)
    assert result.text == "all well"
    assert ended_at == pytest.approx(0.33)


def test_nothing_is_sent_when_no_time_is_left() -> None:
    async def story() -> tuple[Completion | LLMError, list[CallRecord]]:
        return await ask(Script(pieces=()), after(0.0))

    result, records = run_virtual(story)

    assert isinstance(result, DeadlinePassedError)
    assert [(record.outcome, record.prompt_tokens) for record in records] == [("timeout", 0)]


def test_the_virtual_clock_says_when_nothing_will_ever_happen() -> None:
    async def story() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(NothingLeftToWaitForError):
        run_virtual(story)
