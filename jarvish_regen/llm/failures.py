"""Name in our own words what a provider says went wrong; its own may repeat a key or a text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from jarvish_regen.llm.base import (
    KeyRefusedError,
    LLMError,
    RequestRefusedError,
    TargetFailedError,
    TargetThrottledError,
)

_THROTTLED = ("rate_limit_error", "rate_limit_exceeded")


def failure_of_status(status: int, headers: Mapping[str, str], *, now: datetime | None = None) -> LLMError:
    """Return the failure that an HTTP status stands for; ``now`` is what a Retry-After date is compared with.

    ``headers`` find a name whatever its case, or have names in small letters.
    """
    if status in (401, 403):
        return KeyRefusedError(f"HTTP {status}: the key is not accepted.")
    if status == 429:
        patience = retry_after_seconds(headers, now=now)
        return TargetThrottledError("HTTP 429: too many calls.", retry_after_seconds=patience)
    if status >= 500 or status in (408, 409, 425):
        return TargetFailedError(f"HTTP {status}: the target failed.")
    return RequestRefusedError(f"HTTP {status}: the target does not take the request.")


def retry_after_seconds(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return the wait a Retry-After header asks for, in seconds or as a date; None without a readable one."""
    for name, seconds_a_unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * seconds_a_unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        until = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


def failure_in_stream(error: object) -> LLMError:
    """Return the failure that an ``error`` object inside a stream stands for."""
    said = error if isinstance(error, Mapping) else {}
    if said.get("code") in ("rate_limit_exceeded", "429", 429) or said.get("type") in _THROTTLED:
        return TargetThrottledError("The stream reports too many calls.")
    return TargetFailedError("The stream reports an error.")
