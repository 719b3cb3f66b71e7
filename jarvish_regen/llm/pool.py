"""Hold the targets of a process and choose whom each call of a race asks.

A pool belongs to one event loop: everything but ``use`` and ``figures`` is called there. The choice itself is a few
comparisons; weights and quantiles are worked out by a task of the loop (``tending``) twice a second.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Final, Protocol, runtime_checkable

from jarvish_regen.llm.balance import choose
from jarvish_regen.llm.base import (
    HEDGES,
    CallRecord,
    Completion,
    LLMError,
    Request,
    StreamingTarget,
    Target,
    Why,
)
from jarvish_regen.llm.breaker import Permit
from jarvish_regen.llm.budget import TokenBucket
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.gauge import TargetFigures
from jarvish_regen.llm.legs import Leg, Patience
from jarvish_regen.llm.shared import SharedHealth
from jarvish_regen.llm.slot import Slot
from jarvish_regen.llm.tending import Publish, Tender
from jarvish_regen.llm.trouble import VendorTrouble

logger = logging.getLogger(__name__)

TIERS: Final = ("fast", "strong", "local")
# PERFORMANCE.md: at about 250 ms a stream tells whether a call is alive.
LATE_FIRST_TOKEN_SECONDS: Final = 0.25
# Sooner than this a further call buys nothing that a deadline of 1.4 s needs.
_PATIENCE_MIN_SECONDS: Final = 0.1
# When every target has all the calls it may have: how soon one is looked for again.
_FULL_SECONDS: Final = 0.01
# Who tends the pool sends a due probe within half a second; past this a person's request is the probe.
_PROBE_OVERDUE_SECONDS: Final = 1.0


@runtime_checkable
class Warmable(Protocol):
    """A client that can open connections before it is asked."""

    async def warm(self) -> object:
        """Open some connections without asking anything."""


class Pool:
    """Know the targets that may be asked, and how each does.

    A task of the loop tends it from the first race on (``tending``): ``shared`` is where processes tell each other whom
    not to ask, ``publish`` stores what people see. ``random`` and ``clock`` (seconds, monotonic) are arguments for the
    tests.
    """

    def __init__(
        self,
        clients: Iterable[StreamingTarget] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
        bucket: TokenBucket | None = None,
        shared: SharedHealth | None = None,
        publish: Publish | None = None,
    ) -> None:
        self.clock = clock
        self.random = random or Random()  # noqa: S311  spreads load, guards nothing
        self.bucket = bucket or TokenBucket()
        self.trouble = VendorTrouble(clock=clock)
        self.tender = Tender(self, shared=shared, publish=publish)
        self._slots: tuple[Slot, ...] = ()
        self.use(clients)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Return what is known of each target."""
        return self._slots

    def __bool__(self) -> bool:
        """Say whether anybody could be asked at all."""
        return bool(self._slots)

    def use(self, clients: Iterable[StreamingTarget]) -> None:
        """Swap the set of targets; one that stays keeps what is known of it. May be called from any thread."""
        known = {_endpoint(slot.target): slot for slot in self._slots}
        slots = []
        for client in clients:
            slot = known.get(_endpoint(client.target)) or Slot(client, clock=self.clock, random=self.random)
            slot.client, slot.target = client, client.target
            slots.append(slot)
        # One swap of a whole tuple: a race on the loop sees the old set or the new one.
        self._slots = tuple(slots)

    def picker(self, request_of: Callable[[int], Request], *, tiers: Sequence[str] = TIERS) -> Picker:
        """Return who chooses the legs of one race; its call ``n``, counted from 0, asks ``request_of(n)``.

        Only targets of the named tiers are asked.
        """
        self.tender.ensure()
        return Picker(self, request_of, [slot for slot in self._slots if slot.target.tier in tiers])

    async def start(self) -> None:
        """Begin to tend the targets, and open connections to those whose clients can, before anybody waits."""
        self.tender.ensure()
        warming = [slot.client.warm() for slot in self._slots if isinstance(slot.client, Warmable)]
        for failure in await asyncio.gather(*warming, return_exceptions=True):
            if isinstance(failure, Exception):
                logger.warning("target not warmed", extra={"error": type(failure).__name__})

    def figures(self) -> tuple[TargetFigures, ...]:
        """Return how each target does now; may be called from any thread (a figure may be one call old)."""
        return tuple(slot.figures() for slot in self._slots)


class PooledLeg:
    """Ask one target of a pool once."""

    def __init__(self, slot: Slot, request: Request, permit: Permit, clock: Callable[[], float]) -> None:
        self.slot = slot
        self.permit = permit
        self._request = request
        self._clock = clock
        self._began_at = clock()
        self._first_token_at: float | None = None

    @property
    def name(self) -> str:
        """Return the target's name."""
        return self.slot.target.name

    @property
    def seconds(self) -> float:
        """Return the time since it was taken."""
        return self._clock() - self._began_at

    @property
    def first_token_seconds(self) -> float | None:
        """Return when its first token came, None if none did."""
        return None if self._first_token_at is None else self._first_token_at - self._began_at

    async def ask(
        self, deadline: Deadline, *, on_first_token: Callable[[], None], on_end: Callable[[CallRecord], None]
    ) -> Completion:
        """Stream the request's answer from the target."""

        def note_token() -> None:
            self._first_token_at = self._clock()
            on_first_token()

        return await self.slot.client.stream(self._request, deadline, on_first_token=note_token, on_end=on_end)


class Picker:
    """Choose the legs of one race; fits ``legs.Legs``.

    Avoids who is being asked and the vendor that has just failed, so that two targets that fail together do not use up
    the calls of a race; a vendor that failed twice alike is left while another can be asked in time.
    """

    def __init__(self, pool: Pool, request_of: Callable[[int], Request], slots: Sequence[Slot]) -> None:
        self._pool = pool
        self._request_of = request_of
        self._slots = slots
        self._asked = 0
        self._refusing: set[str] = set()
        self._failed_targets: Counter[str] = Counter()
        self._failed_alike: Counter[tuple[str, str]] = Counter()
        self._running: Counter[str] = Counter()
        self._running_vendors: Counter[str] = Counter()
        self._may_hedge = True
        self._may_replace = True

    def take(self, why: Why, left_seconds: float) -> Leg | None:
        """Return the leg to ask now; None when none may be asked, or the budget of extra calls is spent."""
        candidates = self._candidates(left_seconds)
        if not candidates or not self._is_paid(why):
            return None
        slot = self._best(candidates)
        permit = slot.take()
        if permit is None:
            return None
        request = self._request_of(self._asked)
        self._asked += 1
        self._running[slot.target.name] += 1
        self._running_vendors[slot.target.fails_with] += 1
        return PooledLeg(slot, request, permit, self._pool.clock)

    def opens_in(self, why: Why, left_seconds: float) -> float:
        """Return in how many seconds a leg may be asked."""
        if not (self._may_hedge if why in HEDGES else self._may_replace):
            return float("inf")
        if self._candidates(left_seconds):
            return 0.0
        waits = [slot.opens_in or _FULL_SECONDS for slot in self._slots if slot.target.name not in self._refusing]
        return min(waits, default=float("inf"))

    def patience(self, leg: Leg, usual: Patience) -> Patience:
        """Return the target's own median and its P90 of the first token, where they are known and sooner than usual."""
        late = LATE_FIRST_TOKEN_SECONDS if usual.late_first_token_seconds is None else usual.late_first_token_seconds
        hedge = usual.hedge_after_seconds
        if isinstance(leg, PooledLeg):
            gauge = leg.slot.gauge
            hedge = hedge if gauge.p50_seconds is None else min(hedge, max(_PATIENCE_MIN_SECONDS, gauge.p50_seconds))
            if gauge.first_token_p90_seconds is not None:
                late = max(_PATIENCE_MIN_SECONDS, gauge.first_token_p90_seconds)
        return Patience(hedge, late)

    def ended(self, leg: Leg, failure: BaseException | None, record: CallRecord | None) -> None:
        """Hand the leg back to its target, and remember who failed how."""
        if not isinstance(leg, PooledLeg):
            return
        slot, pool = leg.slot, self._pool
        name, vendor = slot.target.name, slot.target.fails_with
        self._running[name] -= 1
        self._running_vendors[vendor] -= 1
        if isinstance(failure, LLMError):
            self._failed_targets[name] += 1
            self._failed_alike[vendor, failure.outcome] += 1
            pool.trouble.add(vendor, name, failure.outcome)
            if not failure.retryable:
                self._refusing.add(name)
        elif failure is None:
            pool.trouble.clear(vendor)
        transition = slot.end(
            leg.permit,
            failure=failure,
            record=record,
            seconds=leg.seconds,
            first_token_seconds=leg.first_token_seconds,
        )
        pool.tender.note(slot, transition)

    def judged(self, leg: Leg, *, is_accepted: bool) -> None:
        """Remember whether the target's answers are of use."""
        if isinstance(leg, PooledLeg):
            leg.slot.gauge.add_verdict(is_accepted=is_accepted)

    def _candidates(self, left_seconds: float) -> list[Slot]:
        """Return who may be asked now; not the vendor that failed twice alike while another opens in time."""
        usable = [slot for slot in self._slots if slot.target.name not in self._refusing]
        open_now = [slot for slot in usable if slot.opens_in == 0.0 and not slot.is_full]
        trusted = [slot for slot in open_now if not self._failed_together(slot)]
        others_in_time = any(slot.opens_in < left_seconds / 2 for slot in usable if not self._failed_together(slot))
        return trusted if trusted or others_in_time else open_now

    def _failed_together(self, slot: Slot) -> bool:
        vendor = slot.target.fails_with
        return any(count >= 2 for (name, _outcome), count in self._failed_alike.items() if name == vendor)

    def _is_paid(self, why: Why) -> bool:
        if self._asked == 0:
            self._pool.bucket.add_request()
            return True
        if self._pool.bucket.take(is_hedge=why in HEDGES):
            return True
        # A refused hedge does not stop a failed call from being replaced; the bucket keeps some for that.
        self._may_hedge = False
        self._may_replace = why in HEDGES and self._may_replace
        return False

    def _best(self, candidates: list[Slot]) -> Slot:
        overdue = [slot for slot in candidates if slot.breaker.ready_for_seconds >= _PROBE_OVERDUE_SECONDS]
        if overdue and self._asked == 0:
            return overdue[0]
        least = min(map(self._objections, candidates))
        best = [slot for slot in candidates if self._objections(slot) == least]
        return best[choose(best, self._pool.random)]

    def _objections(self, slot: Slot) -> tuple[int, ...]:
        name, vendor = slot.target.name, slot.target.fails_with
        has_failed_here = any(count for (failed, _outcome), count in self._failed_alike.items() if failed == vendor)
        return (
            # A target whose breaker waits for its probe comes last: the probe is for who tends the pool.
            int(slot.breaker.state != "closed"),
            int(self._pool.trouble.has(vendor)) + int(has_failed_here),
            # Who did not answer the last calls is for the checks to find out about, not for people.
            int(slot.breaker.is_suspect),
            self._running[name],
            int(self._running_vendors[vendor] > 0),
            self._failed_targets[name],
        )


def _endpoint(target: Target) -> tuple[str, str, str]:
    # What makes it another target; with a new price or limit it is still the one whose figures are known.
    return target.name, target.base_url, target.model
