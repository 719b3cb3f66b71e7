"""Stop asking a target that fails, and find out with one call whether it is back.

``closed`` asks freely, ``open`` waits out a cool-down, ``half_open`` lets exactly one probe through. pybreaker lets a
crowd through at that point, hence our own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

State = Literal["closed", "open", "half_open"]
# What one call tells: an answer; life without one (it declined); a failure; silence nobody waited out; nothing at all.
Sign = Literal["ok", "alive", "failed", "silent", "nothing"]

LAST_CALLS: Final = 10
FAILURES_OPEN: Final = 5
# Silence is weaker evidence than an error (a slow target's losers are cancelled silent), so it takes more in a row.
LIFELESS_OPEN: Final = 8
_SUSPECT: Final = 2
COOLDOWN_SECONDS: Final = 1.0
# With the tick of who probes (0.5 s) and a probe (1 s at most) it closes within 5 s of the target's recovery.
COOLDOWN_MAX_SECONDS: Final = 3.5
PROBE_SECONDS: Final = 2.0
# A target that fails again this soon after it closed waits longer than the first time.
FLAPPING_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Permit:
    """Allow one call; handed back with what the call told."""

    epoch: int
    is_probe: bool


@dataclass(frozen=True, slots=True)
class Transition:
    """Tell that a breaker opened or closed, and why; ``cooldown_seconds`` is 0.0 when it closed."""

    state: State
    reason: str
    cooldown_seconds: float = 0.0


def seconds_until(instant: float, now: float) -> float:
    """Return the seconds left, 0.0 for less than a microsecond: a loop cannot sleep that, and would spin on it."""
    left = instant - now
    return left if left > 1e-6 else 0.0


class Breaker:
    """Decide whether one target may be asked. Takes the time from ``clock``; used from one thread.

    Opens when five of the last ten calls failed (so five in a row do), or eight in a row gave no sign of life.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
        cooldown_seconds: float = COOLDOWN_SECONDS,
        cooldown_max_seconds: float = COOLDOWN_MAX_SECONDS,
    ) -> None:
        self._clock = clock
        self._random = random or Random()  # noqa: S311  spreads waits, guards nothing
        self._first_cooldown = cooldown_seconds
        self._max_cooldown = cooldown_max_seconds
        self._cooldown = cooldown_seconds
        self._is_open = False
        self._ready_at = 0.0
        self._probe_until = float("-inf")
        # Counts the times it opened, closed or sent a probe: a call permitted before tells nothing about after.
        self._epoch = 0
        self._closed_at = float("-inf")
        self._failed: deque[bool] = deque(maxlen=LAST_CALLS)
        self._lifeless_in_a_row = 0
        self.reason = ""

    @property
    def state(self) -> State:
        """Return the state at this instant."""
        if not self._is_open:
            return "closed"
        return "open" if seconds_until(self._ready_at, self._clock()) > 0.0 else "half_open"

    @property
    def opens_in(self) -> float:
        """Return the seconds until a call may be made, as far as is known now; 0.0 when one may."""
        if not self._is_open:
            return 0.0
        return seconds_until(max(self._ready_at, self._probe_until), self._clock())

    @property
    def ready_for_seconds(self) -> float:
        """Return how long a probe has been due; 0.0 while none is, or one is out."""
        if not self._is_open or self.opens_in > 0.0:
            return 0.0
        return self._clock() - max(self._ready_at, self._probe_until)

    @property
    def is_suspect(self) -> bool:
        """Say whether the last calls, two at least, gave no sign of life."""
        return self._lifeless_in_a_row >= _SUSPECT

    @property
    def closed_for_seconds(self) -> float:
        """Return how long it has been closed; infinite if it never opened, 0.0 while it is not closed."""
        return 0.0 if self._is_open else self._clock() - self._closed_at

    def take(self) -> Permit | None:
        """Return a permit for one call, or None; in ``half_open`` one caller gets the probe and the others nothing.

        A probe that is not handed back within two seconds is given up, and another may go.
        """
        if not self._is_open:
            return Permit(self._epoch, is_probe=False)
        if self.opens_in > 0.0:
            return None
        self._epoch += 1
        self._probe_until = self._clock() + PROBE_SECONDS
        return Permit(self._epoch, is_probe=True)

    def report(self, permit: Permit, sign: Sign, reason: str = "") -> Transition | None:
        """Take in what a call told; return the transition it caused, if any."""
        if permit.epoch != self._epoch:
            return None
        if permit.is_probe:
            return self._report_probe(sign, reason)
        if sign == "nothing":
            return None
        self._lifeless_in_a_row = self._lifeless_in_a_row + 1 if sign in ("failed", "silent") else 0
        if sign in ("ok", "failed"):
            self._failed.append(sign == "failed")
        if sum(self._failed) >= FAILURES_OPEN or self._lifeless_in_a_row >= LIFELESS_OPEN:
            return self._open(reason)
        return None

    def open_for(self, seconds: float, reason: str) -> Transition | None:
        """Open because another process found out; one that is open already only waits as long as that one."""
        seconds = min(max(0.0, seconds), self._max_cooldown)
        if self._is_open:
            self._ready_at = max(self._ready_at, self._clock() + seconds)
            return None
        return self._open(reason, cooldown=seconds)

    def close(self, reason: str) -> Transition | None:
        """Close because another process found the target well; None if it was closed already."""
        if not self._is_open:
            return None
        self._is_open = False
        self._epoch += 1
        self._closed_at = self._clock()
        self._failed.clear()
        self._lifeless_in_a_row = 0
        self.reason = reason
        return Transition("closed", reason)

    def _report_probe(self, sign: Sign, reason: str) -> Transition | None:
        self._probe_until = self._clock()
        if sign in ("ok", "alive"):
            return self.close(reason or "The probe was answered.")
        if sign == "nothing":
            return None
        return self._open(reason)

    def _open(self, reason: str, *, cooldown: float | None = None) -> Transition:
        now = self._clock()
        if self._is_open or now - self._closed_at < FLAPPING_SECONDS:
            self._cooldown = min(self._max_cooldown, self._cooldown * 2.0)
        else:
            self._cooldown = self._first_cooldown
        # Jitter downwards only, so that processes do not probe together and the promise of 5 s holds.
        seconds = cooldown if cooldown is not None else self._cooldown * self._random.uniform(0.8, 1.0)
        self._is_open = True
        self._epoch += 1
        self._ready_at = now + seconds
        self._probe_until = float("-inf")
        self.reason = reason
        return Transition("open", reason, seconds)
