"""The live socket: subscribe to what is yours, hear hints, read the facts over the API.

    {"subscribe": "item.cnt_…", "since": 41}  →  {"subscribed": "item.cnt_…", "seq": 57}, then what was missed as hints
    {"unsubscribe": "item.cnt_…"}             →  {"unsubscribed": "item.cnt_…"}
    {"ping": 7}                               →  {"pong": 7}
    hint: {"topic", "seq", "kind", "id"} and, for the stages of a running attempt, "stage" and "elapsed_ms" (seq null)

Topics: one draft; `firm` for who sees all the firm's drafts; `inbox` for an advisor's own.
Close codes: 4400 not text or too large, 4401 nobody, or no longer, 4409 too slow, 4429 too many mistakes.
"""

import asyncio
import contextlib
import json
import logging
from typing import Any, Final

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from escalation import live
from escalation.live import Pass, Topic
from jarvish_regen.access.policy import Viewer

logger = logging.getLogger(__name__)

TOPICS_MAX: Final = 50
FRAME_MAX_BYTES: Final = 64 * 1024
PENDING_MAX: Final = 200
MISTAKES_MAX: Final = 20
SEQ_MAX: Final = 2**62
_KNOWN_ITEMS_MAX: Final = 5_000


class CodedClose(Exception):  # noqa: N818  # it ends a connection; nothing went wrong on our side
    """End the connection with a code of ours, and say why in the shape of an error."""

    def __init__(self, code: int, error: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.error = error


class LiveConsumer(AsyncWebsocketConsumer):
    """One connection. Everything that goes out passes one bounded queue, so a slow reader holds nobody up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held: Pass | None = None
        self._viewer: Viewer | None = None
        self._topics: dict[str, Topic] = {}
        self._own_items: dict[str, bool] = {}
        self._outgoing: asyncio.Queue[tuple[dict[str, Any], ...]] = asyncio.Queue(PENDING_MAX)
        self._tasks: list[asyncio.Task[None]] = []
        self._mistakes = 0
        self._is_closed = False

    async def connect(self) -> None:
        """Let in who holds a token or a session; tell others so and close."""
        await self.accept()
        self._held = await self._find_pass()
        self._viewer = await self._ask_who()
        if self._viewer is None:
            await self._say_and_close(4401, "not_authenticated", "Sign in, or send a token in the handshake.")
            return
        self._tasks = [asyncio.create_task(self._send_outgoing()), asyncio.create_task(self._recheck())]

    async def disconnect(self, code: int) -> None:
        """Leave every group and stop."""
        self._is_closed = True
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            if task is not asyncio.current_task():
                task.cancel()
        for topic in self._topics.values():
            with contextlib.suppress(Exception):  # Valkey may be away; its groups forget us by themselves
                await self.channel_layer.group_discard(topic.group, self.channel_name)
        self._topics.clear()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Do what one frame asks."""
        if self._is_closed:
            return
        try:
            await self._do(self._read(text_data))
        except _MistakeError as mistake:
            self._mistakes += 1
            if self._mistakes > MISTAKES_MAX:
                await self._say_and_close(4429, "too_many_mistakes", "Too many messages that mean nothing.")
                return
            self._put(
                {
                    "error": {
                        "code": mistake.code,
                        "detail": mistake.detail,
                        "field": mistake.field,
                        "given": mistake.given,
                        "allowed": mistake.allowed,
                    }
                }
            )
        except CodedClose as ending:
            await self._say_and_close(ending.code, ending.error, str(ending))

    def _read(self, text: str | None) -> dict[str, Any]:
        if text is None:
            raise CodedClose(4400, "binary_frame", "Send text frames with JSON.")
        if len(text) > FRAME_MAX_BYTES or len(text.encode("utf-8", "replace")) > FRAME_MAX_BYTES:
            raise CodedClose(4400, "too_large", f"A frame has at most {FRAME_MAX_BYTES} bytes.")
        try:
            message = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _MistakeError("parse_error", "This is not JSON.") from error
        if not isinstance(message, dict):
            raise _MistakeError("invalid", "Send an object.", allowed=list(_ACTS))
        return message

    async def _do(self, message: dict[str, Any]) -> None:
        acts = [act for act in _ACTS if act in message]
        unknown = sorted(set(message) - set(_ACTS) - ({"since"} if "subscribe" in message else set()))
        if len(acts) != 1 or unknown:
            raise _MistakeError(
                "unknown_type",
                "Send one of these, and nothing beside it.",
                field=unknown[0][:60] if unknown else None,
                allowed=list(_ACTS),
            )
        if "ping" in message:
            if not isinstance(message["ping"], int) or abs(message["ping"]) > SEQ_MAX:
                raise _MistakeError("invalid", "A ping carries a number.", field="ping")
            self._put({"pong": message["ping"]})
        elif "unsubscribe" in message:
            await self._unsubscribe(_topic_name(message["unsubscribe"], "unsubscribe"))
        else:
            await self._subscribe(_topic_name(message["subscribe"], "subscribe"), _since(message.get("since")))

    async def _subscribe(self, name: str, since: int | None) -> None:
        if name not in self._topics and len(self._topics) >= TOPICS_MAX:
            raise _MistakeError(
                "too_many_topics",
                "Unsubscribe from something first.",
                field="subscribe",
                given=name,
                allowed=TOPICS_MAX,
            )
        viewer = await self._still_viewer()
        group = live.group_of(viewer=viewer, name=name)
        if group is None:
            raise _MistakeError("not_found", "There is no such topic.", field="subscribe", given=name)
        # Joined before the look: what is sealed meanwhile waits as a hint, and what was seen already is dropped there.
        await self.channel_layer.group_add(group, self.channel_name)
        topic = await database_sync_to_async(live.open_topic)(viewer=viewer, name=name, group=group, since=since)
        if topic is None:
            await self._leave(group)
            raise _MistakeError("not_found", "There is no such topic.", field="subscribe", given=name)
        self._topics[name] = topic
        refresh = [{"refresh": True, "topic": name}] if topic.is_too_much else []
        self._put(
            {"subscribed": name, "seq": topic.latest_seq}, *refresh, *({"topic": name, **hint} for hint in topic.missed)
        )

    async def _unsubscribe(self, name: str) -> None:
        topic = self._topics.pop(name, None)
        if topic is None:
            raise _MistakeError("not_found", "You are not subscribed to this.", field="unsubscribe", given=name)
        await self._leave(topic.group)
        self._put({"unsubscribed": name})

    async def _leave(self, group: str) -> None:
        if all(topic.group != group for topic in self._topics.values()):
            await self.channel_layer.group_discard(group, self.channel_name)

    async def hint(self, event: dict[str, Any]) -> None:
        """Forward a hint of a group to the topics that it belongs to."""
        hint = event["hint"]
        for topic in [topic for topic in self._topics.values() if topic.group == event["group"]]:
            if hint["seq"] is not None and hint["seq"] <= topic.latest_seq:
                continue  # replayed already
            if topic.is_own_items_only and not await self._is_own(str(hint["id"])):
                continue
            self._put({"topic": topic.name, **hint})

    async def _is_own(self, item: str) -> bool:
        known = self._own_items.get(item)
        if known is None and self._viewer is not None:
            known = await database_sync_to_async(live.is_visible)(viewer=self._viewer, item=item)
            if len(self._own_items) >= _KNOWN_ITEMS_MAX:
                self._own_items.clear()
            self._own_items[item] = known
        return bool(known)

    def _put(self, *messages: dict[str, Any]) -> None:
        """Queue what goes out together; a replay counts as one."""
        if self._is_closed:
            return
        try:
            self._outgoing.put_nowait(messages)
        except asyncio.QueueFull:
            self._is_closed = True
            self._tasks.append(asyncio.create_task(self._close_quietly(4409)))

    async def _send_outgoing(self) -> None:
        while not self._is_closed:
            messages = await self._outgoing.get()
            try:
                for message in messages:
                    await self.send(text_data=json.dumps(message, ensure_ascii=False))
            except Exception as error:  # the peer went away between two sends: disconnect follows
                logger.debug("socket went away", extra={"error": type(error).__name__})
                return

    async def _recheck(self) -> None:
        while not self._is_closed:
            await asyncio.sleep(settings.LIVE_RECHECK_SECONDS)
            if self._topics:
                try:
                    await self._still_viewer()
                except CodedClose as ending:
                    await self._say_and_close(ending.code, ending.error, str(ending))
                    return

    async def _still_viewer(self) -> Viewer:
        viewer = await self._ask_who()
        if viewer is None or viewer != self._viewer:
            raise CodedClose(
                4401, "not_authenticated", "Your session has ended or your role has changed. Connect again."
            )
        return viewer

    async def _ask_who(self) -> Viewer | None:
        if self._held is None:
            return None
        try:
            viewer: Viewer | None = await database_sync_to_async(live.viewer_behind)(self._held)
            return viewer
        except Exception as error:  # the database is away: keep who we know, the next look decides
            logger.warning("socket cannot check who this is", extra={"error": type(error).__name__})
            return self._viewer

    async def _find_pass(self) -> Pass | None:
        header = next((value for name, value in self.scope["headers"] if name == b"authorization"), None)
        if header is not None:
            held: Pass | None = await database_sync_to_async(live.pass_of_token)(header.decode("latin-1"))
            return held
        session = self.scope.get("session")
        return Pass(session_key=session.session_key) if session is not None and session.session_key else None

    async def _say_and_close(self, code: int, error: str, detail: str) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        message = {"error": {"code": error, "detail": detail, "field": None, "given": None, "allowed": None}}
        with contextlib.suppress(Exception):  # the peer may be gone already
            await self.send(text_data=json.dumps(message))
        await self._close_quietly(code)

    async def _close_quietly(self, code: int) -> None:
        with contextlib.suppress(Exception):  # closing twice is harmless and not an error
            await self.close(code=code)


class _MistakeError(Exception):
    """A frame that cannot be done; the connection stays."""

    def __init__(
        self, code: str, detail: str, *, field: str | None = None, given: Any = None, allowed: Any = None
    ) -> None:
        super().__init__(detail)
        self.code, self.detail, self.field, self.given, self.allowed = code, detail, field, given, allowed


_ACTS: Final = ("subscribe", "unsubscribe", "ping")


def _topic_name(given: Any, field: str) -> str:
    if not isinstance(given, str) or len(given) > 60:
        raise _MistakeError("not_found", "There is no such topic.", field=field)
    return given


def _since(given: Any) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= SEQ_MAX:
        raise _MistakeError("invalid", "since is a number, 0 or more.", field="since")
    return given
