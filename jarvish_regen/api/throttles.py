"""Rate limits in a sliding window, with the headers of the IETF draft on rate limits."""

import logging
import math

import redis.exceptions
from django.conf import settings
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.storage.redis import RedisStorage
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

logger = logging.getLogger(__name__)


class _Counter:
    """The sliding-window counter of `limits`, which asks its store once to count and once more to tell what is left:
    here its two scripts run as one.
    """

    def __init__(self, storage: RedisStorage) -> None:
        acquire, look = (
            text.decode() if isinstance(text, bytes) else text
            for text in (storage.SCRIPT_ACQUIRE_SLIDING_WINDOW, storage.SCRIPT_SLIDING_WINDOW)
        )
        self._prefix = storage.key_prefix
        self._script = storage.get_connection().register_script(
            f"local function acquire(ARGV)\n{acquire}\nend\n"
            f"local function look(ARGV)\n{look}\nend\n"
            "local is_counted = acquire({ARGV[1], ARGV[2], 1})\n"
            "return {is_counted and 1 or 0, unpack(look({ARGV[2]}))}".encode()
        )

    def count(self, item: RateLimitItem, *identifiers: str) -> tuple[bool, int, float]:
        """Count one call and return whether it is allowed, how many more are, and the seconds until one is free."""
        key = f"{self._prefix}:{{{item.key_for(*identifiers)}}}"
        seconds = item.get_expiry()
        is_counted, *window = self._script(keys=[f"{key}/-1", key], args=[item.amount, seconds])
        before, before_ms, now, now_ms = (max(0, int(value or 0)) for value in window)
        used = math.floor(before * before_ms / 1000 / seconds) + now
        resets = [before_ms / 1000 % (seconds / before)] if before else []
        resets += [now_ms / 1000 % seconds] if now else []
        return bool(is_counted), max(0, item.amount - used), min(resets, default=0.0)


class SlidingWindowThrottle(BaseThrottle):
    """Limit calls per token or person in a sliding window kept in Valkey.

    With Valkey away, reads and single writes pass (a nudge store must not close the product); bulk calls do not.
    A view names its class of limit as `rate_class`; unsafe methods are `write` unless it says otherwise.
    """

    _limiter: "_Counter | None" = None

    def allow_request(self, request: Request, view: object) -> bool:
        rate_class = getattr(view, "rate_class", "read" if request.method in ("GET", "HEAD", "OPTIONS") else "write")
        item: RateLimitItem = parse(settings.RATE_LIMITS[rate_class])
        token = getattr(request.auth, "token_key", None)
        who = token or (str(request.user.pk) if request.user.is_authenticated else self.get_ident(request))
        try:
            limiter = self._get_limiter()
            allowed, remaining, reset_in = limiter.count(item, rate_class, who)
        except (redis.exceptions.RedisError, OSError):
            logger.warning("rate limit store away", extra={"rate_class": rate_class})
            self._wait: float | None = 5.0
            return rate_class != "bulk"
        reset_seconds = max(0, math.ceil(reset_in))
        self._wait = float(reset_seconds or 1)
        request._request.rate_limit = (rate_class, item.amount, item.get_expiry(), remaining, reset_seconds)  # type: ignore[attr-defined]
        return bool(allowed)

    def wait(self) -> float | None:
        return self._wait

    @classmethod
    def lets_pass(cls, rate_class: str, who: str) -> bool:
        """Count one call of a page and say whether it is within its limit; True while the store is away."""
        try:
            return bool(cls._get_limiter().count(parse(settings.RATE_LIMITS[rate_class]), rate_class, who)[0])
        except (redis.exceptions.RedisError, OSError):
            logger.warning("rate limit store away", extra={"rate_class": rate_class})
            return True

    @classmethod
    def _get_limiter(cls) -> "_Counter":
        if SlidingWindowThrottle._limiter is None:
            seconds = settings.REDIS_SOCKET_TIMEOUT_SECONDS
            storage = storage_from_string(
                settings.RATE_LIMIT_STORAGE_URL, socket_timeout=seconds, socket_connect_timeout=seconds
            )
            if not isinstance(storage, RedisStorage):
                raise TypeError("RATE_LIMIT_STORAGE_URL names no Valkey")
            SlidingWindowThrottle._limiter = _Counter(storage)
        return SlidingWindowThrottle._limiter
