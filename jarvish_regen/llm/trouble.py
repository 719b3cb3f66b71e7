"""Notice when targets of one vendor fail alike: then it is the vendor, and its other targets are no way out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_TOGETHER_SECONDS: Final = 2.0


class VendorTrouble:
    """Remember for two seconds who failed how; one good answer clears its vendor. Used from one thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, dict[str, dict[str, float]]] = {}

    def add(self, vendor: str, target: str, outcome: str) -> None:
        """Note that a target failed."""
        self._failures.setdefault(vendor, {}).setdefault(outcome, {})[target] = self._clock()

    def clear(self, vendor: str) -> None:
        """Note that a target of the vendor answered."""
        self._failures.pop(vendor, None)

    def has(self, vendor: str) -> bool:
        """Say whether two different targets of the vendor have just failed in the same way."""
        outcomes = self._failures.get(vendor)
        if not outcomes:
            return False
        since = self._clock() - _TOGETHER_SECONDS
        return any(sum(at >= since for at in targets.values()) >= 2 for targets in outcomes.values())
