"""Rate limits in a sliding window, with the headers of the IETF draft on rate limits."""

import logging
import math
import time

import redis.exceptions
from django.conf import settings
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

logger = logging.getLogger(__name__)


class SlidingWindowThrottle(BaseThrottle):
    """Limit calls per token or person in a sliding window kept in Valkey.

    With Valkey away, reads and single writes pass (a nudge store must not close the product); bulk calls do not.
    A view names its class of limit as `rate_class`; unsafe methods are `write` unless it says otherwise.
    """

    _limiter: SlidingWindowCounterRateLimiter | None = None

    def allow_request(self, request: Request, view: object) -> bool:
        rate_class = getattr(view, "rate_class", "read" if request.method in ("GET", "HEAD", "OPTIONS") else "write")
        item: RateLimitItem = parse(settings.RATE_LIMITS[rate_class])
        token = getattr(request.auth, "token_key", None)
        who = token or (str(request.user.pk) if request.user.is_authenticated else self.get_ident(request))
        try:
            limiter = self._get_limiter()
            allowed = limiter.hit(item, rate_class, who)
            window = limiter.get_window_stats(item, rate_class, who)
        except (redis.exceptions.RedisError, OSError):
            logger.warning("rate limit store away", extra={"rate_class": rate_class})
            self._wait: float | None = 5.0
            return rate_class != "bulk"
        reset_seconds = max(0, math.ceil(window.reset_time - self.timer()))
        self._wait = float(reset_seconds or 1)
        request._request.rate_limit = (rate_class, item.amount, item.get_expiry(), window.remaining, reset_seconds)  # type: ignore[attr-defined]
        return bool(allowed)

    def wait(self) -> float | None:
        return self._wait

    @classmethod
    def lets_pass(cls, rate_class: str, who: str) -> bool:
        """Count one call of a page and say whether it is within its limit; True while the store is away."""
        try:
            return bool(cls._get_limiter().hit(parse(settings.RATE_LIMITS[rate_class]), rate_class, who))
        except (redis.exceptions.RedisError, OSError):
            logger.warning("rate limit store away", extra={"rate_class": rate_class})
            return True

    @staticmethod
    def timer() -> float:
        # limits reports the end of the window on the wall clock, so the distance is taken on the same one.
        return time.time()

    @classmethod
    def _get_limiter(cls) -> SlidingWindowCounterRateLimiter:
        if SlidingWindowThrottle._limiter is None:
            seconds = settings.REDIS_SOCKET_TIMEOUT_SECONDS
            storage = storage_from_string(
                settings.RATE_LIMIT_STORAGE_URL, socket_timeout=seconds, socket_connect_timeout=seconds
            )
            SlidingWindowThrottle._limiter = SlidingWindowCounterRateLimiter(storage)
        return SlidingWindowThrottle._limiter
