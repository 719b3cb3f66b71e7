"""Two tiers of kept answers: this process's memory, bounded in bytes, and Valkey, which may be away.

A dead or hung Valkey makes a look-up slower by at most its time-out, and by nothing for the seconds after that.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from cachetools import TLRUCache
from django.core.cache import BaseCache, caches
from django_redis.exceptions import ConnectionInterrupted
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# After a failure Valkey is left alone for this long: a hung one would else cost every answer its time-out.
REST_SECONDS: Final = 2.0
# How old this process's memory may be after a purge elsewhere (FEATURES P3 asks for five seconds everywhere).
EPOCH_CHECK_SECONDS: Final = 1.0
EPOCH_KEY: Final = "epoch"
# What a stored value may raise when it was written by something else.
_BROKEN: Final = (ValueError, TypeError, UnicodeDecodeError)


@dataclass
class Counts:
    """Count what one process saw; read by /metrics."""

    hits: dict[str, int] = field(default_factory=dict)
    misses: int = 0
    l2_failures: int = 0

    def hit(self, name: str) -> None:
        """Count a hit of a tier or kind."""
        self.hits[name] = self.hits.get(name, 0) + 1


class Memory:
    """Keep decoded values in this process: least recently used go first, each has its own age, the sum is in bytes."""

    def __init__(self, *, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._kept: TLRUCache[str, tuple[Any, int, float]] = TLRUCache(
            maxsize=max_bytes,
            ttu=lambda _key, value, now: now + value[2],
            timer=clock,
            getsizeof=lambda value: value[1],
        )

    def get(self, key: str) -> Any | None:
        """Return the value, or None."""
        with self._lock:
            found = self._kept.get(key)
        return None if found is None else found[0]

    def put(self, key: str, value: Any, *, size_bytes: int, seconds: float) -> None:
        """Keep a value; one larger than the whole memory is not kept."""
        counted = size_bytes + sys.getsizeof(key) + 200  # the cache's own entry, measured with tracemalloc
        with self._lock:
            if counted <= self._kept.maxsize:
                self._kept[key] = (value, counted, seconds)

    def drop(self, match: Callable[[str], bool]) -> int:
        """Forget the keys that match and return how many there were."""
        with self._lock:
            found = [key for key in self._kept if match(key)]
            for key in found:
                self._kept.pop(key, None)
        return len(found)

    def count(self, match: Callable[[str], bool]) -> int:
        """Return how many keys match."""
        with self._lock:
            return sum(match(key) for key in self._kept)

    @property
    def size_bytes(self) -> int:
        """What is kept now, in bytes."""
        with self._lock:
            return int(self._kept.currsize)


class Valkey:
    """Keep JSON values where all processes see them. Nothing here raises when the server is away."""

    def __init__(self, *, cache: BaseCache | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache = cache
        self._clock = clock
        self._rests_until = 0.0
        self.failures = 0

    @property
    def is_resting(self) -> bool:
        """Say whether it failed a moment ago and is left alone."""
        return self._clock() < self._rests_until

    def get_many(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """Return what there is, in one round trip."""
        return self._asked(lambda cache: cache.get_many(keys), {}) if keys else {}

    def put_many(self, values: Mapping[str, Any], *, seconds: float) -> bool:
        """Keep values for so long; False when the server is away."""

        def put(cache: BaseCache) -> bool:
            cache.set_many(dict(values), timeout=max(1, int(seconds)))
            return True

        return self._asked(put, False) if values else True

    def add(self, key: str, value: Any, *, seconds: float) -> bool:
        """Put a value where there is none; True when this call did, and when nobody can say."""
        return bool(self._asked(lambda cache: cache.add(key, value, timeout=max(1, int(seconds))), True))

    def count_up(self, key: str, *, seconds: float) -> int | None:
        """Return the next number of a counter, from 1; None when the server is away."""

        def up(cache: BaseCache) -> int:
            cache.add(key, 0, timeout=int(seconds))
            return int(cache.incr(key))

        number: int | None = self._asked(up, None)
        return number

    def drop(self, key: str) -> None:
        """Delete one key."""
        self._asked(lambda cache: cache.delete(key), False)

    def delete(self, pattern: str) -> int:
        """Delete what matches a pattern (``*`` stands for anything) and return how many keys that were."""
        return int(self._asked(lambda cache: cache.delete_pattern(pattern, itersize=1000), 0))

    def keys(self, pattern: str) -> list[str]:
        """Return the keys that match a pattern."""
        found: list[str] = self._asked(lambda cache: list(cache.iter_keys(pattern)), [])
        return found

    def _asked(self, ask: Callable[[Any], Any], otherwise: Any) -> Any:
        if self.is_resting:
            return otherwise
        try:
            return ask(self._cache or caches["answers"])
        except (ConnectionInterrupted, RedisError, OSError) as error:
            self._rests_until = self._clock() + REST_SECONDS
            self.failures += 1
            logger.warning("answer cache is away", extra={"error": type(error).__name__})
        except _BROKEN as error:
            logger.warning("answer cache holds what it should not", extra={"error": type(error).__name__})
        return otherwise


class SingleFlight:
    """Let one thread of this process do the work of a key while the others wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flying: dict[Hashable, threading.Event] = {}

    @contextmanager
    def leading(self, key: Hashable, *, wait_seconds: float) -> Iterator[bool]:
        """Yield True to who is to do the work. Yield False to who waited until another had done it.

        Who has waited for ``wait_seconds`` in vain does the work after all: a second answer is better than none.
        """
        with self._lock:
            other = self._flying.get(key)
            landed = threading.Event()
            if other is None:
                self._flying[key] = landed
        if other is not None:
            yield not other.wait(wait_seconds)
            return
        try:
            yield True
        finally:
            with self._lock:
                self._flying.pop(key, None)
            landed.set()
