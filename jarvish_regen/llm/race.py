"""Ask several times for one valid answer, under one deadline.

The first *valid* answer wins, not the first to arrive: ``accept`` decides, in code. A further call starts when one
fails or its answer is not accepted (at once), when the hedge time is over, or when a first token is late. Losers are
cancelled and awaited; what they cost is counted. Who is asked next is for the legs to say: a list of them in turn, or a
pool's picker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Generic, TypeVar

from jarvish_regen.llm.base import (
    CLOSING_SECONDS,
    HEDGES,
    CallRecord,
    Completion,
    LLMError,
    Why,
)
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.legs import InOrder, Leg, Legs, ModelLeg, Patience

__all__ = ["Judged", "Leg", "ModelLeg", "RaceResult", "Watch", "first_valid"]

logger = logging.getLogger(__name__)

Verdict = TypeVar("Verdict")

# At or before the P50 of a usual provider (PERFORMANCE.md, "What buys the most").
HEDGE_AFTER_SECONDS: Final = 0.3
# A leg that was free and then was not is looked for again after this.
_AGAIN_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Judged(Generic[Verdict]):
    """Hold an answer with what ``accept`` said of it; ``call_number`` is its place among the calls, from 0."""

    text: str = field(repr=False)
    verdict: Verdict
    record: CallRecord
    call_number: int


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
        """Return what all calls cost together, in US dollars."""
        return sum(record.cost_usd for record in self.records)


class Watch:
    """Look into a race from outside: what its calls have come to so far, also after it was cancelled."""

    def __init__(self) -> None:
        self._records: Callable[[], tuple[CallRecord, ...]] = tuple

    def follow(self, records: Callable[[], tuple[CallRecord, ...]]) -> None:
        """Take the records from here on from ``records``."""
        self._records = records

    def records(self) -> tuple[CallRecord, ...]:
        """Return a record of each call so far; one that still runs has the outcome cancelled."""
        return self._records()


async def first_valid(
    legs: Sequence[Leg] | Legs,
    *,
    accept: Callable[[str, int], Verdict],
    deadline: Deadline,
    hedge_after_seconds: float = HEDGE_AFTER_SECONDS,
    max_legs: int,
    late_first_token_seconds: float | None = None,
    may_ask_again: Callable[[], bool] | None = None,
    watch: Watch | None = None,
) -> RaceResult[Verdict]:
    """Return the first answer whose verdict is truthy, and what every call came to.

    A sequence of legs is asked in its order and round again; ``may_ask_again`` is then asked before each call but the
    first. A picker chooses by itself, keeps its own budget, and knows how long to wait for whom; the two times given
    here are for targets it knows nothing of. There are ``max_legs`` calls at most. A further one starts
    ``hedge_after_seconds`` after the last, or sooner on a failure or when the newest has no token after
    ``late_first_token_seconds``. ``accept`` gets the text and the number of its call; it runs on the loop, so it must
    be quick, and an exception it raises ends the race. ``watch`` may look on. Ends no later than ``deadline``.
    """
    source = InOrder(legs, clock=deadline.clock, may_ask_again=may_ask_again) if isinstance(legs, Sequence) else legs
    usual = Patience(hedge_after_seconds, late_first_token_seconds)
    race = _Race(source, accept=accept, deadline=deadline, max_legs=max_legs, usual=usual)
    if watch is not None:
        watch.follow(race.records)
    try:
        winner = await race.run()
    finally:
        await race.close()
    return RaceResult(winner=winner, records=race.records(), rejected=tuple(race.rejected))


class _Call:
    """One leg being asked."""

    def __init__(self, leg: Leg, *, number: int, why: Why, patience: Patience, legs: Legs, deadline: Deadline) -> None:
        self.leg = leg
        self.number = number
        self.why = why
        self.began_at = deadline.clock()
        self.hedge_at = self.began_at + patience.hedge_after_seconds
        late = patience.late_first_token_seconds
        self.late_token_at = float("inf") if late is None else self.began_at + late
        self.record: CallRecord | None = None
        self.has_token = False
        self._legs = legs
        self.task = asyncio.create_task(
            leg.ask(deadline, on_first_token=self._note_token, on_end=self._keep), name=f"llm leg {leg.name}"
        )
        # Also for a task cancelled before it began, or one that outlives the race: nothing else would free the leg.
        self.task.add_done_callback(self._give_back)

    def _note_token(self) -> None:
        self.has_token = True

    def _keep(self, record: CallRecord) -> None:
        self.record = record

    def _give_back(self, task: asyncio.Task[Completion]) -> None:
        failure = asyncio.CancelledError() if task.cancelled() else task.exception()
        if self.record is None and isinstance(failure, LLMError):
            self.record = failure.record
        self._legs.ended(self.leg, failure, self.record)


class _Race(Generic[Verdict]):
    def __init__(
        self,
        legs: Legs,
        *,
        accept: Callable[[str, int], Verdict],
        deadline: Deadline,
        max_legs: int,
        usual: Patience,
    ) -> None:
        self.rejected: list[Judged[Verdict]] = []
        self._legs = legs
        self._accept = accept
        self._deadline = deadline
        # Calls end a little sooner, so that closing them still falls inside the deadline.
        self._work = deadline.sooner(CLOSING_SECONDS)
        self._max_legs = max_legs
        self._usual = usual
        self._began_at = deadline.clock()
        self._ended_at: float | None = None
        self._calls: list[_Call] = []
        self._running: set[_Call] = set()
        self._owed: Why | None = "first"
        self._not_before = self._began_at

    async def run(self) -> Judged[Verdict] | None:
        clock = self._deadline.clock
        while not self._work.passed:
            start_at, why = self._next_start()
            if clock() >= start_at:
                self._start(why)
                continue
            if not self._running and start_at >= self._work.at:
                return None
            for call in await self._wait(until=min(start_at, self._work.at)):
                self._running.discard(call)
                winner = self._judge(call)
                if winner is not None:
                    return winner
                if self._work.passed:
                    break
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

    def _next_start(self) -> tuple[float, Why]:
        """Return when the next call should start as far as is known now, and why."""
        if len(self._calls) >= self._max_legs:
            return float("inf"), "hedge"
        at, why = self._when_and_why()
        opens_in = self._legs.opens_in(why, self._work.left())
        return max(at, self._deadline.clock() + opens_in) if opens_in > 0.0 else at, why

    def _when_and_why(self) -> tuple[float, Why]:
        if self._owed is not None:
            return self._not_before, self._owed
        newest = self._calls[-1]
        if not newest.has_token and newest.late_token_at < newest.hedge_at:
            return max(newest.late_token_at, self._not_before), "late_token"
        return max(newest.hedge_at, self._not_before), "hedge"

    def _start(self, why: Why) -> None:
        leg = self._legs.take(why, self._work.left())
        if leg is None:
            self._not_before = self._deadline.clock() + _AGAIN_SECONDS
            return
        patience = self._legs.patience(leg, self._usual)
        call = _Call(leg, number=len(self._calls), why=why, patience=patience, legs=self._legs, deadline=self._work)
        self._calls.append(call)
        self._running.add(call)
        self._owed = None

    async def _wait(self, *, until: float) -> list[_Call]:
        """Wait for a call to end, until an instant; return the ended ones in the order they were started."""
        timeout = max(0.0, until - self._deadline.clock())
        if not self._running:
            await asyncio.sleep(timeout)
            return []
        tasks: set[asyncio.Task[object]] = {call.task for call in self._running}
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        return [call for call in self._calls if call in self._running and call.task.done()]

    def _judge(self, call: _Call) -> Judged[Verdict] | None:
        """Return the call's answer if it is accepted; else another call is owed."""
        self._owed = "failed"
        if call.task.cancelled():
            return None
        failure = call.task.exception()
        if isinstance(failure, LLMError):
            return None
        if failure is not None:
            if not isinstance(failure, Exception):
                raise failure
            # A bug in one leg must not take the answer of another with it.
            logger.error("a leg of a race broke", extra={"leg": call.leg.name}, exc_info=failure)
            return None
        self._owed = "not_valid"
        completion = call.task.result()
        call.record = call.record or completion.record
        verdict = self._accept(completion.text, call.number)
        judged = Judged(completion.text, verdict, self._record(call), call.number)
        self._legs.judged(call.leg, is_accepted=bool(verdict))
        if verdict:
            return judged
        self.rejected.append(judged)
        return None

    def _record(self, call: _Call) -> CallRecord:
        offset_ms = (call.began_at - self._began_at) * 1000
        if call.record is not None:
            record = call.record.shifted(offset_ms)
        else:
            record = CallRecord(
                target=call.leg.name,
                started_ms=offset_ms,
                first_token_ms=None,
                ended_ms=((self._ended_at or self._deadline.clock()) - self._began_at) * 1000,
                outcome="cancelled",
                error="It did not end when it was cancelled.",
                is_estimated=True,
            )
        return replace(record, why=call.why, is_hedge=call.why in HEDGES)


# A task that ignores its cancelling must stay referenced until it ends, else it is collected while it runs.
_abandoned: set[asyncio.Task[Completion]] = set()


def _take_result(task: asyncio.Task[Completion]) -> None:
    _abandoned.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, LLMError):
        logger.warning("a model call ended late with an error", extra={"error": repr(error)})
