"""A name that takes its time to resolve costs an answer nothing but that target; on a clock that jumps."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from jarvish_regen.llm.base import CallRecord, DeadlinePassedError, LLMError, Request
from jarvish_regen.llm.openai_target import OpenAITarget
from jarvish_regen.llm.race import ModelLeg, RaceResult, first_valid
from jarvish_regen.llm.transport import GuardedTransport
from tests.llm.scripted import TARGET, Script, ScriptedTransport, after, clock, event
from tests.virtual_clock import run_virtual

REQUEST = Request(messages=({"role": "user", "content": "hello"},))
TICK = 1e-6
WHOLE = ((0.0, event("all well")), (0.0, event("", "stop")), (0.0, b"data: [DONE]\n\n"))


class SlowNames(AbstractResolver):
    """Answer after ``seconds``, as a name server does that drops packets; fails then, so that no socket is opened."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        await asyncio.sleep(self.seconds)
        raise OSError(None, "no name server answered")

    async def close(self) -> None:
        return None


def slow_target(names: SlowNames) -> OpenAITarget:
    return OpenAITarget(TARGET, transport=GuardedTransport(allow_loopback=False, max_connections=4, resolver=names))


@pytest.mark.parametrize("seconds", [0.2, 1.4, 5.0, 30.0])
def test_a_name_that_does_not_resolve_ends_at_the_deadline_at_the_latest(seconds: float) -> None:
    names = SlowNames(seconds)

    async def story() -> tuple[float, LLMError | None, list[CallRecord]]:
        records: list[CallRecord] = []
        failure: LLMError | None = None
        client = slow_target(names)
        try:
            await client.stream(REQUEST, after(1.4), on_end=records.append)
        except LLMError as error:
            failure = error
        ended_at = clock()
        await client.close()
        return ended_at, failure, records

    ended_at, failure, records = run_virtual(story)

    assert names.asked != []
    assert ended_at <= 1.4 + TICK
    assert failure is not None
    assert isinstance(failure, DeadlinePassedError) == (seconds >= 1.4)
    assert [record.outcome for record in records] == ["timeout" if seconds >= 1.4 else "refused"]


def test_a_race_is_won_by_the_target_whose_name_is_known() -> None:
    names = SlowNames(30.0)

    async def story() -> tuple[float, RaceResult[bool]]:
        slow, quick = slow_target(names), OpenAITarget(TARGET, transport=ScriptedTransport(Script(pieces=WHOLE)))
        result = await first_valid(
            [ModelLeg(target=slow, request=REQUEST), ModelLeg(target=quick, request=REQUEST)],
            accept=lambda text, _number: text == "all well",
            deadline=after(1.4),
            hedge_after_seconds=0.3,
            max_legs=2,
        )
        ended_at = clock()
        await slow.close()
        return ended_at, result

    ended_at, result = run_virtual(story)

    assert names.asked != []
    assert ended_at == pytest.approx(0.3, abs=0.15)
    assert result.winner is not None
    assert [record.outcome for record in result.records] == ["cancelled", "ok"]
