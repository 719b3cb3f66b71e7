"""Ask several times for one valid answer, under one deadline.

The first *valid* answer wins, not the first to arrive: ``accept`` decides, in code. A further leg starts when one
fails or its answer is not accepted (at once), when the hedge time is over, or when a first token is late. A leg that
asked for patience is left in peace for as long as it said. Losers are cancelled and awaited; what they cost is counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from jarvish_regen.llm.base import (
    CLOSING_SECONDS,
    CallRecord,
    Completion,
    LLMError,
    Request,
    StreamingTarget,
    TargetThrottledError,
)
from jarvish_regen.llm.deadline import Deadline

logger = logging.getLogger(__name__)

Verdict = TypeVar("Verdict")


class Leg(Protocol):
    """One way to get an answer; may be asked more than once in a race."""

    @property
    def name(self) -> str:
        """Return the name its records carry."""

    async def ask(
        self, deadline: Deadline, *, on_first_token: Callable[[], None], on_end: Callable[[CallRecord], None]
    ) -> Completion:
        """Return an answer or raise ``LLMError``; call ``on_end`` once, with milliseconds from the leg's own start."""


@dataclass(frozen=True, slots=True)
class ModelLeg:
    """Ask one target one request."""

    target: StreamingTarget
    request: Request

    @property
    def name(self) -> str:
        """Return the target's name."""
        return self.target.target.name

    async def ask(
        self, deadline: Deadline, *, on_first_token: Callable[[], None], on_end: Callable[[CallRecord], None]
    ) -> Completion:
        """Stream the request's answer from the target."""
        return await self.target.stream(self.request, deadline, on_first_token=on_first_token, on_end=on_end)


@dataclass(frozen=True, slots=True)
class Judged(Generic[Verdict]):
    """Hold an answer with what ``accept`` said of it; ``leg`` is its place among the legs given."""

    text: str = field(repr=False)
    verdict: Verdict
    record: CallRecord
    leg: int


@dataclass(frozen=True, slots=True)
class RaceResult(Generic[Verdict]):
    """Tell how a race ended.

    ``winner`` is None when no answer was accepted in time. ``records`` has every call in the order of their start, in
    milliseconds from the start of the race; ``rejected`` every whole answer that was not accepted.
    """

    winner: Judged[Verdict] | None
    records: tuple[CallRecord, ...]
    rejected: tuple[Judged[Verdict], ...]

    @property
    def cost_usd(self) -> float:
        """Return what all legs cost together, in US dollars."""
        return sum(record.cost_usd for record in self.records)


async def first_valid(
    legs: Sequence[Leg],
    *,
    accept: Callable[[str], Verdict],
    deadline: Deadline,
    hedge_after_seconds: float,
    max_legs: int,
    late_first_token_seconds: float | None = None,
    may_ask_again: Callable[[], bool] | None = None,
) -> RaceResult[Verdict]:
    """Return the first answer whose verdict is truthy, and what every call came to.

    Legs are asked in their order and round again (one target may be asked twice), ``max_legs`` calls in all. A further
    call starts ``hedge_after_seconds`` after the last, or sooner on a failure or when the newest has no token after
    ``late_first_token_seconds``. ``may_ask_again`` (a token bucket) is asked before each call but the first; its no
    holds for the rest of the race. ``accept`` runs on the loop, so it must be quick; an exception it raises ends the
    race. Ends no later than ``deadline``.
    """
    race = _Race(legs, accept=accept, deadline=deadline, max_legs=max_legs, may_ask_again=may_ask_again)
    try:
        winner = await race.run(hedge_after_seconds, late_first_token_seconds)
    finally:
        await race.close()
    return RaceResult(winner=winner, records=race.records(), rejected=tuple(race.rejected))


class _Call:
    """One leg being asked."""

    def __init__(self, leg: Leg, index: int, deadline: Deadline) -> None:
        self.leg = leg
        self.index = index
        self.began_at = deadline.clock()
        self.record: CallRecord | None = None
        self.first_token = asyncio.Event()
        self.task = asyncio.create_task(
            leg.ask(deadline, on_first_token=self.first_token.set, on_end=self._keep), name=f"llm leg {leg.name}"
        )

    def _keep(self, record: CallRecord) -> None:
        self.record = record


class _Race(Generic[Verdict]):
    def __init__(
        self,
        legs: Sequence[Leg],
        *,
        accept: Callable[[str], Verdict],
        deadline: Deadline,
        max_legs: int,
        may_ask_again: Callable[[], bool] | None,
    ) -> None:
        self.rejected: list[Judged[Verdict]] = []
        self._legs = legs
        self._accept = accept
        self._deadline = deadline
        # Legs end a little sooner, so that closing them still falls inside the deadline.
        self._work = deadline.sooner(CLOSING_SECONDS)
        self._max_legs = max_legs if legs else 0
        self._may_ask_again = may_ask_again
        self._began_at = deadline.clock()
        self._ended_at = self._began_at
        self._calls: list[_Call] = []
        self._open_from = [self._began_at] * len(legs)
        self._next_leg = 0

    async def run(self, hedge_after_seconds: float, late_first_token_seconds: float | None) -> Judged[Verdict] | None:
        clock = self._deadline.clock
        running: set[_Call] = set()
        next_start_at = self._began_at
        while not self._work.passed:
            newest = self._calls[-1] if self._calls else None
            waits_for_token = newest in running and not newest.first_token.is_set() if newest else False
            start_at = next_start_at
            if newest and waits_for_token and late_first_token_seconds is not None:
                start_at = min(start_at, newest.began_at + late_first_token_seconds)
            start_at = max(start_at, self._soonest_open())
            if clock() >= start_at:
                if (call := self._start()) is not None:
                    running.add(call)
                    next_start_at = clock() + hedge_after_seconds
                    continue
                start_at = self._deadline.at
            if not running and start_at >= self._work.at:
                return None
            for call in await self._wait(running, until=min(start_at, self._work.at), token_of=newest):
                running.discard(call)
                winner = self._judge(call)
                if winner is not None:
                    return winner
                next_start_at = clock()
        return None

    async def close(self) -> None:
        """Cancel what runs and wait for it, as far as the deadline lets."""
        self._ended_at = self._deadline.clock()
        alive = {call.task for call in self._calls if not call.task.done()}
        for task in alive:
            task.cancel()
        if alive:
            _, stuck = await asyncio.wait(alive, timeout=min(CLOSING_SECONDS, self._deadline.left()))
            _abandoned.update(stuck)
        for call in self._calls:
            call.task.add_done_callback(_take_result)

    def records(self) -> tuple[CallRecord, ...]:
        """Return a record of each call; one that never gave its own has the outcome cancelled."""
        return tuple(self._record(call) for call in self._calls)

    def _start(self) -> _Call | None:
        if len(self._calls) >= self._max_legs or self._work.passed:
            return None
        if self._calls and self._may_ask_again is not None and not self._may_ask_again():
            self._max_legs = len(self._calls)
            return None
        now = self._deadline.clock()
        for step in range(len(self._legs)):
            index = (self._next_leg + step) % len(self._legs)
            if self._open_from[index] <= now:
                self._next_leg = index + 1
                call = _Call(self._legs[index], index, self._work)
                self._calls.append(call)
                return call
        return None

    def _soonest_open(self) -> float:
        if len(self._calls) >= self._max_legs:
            return float("inf")
        return min(self._open_from)

    async def _wait(self, running: set[_Call], *, until: float, token_of: _Call | None) -> list[_Call]:
        """Wait for a call to end, until an instant; return the ended ones in the order they were started."""
        timeout = max(0.0, until - self._deadline.clock())
        if not running:
            await asyncio.sleep(timeout)
            return []
        tasks: set[asyncio.Task[object]] = {call.task for call in running}
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        return [call for call in self._calls if call in running and call.task.done()]

    def _judge(self, call: _Call) -> Judged[Verdict] | None:
        """Return the call's answer if it is accepted; else keep it, or note when its leg may be asked again."""
        if call.task.cancelled():
            self._open_from[call.index] = float("inf")
            return None
        failure = call.task.exception()
        if isinstance(failure, LLMError):
            call.record = call.record or failure.record
            if isinstance(failure, TargetThrottledError):
                patience = failure.retry_after_seconds
                wait = float("inf") if patience is None else patience
                self._open_from[call.index] = self._deadline.clock() + wait
            elif not failure.retryable:
                self._open_from[call.index] = float("inf")
            return None
        if failure is not None:
            if not isinstance(failure, Exception):
                raise failure
            # A bug in one leg must not take the answer of another with it.
            logger.error("a leg of a race broke", extra={"leg": call.leg.name}, exc_info=failure)
            self._open_from[call.index] = float("inf")
            return None
        completion = call.task.result()
        call.record = call.record or completion.record
        verdict = self._accept(completion.text)
        judged = Judged(text=completion.text, verdict=verdict, record=self._record(call), leg=call.index)
        if verdict:
            return judged
        self.rejected.append(judged)
        return None

    def _record(self, call: _Call) -> CallRecord:
        offset_ms = (call.began_at - self._began_at) * 1000
        if call.record is not None:
            return call.record.shifted(offset_ms)
        ended_ms = (self._ended_at - self._began_at) * 1000
        return CallRecord(
            target=call.leg.name,
            started_ms=offset_ms,
            first_token_ms=None,
            ended_ms=ended_ms,
            outcome="cancelled",
            error="It did not end when it was cancelled.",
            is_estimated=True,
        )


# A task that ignores its cancelling must stay referenced until it ends, else it is collected while it runs.
_abandoned: set[asyncio.Task[Completion]] = set()


def _take_result(task: asyncio.Task[Completion]) -> None:
    _abandoned.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, LLMError):
        logger.warning("a model call ended late with an error", extra={"error": repr(error)})
