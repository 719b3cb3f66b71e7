"""Send one answer of the fake provider, well, badly or slowly."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from tests.fake_http import Exchange
from tests.fake_profiles import Misbehaviour, Profile, answer_tokens

_HUGE_BYTES = 5 * 1024 * 1024
_SLICE_SECONDS = 0.008  # tokens that are due within one slice leave in one packet, as real servers coalesce them
_PIECE_TOKENS = 512
_ERRORS = {
    Misbehaviour.KEY_REFUSED: (401, "Incorrect API key provided: sk-fake"),
    Misbehaviour.NOT_FOUND: (404, "The model does not exist"),
    Misbehaviour.FAIL: (500, "The server had an error"),
    Misbehaviour.UNAVAILABLE: (503, "Overloaded"),
}


class Reply:
    """Send one answer the way its profile wants it; ``ending`` is what it did."""

    def __init__(
        self,
        exchange: Exchange,
        body: Mapping[str, Any],
        *,
        profile: Profile,
        words: Callable[[], str],
        until_stopped: Callable[[], Awaitable[object]],
        retry_after_seconds: float,
    ) -> None:
        self._exchange = exchange
        self._messages: Sequence[Mapping[str, Any]] = body.get("messages", ())
        self._is_stream = bool(body.get("stream"))
        self._wants_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        self._model = str(body.get("model"))
        self._profile = profile
        self._respond = words
        self._until_stopped = until_stopped
        self._retry_after_seconds = retry_after_seconds
        self.ending = profile.does.value

    async def send(self) -> None:
        """Send it; returns early when it is one that never comes whole."""
        if await self._is_over_before_any_token():
            return
        tokens = answer_tokens(self._words())
        if not self._is_stream:
            await _sleep(self._profile.first_token_seconds + len(tokens) * self._profile.token_seconds)
            self._exchange.reply_json(self._whole("".join(tokens)))
            return
        opening = _event(self._chunk({"role": "assistant", "content": ""}))
        if self._profile.does == Misbehaviour.DRIP:
            self._exchange.begin()
            for byte in _event(self._chunk({"content": "".join(tokens)})):
                self._exchange.write(bytes([byte]))
                await asyncio.sleep(1.0)
        await _sleep(self._profile.first_token_seconds)
        self._exchange.begin()
        await self._stream(opening, tokens)

    async def _is_over_before_any_token(self) -> bool:
        does = self._profile.does
        if does in _ERRORS:
            status, message = _ERRORS[does]
            self._exchange.reply_json(_error(message), status=status)
            return True
        match does:
            case Misbehaviour.HANG:
                await self._until_stopped()
                self._exchange.abort()
            case Misbehaviour.DISCONNECT | Misbehaviour.REFUSE:
                self._exchange.abort()
            case Misbehaviour.THROTTLE:
                wait = {"Retry-After": f"{self._retry_after_seconds:g}"}
                self._exchange.reply_json(_error("Rate limit reached"), status=429, headers=wait)
            case Misbehaviour.REDIRECT:
                there = {"Location": "http://127.0.0.1:9/v1/chat/completions"}
                self._exchange.reply(307, b"", headers=there)
            case Misbehaviour.HTML:
                page = b"<html><body><h1>502 Bad gateway</h1></body></html>"
                self._exchange.reply(200, page, media_type="text/html")
            case Misbehaviour.NOT_STREAMED:
                self._exchange.reply_json(self._whole(self._words()))
            case _:
                return False
        return True

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

    async def _stream(self, opening: bytes, tokens: list[str]) -> None:
        does = self._profile.does
        if (broken := self._broken_event()) is not None:
            opening += broken
        if does in (Misbehaviour.CUT, Misbehaviour.STALL):
            tokens = tokens[: max(1, len(tokens) // 2)]
        last = await self._pace(opening, tokens)
        if does in (Misbehaviour.CUT, Misbehaviour.STALL):
            self._exchange.write(last)
        if does == Misbehaviour.STALL:
            await self._until_stopped()
            self._exchange.abort()
            return
        if does == Misbehaviour.CUT:
            self._exchange.close()
            return
        reason = "length" if does == Misbehaviour.TOO_SHORT else "stop"
        ending = [last, _event(self._chunk({}, reason))]
        if self._wants_usage:
            ending.append(_event({**self._chunk({}), "choices": [], "usage": self._usage(len(tokens))}))
        self._exchange.end(*ending, b"data: [DONE]\n\n")

    def _broken_event(self) -> bytes | None:
        match self._profile.does:
            case Misbehaviour.MALFORMED:
                return b'data: {"id": "x", "choices": [{"delta": {"content": \n\n'
            case Misbehaviour.NESTED:
                return b"data: " + b"[" * 100_000 + b"\n\n"
            case Misbehaviour.BAD_UTF8:
                return b'data: {"choices": [{"index": 0, "delta": {"content": "\xe0\xa4"}}]}\n\n'
            case Misbehaviour.LONE_SURROGATE:
                return b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n'
            case Misbehaviour.STREAM_ERROR:
                return _event({"error": {"message": "overloaded", "type": "server_error", "code": "500"}})
            case Misbehaviour.TOOL_CALL:
                call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "send", "arguments": "{}"}}
                return _event(self._chunk({"tool_calls": [call]}, "tool_calls"))
            case Misbehaviour.REFUSAL:
                return _event(self._chunk({"refusal": "I cannot help with that."}, "stop"))
        return None

    async def _pace(self, opening: bytes, tokens: list[str]) -> bytes:
        """Send tokens no sooner than they are due and return what is still to be sent, which is due now.

        A reply costs the time of the tokens it really has.
        """
        pending = opening
        if self._profile.token_seconds <= 0.0:
            for start in range(0, len(tokens), _PIECE_TOKENS):
                if start:
                    self._exchange.write(pending)
                    pending = b""
                pending += self._content(tokens[start : start + _PIECE_TOKENS])
            return pending
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        sent = 0
        while sent < len(tokens):
            due = min(len(tokens), 1 + int((loop.time() - began_at) / self._profile.token_seconds))
            if due > sent:
                self._exchange.write(pending + self._content(tokens[sent:due]))
                pending, sent = b"", due
                continue
            next_at = began_at + sent * self._profile.token_seconds
            await asyncio.sleep(max(_SLICE_SECONDS, next_at - loop.time()))
        return pending

    def _content(self, tokens: list[str]) -> bytes:
        return _event(self._chunk({"content": "".join(tokens)}))

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
        prompt_tokens = sum(_count_tokens(str(message.get("content", ""))) for message in self._messages)
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


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "fake", "param": None, "code": None}}


async def _sleep(seconds: float) -> None:
    if seconds > 0.0:
        await asyncio.sleep(seconds)


@functools.lru_cache(maxsize=512)
def _count_tokens(text: str) -> int:
    return len(answer_tokens(text))
