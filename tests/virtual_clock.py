"""Run asyncio on a clock that jumps: waiting costs no time and a deadline is met or missed exactly.

Whenever nothing is ready the clock moves to the next timer. Real sockets have no place on it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class NothingLeftToWaitForError(RuntimeError):
    """Say that every task waits for something no timer will bring."""


class _JumpingSelector(selectors.DefaultSelector):
    jump: Callable[[float], None]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if events or timeout == 0:
            return events
        if timeout is None:
            raise NothingLeftToWaitForError
        self.jump(timeout)
        return events


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """Keep its own time, in seconds from 0.0; ``time`` is the clock to give to a ``Deadline``."""

    def __init__(self) -> None:
        self._now = 0.0
        selector = _JumpingSelector()
        selector.jump = self._jump
        super().__init__(selector)

    def time(self) -> float:
        """Return the virtual time."""
        return self._now

    def _jump(self, seconds: float) -> None:
        self._now += seconds


def run_virtual(main: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run ``main()`` to its end on a fresh virtual clock."""
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        return runner.run(main())
