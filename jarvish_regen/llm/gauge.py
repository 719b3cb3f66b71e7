"""Measure one target from the calls made to it: how long it takes, how often it fails, what it costs."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jarvish_regen.llm.base import (
    AnswerDeclinedError,
    AnswerIsToolCallError,
    CallRecord,
    DeadlinePassedError,
    LLMError,
    TargetThrottledError,
)
from jarvish_regen.llm.breaker import Sign, State

# Of the newest call; after ten of them four fifths of an average are new.
_NEWEST_SHARE: Final = 0.15
_SAMPLES: Final = 64
# With fewer calls than this a quantile is chance.
_SAMPLES_MIN: Final = 8
# A call that was given less time than this tells nothing when the time is over: the heaviest provider of
# PERFORMANCE.md has its P50 there.
_FAIR_SECONDS: Final = 0.6
# A cancelled call that was silent for this long, or twice its target's median, counts as a sign of its being dead.
_SILENCE_SECONDS: Final = 0.25
_SILENCE_MIN_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class TargetFigures:
    """Tell how one target does, as one process sees it. ``None`` where nothing was measured yet."""

    name: str
    vendor: str
    region: str
    tier: str
    model: str
    state: State
    reason: str
    in_flight: int
    max_concurrency: int
    share: float
    ewma_ms: float | None
    first_token_ms: float | None
    p50_ms: float | None
    calls: int
    failures: int
    cost_usd: float
    throttled_for_seconds: float
    last_error: str
    checked_at: datetime | None


class Gauge:
    """Keep the moving figures of one target; quantiles are worked out by ``refresh``, off the hot path."""

    def __init__(self) -> None:
        self.calls = 0
        self.failures = 0
        self.cost_usd = 0.0
        self.last_error = ""
        self.ewma_ms: float | None = None
        self.first_token_ms: float | None = None
        self.failing_share = 0.0
        self.rejected_share = 0.0
        self.p50_seconds: float | None = None
        self.first_token_p50_seconds: float | None = None
        self.first_token_p90_seconds: float | None = None
        self._durations: deque[float] = deque(maxlen=_SAMPLES)
        self._first_tokens: deque[float] = deque(maxlen=_SAMPLES)

    @property
    def silence_seconds(self) -> float:
        """Return after how long without a token a call is likelier dead than slow."""
        if self.first_token_p50_seconds is None:
            return _SILENCE_SECONDS
        return max(_SILENCE_MIN_SECONDS, 2.0 * self.first_token_p50_seconds)

    def add(
        self,
        sign: Sign,
        *,
        seconds: float,
        first_token_seconds: float | None,
        was_cancelled: bool = False,
        is_check: bool = False,
    ) -> None:
        """Take in one call that ended after ``seconds``; a cancelled one would have taken at least as long.

        A check asks for a word: of its times only the first token's says anything of real calls.
        """
        self.calls += 1
        if sign == "failed":
            self.failures += 1
        if sign in ("ok", "failed"):
            self.failing_share = _moved(self.failing_share, 1.0 if sign == "failed" else 0.0)
        if first_token_seconds is not None:
            self._first_tokens.append(first_token_seconds)
            self.first_token_ms = _moved(self.first_token_ms, first_token_seconds * 1000)
        if is_check:
            return
        elapsed_ms = seconds * 1000
        if sign == "ok" or (was_cancelled and elapsed_ms > (self.ewma_ms or 0.0)):
            self.ewma_ms = _moved(self.ewma_ms, elapsed_ms)
        if sign == "ok" or was_cancelled:
            self._durations.append(seconds)

    def add_verdict(self, *, is_accepted: bool) -> None:
        """Take in whether a whole answer was of use."""
        self.rejected_share = _moved(self.rejected_share, 0.0 if is_accepted else 1.0)

    def add_cost(self, record: CallRecord) -> None:
        """Take in what a call cost and the words of its failure."""
        self.cost_usd += record.cost_usd
        if record.error and record.outcome != "cancelled":
            self.last_error = record.error

    def refresh(self) -> None:
        """Work the quantiles out anew from the last 64 calls."""
        if len(self._durations) >= _SAMPLES_MIN:
            self.p50_seconds = _quantile(self._durations, 0.5)
        if len(self._first_tokens) >= _SAMPLES_MIN:
            self.first_token_p50_seconds = _quantile(self._first_tokens, 0.5)
            self.first_token_p90_seconds = _quantile(self._first_tokens, 0.9)


def sign_of(failure: BaseException | None, *, seconds: float, had_token: bool, silence_seconds: float) -> Sign:
    """Return what the end of a call tells of its target. ``failure`` is None for a whole answer.

    A ``CancelledError`` (or any error that is no ``LLMError``) stands for a call somebody ended.
    """
    if failure is None:
        return "ok"
    if isinstance(failure, TargetThrottledError):
        return "nothing"  # it is well and wants patience, which is kept beside the breaker
    if isinstance(failure, AnswerDeclinedError | AnswerIsToolCallError):
        return "alive"  # it is about the request
    if isinstance(failure, DeadlinePassedError):
        if seconds >= _FAIR_SECONDS:
            return "failed"
    elif isinstance(failure, LLMError):
        return "failed"
    if had_token:
        return "alive"
    return "silent" if seconds >= silence_seconds else "nothing"


def _moved(old: float | None, new: float) -> float:
    return new if old is None else old + _NEWEST_SHARE * (new - old)


def _quantile(samples: deque[float], share: float) -> float:
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
