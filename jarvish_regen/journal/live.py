"""Hints to open pages: small, lossy, never the truth. What a hint says is read again from PostgreSQL."""

import asyncio
import logging
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)


def item_group(item_id: uuid.UUID) -> str:
    """Return the channel group of everyone who has this item open."""
    return f"item.{item_id.hex}"


def firm_group(firm_id: uuid.UUID) -> str:
    """Return the channel group of a firm's lists."""
    return f"firm.{firm_id.hex}"


class _Sender:
    """One loop in one daemon thread a process: senders never wait for Valkey, its connections stay with one loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def submit(self, messages: Sequence[Mapping[str, Any]]) -> None:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="hints", daemon=True).start()
        asyncio.run_coroutine_threadsafe(_send(messages), self._loop)


async def _send(messages: Sequence[Mapping[str, Any]]) -> None:
    layer = get_channel_layer()
    try:
        for message in messages:
            async with asyncio.timeout(1):
                await layer.group_send(message["group"], dict(message))
    except Exception as error:  # a hint that is lost is read by poll or replay
        logger.warning("hint lost", extra={"error": type(error).__name__})


_sender = _Sender()


def hint(group: str, **fields: Any) -> None:
    """Send `{seq, kind, id, …}` to a group without waiting. Values are plain JSON."""
    hint_all([(group, fields)])


def hint_all(hints: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Send several hints, each to its group, in this order and without waiting; one that fails ends the row."""
    _sender.submit([{"type": "hint", "group": group, "hint": dict(fields)} for group, fields in hints])
