"""Play the other side of a call on the virtual clock: a transport that follows a script instead of a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from jarvish_regen.llm.base import CallRecord, Completion, LLMError, Target, TargetFailedError
from jarvish_regen.llm.deadline import Deadline


def clock() -> float:
    """Return the virtual time of the running loop."""
    return asyncio.get_running_loop().time()


def after(seconds: float) -> Deadline:
    """Return a deadline on the virtual clock."""
    return Deadline.after(seconds, clock=asyncio.get_running_loop().time)


def event(content: str, finish_reason: str | None = None) -> bytes:
    """Return one event of a stream."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}
    return (
        b"data: " + json.dumps({"id": "x", "object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"
    )


@dataclass(frozen=True)
class Script:
    """Wait ``headers_seconds``, then send each piece after its wait; at the end close, or hang.

    ``close_seconds`` is how long closing takes, and ``ignores_cancelling`` how often the read shrugs a cancelling off.
    """

    pieces: tuple[tuple[float, bytes], ...]
    headers_seconds: float = 0.0
    hangs_at_the_end: bool = False
    close_seconds: float = 0.0
    ignores_cancelling: int = 0
    status: int = 200


class ScriptedTransport:
    """Answer every request by one script."""

    def __init__(self, script: Script) -> None:
        self.script = script

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> ScriptedAnswer:
        await stubborn_sleep(self.script.headers_seconds, self.script.ignores_cancelling)
        return ScriptedAnswer(self.script)

    async def warm(self, url: str, *, headers: Mapping[str, str], connections: int) -> int:
        await stubborn_sleep(self.script.headers_seconds, self.script.ignores_cancelling)
        return connections

    async def close(self) -> None:
        return None


class ScriptedAnswer:
    """Send the pieces of a script."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.headers: Mapping[str, str] = {"content-type": "text/event-stream"}

    @property
    def status(self) -> int:
        return self.script.status

    async def pieces(self) -> AsyncIterator[bytes]:
        for wait_seconds, piece in self.script.pieces:
            await stubborn_sleep(wait_seconds, self.script.ignores_cancelling)
            yield piece
        if self.script.hangs_at_the_end:
            await stubborn_sleep(1e6, self.script.ignores_cancelling)

    async def close(self) -> None:
        await asyncio.sleep(self.script.close_seconds)


async def stubborn_sleep(seconds: float, ignores_cancelling: int) -> None:
    """Sleep on through the first few cancellings, as a stuck read may."""
    until = clock() + seconds
    while True:
        try:
            await asyncio.sleep(max(0.0, until - clock()))
        except asyncio.CancelledError:
            ignores_cancelling -= 1
            if ignores_cancelling < 0:
                raise
            continue
        return


@dataclass
class ScriptedLeg:
    """A leg of a race that answers, fails, hangs or is stuck; ``asked_at`` are the instants it was asked."""

    name: str = "leg"
    text: str | None = "good"
    seconds: float = 0.1
    first_token_seconds: float | None = None
    failure: Callable[[], Exception] = lambda: TargetFailedError("HTTP 500")
    ignores_cancelling: int = 0
    cost_usd: float = 1.0
    reports: bool = True

    def __post_init__(self) -> None:
        self.asked_at: list[float] = []
        self.ended: list[str] = []

    async def ask(
        self, deadline: Deadline, *, on_first_token: Callable[[], None], on_end: Callable[[CallRecord], None]
    ) -> Completion:
        began_at = clock()
        self.asked_at.append(began_at)

        def record(outcome: str) -> CallRecord:
            made = CallRecord(
                target=self.name,
                started_ms=0.0,
                first_token_ms=None,
                ended_ms=(clock() - began_at) * 1000,
                outcome=outcome,  # type: ignore[arg-type]  # one of the outcomes, given below
                cost_usd=self.cost_usd,
            )
            self.ended.append(outcome)
            if self.reports:
                on_end(made)
            return made

        try:
            if self.first_token_seconds is not None:
                await stubborn_sleep(self.first_token_seconds, self.ignores_cancelling)
                on_first_token()
            await stubborn_sleep(self.seconds - (self.first_token_seconds or 0.0), self.ignores_cancelling)
        except asyncio.CancelledError:
            record("cancelled")
            raise
        if self.text is None:
            failure = self.failure()
            if isinstance(failure, LLMError):
                record(failure.outcome)
            raise failure
        return Completion(text=self.text, record=record("ok"))


TARGET = Target(name="scripted", base_url="https://api.example.com/v1", model="m", api_key="k", stall_seconds=0.3)
