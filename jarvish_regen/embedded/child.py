"""One process of the product over its restarts, and how long to wait between them."""

import re
import signal
import time

from jarvish_regen.embedded.output import ProcessLog
from jarvish_regen.embedded.process import Handle
from jarvish_regen.embedded.programs import Program

BACK_OFF_MAX_SECONDS = 5.0
_BACK_OFF_FIRST_SECONDS = 0.2
_STEADY_SECONDS = 10.0  # what lived this long failed anew, not again


class Restarts:
    """Count the ends of one process in a row, and say when it is started again."""

    def __init__(self) -> None:
        self.failures = 0
        self._started_at = 0.0
        self.restart_at: float | None = None

    def has_started(self) -> None:
        """Note that the process was started just now."""
        self._started_at = time.monotonic()
        self.restart_at = None

    def has_ended(self) -> float:
        """Note that it ended, plan the next start, and return how many seconds that is away."""
        now = time.monotonic()
        self.failures = 1 if now - self._started_at > _STEADY_SECONDS else self.failures + 1
        wait_seconds = back_off_seconds(self.failures)
        self.restart_at = now + wait_seconds
        return wait_seconds

    def is_due(self) -> bool:
        """Tell whether the next start is due."""
        return self.restart_at is not None and self.restart_at <= time.monotonic()


class Child:
    """Hold one process of the product over its restarts."""

    def __init__(self, program: Program, log: ProcessLog) -> None:
        self.program = program
        self.log = log
        self.process: Handle | None = None
        self.restarts = Restarts()
        self.has_said_ready = program.ready_line is None

    def hear(self, chunk: bytes) -> None:
        """Take output of the process, and notice when it says that it takes work."""
        lines = self.log.feed(chunk)
        if self.program.ready_line is not None and not self.has_said_ready:
            self.has_said_ready = any(re.search(self.program.ready_line, line) for line in lines)


def back_off_seconds(failures: int) -> float:
    """Return how long to wait before the next start after `failures` (≥ 1) ends in a row."""
    return min(_BACK_OFF_FIRST_SECONDS * 2.0 ** min(failures - 1, 10), BACK_OFF_MAX_SECONDS)


def reason_of(returncode: int) -> str:
    """Return in words why a process ended: its signal or its code."""
    if returncode < 0:
        return signal.Signals(-returncode).name
    return f"code {returncode}"
