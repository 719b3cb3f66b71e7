"""The dashboard's socket: says when there is something new to fetch, at most once a second.

    on connecting          →  {"watching": "dashboard"}
    when figures changed   →  {"kind": "figures"}; the page fetches what it shows, so that who was away misses nothing
    {"ping": 7}            →  {"pong": 7}

Close codes: 4400 not text or too large, 4401 nobody, or no longer, 4403 not staff with this right, 4429 too many
mistakes.
"""

import asyncio
import contextlib
import json
import logging
from typing import Any, Final

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from escalation.live import user_of_session
from learning.dashboard.access import GROUP, may_watch

logger = logging.getLogger(__name__)

FRAME_MAX_CHARS: Final = 1024
MISTAKES_MAX: Final = 20


class DashboardConsumer(AsyncWebsocketConsumer):
    """One open dashboard. Hints coalesce in a flag, so neither many of them nor a slow reader takes memory."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._mistakes = 0
        self._is_closed = False

    async def connect(self) -> None:
        """Let in who may watch; close on others with a code that says why."""
        await self.accept()
        refusal = await database_sync_to_async(self._refusal)()
        if refusal:
            await self._end(refusal)
            return
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self._say({"watching": "dashboard"})
        self._tasks = [asyncio.create_task(self._tell()), asyncio.create_task(self._recheck())]

    async def disconnect(self, code: int) -> None:
        """Leave the group and stop."""
        self._is_closed = True
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            if task is not asyncio.current_task():
                task.cancel()
        with contextlib.suppress(Exception):  # Valkey may be away; its group forgets us by itself
            await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer a ping; nothing else is taken."""
        if self._is_closed:
            return
        if text_data is None or len(text_data) > FRAME_MAX_CHARS:
            await self._end(4400)
            return
        number = _ping_in(text_data)
        if number is not None:
            await self._say({"pong": number})
            return
        self._mistakes += 1
        if self._mistakes > MISTAKES_MAX:
            await self._end(4429)
        else:
            await self._say({"error": {"code": "unknown_type", "detail": "Send a ping.", "allowed": ["ping"]}})

    async def hint(self, event: dict[str, Any]) -> None:
        """Remember that something changed."""
        self._has_news.set()

    async def _tell(self) -> None:
        while not self._is_closed:
            await self._has_news.wait()
            # Cleared before it is told: what changes meanwhile is told again.
            self._has_news.clear()
            await self._say({"kind": "figures"})
            await asyncio.sleep(settings.DASHBOARD_PUSH_SECONDS)

    async def _recheck(self) -> None:
        while not self._is_closed:
            await asyncio.sleep(settings.LIVE_RECHECK_SECONDS)
            try:
                refusal = await database_sync_to_async(self._refusal)()
            except Exception as error:  # the database is away: the next look decides
                logger.warning("socket cannot check who this is", extra={"error": type(error).__name__})
                continue
            if refusal:
                await self._end(refusal)
                return

    def _refusal(self) -> int:
        session = self.scope.get("session")
        user = user_of_session(session.session_key if session is not None else None)
        if user is None:
            return 4401
        return 0 if may_watch(user) else 4403

    async def _say(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(Exception):  # the peer went away between two sends: disconnect follows
            await self.send(text_data=json.dumps(message))

    async def _end(self, code: int) -> None:
        if not self._is_closed:
            self._is_closed = True
            with contextlib.suppress(Exception):  # closing twice is harmless and not an error
                await self.close(code=code)


def _ping_in(text: str) -> int | None:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    number = message.get("ping") if isinstance(message, dict) and len(message) == 1 else None
    return number if isinstance(number, int) and abs(number) < 2**62 else None
