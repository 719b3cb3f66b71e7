"""Wait for an answer without holding a database connection, however many wait."""

import logging
import threading
import time
import uuid
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connection

from escalation.services import settle_if_due
from regeneration.models import OPEN_STATES, Regeneration

logger = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.015
_RETRY_SECONDS: Final = 0.05
_AWAY_SECONDS: Final = 0.2


class _Room:
    """Whoever waits in this process, looked after by one thread with one query for all of them.

    The thread lives while somebody waits. It tells waiters to look; what they see is decided by their own reads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: dict[uuid.UUID, list[threading.Event]] = {}
        self._is_watched = False

    def wait(self, regeneration_id: uuid.UUID, *, seconds: float) -> None:
        """Return when the attempt is settled, or after `seconds`."""
        bell = threading.Event()
        with self._lock:
            self._waiters.setdefault(regeneration_id, []).append(bell)
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch, name="waiting room", daemon=True).start()
        try:
            bell.wait(seconds)
        finally:
            with self._lock:
                bells = self._waiters.get(regeneration_id, [])
                if bell in bells:
                    bells.remove(bell)
                if not bells:
                    self._waiters.pop(regeneration_id, None)

    def _watch(self) -> None:
        while True:
            time.sleep(_POLL_SECONDS)
            with self._lock:
                waiting = list(self._waiters)
                if not waiting:
                    self._is_watched = False
                    return
            try:
                still_open = set(
                    Regeneration.objects.filter(id__in=waiting, state__in=OPEN_STATES).values_list("id", flat=True)
                )
            except DatabaseError as error:
                logger.warning("waiting room cannot look", extra={"error": type(error).__name__})
                time.sleep(_AWAY_SECONDS)
                continue
            finally:
                connection.close()
            with self._lock:
                for regeneration_id in set(waiting) - still_open:
                    for bell in self._waiters.pop(regeneration_id, []):
                        bell.set()


_room = _Room()


def wait_until_settled(regeneration_id: uuid.UUID, *, seconds: float) -> bool:
    """Wait until an attempt has its outcome, at most so long; past its answer clock settle it from the store.

    Call it outside any transaction. Returns whether the attempt is settled.
    """
    until = time.monotonic() + seconds
    while True:
        due_in_seconds = _due_in_seconds(regeneration_id)
        if due_in_seconds is None:
            return True
        if due_in_seconds <= 0:
            if settle_if_due(regeneration_id=regeneration_id):
                return True
            # A worker that holds the lease is just writing, or somebody else has settled it.
            due_in_seconds = _RETRY_SECONDS
        left_seconds = until - time.monotonic()
        if left_seconds <= 0:
            return False
        if not connection.in_atomic_block:
            connection.close()  # back to the pool while nothing is asked of it
        _room.wait(regeneration_id, seconds=min(left_seconds, due_in_seconds))


def _due_in_seconds(regeneration_id: uuid.UUID) -> float | None:
    """Return how long the answer clock still runs, on PostgreSQL's clock; None for an attempt that is settled."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp() - stored_at) FROM regeneration_regeneration WHERE id = "
            "%s AND state IN ('queued', 'running')",
            [regeneration_id],
        )
        row = cursor.fetchone()
    return None if row is None else settings.REGENERATION_DEADLINE_SECONDS - float(row[0])
