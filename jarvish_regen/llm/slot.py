"""Keep what a process knows of one target: who asks it, its breaker, its patience, its figures."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Final

from jarvish_regen.llm.base import CallRecord, StreamingTarget, TargetThrottledError
from jarvish_regen.llm.breaker import Breaker, Permit, Sign, Transition, seconds_until
from jarvish_regen.llm.gauge import Gauge, TargetFigures, sign_of

# A recovered target gets a tenth of its share and the whole of it after this (maximhq/bifrost#120).
RAMP_SECONDS: Final = 5.0
_RAMP_FROM: Final = 0.1
# For a 429 that names no time: doubled with each further one, full jitter above the half.
_PATIENCE_SECONDS: Final = 1.0
_PATIENCE_MAX_SECONDS: Final = 8.0
# Longer than this nobody means it; the figure comes from the other side of the network.
_RETRY_AFTER_MAX_SECONDS: Final = 3600.0
_SHARE_MIN: Final = 0.05


class Slot:
    """One target of a pool. Used from the loop's thread only."""

    def __init__(self, client: StreamingTarget, *, clock: Callable[[], float], random: Random) -> None:
        self.client = client
        self.target = client.target
        self.breaker = Breaker(clock=clock, random=random)
        self.gauge = Gauge()
        self.in_flight = 0
        self.weight = 1.0
        self.checked_at: datetime | None = None
        self.next_check_at: float | None = None
        self._clock = clock
        self._random = random
        self._throttled_until = float("-inf")
        self._throttled_in_a_row = 0

    @property
    def throttled_for_seconds(self) -> float:
        """Return how long the target still wants to be left in peace."""
        return seconds_until(self._throttled_until, self._clock())

    @property
    def share(self) -> float:
        """Return which part of its usual calls it gets: it grows over some seconds after a recovery."""
        if self.breaker.state != "closed":
            return 0.0
        return min(1.0, _RAMP_FROM + (1.0 - _RAMP_FROM) * self.breaker.closed_for_seconds / RAMP_SECONDS)

    @property
    def limit(self) -> int:
        """Return how many calls it may have at once."""
        return max(1, math.ceil(self.target.max_concurrency * self.share))

    @property
    def load(self) -> float:
        """Return its calls under way as a part of those it may have."""
        return self.in_flight / self.limit

    @property
    def opens_in(self) -> float:
        """Return in how many seconds it may be asked, calls under way aside."""
        return max(self.breaker.opens_in, self.throttled_for_seconds)

    @property
    def is_full(self) -> bool:
        """Say whether another call would be one too many."""
        return self.in_flight >= self.limit

    @property
    def pace_ms(self) -> float:
        """Return what orders targets of equal load: whole answer and first token; 0.0 for one never measured."""
        return (self.gauge.ewma_ms or 0.0) + (self.gauge.first_token_ms or 0.0)

    def take(self) -> Permit | None:
        """Return a permit and count the call as under way; hand it back with ``end``."""
        if self.throttled_for_seconds > 0.0 or self.is_full:
            return None
        permit = self.breaker.take()
        if permit is not None:
            self.in_flight += 1
        return permit

    def end(
        self,
        permit: Permit,
        *,
        failure: BaseException | None,
        record: CallRecord | None,
        seconds: float,
        first_token_seconds: float | None,
        is_check: bool = False,
    ) -> Transition | None:
        """Take in a call that ended; return the breaker's transition, if it caused one."""
        self.in_flight -= 1
        had_token = first_token_seconds is not None
        sign = sign_of(failure, seconds=seconds, had_token=had_token, silence_seconds=self.gauge.silence_seconds)
        self.gauge.add(
            sign,
            seconds=seconds,
            first_token_seconds=first_token_seconds,
            was_cancelled=isinstance(failure, asyncio.CancelledError),
            is_check=is_check,
        )
        if record is not None:
            self.gauge.add_cost(record)
        if isinstance(failure, TargetThrottledError):
            self.throttle(failure.retry_after_seconds)
        elif sign in ("ok", "alive"):
            self._throttled_in_a_row = 0
        return self.breaker.report(permit, sign, _reason_of(sign, failure, seconds))

    def throttle(self, seconds: float | None) -> None:
        """Leave the target in peace for as long as it asked, or for a growing while if it did not say."""
        if seconds is None:
            span = min(_PATIENCE_MAX_SECONDS, _PATIENCE_SECONDS * 2.0 ** min(self._throttled_in_a_row, 4))
            seconds = span * self._random.uniform(0.5, 1.0)
        self._throttled_in_a_row += 1
        self._throttled_until = max(
            self._throttled_until, self._clock() + min(max(0.0, seconds), _RETRY_AFTER_MAX_SECONDS)
        )

    def refresh(self) -> None:
        """Work out what is too slow for each choice: quantiles and the weight."""
        self.gauge.refresh()
        useful = (1.0 - self.gauge.failing_share) * (1.0 - self.gauge.rejected_share)
        self.weight = max(_SHARE_MIN, useful)

    def figures(self) -> TargetFigures:
        """Return how it does now."""
        gauge = self.gauge
        return TargetFigures(
            name=self.target.name,
            vendor=self.target.fails_with,
            region=self.target.region,
            tier=self.target.tier,
            model=self.target.model,
            state=self.breaker.state,
            reason=self.breaker.reason,
            in_flight=self.in_flight,
            max_concurrency=self.target.max_concurrency,
            share=self.share,
            ewma_ms=gauge.ewma_ms,
            first_token_ms=gauge.first_token_ms,
            p50_ms=None if gauge.p50_seconds is None else gauge.p50_seconds * 1000,
            calls=gauge.calls,
            failures=gauge.failures,
            cost_usd=gauge.cost_usd,
            throttled_for_seconds=self.throttled_for_seconds,
            last_error=gauge.last_error,
            checked_at=self.checked_at,
        )


def _reason_of(sign: Sign, failure: BaseException | None, seconds: float) -> str:
    if sign == "failed":
        return str(failure) or type(failure).__name__
    return f"No sign of life for {seconds:.1f} s." if sign == "silent" else ""
