"""Tell the other processes through Valkey whom not to ask; without Valkey each process goes by what it sees itself.

Two keys a target, each with its end: ``…:breaker:NAME`` (open as long as the cool-down, closed for some seconds) and
``…:throttle:NAME`` (as long as the target asked for). Read and written beside the calls, never in one.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Sequence
from typing import Final, TypeVar

import redis.asyncio
from redis.exceptions import RedisError

from jarvish_regen.llm.breaker import Transition
from jarvish_regen.llm.slot import Slot

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_TIMEOUT_SECONDS: Final = 0.3
# Long enough for every other process to read it at one of its ticks.
_CLOSED_SECONDS: Final = 3.0
# Less than this is over before anybody has read it.
_WORTH_TELLING_SECONDS: Final = 0.1


class SharedHealth:
    """Exchange breaker states and patience with the other processes; used from one loop.

    ``process`` names this one. A Valkey that is away is said once in the log, and so is its return.
    """

    def __init__(self, url: str, *, process: str, prefix: str = "llm") -> None:
        self._url = url
        self._process = process
        self._prefix = prefix
        self._client: redis.asyncio.Redis | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pending: dict[str, Transition] = {}
        self._told_until: dict[str, float] = {}
        self._is_away = False

    def note(self, name: str, transition: Transition) -> None:
        """Keep a transition for the next exchange; the newest of a target counts."""
        self._pending[name] = transition

    async def exchange(self, slots: Sequence[Slot]) -> list[tuple[Slot, Transition]]:
        """Tell what is new here and take in what is new elsewhere; return the transitions this caused here."""
        if not slots:
            return []
        answers = await self._try(self._round_trip(slots))
        return [] if answers is None else self._take_in(slots, answers)

    async def may_do(self, what: str, seconds: float) -> bool:
        """Say whether this process may do something that one is enough for; the others may not for that long."""
        taken = await self._try(
            self._connected().set(f"{self._prefix}:lock:{what}", self._process, nx=True, px=round(seconds * 1000))
        )
        return bool(taken) or self._is_away

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _round_trip(self, slots: Sequence[Slot]) -> list[tuple[bytes | None, int, int, bytes | None]]:
        pending, self._pending = self._pending, {}
        now = asyncio.get_running_loop().time()
        async with self._connected().pipeline(transaction=False) as pipe:
            written = 0
            for name, transition in pending.items():
                said = json.dumps({"state": transition.state, "reason": transition.reason, "by": self._process})
                seconds = transition.cooldown_seconds if transition.state == "open" else _CLOSED_SECONDS
                pipe.set(f"{self._prefix}:breaker:{name}", said, px=max(1, round(seconds * 1000)))
                written += 1
            for slot in slots:
                name, patience = slot.target.name, slot.throttled_for_seconds
                if patience > _WORTH_TELLING_SECONDS and now + patience > self._told_until.get(name, 0.0) + 0.05:
                    pipe.set(f"{self._prefix}:throttle:{name}", self._process, px=round(patience * 1000))
                    self._told_until[name] = now + patience
                    written += 1
            for slot in slots:
                for kind in ("breaker", "throttle"):
                    pipe.get(f"{self._prefix}:{kind}:{slot.target.name}")
                    pipe.pttl(f"{self._prefix}:{kind}:{slot.target.name}")
            found = (await pipe.execute())[written:]
        return [
            (found[place], found[place + 1], found[place + 3], found[place + 2]) for place in range(0, len(found), 4)
        ]

    def _take_in(
        self, slots: Sequence[Slot], answers: Sequence[tuple[bytes | None, int, int, bytes | None]]
    ) -> list[tuple[Slot, Transition]]:
        caused = []
        for slot, (breaker, breaker_ms, throttle_ms, throttled_by) in zip(slots, answers, strict=True):
            if throttled_by is not None and throttled_by.decode() != self._process and throttle_ms > 0:
                slot.throttle(throttle_ms / 1000)
            said = _said(breaker)
            if said is None or said.get("by") == self._process:
                continue
            reason = str(said.get("reason", ""))[:300]
            before = slot.breaker.state
            if said.get("state") == "open" and breaker_ms > 0:
                transition = slot.breaker.open_for(breaker_ms / 1000, reason)
            elif said.get("state") == "closed" and before != "closed":
                transition = slot.breaker.close(reason)
            else:
                continue
            if transition is not None:
                caused.append((slot, transition))
        return caused

    async def _try(self, work: Awaitable[Result]) -> Result | None:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                result = await work
        except (RedisError, OSError, TimeoutError) as error:
            if not self._is_away:
                logger.warning("target states are not shared", extra={"error": type(error).__name__})
            self._is_away = True
            return None
        if self._is_away:
            logger.warning("target states are shared again")
        self._is_away = False
        return result

    def _connected(self) -> redis.asyncio.Redis:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            # Connections belong to a loop; those of a loop that has gone went with it.
            self._loop = loop
            self._client = redis.asyncio.Redis.from_url(
                self._url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
            )
        return self._client


def _said(value: bytes | None) -> dict[str, object] | None:
    if value is None:
        return None
    try:
        said = json.loads(value)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
