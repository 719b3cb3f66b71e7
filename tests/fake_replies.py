"""Send one answer of the fake provider, well, badly or slowly."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.fake_profiles import Misbehaviour, Profile, answer_tokens

_HUGE_BYTES = 5 * 1024 * 1024
_SLICE_SECONDS = 0.008  # tokens that are due within one slice leave in one packet, as real servers coalesce them


class Reply:
    """Send one answer the way its profile wants it."""

    def __init__(
        self,
        request: web.Request,
        body: Mapping[str, Any],
        *,
        profile: Profile,
        words: Callable[[], str],
        until_stopped: Callable[[], Awaitable[object]],
        retry_after_seconds: float,
    ) -> None:
        self._request = request
        self._messages: Sequence[Mapping[str, Any]] = body.get("messages", ())
        self._is_stream = bool(body.get("stream"))
        self._wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self._model = str(body.get("model"))
        self._profile = profile
        self._respond = words
        self._until_stopped = until_stopped
        self._retry_after_seconds = retry_after_seconds
        self.ending = profile.does.value

    async def send(self) -> web.StreamResponse:
        early = await self._before_any_token()
        if early is not None:
            return early
        tokens = answer_tokens(self._words())
        if not self._is_stream:
            await asyncio.sleep(self._profile.first_token_seconds + len(tokens) * self._profile.token_seconds)
            return web.json_response(self._whole("".join(tokens)))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        if self._profile.does == Misbehaviour.DRIP:
            await response.prepare(self._request)
            for byte in _event(self._chunk({"content": "".join(tokens)})):
                await response.write(bytes([byte]))
                await asyncio.sleep(1.0)
        await asyncio.sleep(self._profile.first_token_seconds)
        await response.prepare(self._request)
        await response.write(_event(self._chunk({"role": "assistant", "content": ""})))
        return await self._stream(response, tokens)

    async def _before_any_token(self) -> web.StreamResponse | None:
        match self._profile.does:
            case Misbehaviour.HANG:
                await self._until_stopped()
                raise ConnectionResetError
            case Misbehaviour.DISCONNECT:
                if self._request.transport is not None:
                    self._request.transport.abort()
                raise ConnectionResetError
            case Misbehaviour.THROTTLE:
                seconds = self._retry_after_seconds
                return _error(429, "Rate limit reached", {"Retry-After": f"{seconds:g}"})
            case Misbehaviour.KEY_REFUSED:
                return _error(401, "Incorrect API key provided: sk-fake")
            case Misbehaviour.NOT_FOUND:
                return _error(404, "The model does not exist")
            case Misbehaviour.FAIL:
                return _error(500, "The server had an error")
            case Misbehaviour.UNAVAILABLE:
                return _error(503, "Overloaded")
            case Misbehaviour.REDIRECT:
                return web.Response(status=307, headers={"Location": "http://127.0.0.1:9/v1/chat/completions"})
            case Misbehaviour.HTML:
                return web.Response(text="<html><body><h1>502 Bad gateway</h1></body></html>", content_type="text/html")
            case Misbehaviour.NOT_STREAMED:
                return web.json_response(self._whole(self._words()))
        return None

    def _words(self) -> str:
        match self._profile.does:
            case Misbehaviour.BAD_JSON:
                return '{"edits": [{"find": "assured", "repl'
            case Misbehaviour.WRONG_SCHEMA:
                return '{"edits": "none", "full_text": 7}'
            case Misbehaviour.EMPTY:
                return ""
            case Misbehaviour.HUGE:
                return "x" * _HUGE_BYTES
            case Misbehaviour.ECHO:
                return json.dumps({"edits": [], "full_text": rejected_text(self._messages)}, ensure_ascii=False)
        return self._respond()

    async def _stream(self, response: web.StreamResponse, tokens: list[str]) -> web.StreamResponse:
        does = self._profile.does
        if does == Misbehaviour.MALFORMED:
            await response.write(b'data: {"id": "x", "choices": [{"delta": {"content": \n\n')
        if does == Misbehaviour.BAD_UTF8:
            await response.write(b'data: {"choices": [{"index": 0, "delta": {"content": "\xe0\xa4')
            await response.write(b'"}}]}\n\n')
        if does == Misbehaviour.LONE_SURROGATE:
            await response.write(b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n')
        if does == Misbehaviour.STREAM_ERROR:
            await response.write(_event({"error": {"message": "overloaded", "type": "server_error", "code": "500"}}))
        if does == Misbehaviour.TOOL_CALL:
            call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "send", "arguments": "{}"}}
            await response.write(_event(self._chunk({"tool_calls": [call]}, "tool_calls")))
        if does == Misbehaviour.REFUSAL:
            await response.write(_event(self._chunk({"refusal": "I cannot help with that."}, "stop")))
        if does in (Misbehaviour.CUT, Misbehaviour.STALL):
            tokens = tokens[: max(1, len(tokens) // 2)]
        await self._pace(response, tokens)
        if does == Misbehaviour.STALL:
            await self._until_stopped()
        if does == Misbehaviour.CUT:
            if self._request.transport is not None:
                self._request.transport.close()
            raise ConnectionResetError
        reason = "length" if does == Misbehaviour.TOO_SHORT else "stop"
        await response.write(_event(self._chunk({}, reason)))
        if self._wants_usage:
            await response.write(_event({**self._chunk({}), "choices": [], "usage": self._usage(len(tokens))}))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _pace(self, response: web.StreamResponse, tokens: list[str]) -> None:
        """Send tokens no sooner than they are due; a reply costs the time of the tokens it really has."""
        if self._profile.token_seconds <= 0.0:
            pieces = 1 + len(tokens) // 512
            size = max(1, -(-len(tokens) // pieces))
            for start in range(0, len(tokens), size):
                await response.write(_event(self._chunk({"content": "".join(tokens[start : start + size])})))
            return
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        sent = 0
        while sent < len(tokens):
            due = min(len(tokens), 1 + int((loop.time() - began_at) / self._profile.token_seconds))
            if due > sent:
                await response.write(_event(self._chunk({"content": "".join(tokens[sent:due])})))
                sent = due
                continue
            next_at = began_at + sent * self._profile.token_seconds
            await asyncio.sleep(max(_SLICE_SECONDS, next_at - loop.time()))

    def _chunk(self, delta: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return {
            "id": "chatcmpl-fake",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": self._model,
            "choices": [choice],
        }

    def _whole(self, text: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": text}
        return {
            "id": "chatcmpl-fake",
            "object": "chat.completion",
            "created": 0,
            "model": self._model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": self._usage(len(answer_tokens(text))),
        }

    def _usage(self, completion_tokens: int) -> dict[str, int]:
        prompt_tokens = sum(len(answer_tokens(str(message.get("content", "")))) for message in self._messages)
        total = prompt_tokens + completion_tokens
        return {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens, "total_tokens": total}


def rejected_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return the text under repair: field ``text`` or the like of a JSON object in the last user message, else all."""
    content = next((str(m.get("content", "")) for m in reversed(messages) if m.get("role") == "user"), "")
    with contextlib.suppress(ValueError):
        start, end = content.find("{"), content.rfind("}")
        asked = json.loads(content[start : end + 1])
        for name in ("text", "rejected_text", "rejected", "draft"):
            if isinstance(asked, dict) and isinstance(asked.get(name), str):
                return str(asked[name])
    return content


def _event(payload: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = {"error": {"message": message, "type": "fake", "param": None, "code": None}}
    return web.json_response(body, status=status, headers=headers)
