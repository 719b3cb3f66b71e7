"""The broker as tests look at it: what waits in a queue, and one that nobody answers."""

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from celery import Celery
from django.conf import settings

from jarvish_regen.journal import services
from jarvish_regen.settings import redis_url

# A bound socket that does not listen: its port refuses connections and nobody else can take it.
_closed = socket.socket()
_closed.bind(("127.0.0.1", 0))

unreachable = Celery("unreachable", broker=f"redis://127.0.0.1:{_closed.getsockname()[1]}/0", set_as_current=False)
unreachable.conf.update(
    task_queues=settings.CELERY_TASK_QUEUES,
    broker_transport_options={"max_retries": 0, "socket_connect_timeout": 1.0},
)


def _client() -> "redis.Redis[Any]":
    return redis.Redis.from_url(redis_url(0))


def empty(queue: str) -> None:
    """Throw away what waits in a queue."""
    _client().delete(queue)


def rung(queue: str) -> list[tuple[str, dict[str, Any]]]:
    """Return task name and arguments of every ring in a queue, oldest first."""
    messages = [json.loads(raw) for raw in _client().lrange(queue, 0, -1)]
    return [
        (message["headers"]["task"], json.loads(base64.b64decode(message["body"]))[1]) for message in reversed(messages)
    ]


@contextmanager
def broker_away() -> Iterator[None]:
    """Ring through an application whose broker refuses every connection, as the setting would name it."""
    named = settings.CELERY_APP_PATH
    settings.CELERY_APP_PATH = "tests.journal.broker.unreachable"
    services._celery.cache_clear()
    try:
        yield
    finally:
        settings.CELERY_APP_PATH = named
        services._celery.cache_clear()
