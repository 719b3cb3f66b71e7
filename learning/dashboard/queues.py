"""What waits, queue by queue: the facts in PostgreSQL, and beside them the rings in the broker where it answers."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import redis
from django.conf import settings
from django.db import connection

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 0.2
# What waits and what runs, with the oldest that waits. Each part has a partial index of its own.
_WAITING: Final = """
    SELECT urgency, count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'running'),
           min(stored_at) FILTER (WHERE state = 'queued')
      FROM regeneration_regeneration WHERE state IN ('queued', 'running') GROUP BY urgency
    UNION ALL
    SELECT 'prepare', count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'running'),
           min(created_at) FILTER (WHERE state = 'queued')
      FROM regeneration_preparedanswer
     WHERE state IN ('queued', 'running') AND created_at > clock_timestamp() - interval '1 hour'
    UNION ALL
    SELECT 'notify', count(*), 0, min(due_at) FROM journal_delivery WHERE state = 'due' AND due_at <= clock_timestamp()
    UNION ALL
    SELECT 'outbox', count(*), 0, min(created_at) FROM journal_outbox WHERE rung_at IS NULL
"""


@dataclass(frozen=True)
class QueueFigures:
    """One queue now. oldest_seconds: age of the oldest that waits. rings: in the broker; None: it does not answer."""

    name: str
    waiting: int
    running: int
    oldest_seconds: float
    rings: int | None


def queue_board(now: datetime) -> tuple[QueueFigures, ...]:
    """Return every queue, most urgent first. The broker is given a fifth of a second to say its share."""
    names = (*settings.ANSWER_QUEUES, "prepare", "notify", "outbox")
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        rows = {name: (waiting, running, oldest) for name, waiting, running, oldest in cursor.fetchall()}
    rings = _rings()
    board = []
    for name in names:
        waiting, running, oldest = rows.get(name, (0, 0, None))
        age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
        board.append(QueueFigures(name, waiting, running, age, rings.get(name)))
    return tuple(board)


def _rings() -> Mapping[str, int]:
    names = [queue.name for queue in settings.CELERY_TASK_QUEUES]
    client = redis.Redis.from_url(
        settings.BROKER_REDIS_URL, socket_timeout=_PATIENCE_SECONDS, socket_connect_timeout=_PATIENCE_SECONDS
    )
    try:
        with client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.llen(name)
            return dict(zip(names, pipeline.execute(), strict=True))
    except redis.RedisError as error:
        logger.warning("broker does not say its lengths", extra={"error": type(error).__name__})
        return {}
    finally:
        client.close()
