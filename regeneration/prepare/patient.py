"""Ask models when nobody waits for the answer yet: one call at a time, a stated number of them, ended on demand."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

from jarvish_regen.llm.base import CallRecord, Request, Why
from jarvish_regen.llm.legs import Leg, Legs, Patience, Pickers
from regeneration.job import Outcome

# A second call buys time, and here there is time; past this a call is taken for one that never ends.
PATIENCE_SECONDS: Final = 2.0


class Stop:
    """Tell a coroutine on the engine's loop, from any thread, that its answer is wanted no more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wake: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self.is_set = False

    def set(self) -> None:
        """End what runs, now or as soon as it begins."""
        with self._lock:
            self.is_set = True
            if self._wake is not None:
                loop, event = self._wake
                loop.call_soon_threadsafe(event.set)

    async def wait(self) -> None:
        """Return when it is set."""
        event = asyncio.Event()
        with self._lock:
            self._wake = (asyncio.get_running_loop(), event)
            if self.is_set:
                return
        await event.wait()


async def until_stopped(work: Coroutine[Any, Any, Outcome], stop: Stop) -> None:
    """Run ``work`` to its end or until ``stop`` is set.

    It is then cancelled and awaited, so that its calls are booked.
    """
    running = asyncio.create_task(work, name="answer ahead")
    stopped = asyncio.create_task(stop.wait(), name="answer ahead: stop")
    try:
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        if not running.done():
            running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


class PatientPool:
    """Let the races of ``pool`` make ``calls_max`` calls together, none of them for haste and none after ``stop``."""

    def __init__(self, pool: Pickers, *, calls_max: int, stop: Stop) -> None:
        self._pool = pool
        self._stop = stop
        self._calls_left = calls_max

    def picker(self, request_of: Callable[[int], Request]) -> Legs:
        """Return the pool's own picker, held back."""
        return _PatientPicker(self._pool.picker(request_of), self)

    @property
    def may_ask(self) -> bool:
        """Say whether a further call may be made."""
        return self._calls_left > 0 and not self._stop.is_set

    def count_call(self) -> None:
        """Take one call off what is left."""
        self._calls_left -= 1


class _PatientPicker:
    def __init__(self, legs: Legs, pool: PatientPool) -> None:
        self._legs = legs
        self._pool = pool

    def take(self, why: Why, left_seconds: float) -> Leg | None:
        if not self._pool.may_ask:
            return None
        leg = self._legs.take(why, left_seconds)
        if leg is not None:
            self._pool.count_call()
        return leg

    def opens_in(self, why: Why, left_seconds: float) -> float:
        return self._legs.opens_in(why, left_seconds) if self._pool.may_ask else float("inf")

    def patience(self, leg: Leg, usual: Patience) -> Patience:
        return Patience(PATIENCE_SECONDS, None)

    def ended(self, leg: Leg, failure: BaseException | None, record: CallRecord | None) -> None:
        self._legs.ended(leg, failure, record)

    def judged(self, leg: Leg, *, is_accepted: bool) -> None:
        self._legs.judged(leg, is_accepted=is_accepted)
