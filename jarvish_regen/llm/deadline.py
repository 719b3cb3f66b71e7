"""One instant by which an answer must exist, handed to every hop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Deadline:
    """Name the instant a piece of work must end, on a clock that never steps back.

    ``at`` is in seconds on ``clock`` (monotonic by default; a virtual loop passes its own ``time``). Waits are
    always relative (``left``), so an event loop may count from another zero than the clock does.
    """

    at: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)

    @classmethod
    def after(cls, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """Return the deadline ``seconds`` from now; a negative number gives one that has passed."""
        return cls(at=clock() + seconds, clock=clock)

    def left(self) -> float:
        """Return the seconds left, never below 0.0."""
        return max(0.0, self.at - self.clock())

    @property
    def passed(self) -> bool:
        """Say whether the instant is reached."""
        return self.clock() >= self.at

    def sooner(self, seconds: float) -> Deadline:
        """Return a deadline ``seconds`` earlier on the same clock: the caller keeps that much for itself."""
        return Deadline(at=self.at - max(0.0, seconds), clock=self.clock)
