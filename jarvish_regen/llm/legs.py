"""Say whom a race asks next: the port that a list of legs and a pool's picker both fit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from jarvish_regen.llm.base import CallRecord, Completion, LLMError, Request, StreamingTarget, TargetThrottledError, Why
from jarvish_regen.llm.deadline import Deadline


class Leg(Protocol):
    """One way to get an answer; may be asked more than once in a race."""

    @property
    def name(self) -> str:
        """Return the name its records carry."""

    async def ask(
        self, deadline: Deadline, *, on_first_token: Callable[[], None], on_end: Callable[[CallRecord], None]
    ) -> Completion:
        """Return an answer or raise ``LLMError``; call ``on_end`` once, with milliseconds from the leg's own start."""


class Pickers(Protocol):
    """Give each race the one who chooses its legs; what a pool does."""

    def picker(self, request_of: Callable[[int], Request]) -> Legs:
        """Return who chooses the legs of one race; its call ``n``, from 0, asks ``request_of(n)``."""


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
class Patience:
    """Say how long to wait for one call before another is made beside it; None: no first token is ever late."""

    hedge_after_seconds: float
    late_first_token_seconds: float | None


class Legs(Protocol):
    """Give one race its legs, one after the other; made afresh for each race."""

    def take(self, why: Why, left_seconds: float) -> Leg | None:
        """Return the leg to ask now, or None when none may be asked; its end will be told by ``ended``."""

    def opens_in(self, why: Why, left_seconds: float) -> float:
        """Return in how many seconds a leg may be asked: 0.0 now, infinite if not in this race."""

    def patience(self, leg: Leg, usual: Patience) -> Patience:
        """Return how long to wait for a leg; ``usual`` is for one of which nothing is known."""

    def ended(self, leg: Leg, failure: BaseException | None, record: CallRecord | None) -> None:
        """Take in how a call ended: whole (no failure), with an ``LLMError``, cancelled, or with a bug."""

    def judged(self, leg: Leg, *, is_accepted: bool) -> None:
        """Take in whether a whole answer was accepted."""


class InOrder:
    """Ask legs in their order and round again; one that asked for patience is left in peace as long as it said."""

    def __init__(
        self, legs: Sequence[Leg], *, clock: Callable[[], float], may_ask_again: Callable[[], bool] | None = None
    ) -> None:
        self._legs = legs
        self._clock = clock
        self._may_ask_again = may_ask_again
        self._open_from = [float("-inf")] * len(legs)
        self._next = 0
        self._has_asked = False
        self._is_spent = not legs

    def take(self, why: Why, left_seconds: float) -> Leg | None:
        """Return the next leg that is open; once ``may_ask_again`` said no, none."""
        if self.opens_in(why, left_seconds) > 0.0:
            return None
        if self._has_asked and self._may_ask_again is not None and not self._may_ask_again():
            self._is_spent = True
            return None
        now = self._clock()
        steps = ((self._next + step) % len(self._legs) for step in range(len(self._legs)))
        place = next(place for place in steps if self._open_from[place] <= now)
        self._next = place + 1
        self._has_asked = True
        return self._legs[place]

    def opens_in(self, why: Why, left_seconds: float) -> float:
        """Return in how many seconds the first leg opens."""
        return float("inf") if self._is_spent else max(0.0, min(self._open_from) - self._clock())

    def patience(self, leg: Leg, usual: Patience) -> Patience:
        """Return the usual patience."""
        return usual

    def ended(self, leg: Leg, failure: BaseException | None, record: CallRecord | None) -> None:
        """Note when the leg may be asked again."""
        if failure is None or isinstance(failure, asyncio.CancelledError):
            return
        if isinstance(failure, LLMError) and failure.retryable and not isinstance(failure, TargetThrottledError):
            return
        wait = float("inf")
        if isinstance(failure, TargetThrottledError) and failure.retry_after_seconds is not None:
            wait = failure.retry_after_seconds
        for place, one in enumerate(self._legs):
            if one is leg:
                self._open_from[place] = self._clock() + wait

    def judged(self, leg: Leg, *, is_accepted: bool) -> None:
        """Leave the order as it is."""
