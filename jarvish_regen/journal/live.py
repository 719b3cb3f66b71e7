"""Hints to open pages: small, lossy, never the truth. What a hint says is read again from PostgreSQL."""

import asyncio
import logging
import threading
import uuid
from collections.abc import Mapping
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

    def submit(self, group: str, message: Mapping[str, Any]) -> None:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="hints", daemon=True).start()
        asyncio.run_coroutine_threadsafe(_send(group, dict(message)), self._loop)


async def _send(group: str, message: dict[str, Any]) -> None:
    try:
        async with asyncio.timeout(1):
            await get_channel_layer().group_send(group, message)
    except Exception as error:  # a hint that is lost is read by poll or replay
        logger.warning("hint lost", extra={"error": type(error).__name__})


_sender = _Sender()


def hint(group: str, **fields: Any) -> None:
    """Send `{seq, kind, id, …}` to a group without waiting. Values are plain JSON."""
    _sender.submit(group, {"type": "hint", "group": group, "hint": fields})
