"""Cap what the calls beyond the first of each request may cost, over all requests of a process."""

from __future__ import annotations

from typing import Final

# PERFORMANCE.md: 1.6 calls a request in the long run.
EXTRA_CALLS_A_REQUEST: Final = 0.6
# A burst of trouble may spend this many at once; over 1,000 requests it adds 0.03 calls to each.
EXTRA_CALLS_AT_ONCE: Final = 30.0
# Hedges leave this share to the replacing of failed calls, which buys more.
HEDGES_LEAVE_SHARE: Final = 0.2


class TokenBucket:
    """Hold tokens for extra calls: every request puts in a part of one, every extra call takes one out.

    Time puts nothing in: on a quiet day that would pay for three calls to each request. Over ``n`` requests there are
    never more than ``capacity + rate * n`` extra calls. Starts full. Used from one thread.
    """

    def __init__(self, *, rate: float = EXTRA_CALLS_A_REQUEST, capacity: float = EXTRA_CALLS_AT_ONCE) -> None:
        if rate < 0.0 or capacity < 0.0:
            raise ValueError("A rate and a capacity are not negative.")
        self._rate = rate
        self._capacity = capacity
        self._tokens = capacity

    @property
    def tokens(self) -> float:
        """Return how many extra calls could be made now."""
        return self._tokens

    def add_request(self) -> None:
        """Put in what one request brings."""
        self._tokens = min(self._capacity, self._tokens + self._rate)

    def take(self, *, is_hedge: bool = False) -> bool:
        """Take a token for an extra call, or say no; a hedge leaves some for calls that replace failed ones."""
        floor = HEDGES_LEAVE_SHARE * self._capacity if is_hedge else 0.0
        if self._tokens - 1.0 < floor:
            return False
        self._tokens -= 1.0
        return True
