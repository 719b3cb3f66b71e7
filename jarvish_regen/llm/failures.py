"""Name what went wrong in the openai client in our own words; the provider's words may repeat a key or a text."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
import openai

from jarvish_regen.llm.base import (
    AnswerMalformedError,
    DeadlinePassedError,
    KeyRefusedError,
    LLMError,
    RequestRefusedError,
    StreamCutError,
    TargetFailedError,
    TargetThrottledError,
    TargetUnreachableError,
)


def failure_from(error: Exception) -> LLMError:
    """Return the failure that an error of the client, its transport or its decoder stands for."""
    if isinstance(error, openai.APIStatusError):
        return failure_of_status(error.status_code, error.response.headers)
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
        return DeadlinePassedError("The socket was silent to the end.")
    if isinstance(error, openai.APIConnectionError):
        cause = error.__cause__
        return _failure_of_connection(cause if isinstance(cause, Exception) else error)
    if isinstance(error, httpx2.HTTPError):
        return _failure_of_connection(error)
    if isinstance(error, openai.APIResponseValidationError):
        return AnswerMalformedError("The answer has another shape.")
    if isinstance(error, openai.APIError):
        return _failure_in_stream(error)
    return AnswerMalformedError(f"The answer cannot be read ({type(error).__name__}).")


def failure_of_status(status: int, headers: httpx2.Headers, *, now: datetime | None = None) -> LLMError:
    """Return the failure that an HTTP status stands for; ``now`` is what a Retry-After date is compared with."""
    if status in (401, 403):
        return KeyRefusedError(f"HTTP {status}: the key is not accepted.")
    if status == 429:
        patience = retry_after_seconds(headers, now=now)
        return TargetThrottledError("HTTP 429: too many calls.", retry_after_seconds=patience)
    if status >= 500 or status in (408, 409, 425):
        return TargetFailedError(f"HTTP {status}: the target failed.")
    return RequestRefusedError(f"HTTP {status}: the target does not take the request.")


def retry_after_seconds(headers: httpx2.Headers, *, now: datetime | None = None) -> float | None:
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


def _failure_of_connection(error: Exception) -> LLMError:
    if isinstance(error, httpx2.ConnectError | httpx2.UnsupportedProtocol | httpx2.ProxyError):
        return TargetUnreachableError("No connection to the target.")
    return StreamCutError("The connection closed in mid-answer.")


def _failure_in_stream(error: openai.APIError) -> LLMError:
    if error.code in ("rate_limit_exceeded", "429") or error.type in ("rate_limit_error", "rate_limit_exceeded"):
        return TargetThrottledError("The stream reports too many calls.")
    return TargetFailedError("The stream reports an error.")
