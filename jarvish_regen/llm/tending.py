"""Look after a pool beside the calls: weights, probes, checks, and telling others how the targets do.

One task of the loop, twice a second. Nothing here is waited for by a race.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Final, Protocol

from jarvish_regen.llm.base import CallRecord, LLMError, Request, StreamCutError
from jarvish_regen.llm.breaker import Transition
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.gauge import TargetFigures
from jarvish_regen.llm.shared import SharedHealth
from jarvish_regen.llm.slot import Slot

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.5
CHECK_SECONDS: Final = 30.0
PUBLISH_SECONDS: Final = 2.0
# Without calls nothing changes; this often a row says that its process lives.
HEARTBEAT_SECONDS: Final = 15.0
# How long a check may take: a stream tells within a quarter of that whether it is alive.
_CHECK_TIMEOUT_SECONDS: Final = 1.0
# Of what nobody stores (a benchmark, a database that is away for long).
_CHANGES_KEPT: Final = 100
_PROBE_LOCK_SECONDS: Final = 2.0
# The smallest answer there is; its first piece ends the call.
CHECK_REQUEST: Final = Request(
    messages=({"role": "user", "content": "Reply with the word ok."},),
    max_output_tokens=4,
    temperature=0.0,
    response_format="text",
    stop_when=bool,
)


@dataclass(frozen=True, slots=True)
class Change:
    """Tell that the breaker of a target opened or closed in this process."""

    target: str
    state: str
    reason: str
    at: datetime


Publish = Callable[[tuple[TargetFigures, ...], tuple[Change, ...]], None]


class Tended(Protocol):
    """What is tended: the pool."""

    @property
    def clock(self) -> Callable[[], float]:
        """Return the clock of its deadlines."""

    @property
    def random(self) -> Random:
        """Return its source of chance."""

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Return its targets."""

    def figures(self) -> tuple[TargetFigures, ...]:
        """Return how each does."""


class Tender:
    """Tend one pool from the first use on; ``publish`` runs in a thread of its own, so it may use a database."""

    def __init__(self, pool: Tended, *, shared: SharedHealth | None = None, publish: Publish | None = None) -> None:
        self._pool = pool
        self._shared = shared
        self._publish = publish
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._checks: set[asyncio.Task[None]] = set()
        self._checking: set[Slot] = set()
        self._changes: list[Change] = []
        self._writer: ThreadPoolExecutor | None = None
        self._writing: asyncio.Future[None] | None = None
        self._published_at = float("-inf")
        self._published: object = None

    def ensure(self) -> None:
        """Start the task on the running loop if it does not run there already."""
        loop = asyncio.get_running_loop()
        if self._loop is loop and self._task is not None and not self._task.done():
            return
        self._loop = loop
        self._task = loop.create_task(self._run(), name="llm pool tender")

    def note(self, slot: Slot, transition: Transition | None, *, is_news: bool = True) -> None:
        """Take in that a breaker opened or closed, for people and, when it is news, for other processes."""
        if transition is None:
            return
        fields = {"target": slot.target.name, "reason": transition.reason}
        if transition.state == "open":
            logger.warning("target breaker opened", extra=fields)
        else:
            logger.warning("target breaker closed", extra=fields)
        self._changes.append(Change(slot.target.name, transition.state, transition.reason, datetime.now(UTC)))
        del self._changes[:-_CHANGES_KEPT]
        if self._shared is not None and is_news:
            self._shared.note(slot.target.name, transition)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return what has changed and was not published yet."""
        return tuple(self._changes)

    async def tick(self) -> None:
        """Do once what is done twice a second."""
        for slot in self._pool.slots:
            slot.refresh()
        if self._shared is not None:
            for slot, transition in await self._shared.exchange(self._pool.slots):
                self.note(slot, transition, is_news=False)
        for slot in self._pool.slots:
            await self._look_after(slot)
        self._publish_if_due()

    async def check(self, slot: Slot) -> None:
        """Ask a target for a word, as a probe if its breaker waits for one; costs are counted like any call's."""
        permit = slot.take()
        if permit is None:
            return
        clock = self._pool.clock
        began_at, first_token_at, record = clock(), None, None

        def note_token() -> None:
            nonlocal first_token_at
            first_token_at = clock() - began_at

        def note_record(made: CallRecord) -> None:
            nonlocal record
            record = made

        failure: BaseException | None = None
        try:
            await slot.client.stream(
                CHECK_REQUEST,
                Deadline.after(_CHECK_TIMEOUT_SECONDS, clock=clock),
                on_first_token=note_token,
                on_end=note_record,
            )
        except LLMError as error:
            # Cut off at four tokens is what was asked for.
            is_alive = isinstance(error, StreamCutError) and first_token_at is not None
            failure = None if is_alive else error
        except asyncio.CancelledError as error:
            failure = error
            raise
        finally:
            slot.checked_at = datetime.now(UTC)
            transition = slot.end(
                permit,
                failure=failure,
                record=record,
                seconds=clock() - began_at,
                first_token_seconds=first_token_at,
                is_check=True,
            )
            self.note(slot, transition)

    async def _run(self) -> None:
        while True:
            try:
                await self.tick()
            except Exception:
                # The outermost door of this task: without it nothing would ever be probed again.
                logger.exception("tending the model targets failed")
            await asyncio.sleep(TICK_SECONDS)

    async def _look_after(self, slot: Slot) -> None:
        now = self._pool.clock()
        if slot.next_check_at is None:
            slot.next_check_at = now + CHECK_SECONDS * self._pool.random.uniform(0.5, 1.0)
        if slot.throttled_for_seconds > 0.0:
            return
        name = slot.target.name
        if slot.breaker.state == "half_open" and slot.breaker.opens_in == 0.0:
            if await self._is_mine(f"probe:{name}", _PROBE_LOCK_SECONDS):
                self._start_check(slot)
        elif slot.breaker.state == "closed" and slot.breaker.is_suspect:
            # A race passes it over, so that only checks can tell; each process asks for itself, until it knows.
            if slot not in self._checking:
                self._start_check(slot)
        elif slot.breaker.state == "closed" and now >= slot.next_check_at:
            slot.next_check_at = now + CHECK_SECONDS
            # A little less than the time between two, else every other check would find its own lock.
            if await self._is_mine(f"check:{name}", CHECK_SECONDS * 0.9):
                self._start_check(slot)

    async def _is_mine(self, what: str, seconds: float) -> bool:
        return self._shared is None or await self._shared.may_do(what, seconds)

    def _start_check(self, slot: Slot) -> None:
        task = asyncio.get_running_loop().create_task(self.check(slot), name=f"llm check {slot.target.name}")
        self._checks.add(task)
        self._checking.add(slot)

        def ended(task: asyncio.Task[None]) -> None:
            self._checks.discard(task)
            self._checking.discard(slot)

        task.add_done_callback(ended)

    def _publish_if_due(self) -> None:
        if self._publish is None or (self._writing is not None and not self._writing.done()):
            return
        now = self._pool.clock()
        waited_seconds = now - self._published_at
        figures = self._pool.figures()
        seen = tuple((one.name, one.state, one.calls, one.in_flight, one.checked_at) for one in figures)
        is_due = waited_seconds >= (PUBLISH_SECONDS if seen != self._published else HEARTBEAT_SECONDS)
        if not is_due and not self._changes:
            return
        changes, self._changes = tuple(self._changes), []
        self._published_at, self._published = now, seen
        if self._writer is None:
            self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="target states")
        loop = asyncio.get_running_loop()
        with contextlib.suppress(RuntimeError):  # the process is ending: nobody takes work any more
            self._writing = loop.run_in_executor(self._writer, self._publish, figures, changes)
